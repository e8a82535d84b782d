//! The least policy that would have granted what was asked: the given one, narrowed to what was
//! seen where a matcher can say it, without what nobody asked for. Pure; `abaca policy learn`
//! shows it, and an operator decides.
//!
//! The text of the given policy is edited, so that its order and comments stay:
//! ```text
//! requests ─▶ seen: rule by rule, hole by hole ─▶ edits of the text ─▶ parsed again, proved
//! ```
//! Closed sets, numbers, networks, verbs and depths become what was seen. Names stay open, since
//! the next share has another one: a type keeps the kinds of characters that were seen and the
//! greatest length. What a trial cannot show stays as it is: capabilities, system calls, the
//! network, roots of a rule, limits.

mod edits;
mod holes;
mod names;
mod seen;

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use crate::diff::Diff;
use crate::error::PolicyError;
use crate::load::fields::Value;
use crate::policy::Policy;
use crate::request::Request;

use self::edits::Edits;
use self::names::Names;
use self::seen::Seen;

/// The keys at which rules name types.
pub(crate) const TYPE_KEYS: [&str; 3] = ["name", "parent", "snapshot"];

/// The keys at which rules name roots.
pub(crate) const ROOT_KEYS: [&str; 3] = ["root", "read", "write"];

/// What was learnt.
#[derive(Debug)]
#[non_exhaustive]
pub struct Learned {
    /// The text of the least policy.
    pub text: String,
    /// That policy.
    pub policy: Policy,
    /// What it grants less than the given one: the rules that nobody used are gone, others are
    /// narrower. It asks for nothing more.
    pub diff: Diff,
    /// How many requests it was learnt from.
    pub granted: usize,
    /// Requests that the given policy does not grant: it was not learnt from them.
    pub denied: Vec<Request>,
}

/// Why nothing could be learnt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// The given policy is wrong.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// No request was granted by it.
    #[error("the policy grants none of the {requests} requests")]
    Nothing {
        /// How many there were.
        requests: usize,
    },
    /// Its text is laid out so that it cannot be edited.
    #[error("`{what}` cannot be cut out of the policy's text")]
    Layout {
        /// Which section.
        what: String,
    },
    /// What was learnt did not stand its proof.
    #[error("what was learnt is no narrower policy that grants the same: {reason}")]
    Unproved {
        /// What is wrong with it.
        reason: String,
    },
}

/// Learns from requests. `file` names the policy's `source` in messages.
///
/// # Errors
/// When the policy is wrong, grants none of the requests, or has a layout that cannot be edited.
pub fn learn(
    source: &str,
    file: &str,
    requests: impl IntoIterator<Item = Request>,
) -> Result<Learned, LearnError> {
    let old = Policy::parse(source, file)?;
    let mut seen = Seen::default();
    requests.into_iter().for_each(|request| seen.add(&old, request));
    if seen.granted.is_empty() {
        return Err(LearnError::Nothing { requests: seen.denied.len() });
    }
    let text = narrowed(source, &seen)?;
    let policy = Policy::parse(&text, file)
        .map_err(|error| LearnError::Unproved { reason: error.to_string() })?;
    let diff = old.diff(&policy);
    if diff.asks_more {
        return Err(LearnError::Unproved { reason: "it asks for more".to_owned() });
    }
    for request in &seen.granted {
        if policy.decide(request).ok() != old.decide(request).ok() {
            return Err(LearnError::Unproved { reason: format!("it denies {request:?}") });
        }
    }
    let granted = seen.granted.len();
    Ok(Learned { text, policy, diff, granted, denied: seen.denied.into_iter().collect() })
}

fn narrowed(source: &str, seen: &Seen) -> Result<String, LearnError> {
    let unreadable = || LearnError::Unproved { reason: "it is TOML no longer".to_owned() };
    let document = DeTable::parse(source).map_err(|_| unreadable())?;
    let document = document.get_ref();
    let mut edits = Edits::new(source);
    let mut names = Names::default();
    let mut kept: Vec<&Value<'_>> = Vec::new();
    for (_, of) in document.iter().filter(|(name, _)| is_rules(name.get_ref())) {
        let rules = of.get_ref().as_array().into_iter().flatten();
        for rule in rules {
            let Some(table) = rule.get_ref().as_table() else { continue };
            let id = table.get("id").and_then(|id| id.get_ref().as_str()).unwrap_or_default();
            if !seen.rules.contains(id) {
                edits.cut(table).ok_or_else(|| LearnError::Layout { what: id.to_owned() })?;
                continue;
            }
            kept.push(rule);
            if let Some(uses) = seen.commands.get(id) {
                holes::command(table, uses, &mut edits, &mut names);
            }
            if let Some(uses) = seen.mounts.get(id) {
                holes::mount(table, uses, &mut edits, &mut names);
            }
            if let Some(uses) = seen.files.get(id) {
                holes::files(table, uses, &mut edits, &mut names);
            }
            if let Some(uses) = seen.contents.get(id) {
                holes::content(table, uses, &mut edits, &mut names);
            }
        }
    }
    for (section, keys) in [("types", &TYPE_KEYS[..]), ("roots", &ROOT_KEYS[..])] {
        let mut used = BTreeSet::new();
        kept.iter().for_each(|rule| words_at(rule, keys, &edits, &mut used));
        let declared = document.get(section).and_then(|value| value.get_ref().as_table());
        for (name, declaration) in declared.into_iter().flatten() {
            let Some(table) = declaration.get_ref().as_table() else { continue };
            let name = name.get_ref().as_ref();
            if !used.contains(name) {
                let layout = || LearnError::Layout { what: format!("{section}.{name}") };
                edits.cut(table).ok_or_else(layout)?;
            } else if section == "types" {
                names.narrow(name, table, &mut edits);
            }
        }
    }
    Ok(edits.done())
}

/// The sections that are lists of rules.
fn is_rules(section: &str) -> bool {
    matches!(section, "command" | "files" | "mount")
}

/// Collects every text at one of these keys, also in lists and within tables, but for what is
/// cut out.
fn words_at<'t>(
    value: &'t Value<'_>,
    keys: &[&str],
    edits: &Edits<'_>,
    found: &mut BTreeSet<&'t str>,
) {
    if edits.is_gone(&value.span()) {
        return;
    }
    match value.get_ref() {
        DeValue::Table(table) => {
            for (key, inner) in table {
                if keys.contains(&key.get_ref().as_ref()) {
                    found.extend(inner.get_ref().as_str());
                    let words = inner.get_ref().as_array().into_iter().flatten();
                    found.extend(words.filter_map(|word| word.get_ref().as_str()));
                }
                words_at(inner, keys, edits, found);
            }
        }
        DeValue::Array(items) => items.iter().for_each(|item| words_at(item, keys, edits, found)),
        _ => {}
    }
}
