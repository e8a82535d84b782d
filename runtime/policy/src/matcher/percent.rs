//! Percentages: digits and `%`, then what it is a part of, if the rule says so.
//!
//! LVM takes `50%FREE` or `100%VG` where it takes no size; other tools take
//! `50%`. What it is a part of is the operator's choice, not the guest's: half
//! of a group is much more than half of what is free in it.

use std::fmt;

use crate::aspect::{Aspects, aspects};
use crate::class::Class;
use crate::error::Flaw;
use crate::load::fields::{Fields, Value, choice};
use crate::matcher::Reading;
use crate::matcher::int::bounds;
use crate::outline::Outline;
use crate::units::parse_digits;

/// What LVM knows a percentage of.
const WHOLES: [(&str, &str); 4] =
    [("VG", "VG"), ("FREE", "FREE"), ("PVS", "PVS"), ("ORIGIN", "ORIGIN")];

/// A percentage between two bounds, both included.
#[derive(Debug, Clone)]
pub(crate) struct Percent {
    min: u64,
    max: u64,
    /// What stands behind `%`: nothing, or one of [`WHOLES`].
    of: &'static str,
}

impl Percent {
    pub(crate) fn load(value: &Value<'_>) -> Result<Percent, Flaw> {
        let fields = Fields::new(value, "`percent`", &["min", "max", "of"])?;
        let (min, max) = bounds(value, &fields, 100)?;
        let of = fields.get("of").map(|of| choice(of, "whole of a percentage", &WHOLES));
        Ok(Percent { min, max, of: of.transpose()?.unwrap_or("") })
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        let number = parse_digits(word.strip_suffix(self.of)?.strip_suffix('%')?)?;
        (self.min..=self.max)
            .contains(&number)
            .then(|| Reading::text("percent", format!("{number}%{}", self.of)))
    }

    /// Exact.
    pub(crate) fn intersects(&self, other: &Percent) -> bool {
        self.of == other.of && self.min <= other.max && other.min <= self.max
    }

    /// Exact.
    pub(crate) fn covers(&self, other: &Percent) -> bool {
        self.of == other.of && self.min <= other.min && other.max <= self.max
    }

    pub(crate) fn aspects(&self) -> Aspects {
        aspects([
            ("percent.min", self.min.to_string()),
            ("percent.max", self.max.to_string()),
            ("percent.of", self.of.to_owned()),
        ])
    }

    pub(crate) fn outline(&self) -> Outline {
        Outline::default().some(Class::DIGITS).text("%").text(self.of)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<PERCENT:{}..{}%{}>", self.min, self.max, self.of)
    }
}
