//! Whole numbers between two bounds.
//!
//! ASCII digits without sign and without leading zeros: one number, one
//! spelling, so what runs is the word itself. Numbers of bytes are sizes.

use std::fmt;

use crate::aspect::{Aspects, aspects};
use crate::class::Class;
use crate::error::Flaw;
use crate::load::fields::{Fields, Value, integer};
use crate::matcher::Reading;
use crate::outline::Outline;
use crate::units::parse_digits;

/// A number between two bounds, both included.
#[derive(Debug, Clone)]
pub(crate) struct Int {
    min: u64,
    max: u64,
}

impl Int {
    pub(crate) fn load(value: &Value<'_>) -> Result<Int, Flaw> {
        let fields = Fields::new(value, "`int`", &["min", "max"])?;
        let (min, max) = bounds(value, &fields, i64::MAX)?;
        Ok(Int { min, max })
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        let number = parse_digits(word)?;
        (self.min..=self.max).contains(&number).then(|| Reading::text("int", number.to_string()))
    }

    /// Exact.
    pub(crate) fn intersects(&self, other: &Int) -> bool {
        self.min <= other.max && other.min <= self.max
    }

    /// Exact.
    pub(crate) fn covers(&self, other: &Int) -> bool {
        self.min <= other.min && other.max <= self.max
    }

    pub(crate) fn aspects(&self) -> Aspects {
        aspects([("int.min", self.min.to_string()), ("int.max", self.max.to_string())])
    }

    pub(crate) fn outline(&self) -> Outline {
        Outline::default().some(Class::DIGITS)
    }
}

/// Reads `min` and `max`, from 0 to `most`, the one not above the other.
pub(crate) fn bounds(
    value: &Value<'_>,
    fields: &Fields<'_, '_>,
    most: i64,
) -> Result<(u64, u64), Flaw> {
    let bound = |key: &str| {
        let number = integer(fields.require(key)?, &format!("`{key}`"), 0, most)?;
        Ok(u64::try_from(number).unwrap_or(0))
    };
    let (min, max) = (bound("min")?, bound("max")?);
    if min > max {
        return Err(Flaw::new(value.span(), "no number lies between `min` and `max`")
            .help("`min` must not be greater than `max`"));
    }
    Ok((min, max))
}

impl fmt::Display for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<INT:{}..{}>", self.min, self.max)
    }
}
