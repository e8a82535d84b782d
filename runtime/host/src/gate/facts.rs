//! What was asked, as the audit and people read it: bounded, and on one line. Pure.

use serde_json::Value;

use crate::text::printable;

/// The most bytes of what was asked in an audit line: a driver says it, and may say it for nothing.
const FACT_BYTES: usize = 4 * 1024;

/// The most bytes of one fact of what was granted or done: twice the longest command line that a
/// policy looks at.
const GRANTED_BYTES: usize = 128 * 1024;

/// What a text is shown of at least, where there is no more room.
const LEAST_BYTES: usize = 16;

/// What a number takes of the room.
const NUMBER_BYTES: usize = 8;

/// The most bytes of what says which request was at work.
pub(super) const SUBJECT_BYTES: usize = 200;

/// What a request is called where people read it.
pub(super) fn subject(import: &str, facts: &[(&'static str, Value)]) -> String {
    let mut text = import.to_owned();
    for (_, value) in facts {
        text.push(' ');
        text.push_str(&shown(value));
    }
    printable(&text, SUBJECT_BYTES)
}

/// Texts as they are, lists as words beside each other.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// What was asked, cut to what an audit line of it can carry.
pub(super) fn bounded(value: Value) -> Value {
    fitted(value, &mut FACT_BYTES.clone())
}

/// What was granted or done, which is written down whole as far as a line can carry it: what a
/// command ran with must not end where a driver wants it to.
pub(super) fn whole(value: Value) -> Value {
    fitted(value, &mut GRANTED_BYTES.clone())
}

/// The value with its texts fit to be shown, and no more of them than there is room for.
fn fitted(value: Value, room: &mut usize) -> Value {
    match value {
        Value::String(text) => {
            let text = printable(&text, (*room).max(LEAST_BYTES));
            *room = room.saturating_sub(text.len());
            Value::String(text)
        }
        Value::Array(items) => {
            let total = items.len();
            let mut kept = Vec::new();
            for item in items {
                if *room == 0 {
                    kept.push(Value::String(format!("… ({} more)", total - kept.len())));
                    break;
                }
                kept.push(fitted(item, room));
            }
            Value::Array(kept)
        }
        // The names are ours.
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, one)| (name, fitted(one, room))).collect())
        }
        other => {
            *room = room.saturating_sub(NUMBER_BYTES);
            other
        }
    }
}
