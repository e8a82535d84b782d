//! Names: a character class for the first character, one for the rest, a length.
//!
//! Used for arguments, for the leaf of paths and for the first component of
//! files rules. Classes are sets of visible ASCII without `/`, and `first` has
//! neither `-` nor `.`: so no name is an option, a hidden file, `.`, `..`, or a
//! path, whatever the operator writes.

use crate::aspect::{Aspects, aspects};
use crate::class::Class;
use crate::error::Flaw;
use crate::load::fields::{Fields, Value, integer};
use crate::outline::Outline;
use crate::text::MAX_COMPONENT;

/// A type of names, `[types.NAME]` in the policy file.
#[derive(Debug, Clone)]
pub struct NameType {
    name: String,
    first: Class,
    rest: Class,
    max: usize,
}

impl NameType {
    /// The type's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True if `text` is a name of this type.
    pub fn accepts(&self, text: &str) -> bool {
        let mut characters = text.chars();
        text.len() <= self.max
            && characters.next().is_some_and(|first| self.first.contains(first))
            && characters.all(|other| self.rest.contains(other))
    }

    /// Every character that a name may have.
    pub(crate) fn alphabet(&self) -> Class {
        self.first | self.rest
    }

    /// Exact: any two types that share a first character share that name of
    /// one character.
    pub(crate) fn intersects(&self, other: &NameType) -> bool {
        self.first.meets(other.first)
    }

    /// Exact. What the types are called does not matter.
    pub(crate) fn covers(&self, other: &NameType) -> bool {
        self.first.covers(other.first)
            && (other.max == 1 || self.rest.covers(other.rest))
            && self.max >= other.max
    }

    pub(crate) fn aspects(&self) -> Aspects {
        aspects([
            ("first", self.first.spelled()),
            ("rest", self.rest.spelled()),
            ("max", self.max.to_string()),
        ])
    }

    pub(crate) fn outline(&self) -> Outline {
        Outline::default().one(self.first).many(self.rest)
    }

    pub(crate) fn load(name: &str, value: &Value<'_>) -> Result<NameType, Flaw> {
        let fields = Fields::new(value, "a type", &["first", "rest", "max"])?;
        let first = fields.require("first")?;
        let rest = fields.require("rest")?;
        let max = fields.require("max")?;
        let (first_class, rest_class) = (Class::load(first)?, Class::load(rest)?);
        if first_class.contains('-') || first_class.contains('.') {
            return Err(Flaw::new(first.span(), "`first` must have neither `-` nor `.`").help(
                "a name that begins with `-` is an option, one that begins with `.` is \
                 hidden or a parent; put them into `rest`",
            ));
        }
        let length = integer(max, "`max`", 1, MAX_COMPONENT as i64)?;
        Ok(NameType {
            name: name.to_owned(),
            first: first_class,
            rest: rest_class,
            max: usize::try_from(length).unwrap_or(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(first: &str, rest: &str, max: usize) -> NameType {
        let class = |source| Class::parse(source).unwrap();
        NameType { name: "share".to_owned(), first: class(first), rest: class(rest), max }
    }

    #[test]
    fn a_name_has_a_first_character_and_a_length() {
        let share = name("a-z", "a-z0-9.-", 4);
        for name in ["a", "a-1.", "zzzz"] {
            assert!(share.accepts(name), "{name}");
        }
        for name in ["", "1", "-a", ".a", "zzzzz", "a/b", "a b", "A"] {
            assert!(!share.accepts(name), "{name:?}");
        }
    }

    #[test]
    fn a_type_covers_what_has_no_other_characters_and_is_no_longer() {
        let wide = name("a-z", "a-z0-9", 8);
        assert!(wide.covers(&wide) && wide.covers(&name("a", "0-9", 7)));
        assert!(wide.covers(&name("a", "-", 1)), "one character has no rest");
        for other in [name("0", "a", 8), name("a", "-", 2), name("a", "a", 9)] {
            assert!(!wide.covers(&other), "{other:?}");
        }
    }
}
