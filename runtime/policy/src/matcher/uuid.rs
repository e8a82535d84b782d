//! UUIDs: 32 hexadecimal digits in the usual five groups.
//!
//! What runs is in lower case. Nothing is read into the digits: any version and
//! variant will do, since upstream's identifiers are only identifiers.

use std::fmt;

use crate::class::Class;
use crate::error::Flaw;
use crate::load::fields::{Value, boolean};
use crate::matcher::Reading;
use crate::outline::Outline;

/// How many digits each group has.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// Any UUID.
#[derive(Debug, Clone)]
pub(crate) struct Uuid;

impl Uuid {
    pub(crate) fn load(value: &Value<'_>) -> Result<Uuid, Flaw> {
        if boolean(value, "`uuid`")? {
            return Ok(Uuid);
        }
        Err(Flaw::new(value.span(), "`uuid` is true or not there").help("write `uuid = true`"))
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        let hexadecimal = |group: &str| group.bytes().all(|b| b.is_ascii_hexdigit());
        let fits = word.split('-').map(str::len).eq(GROUPS) && word.split('-').all(hexadecimal);
        fits.then(|| Reading::text("uuid", word.to_ascii_lowercase()))
    }

    pub(crate) fn outline(&self) -> Outline {
        GROUPS.iter().enumerate().fold(Outline::default(), |outline, (at, digits)| {
            let outline = if at == 0 { outline } else { outline.text("-") };
            (0..*digits).fold(outline, |outline, _| outline.one(Class::HEXADECIMAL))
        })
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<UUID>")
    }
}
