//! Files rules, mount rules and roots: what their verbs and places put at stake.

use std::collections::BTreeSet;

use crate::content::Content;
use crate::mount::{MountRule, Source};
use crate::policy::Policy;
use crate::risk::{Risk, RiskClass};
use crate::rule::{FilesRule, Root, Verb};
use crate::text::is_beneath;

/// Places of the host that decide what root runs and who is root.
const SYSTEM_PLACES: [&str; 16] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/spool",
];

/// Where the users' own directories are: all of them, or one as a whole, is what is others'. What a
/// user has set aside within his own is not.
const HOMES: &str = "/home";

impl Policy {
    /// How dangerous a files rule of this policy is.
    pub(crate) fn files_risk(&self, rule: &FilesRule) -> Risk {
        use RiskClass::{R0, R1, R2, R3};
        let mut reasons: Vec<(RiskClass, String)> = Vec::new();
        for verb in &rule.verbs {
            reasons.extend(match verb {
                Verb::Read | Verb::List | Verb::Usage => None,
                Verb::MakeDir => Some((R1, "it makes directories".to_owned())),
                Verb::Write => Some((R1, "it writes files".to_owned())),
                Verb::Copy => Some((R1, "it copies files".to_owned())),
                Verb::Rename => Some((R1, "it renames".to_owned())),
                Verb::Remove => Some((R2, "it removes files and trees".to_owned())),
                Verb::SetMode => Some((R2, "it decides who may use a file".to_owned())),
                Verb::SetOwner => Some((R2, "it decides whose a file is".to_owned())),
            });
        }
        let touches = |verb: &Verb| {
            matches!(
                verb,
                Verb::Write | Verb::Remove | Verb::Rename | Verb::SetMode | Verb::SetOwner
            )
        };
        if !rule.own && rule.verbs.iter().any(touches) {
            let what = format!("it may change whatever has a fitting name in `{}`", rule.root);
            reasons.push((R2, what));
        }
        let changes = reasons.iter().any(|(class, _)| *class > R0);
        let root = self.root(&rule.root);
        let Some(content) = &rule.content else {
            reasons.extend(root.filter(|_| changes).map(writing));
            reasons.extend(root.filter(|_| !changes).and_then(reading));
            return Risk::of(reasons);
        };
        // What it says of the file is all that the system can be told by it.
        reasons.extend(root.map(|root| match system_place(root) {
            Some(place) => {
                let what =
                    format!("`{}` is a part of {place}, which it tells some things", root.name);
                (R3, what)
            }
            None => (R1, format!("it changes what is in `{}`, line by line as it says", root.name)),
        }));
        let named: BTreeSet<&str> = content.roots().collect();
        for root in named.into_iter().filter_map(|name| self.root(name)) {
            let name = &root.name;
            reasons.push((
                R2,
                format!("it tells whoever reads the file where things in `{name}` are"),
            ));
            reasons.extend(reading(root));
        }
        Risk::of(reasons)
    }

    /// How dangerous a mount rule of this policy is.
    pub(crate) fn mount_risk(&self, rule: &MountRule) -> Risk {
        use RiskClass::{R2, R4};
        let mut reasons = Vec::new();
        if rule.root_equivalent.is_some() {
            reasons.push((R4, "the kernel parses what a driver may have written".to_owned()));
        }
        if rule.suid {
            reasons.push((R4, "set-user-ID programs work in it".to_owned()));
        }
        if rule.dev {
            reasons.push((R4, "device nodes work in it".to_owned()));
        }
        match &rule.source {
            Source::Path(path) => reasons.extend(self.root(path.root()).and_then(reading)),
            Source::Device(_) | Source::Dataset(_) => {}
            Source::Remote(_) => {
                reasons.push((
                    R2,
                    "it reaches another machine, and shows what that serves".to_owned(),
                ));
            }
        }
        reasons.push((R2, "it puts one thing in the place of another".to_owned()));
        reasons.extend(self.root(rule.place_root()).map(writing));
        Risk::of(reasons)
    }

    /// How dangerous a root is: as its most dangerous rule.
    pub(crate) fn root_risk(&self, name: &str) -> Risk {
        let uses = |roots: &[String]| roots.iter().any(|root| root == name);
        let commands = self
            .commands()
            .iter()
            .filter(|rule| uses(&rule.read) || uses(&rule.write))
            .map(|rule| (self.command_risk(rule).class, &rule.id));
        let files = self
            .files()
            .iter()
            .filter(|rule| {
                let named = |content: &Content| content.roots().any(|root| root == name);
                rule.root == name || rule.content.as_ref().is_some_and(named)
            })
            .map(|rule| (self.files_risk(rule).class, &rule.id));
        let mounts = self
            .mounts()
            .iter()
            .filter(|rule| {
                let source = match &rule.source {
                    Source::Path(path) => path.root() == name,
                    Source::Device(_) | Source::Dataset(_) | Source::Remote(_) => false,
                };
                source || rule.place_root() == name
            })
            .map(|rule| (self.mount_risk(rule).class, &rule.id));
        Risk::of(
            commands
                .chain(files)
                .chain(mounts)
                .max()
                .map(|(class, id)| (class, format!("`{id}` uses it"))),
        )
    }
}

/// What it means that a root is changed.
pub(super) fn writing(root: &Root) -> (RiskClass, String) {
    match system_place(root) {
        Some(place) => (RiskClass::R4, format!("`{}` is a part of {place}", root.name)),
        None if is_home(root) => (RiskClass::R3, format!("`{}` is users' own", root.name)),
        None => (RiskClass::R1, format!("it changes what is in `{}`", root.name)),
    }
}

/// What it means that a root is read, if anything.
pub(super) fn reading(root: &Root) -> Option<(RiskClass, String)> {
    match system_place(root) {
        Some(place) => Some((RiskClass::R3, format!("`{}` is a part of {place}", root.name))),
        None => is_home(root).then(|| (RiskClass::R3, format!("`{}` is users' own", root.name))),
    }
}

/// Whether a root is a user's whole home, or has some in it.
fn is_home(root: &Root) -> bool {
    let within = root.path.strip_prefix(HOMES).and_then(|rest| rest.strip_prefix('/'));
    is_beneath(HOMES, &root.path) || within.is_some_and(|rest| !rest.contains('/'))
}

/// The system's place that a root lies in, or that lies in it.
fn system_place(root: &Root) -> Option<&'static str> {
    let meets = |place: &&str| is_beneath(&root.path, place) || is_beneath(place, &root.path);
    SYSTEM_PLACES.into_iter().find(meets)
}
