//! Permission bits in octal, within a mask of what may be set.
//!
//! What runs has always four digits. Symbolic modes (`u+s`) are no modes here:
//! what they do depends on what was there.

use std::fmt;

use crate::aspect::{Aspects, aspects};
use crate::class::Class;
use crate::error::Flaw;
use crate::load::fields::{Fields, Value, text};
use crate::matcher::Reading;
use crate::outline::Outline;
use crate::text::shown;

/// Any of the bits in a mask.
#[derive(Debug, Clone)]
pub(crate) struct Mode {
    mask: u16,
}

impl Mode {
    pub(crate) fn load(value: &Value<'_>) -> Result<Mode, Flaw> {
        let mask = Fields::new(value, "`mode`", &["mask"])?.require("mask")?;
        let digits = text(mask, "`mask`")?;
        let bits = parse(digits).filter(|_| digits.len() == 4).ok_or_else(|| {
            Flaw::new(mask.span(), format!("{} is no mask of permission bits", shown(digits))).help(
                "write four octal digits, such as \"0770\"; the first allows set-user-ID (4), \
                 set-group-ID (2) and sticky (1)",
            )
        })?;
        Ok(Mode { mask: bits })
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        let bits = parse(word)?;
        (bits & !self.mask == 0).then(|| Reading::text("mode", format!("{bits:04o}")))
    }

    /// Exact.
    pub(crate) fn covers(&self, other: &Mode) -> bool {
        other.mask & !self.mask == 0
    }

    pub(crate) fn aspects(&self) -> Aspects {
        aspects([("mode.mask", format!("{:04o}", self.mask))])
    }

    pub(crate) fn outline(&self) -> Outline {
        Outline::default().one(Class::OCTAL).one(Class::OCTAL).some(Class::OCTAL)
    }
}

/// Three or four octal digits.
fn parse(word: &str) -> Option<u16> {
    let octal = word.bytes().all(|b| matches!(b, b'0'..=b'7'));
    (octal && matches!(word.len(), 3 | 4)).then(|| u16::from_str_radix(word, 8).ok()).flatten()
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<MODE:{:04o}>", self.mask)
    }
}
