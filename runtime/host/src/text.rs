//! Hostile text made fit to be shown, in logs, audits, errors; and bytes as text. Pure.

use std::time::{Duration, UNIX_EPOCH};

use abaca_policy::is_hidden;

/// The most bytes of a driver's text in one of our messages.
pub(crate) const MESSAGE_BYTES: usize = 2 * 1024;

/// The text with every control, bidirectional or invisible character escaped, and cut after
/// about `limit` bytes with a mark that says how much is missing.
#[must_use]
pub fn printable(text: &str, limit: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(limit) + 16);
    for (at, character) in text.char_indices() {
        if shown.len() >= limit {
            shown.push_str(&format!("… ({} bytes more)", text.len() - at));
            break;
        }
        if is_hidden(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seconds since the epoch as people and programs read them.
#[must_use]
pub fn printable_time(seconds: u64) -> String {
    // What does not fit into a year of four digits is shown as it is.
    const LAST: u64 = 253_402_300_799;
    if seconds > LAST {
        return format!("{seconds} s");
    }
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}

/// Whether no character of a text moves a terminal's cursor, hides, or reorders others.
pub(crate) fn is_plain_text(text: &str) -> bool {
    !text.chars().any(is_hidden)
}

#[cfg(test)]
mod tests {
    use super::{printable, printable_time};

    #[test]
    fn a_time_of_any_size_can_be_shown() {
        assert_eq!(printable_time(0), "1970-01-01T00:00:00Z");
        assert_eq!(printable_time(u64::MAX), format!("{} s", u64::MAX));
    }

    #[test]
    fn what_could_act_on_a_terminal_is_escaped() {
        assert_eq!(printable("a\x1b[2Jb\n\u{202e}c", 100), "a\\u{1b}[2Jb\\u{a}\\u{202e}c");
        assert_eq!(printable("a\u{fe0f}\u{3164}b", 100), "a\\u{fe0f}\\u{3164}b");
        assert_eq!(printable("grün 漢", 100), "grün 漢");
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        assert_eq!(printable("aaaa", 2), "aa… (2 bytes more)");
    }
}
