//! What a driver asks for: a policy whose roots the operator has still to bind, and its needs.
//!
//! It comes with the component and is somebody else's text. It grants nothing: an operator binds
//! its roots, and what comes of that is a policy, to be reviewed and written down. Called by the
//! runtime when a driver is loaded and approved, and by the SDK when one is built.
//!
//! ```text
//! section of a component ─ parse ─▶ Manifest ─ bind(roots) ─▶ Bound: policy + its text
//! ```
//! A root that is `optional = true` need not be bound: the rules that name it are left out then, if
//! only by `only-with`.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::diff::Diff;
use crate::document::{Node, Table, write_keys, write_sections};
use crate::error::PolicyError;
use crate::learn::{ROOT_KEYS, TYPE_KEYS};
use crate::load::{Form, load};
use crate::needs::Needs;
use crate::policy::Policy;
use crate::review::{self, Part};
use crate::risk::Risk;
use crate::subject::Subject;
use crate::text::shown;

/// The name of the section in which a component carries its manifest.
pub const MANIFEST_SECTION: &str = "abaca:manifest";

/// Longest manifest. Those of real drivers need a twentieth; what is longer hides something in
/// comments.
pub const MANIFEST_BYTES: usize = 256 << 10;

/// The kinds of rules.
const RULES: [&str; 3] = ["command", "files", "mount"];

/// The key by which a command is left out with a root that it has nothing else to do with.
const ONLY_WITH: &str = "only-with";

/// What a bound manifest is called in messages.
const BOUND: &str = "the manifest with its roots bound";

/// What one driver asks for.
#[derive(Debug, Clone)]
pub struct Manifest {
    digest: String,
    document: Table,
    policy: Policy,
    needs: Needs,
}

/// A directory that a driver asks for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct UnboundRoot {
    /// What the driver calls it.
    pub name: String,
    /// What for, in the vendor's words.
    pub purpose: String,
    /// Whether the driver also runs without it, and without the rules that name it.
    pub optional: bool,
}

/// A manifest whose roots are bound: the policy, and its text as `review` has it.
#[derive(Debug, Clone)]
pub struct Bound {
    /// What would be enforced.
    pub policy: Policy,
    /// The text of that policy; its digest is the policy's.
    pub text: String,
    /// All that is asked for, for whoever decides on it: that text with the needs in it, each in the
    /// place that its risk has. Without them, and what the first line counts, it is that text.
    pub shown: String,
}

/// Why roots cannot be bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// These have no directory.
    #[error("no directory is given for {}", names(.0))]
    Missing(Vec<UnboundRoot>),
    /// The manifest has no root of this name.
    #[error("the manifest asks for no root {}; it asks for: {}", shown(name), known.join(", "))]
    Unknown {
        /// What was given.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// With these directories it is no policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

impl Manifest {
    /// Parses and checks a manifest; `file` names it in messages.
    ///
    /// # Errors
    /// The first fault found, with its place.
    pub fn parse(source: &str, file: &str) -> Result<Manifest, PolicyError> {
        let loaded =
            load(source, Form::Manifest).map_err(|flaw| PolicyError::new(flaw, file, source))?;
        let digest = Sha256::digest(source).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Manifest {
            digest,
            document: loaded.document,
            policy: loaded.policy,
            needs: loaded.needs,
        })
    }

    /// As [`parse`](Self::parse), from the bytes of a component's section.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and when it is no UTF-8.
    pub fn from_bytes(bytes: &[u8], file: &str) -> Result<Manifest, PolicyError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let place = error.valid_up_to();
            let flaw = crate::error::Flaw::new(place..place, "not UTF-8 text");
            PolicyError::new(flaw, file, &String::from_utf8_lossy(bytes))
        })?;
        Manifest::parse(text, file)
    }

    /// The driver that it comes with.
    pub fn driver(&self) -> &str {
        self.policy.driver()
    }

    /// SHA-256 of the source text, in lower-case hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The directories that the operator has to choose, by name.
    pub fn roots(&self) -> Vec<UnboundRoot> {
        let purpose = |root: &Node| Some(root.as_table()?.get("purpose")?.as_text()?.to_owned());
        let optional = |root: &Node| root.as_table()?.get("optional").cloned();
        let roots = self.document.get("roots").and_then(Node::as_table).into_iter().flatten();
        roots
            .map(|(name, root)| UnboundRoot {
                name: name.clone(),
                purpose: purpose(root).unwrap_or_default(),
                optional: optional(root) == Some(Node::Boolean(true)),
            })
            .collect()
    }

    /// What it needs beside rules.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Its rules. The paths of their roots mean nothing: they are not bound yet.
    pub fn rules(&self) -> &Policy {
        &self.policy
    }

    /// The whole manifest in its one spelling, the most dangerous rules and needs first. It parses to
    /// the same manifest.
    pub fn text(&self) -> String {
        review::text_with_needs(&self.document, &self.policy, self.written_needs())
    }

    /// The needs as they are written, each with its risk.
    fn written_needs(&self) -> Vec<Part> {
        let Some(needs) = self.document.get("needs").and_then(Node::as_table) else {
            return Vec::new();
        };
        let each = self.needs.each();
        let part = |id: String, text: String| {
            let risk = each.iter().find(|one| one.id == id).map(|one| one.needs.risk());
            let risk = risk.unwrap_or_else(|| Risk::of([]));
            Part { risk, subject: Subject::Need, id, text }
        };
        let (sections, keys): (Table, Table) =
            needs.clone().into_iter().partition(|(_, value)| value.as_table().is_some());
        let mut parts = Vec::new();
        if !keys.is_empty() {
            let mut text = "[needs]\n".to_owned();
            write_keys(&mut text, &keys);
            // There is one such key.
            parts.push(part("state".to_owned(), text));
        }
        for (kind, section) in &sections {
            let Some(members) = section.as_table() else { continue };
            if kind == "limits" {
                let mut text = "[needs.limits]\n".to_owned();
                write_keys(&mut text, members);
                parts.push(part(kind.clone(), text));
                continue;
            }
            for (name, one) in members {
                let mut text = String::new();
                let only = Table::from_iter([(name.clone(), one.clone())]);
                write_sections(&mut text, &format!("needs.{kind}"), &only);
                parts.push(part(format!("{kind}.{name}"), text.trim_start().to_owned()));
            }
        }
        parts
    }

    /// The policy that comes of it when its roots are these: paths by name. Optional roots without
    /// a path are left out, with the rules that name them and the types that no other rule names.
    ///
    /// # Errors
    /// When another root has no path or a path no root, or when what comes of it is no policy, for
    /// example because one root lies in another.
    pub fn bind(&self, paths: &BTreeMap<String, String>) -> Result<Bound, BindError> {
        let roots = self.roots();
        let known = || roots.iter().map(|root| root.name.clone()).collect();
        if let Some(name) = paths.keys().find(|name| roots.iter().all(|root| root.name != **name)) {
            return Err(BindError::Unknown { name: name.clone(), known: known() });
        }
        let (left_out, missing): (Vec<_>, Vec<_>) = roots
            .iter()
            .filter(|root| !paths.contains_key(&root.name))
            .cloned()
            .partition(|root| root.optional);
        if !missing.is_empty() {
            return Err(BindError::Missing(missing));
        }
        let mut document = self.document.clone();
        document.remove("needs");
        if !left_out.is_empty() {
            let left_out: Vec<&str> = left_out.iter().map(|root| root.name.as_str()).collect();
            leave_out(&mut document, &left_out);
        }
        if let Some(Node::Table(roots)) = document.get_mut("roots") {
            for (name, root) in roots {
                if let (Node::Table(keys), Some(path)) = (root, paths.get(name)) {
                    keys.remove("purpose");
                    keys.remove("optional");
                    keys.insert("path".to_owned(), Node::Text(path.clone()));
                }
            }
        }
        if let Some(Node::List(commands)) = document.get_mut("command") {
            for command in commands {
                if let Node::Table(keys) = command {
                    keys.remove(ONLY_WITH);
                }
            }
        }
        // How dangerous a rule is depends on where its roots are, and so does its place.
        let bound = Policy::parse(&review::text(&document, &self.policy), BOUND)?;
        let text = review::text(&document, &bound);
        let shown = review::text_with_needs(&document, &bound, self.written_needs());
        let policy = Policy::parse(&text, BOUND)?;
        Ok(Bound { policy, text, shown })
    }

    /// True if `other` asks for nothing that this one does not: then who has approved this one
    /// need not be asked again. Never wrongly true; wrongly false as
    /// [`Policy::covers`](crate::Policy::covers) says.
    pub fn covers(&self, other: &Manifest) -> bool {
        self.driver() == other.driver()
            && self.policy.covers(&other.policy)
            && self.needs.covers(&other.needs)
    }

    /// What `new` asks for more and less than this one: rules, roots and needs. It asks for more
    /// exactly if this one does not [cover](Self::covers) it.
    pub fn diff(&self, new: &Manifest) -> Diff {
        self.told(new, !self.covers(new), self.policy.diff(&new.policy))
    }

    /// What would be in force with the roots `then` of `new`, more and less than what is with the
    /// roots `now` of this one: rules that are left out with an optional root are not in force, and
    /// come into force as new ones. What changes in rules that are left out of both is told as in
    /// [`diff`](Self::diff). It asks for more if anything comes into force that was not, or if this
    /// manifest does not [cover](Self::covers) the new one.
    pub fn diff_bound(
        &self,
        now: &BTreeMap<String, String>,
        new: &Manifest,
        then: &BTreeMap<String, String>,
    ) -> Diff {
        let (is, would_be) = (self.in_force(now), new.in_force(then));
        let mut diff = is.diff(&would_be);
        let covered = !diff.asks_more && self.covers(new);
        // What is left out of both: no other rule or root has its name.
        let named = |policy: &Policy, subject: Subject, id: &str| match subject {
            Subject::Root => policy.root(id).is_some(),
            Subject::Secret => policy.reveals(id),
            _ => policy.rule_risks().iter().any(|rule| rule.subject == subject && rule.id == id),
        };
        let wholes = self.policy.placed(now).diff(&new.policy.placed(then)).changes;
        diff.changes.extend(wholes.into_iter().filter(|change| {
            let is_known =
                |id: &str| named(&is, change.subject, id) || named(&would_be, change.subject, id);
            !is_known(&change.id) && !change.was.as_deref().is_some_and(is_known)
        }));
        self.told(new, !covered, diff)
    }

    /// The changes of rules as those of manifests, with the needs.
    fn told(&self, new: &Manifest, asks_more: bool, rules: Diff) -> Diff {
        let Diff { mut changes, .. } = rules;
        for root in changes.iter_mut().filter(|change| change.subject == Subject::Root) {
            // There may be no path yet.
            let purpose = |manifest: &Manifest| {
                manifest.roots().into_iter().find(|one| one.name == root.id).map(|one| one.purpose)
            };
            root.line = purpose(new).or_else(|| purpose(self)).unwrap_or_default();
        }
        changes.extend(self.needs.diff(&new.needs));
        Diff::new(asks_more, changes)
    }

    /// Its rules without those that are left out where the roots have these paths, and the paths.
    /// Where that is no policy, all rules: nothing is in force, and none of them shall be missed.
    fn in_force(&self, paths: &BTreeMap<String, String>) -> Policy {
        let left_out: Vec<_> = self
            .roots()
            .into_iter()
            .filter(|root| root.optional && !paths.contains_key(&root.name))
            .map(|root| root.name)
            .collect();
        let left_out: Vec<&str> = left_out.iter().map(String::as_str).collect();
        let mut document = self.document.clone();
        document.remove("needs");
        leave_out(&mut document, &left_out);
        let loaded = load(&review::text(&document, &self.policy), Form::Manifest);
        loaded.map_or_else(|_| self.policy.clone(), |loaded| loaded.policy).placed(paths)
    }
}

/// Takes roots out of a manifest, the rules that name one of them, and the types that nothing
/// names any more.
fn leave_out(document: &mut Table, roots: &[&str]) {
    let is_kept = |rule: &Node| {
        let mut named = BTreeSet::new();
        named_at(rule, &ROOT_KEYS, &mut named);
        named_at(rule, &[ONLY_WITH], &mut named);
        !roots.iter().any(|root| named.contains(root))
    };
    let mut types = BTreeSet::new();
    for kind in RULES {
        if let Some(Node::List(rules)) = document.get_mut(kind) {
            rules.retain(&is_kept);
            let mut named = BTreeSet::new();
            rules.iter().for_each(|rule| named_at(rule, &TYPE_KEYS, &mut named));
            types.extend(named.into_iter().map(str::to_owned));
        }
    }
    if let Some(Node::Table(declared)) = document.get_mut("roots") {
        declared.retain(|name, _| !roots.contains(&name.as_str()));
    }
    if let Some(Node::Table(declared)) = document.get_mut("types") {
        declared.retain(|name, _| types.contains(name));
    }
}

/// The texts that stand at these keys, themselves or in a list, however deep.
fn named_at<'n>(node: &'n Node, keys: &[&str], found: &mut BTreeSet<&'n str>) {
    match node {
        Node::Table(table) => {
            for (key, inner) in table {
                if keys.contains(&key.as_str()) {
                    found.extend(inner.as_text());
                    let words = inner.as_list().unwrap_or_default().iter();
                    found.extend(words.filter_map(Node::as_text));
                }
                named_at(inner, keys, found);
            }
        }
        Node::List(items) => items.iter().for_each(|item| named_at(item, keys, found)),
        _ => {}
    }
}

fn names(roots: &[UnboundRoot]) -> String {
    roots.iter().map(|root| format!("`{}`", root.name)).collect::<Vec<_>>().join(", ")
}
