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

/// A part of the text that is rated: a rule, the revealed secrets, a need.
pub(crate) struct Part {
    pub risk: Risk,
    pub subject: Subject,
    pub id: String,
    /// How it is written.
    pub text: String,
}

/// The text of a policy.
pub(crate) fn text(document: &Table, policy: &Policy) -> String {
    text_with(document, policy, "Rules", Vec::new())
}

/// The text of a policy or manifest with needs, each in the place that its risk has among the rules.
pub(crate) fn text_with_needs(document: &Table, policy: &Policy, needs: Vec<Part>) -> String {
    text_with(document, policy, "Rules and needs", needs)
}

fn text_with(document: &Table, policy: &Policy, what: &str, needs: Vec<Part>) -> String {
    let of = |key: &str| document.get(key).and_then(Node::as_table);
    let (secrets, rules): (Vec<_>, Vec<_>) =
        policy.rule_risks().into_iter().partition(|rule| rule.subject == Subject::Secret);
    let mut parts: Vec<Part> =
        rules.into_iter().filter_map(|rule| written(document, rule)).collect();
    // One list has all secrets, which are of one risk.
    if let (Some(options), Some(secret)) = (of("options"), secrets.into_iter().next()) {
        let mut text = "[options]\n".to_owned();
        write_keys(&mut text, options);
        let Rated { risk, subject, id, .. } = secret;
        parts.push(Part { risk, subject, id, text });
    }
    parts.extend(needs);
    // One spelling: the order in the source does not matter.
    parts.sort_by(|a, b| (b.risk.class, a.subject, &a.id).cmp(&(a.risk.class, b.subject, &b.id)));
    let count = |class| parts.iter().filter(|part| part.risk.class == class).count();
    let counts: Vec<_> =
        [RiskClass::R4, RiskClass::R3, RiskClass::R2, RiskClass::R1, RiskClass::R0]
            .into_iter()
            .filter(|class| count(*class) > 0)
            .map(|class| format!("{} {class} ({})", count(class), class.meaning()))
            .collect();
    let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    let mut out = format!("# {what}, the most dangerous first: {counts}.\n\n");
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
    for part in &parts {
        write_risk(&mut out, &part.risk);
        out.push_str(&part.text);
    }
    out
}

/// A rule as it stands in the source; of a manifest some may be left out.
fn written(document: &Table, rule: Rated) -> Option<Part> {
    let Rated { risk, subject, id, .. } = rule;
    let kind = subject.to_string();
    let tables = document.get(&kind)?.as_list()?;
    let is_it = |table: &&Table| table.get("id").and_then(Node::as_text) == Some(&id);
    let table = tables.iter().filter_map(Node::as_table).find(is_it)?;
    let mut text = format!("[[{kind}]]\n");
    write_keys(&mut text, table);
    Some(Part { risk, subject, id, text })
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
