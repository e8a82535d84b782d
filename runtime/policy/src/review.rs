//! A policy as people review it: one spelling, the most dangerous rules first, nothing left out.
//!
//! The text is itself a policy (what is ours in it are comments), so what a person approves and
//! what is enforced cannot differ. Made for `Manifest` and `review`.
//!
//! ```text
//! Document (what the source says) + Policy (what it means) ─▶ text ─ parse ─▶ the same rules
//! ```

use std::fmt::Write;

use crate::document::{Node, Table, write_keys, write_sections};
use crate::error::PolicyError;
use crate::load::{Form, load};
use crate::policy::Policy;
use crate::risk::{Rated, Risk, RiskClass};
use crate::subject::Subject;

/// A policy's text in its one spelling, the most dangerous rules first. Two texts with the same
/// review grant the same.
///
/// # Errors
/// When `source` is no policy: the first fault found, with its place; `file` names it there.
pub fn review(source: &str, file: &str) -> Result<String, PolicyError> {
    let loaded = load(source, Form::Policy).map_err(|flaw| PolicyError::new(flaw, file, source))?;
    Ok(text(&loaded.document, &loaded.policy))
}

/// The text of a policy or manifest, without its needs.
pub(crate) fn text(document: &Table, policy: &Policy) -> String {
    let mut rules = policy.rule_risks();
    // Of a manifest some may be left out.
    rules.retain(|rule| rule.subject == Subject::Secret || table_of(document, rule).is_some());
    // One spelling: the order in the source does not matter.
    rules.sort_by(|a, b| (b.risk.class, a.subject, &a.id).cmp(&(a.risk.class, b.subject, &b.id)));
    let (secrets, rules): (Vec<_>, Vec<_>) =
        rules.into_iter().partition(|rule| rule.subject == Subject::Secret);
    let count = |class| rules.iter().filter(|rule| rule.risk.class == class).count();
    let counts: Vec<_> =
        [RiskClass::R4, RiskClass::R3, RiskClass::R2, RiskClass::R1, RiskClass::R0]
            .into_iter()
            .filter(|class| count(*class) > 0)
            .map(|class| format!("{} {class} ({})", count(class), class.meaning()))
            .collect();
    let mut out = format!("# Rules, the most dangerous first: {}.\n\n", counts.join(", "));
    let of = |key: &str| document.get(key).and_then(Node::as_table);
    let heading: Table = document
        .iter()
        .filter(|(key, _)| matches!(key.as_str(), "schema" | "driver"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    write_keys(&mut out, &heading);
    for key in ["roots", "types"] {
        if let Some(table) = of(key) {
            write_sections(&mut out, key, table);
        }
    }
    if let Some(defaults) = of("defaults") {
        out.push_str("\n[defaults]\n");
        write_keys(&mut out, defaults);
    }
    // One list has all secrets, which are of one risk.
    if let (Some(options), Some(secret)) = (of("options"), secrets.first()) {
        write_risk(&mut out, &secret.risk);
        out.push_str("[options]\n");
        write_keys(&mut out, options);
    }
    for rule in &rules {
        write_risk(&mut out, &rule.risk);
        let kind = rule.subject.to_string();
        let _ = writeln!(out, "[[{kind}]]");
        if let Some(table) = table_of(document, rule) {
            write_keys(&mut out, table);
        }
    }
    out
}

/// What the source says of a rule, if it is there.
fn table_of<'d>(document: &'d Table, rule: &Rated) -> Option<&'d Table> {
    let rules = document.get(&rule.subject.to_string())?.as_list()?;
    let is_it = |table: &&Table| table.get("id").and_then(Node::as_text) == Some(&rule.id);
    rules.iter().filter_map(Node::as_table).find(is_it)
}

/// What is at stake, as the comment before it.
fn write_risk(out: &mut String, risk: &Risk) {
    let Risk { class, reasons } = risk;
    let _ = write!(out, "\n# {class}, {}", class.meaning());
    for (at, reason) in reasons.iter().enumerate() {
        let before = if at == 0 { ":" } else { ";" };
        let _ = write!(out, "{before} {}", reason.why.escape_default());
    }
    out.push('\n');
}
