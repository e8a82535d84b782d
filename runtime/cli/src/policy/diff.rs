//! `abaca policy diff`: what a policy asks for more or less than another, most dangerous first.
//! The comparison is the policy crate's; here it is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use abaca::policy::{Change, Diff, Direction, Policy, RiskClass};
use serde_json::json;

use super::ASKS_MORE;
use crate::failure::Result;
use crate::output::{Output, plain};

/// Where the second line of a change begins: below the change's own words.
const INDENT: &str = "              ";

/// Answers with exit code 0 if `new` asks for nothing that `old` does not grant.
pub(super) fn diff(old: &Policy, new: &Policy, output: Output) -> Result<ExitCode> {
    let diff = old.diff(new);
    let side = |policy: &Policy| json!({ "driver": policy.driver(), "digest": policy.digest() });
    let document = json!({
        "from": side(old), "to": side(new),
        "asks_more": diff.asks_more, "changes": diff.changes,
    });
    output.answer(&document, || text(old, new, &diff))?;
    Ok(if diff.asks_more { ExitCode::from(ASKS_MORE) } else { ExitCode::SUCCESS })
}

fn text(old: &Policy, new: &Policy, diff: &Diff) -> String {
    let mut text = String::new();
    if old.driver() != new.driver() {
        let _ = writeln!(
            text,
            "the policies are for two drivers: {} and {}",
            old.driver(),
            new.driver()
        );
    }
    text.push_str(&changes(diff));
    text
}

/// What differs, change by change, and in sum.
pub fn changes(diff: &Diff) -> String {
    let mut text = String::new();
    for change in &diff.changes {
        told(change, &mut text);
    }
    let _ = writeln!(text, "{}", summary(diff));
    text
}

fn told(change: &Change, text: &mut String) {
    let Change { direction, risk, subject, id, was, line, .. } = change;
    let was = was.as_ref().map(|was| format!(" (was `{was}`)")).unwrap_or_default();
    let _ = writeln!(text, "{direction:<9} {}  {subject} {id}{was}: {}", risk.class, plain(line));
    for difference in &change.differences {
        let side = |text: &Option<String>| text.as_deref().map_or("nothing".to_owned(), plain);
        let (from, to) = (side(&difference.from), side(&difference.to));
        let _ = writeln!(text, "{INDENT}{}: {from} -> {to}", plain(&difference.what));
    }
    if change.asks_more {
        for reason in &risk.reasons {
            let _ = writeln!(text, "{INDENT}{}: {}", reason.class, plain(&reason.why));
        }
    }
}

fn summary(diff: &Diff) -> String {
    if diff.changes.is_empty() {
        return "they grant the same".to_owned();
    }
    let mut counts: BTreeMap<Direction, usize> = BTreeMap::new();
    for change in &diff.changes {
        *counts.entry(change.direction).or_default() += 1;
    }
    let counts: Vec<_> = counts
        .into_iter()
        .map(|(direction, count)| format!("{count} {}", direction.to_string().to_lowercase()))
        .collect();
    let root = |change: &&Change| change.asks_more && change.risk.class == RiskClass::R4;
    let roots = match diff.changes.iter().filter(root).count() {
        0 => String::new(),
        count => format!(", {count} of them as good as root"),
    };
    let verdict = match diff.changes.iter().filter(|change| change.asks_more).count() {
        0 => "nothing more is asked for".to_owned(),
        1 => format!("1 asks for more{roots}"),
        count => format!("{count} ask for more{roots}"),
    };
    format!("{}: {verdict}", counts.join(", "))
}
