//! Sizes: digits with an optional `K`, `M`, `G` or `T`, between two bounds.
//!
//! What runs is always the number of bytes in decimal, then the rule's suffix:
//! `10G` becomes `10737418240b`. So it does not matter whether the tool thinks
//! that `G` is a power of two, of ten, or counts sectors.

use std::fmt;

use crate::aspect::{Aspects, aspects};
use crate::class::Class;
use crate::error::Flaw;
use crate::load::fields::{Fields, Value, text};
use crate::matcher::Reading;
use crate::outline::Outline;
use crate::text::shown;
use crate::units::{parse_digits, parse_size, show_size};

/// The guest's multipliers, binary as in every storage tool's `K`.
const MULTIPLIERS: [(char, u64); 4] =
    [('K', 1 << 10), ('M', 1 << 20), ('G', 1 << 30), ('T', 1 << 40)];

/// Suffixes that mean bytes to some tool. A closed list: any other letter would
/// multiply the canonical number.
const SUFFIXES: [&str; 3] = ["b", "B", "c"];

/// A number of bytes between two bounds, both included.
#[derive(Debug, Clone)]
pub(crate) struct Size {
    min: u64,
    max: u64,
    suffix: String,
}

impl Size {
    pub(crate) fn load(value: &Value<'_>) -> Result<Size, Flaw> {
        let fields = Fields::new(value, "`size`", &["min", "max", "suffix"])?;
        let bound = |key: &str| {
            let bound = fields.require(key)?;
            parse_size(text(bound, "a size")?).ok_or_else(|| {
                Flaw::new(bound.span(), format!("`{key}` is not a size"))
                    .help("write digits and one of B, KiB, MiB, GiB, TiB, such as \"10TiB\"")
            })
        };
        let (min, max) = (bound("min")?, bound("max")?);
        if min > max {
            return Err(Flaw::new(value.span(), "no size lies between `min` and `max`")
                .help("`min` must not be greater than `max`"));
        }
        let suffix = match fields.get("suffix") {
            None => String::new(),
            Some(suffix) => {
                let word = text(suffix, "`suffix`")?;
                if !SUFFIXES.contains(&word) {
                    return Err(Flaw::new(
                        suffix.span(),
                        format!("the suffix {} does not mean bytes", shown(word)),
                    )
                    .help(format!("allowed: {}; or leave it out", SUFFIXES.join(", "))));
                }
                word.to_owned()
            }
        };
        Ok(Size { min, max, suffix })
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        let bytes = match word.strip_suffix(self.suffix.as_str()) {
            // The canonical form is read as it stands: reading twice changes nothing.
            Some(digits) if !self.suffix.is_empty() => parse_digits(digits)?,
            _ => {
                let (digits, factor) = MULTIPLIERS
                    .into_iter()
                    .find_map(|(letter, factor)| Some((word.strip_suffix(letter)?, factor)))
                    .unwrap_or((word, 1));
                parse_digits(digits)?.checked_mul(factor)?
            }
        };
        (self.min..=self.max)
            .contains(&bytes)
            .then(|| Reading::text("size", format!("{bytes}{}", self.suffix)))
    }

    /// Exact: a number of bytes in both ranges is a word for both.
    pub(crate) fn intersects(&self, other: &Size) -> bool {
        self.min <= other.max && other.min <= self.max
    }

    /// Exact: with another suffix another argument would run.
    pub(crate) fn covers(&self, other: &Size) -> bool {
        self.min <= other.min && other.max <= self.max && self.suffix == other.suffix
    }

    pub(crate) fn aspects(&self) -> Aspects {
        aspects([
            ("size.min", show_size(self.min)),
            ("size.max", show_size(self.max)),
            ("size.suffix", self.suffix.clone()),
        ])
    }

    pub(crate) fn outline(&self) -> Outline {
        let letters = MULTIPLIERS
            .iter()
            .map(|(letter, _)| *letter)
            .chain(self.suffix.chars())
            .fold(Class::default(), |letters, letter| letters | Class::single(letter));
        Outline::default().some(Class::DIGITS).many(letters)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<SIZE:{}..{}>", show_size(self.min), show_size(self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(word: &str) -> Option<String> {
        let size = Size { min: 1 << 20, max: 10 << 40, suffix: "b".to_owned() };
        let (_, canonical) = size.read(word)?.values.pop()?;
        Some(canonical)
    }

    #[test]
    fn bytes_run_whatever_was_written() {
        for word in ["10G", "10240M", "10737418240", "10737418240b"] {
            assert_eq!(canonical(word).as_deref(), Some("10737418240b"), "{word}");
        }
        assert!(canonical("1M").is_some() && canonical("10T").is_some());
    }

    #[test]
    fn nothing_else_is_a_size() {
        for word in [
            "",
            "G",
            "b",
            "-1G",
            "+1G",
            "1g",
            "1.5G",
            "01G",
            "1 G",
            "1GG",
            "0x10G",
            "１G",
            "1G\n",
            "1023K",
            "10Gb",
            "11T",
            "18446744073709551616",
            "99999999999999999T",
            "1Kib",
        ] {
            assert_eq!(canonical(word), None, "{word:?}");
        }
    }
}
