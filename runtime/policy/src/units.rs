//! Sizes and durations as the policy file writes them: `64KiB`, `30s`.
//!
//! Not the spelling a guest uses for sizes: that is `matcher::size`.

use std::time::Duration;

/// The units of the policy file, largest first, so that a size is shown in the
/// largest unit that fits it exactly.
const SIZE_UNITS: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads `64KiB` as bytes.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let (digits, factor) = SIZE_UNITS
        .iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit).map(|digits| (digits, *factor)))?;
    parse_digits(digits)?.checked_mul(factor)
}

/// Bytes in the largest unit that fits exactly.
pub(crate) fn show_size(bytes: u64) -> String {
    SIZE_UNITS
        .iter()
        .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor))
        .map_or_else(|| format!("{bytes}B"), |(unit, factor)| format!("{}{unit}", bytes / factor))
}

/// Reads `500ms`, `30s` or `10m`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    // `ms` before `s` and `m`: it ends like the one and begins like the other.
    let (digits, milliseconds) = [("ms", 1), ("s", 1_000), ("m", 60_000)]
        .iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit).map(|digits| (digits, *factor)))?;
    parse_digits(digits)?.checked_mul(milliseconds).map(Duration::from_millis)
}

/// ASCII digits without sign and without leading zeros: one number, one spelling.
pub(crate) fn parse_digits(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit())
        && !text.is_empty()
        && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown_in_one_spelling() {
        for (text, bytes) in [("0B", 0), ("64KiB", 65_536), ("1GiB", 1 << 30), ("1025B", 1025)] {
            assert_eq!(parse_size(text), Some(bytes));
            assert_eq!(show_size(bytes), text);
        }
        for text in ["", "B", "64", "64kib", "64 KiB", "-1B", "+1B", "01B", "1.5MiB", "64KB"] {
            assert_eq!(parse_size(text), None, "{text:?}");
        }
        assert_eq!(parse_size("16777216TiB"), None, "2^64 bytes do not fit");
    }

    #[test]
    fn durations_know_three_units() {
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(parse_duration("10m"), Some(Duration::from_secs(600)));
        for text in ["", "s", "30", "1h", "1 s", "-1s", "18446744073709551615m"] {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
    }
}
