//! Sets of characters, one bit each.
//!
//! Names are spelt with them, and the outlines of matchers are drawn with them.
//! A class that an operator writes is visible ASCII without `/`; a class of an
//! outline may hold any visible character.

use std::fmt;
use std::ops::BitOr;

use crate::error::Flaw;
use crate::load::fields::{Value, text};
use crate::text::shown;

/// Stands for every character outside ASCII. It is NUL's bit: NUL is hidden, so
/// no text that gets here holds it.
const OUTSIDE_ASCII: u128 = 1;

/// A set of characters.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Class(u128);

impl Class {
    pub(crate) const DIGITS: Class = Class::of("0123456789");
    pub(crate) const OCTAL: Class = Class::of("01234567");
    pub(crate) const HEXADECIMAL: Class = Class::of("0123456789abcdefABCDEF");

    /// The characters of an ASCII text.
    pub(crate) const fn of(members: &str) -> Class {
        let mut set = 0;
        let mut rest = members.as_bytes();
        while let [first, others @ ..] = rest {
            set |= 1 << (*first & 0x7F);
            rest = others;
        }
        Class(set)
    }

    /// The class of this character alone; outside ASCII, of all those.
    pub(crate) fn single(character: char) -> Class {
        Class(if character.is_ascii() { 1 << u32::from(character) } else { OUTSIDE_ASCII })
    }

    pub(crate) fn contains(self, character: char) -> bool {
        self.meets(Class::single(character))
    }

    pub(crate) fn meets(self, other: Class) -> bool {
        self.0 & other.0 != 0
    }

    /// The characters that are in both.
    pub(crate) fn within(self, other: Class) -> Class {
        Class(self.0 & other.0)
    }

    /// True if it has every character of `other`.
    pub(crate) fn covers(self, other: Class) -> bool {
        other.0 & !self.0 == 0
    }

    /// The class as an operator would write it: `a-z0-9_-`. For classes of names, which hold
    /// visible ASCII alone.
    pub(crate) fn spelled(self) -> String {
        let mut spelled = String::new();
        let mut run: Option<(char, char)> = None;
        // `-` stands at the end, where it makes no range.
        for member in ('!'..='~').filter(|member| *member != '-' && self.contains(*member)) {
            run = match run {
                Some((low, high)) if u32::from(high) + 1 == u32::from(member) => {
                    Some((low, member))
                }
                _ => {
                    spell(run, &mut spelled);
                    Some((member, member))
                }
            };
        }
        spell(run, &mut spelled);
        if self.contains('-') {
            spelled.push('-');
        }
        spelled
    }

    /// Reads a class that an operator wrote: `a-z0-9_-`.
    pub(crate) fn load(value: &Value<'_>) -> Result<Class, Flaw> {
        let source = text(value, "a character class")?;
        Class::parse(source).map_err(|fault| {
            Flaw::new(value.span(), format!("the character class {} {fault}", shown(source)))
                .help("write single characters and ranges, such as `a-z0-9_-`")
        })
    }

    /// Reads `a-z0-9_-`. The error completes "the character class …".
    pub(crate) fn parse(source: &str) -> Result<Class, String> {
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

/// Adds characters that follow one another: as a range where that is shorter.
fn spell(run: Option<(char, char)>, spelled: &mut String) {
    let Some((low, high)) = run else { return };
    if u32::from(high) - u32::from(low) < 2 {
        spelled.extend(low..=high);
    } else {
        spelled.extend([low, '-', high]);
    }
}

impl BitOr for Class {
    type Output = Class;

    fn bitor(self, other: Class) -> Class {
        Class(self.0 | other.0)
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
    fn a_class_is_spelled_as_it_is_read() {
        for source in ["a", "-", "ab", "a-z0-9_-", "0-9A-Za-z", "+.-", "abde"] {
            let class = Class::parse(source).unwrap();
            assert_eq!(Class::parse(&class.spelled()).unwrap(), class, "{source}");
        }
        assert_eq!(Class::parse("-_0-9a-z").unwrap().spelled(), "0-9_a-z-");
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
