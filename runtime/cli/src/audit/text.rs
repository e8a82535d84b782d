//! A line of an audit for people: in one row, or with all that it says. Whatever stands in it
//! reaches the terminal escaped.

use abaca::audit::AuditLine;
use serde_json::Value;

use super::filter::time;
use crate::output::{self, facts, plain};

/// How much of a call's id is shown in a row: as much as `--call` needs to find it.
const CALL: usize = 8;

/// When, whose, which, what, in one row.
pub fn row(line: &AuditLine) -> String {
    let call: String = line.word("call").chars().take(CALL).collect();
    let [backend, event] = ["backend", "event"].map(|field| line.word(field));
    let row =
        format!("{} {backend} {} {event:<8} {call:<CALL$} {}", when(line), seq(line), said(line));
    format!("{}\n", plain(row.trim_end()))
}

/// All that it says, a fact for each, and an empty line.
pub fn whole(line: &AuditLine) -> String {
    let title = format!("seq {} {} {}", line.link.seq, line.word("event"), when(line));
    let rest = line
        .fields
        .iter()
        .filter(|(name, _)| !matches!(&***name, "seq" | "event" | "time"))
        .map(|(name, value)| (&**name, shown(value)));
    format!("{}\n{}\n", plain(&title), facts(rest))
}

/// When a call is let in again.
fn until(line: &AuditLine) -> Option<String> {
    line.fields.get("next_try").and_then(Value::as_u64).map(output::time)
}

fn seq(line: &AuditLine) -> String {
    format!("{:>5}", line.link.seq)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole seconds")]
fn when(line: &AuditLine) -> String {
    output::time(time(line) as u64)
}

/// What it tells, by its event.
fn said(line: &AuditLine) -> String {
    let word = |field| line.word(field);
    let field = |field| line.fields.get(field).map(shown).unwrap_or_default();
    let asked = || match field("asked") {
        asked if asked.is_empty() => word("import").to_owned(),
        asked => format!("{} {asked}", word("import")),
    };
    match word("event") {
        "call" => word("method").to_owned(),
        "call-end" => {
            let end =
                format!("{} {} in {} ms", word("method"), word("outcome"), field("duration_ms"));
            if word("error").is_empty() { end } else { format!("{end}: {}", word("error")) }
        }
        "denied" => format!("{}: {}", asked(), word("reason")),
        "permitted" => permitted(line),
        "intent" => format!("{} granted by `{}`", asked(), word("rule")),
        "outcome" => {
            let end = match (word("error"), line.fields.get("status")) {
                ("", Some(status)) => shown(status),
                ("", None) => "done".to_owned(),
                (error, _) => error.to_owned(),
            };
            // One that was given up has no end of its own.
            match word("outcome") {
                "" => format!("{}: {end} in {} ms", asked(), field("duration_ms")),
                outcome => format!("{}: {outcome}", asked()),
            }
        }
        "limit" => format!("{}: {}", word("import"), word("limit")),
        "strike" => {
            let counts = format!("{} strikes count, {}", field("strikes"), word("state"));
            let next = until(line).map(|next| format!(" until {next}")).unwrap_or_default();
            format!("a {} in {}: {counts}{next}", word("kind"), word("method"))
        }
        "quarantine-end" => format!("{} behaved: it is called again", word("method")),
        "release" | "enable" => format!("by {}", word("by")),
        "disable" => match word("reason") {
            "" => format!("by {}", word("by")),
            reason => format!("by {}: {reason}", word("by")),
        },
        "owned-add" | "owned-remove" => {
            format!("{} {} by {}", word("container"), word("name"), word("by"))
        }
        "approval" => {
            format!("version {} was approved by {} at {}", word("version"), word("by"), word("at"))
        }
        "reveal" => format!("the driver is told {}", word("name")),
        "version" => {
            let which = [field("number"), word("version").to_owned()];
            let which = which.iter().filter(|one| !one.is_empty()).cloned().collect::<Vec<_>>();
            format!("{} {} by {}", word("decision"), which.join(" "), word("by"))
        }
        "file" => format!("begins a file; the one before it is {}", word("previous")),
        "torn" => format!("{} bytes before this line are torn", field("torn_bytes")),
        "gap" => format!("lines are missing before this one: there was {}", field("last")),
        _ => String::new(),
    }
}

/// What every driver is granted: the import, and what of the backend's own it is about.
fn permitted(line: &AuditLine) -> String {
    let about = ["name", "entity", "key", "milliseconds", "changes"];
    let about = about.iter().filter_map(|field| line.fields.get(*field)).map(shown);
    [line.word("import").to_owned()].into_iter().chain(about).collect::<Vec<_>>().join(" ")
}

/// Texts as they are, lists as words beside each other, the rest as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => {
            items.iter().map(shown).collect::<Vec<_>>().join(" ")
        }
        Value::Object(fields) => match fields.iter().next() {
            Some((name, value)) if fields.len() == 1 => format!("{name} {}", shown(value)),
            _ => value.to_string(),
        },
        other => other.to_string(),
    }
}
