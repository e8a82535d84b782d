//! Names: a character class for the first character, one for the rest, a length.
//!
//! Used for arguments, for the leaf of paths and for the first component of
//! files rules. Classes are sets of visible ASCII without `/`, and `first` has
//! neither `-` nor `.`: so no name is an option, a hidden file, `.`, `..`, or a
//! path, whatever the operator writes.

use std::fmt;

use crate::error::Flaw;
use crate::load::fields::{Fields, Value, integer, text};
use crate::text::{MAX_COMPONENT, shown};

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

    /// Exact: any two types that share a first character share that name of
    /// one character.
    pub(crate) fn intersects(&self, other: &NameType) -> bool {
        self.first.0 & other.first.0 != 0
    }

    pub(crate) fn may_begin_with(&self, first: char) -> bool {
        self.first.contains(first)
    }

    pub(crate) fn may_contain(&self, character: char) -> bool {
        self.first.contains(character) || self.rest.contains(character)
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

/// A set of visible ASCII characters, one bit each.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Class(u128);

impl Class {
    fn contains(self, character: char) -> bool {
        character.is_ascii() && self.0 >> u32::from(character) & 1 == 1
    }

    fn load(value: &Value<'_>) -> Result<Class, Flaw> {
        let source = text(value, "a character class")?;
        Class::parse(source).map_err(|fault| {
            Flaw::new(value.span(), format!("the character class {} {fault}", shown(source)))
                .help("write single characters and ranges, such as `a-z0-9_-`")
        })
    }

    /// Reads `a-z0-9_-`. The error completes "the character class …".
    fn parse(source: &str) -> Result<Class, String> {
        let mut set = 0_u128;
        let mut previous: Option<char> = None;
        let mut characters = source.chars().peekable();
        while let Some(character) = characters.next() {
            if !character.is_ascii_graphic() || character == '/' {
                return Err("may hold visible ASCII only, without `/`".to_owned());
            }
            // Between two characters `-` makes a range; at either end it is itself.
            match (character, previous.take(), characters.peek().copied()) {
                ('-', Some(low), Some(high)) => {
                    if !high.is_ascii_graphic() || low == '-' || high == '-' || high <= low {
                        return Err(format!("has no range from {low:?} to {high:?}"));
                    }
                    (low..=high).for_each(|member| set |= 1 << u32::from(member));
                    characters.next();
                }
                ('-', None, Some(_)) if set != 0 => {
                    return Err("has a `-` in the middle that makes no range".to_owned());
                }
                _ => {
                    set |= 1 << u32::from(character);
                    previous = Some(character);
                }
            }
        }
        let class = Class(set);
        if class.0 == 0 {
            return Err("is empty".to_owned());
        }
        if class.contains('/') {
            return Err("has a range that covers `/`".to_owned());
        }
        Ok(class)
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members: String = ('!'..='~').filter(|c| self.contains(*c)).collect();
        write!(f, "Class({members:?})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_what_it_says() {
        let class = Class::parse("a-c9_-").unwrap();
        assert_eq!(format!("{class:?}"), r#"Class("-9_abc")"#);
        assert_eq!(Class::parse("-a").unwrap(), Class::parse("a-").unwrap());
        assert!(!class.contains('９') && !class.contains('d'));
    }

    #[test]
    fn a_name_has_a_first_character_and_a_length() {
        let (first, rest) = (Class::parse("a-z").unwrap(), Class::parse("a-z0-9.-").unwrap());
        let share = NameType { name: "share".to_owned(), first, rest, max: 4 };
        for name in ["a", "a-1.", "zzzz"] {
            assert!(share.accepts(name), "{name}");
        }
        for name in ["", "1", "-a", ".a", "zzzzz", "a/b", "a b", "A"] {
            assert!(!share.accepts(name), "{name:?}");
        }
    }

    #[test]
    fn odd_classes_are_refused() {
        for source in [
            "", "z-a", "a-a", "a-z-9", "--9", "a--", "é", "a b", "/", "a/", "!-~", "+-9", "\0",
            "\n",
        ] {
            assert!(Class::parse(source).is_err(), "{source:?}");
        }
    }
}
