//! Words that the operator wrote: one, or one of several.
//!
//! They may begin with `-`, unlike everything a guest makes up: options are the
//! operator's to give.

use std::fmt;

use crate::error::Flaw;
use crate::load::fields::{Value, literal_set};
use crate::matcher::Reading;

/// One of several literals.
#[derive(Debug, Clone)]
pub(crate) struct OneOf(Vec<String>);

impl OneOf {
    pub(crate) fn load(value: &Value<'_>) -> Result<OneOf, Flaw> {
        let choices = literal_set(value, "`one-of`")?;
        if choices.is_empty() {
            return Err(Flaw::new(value.span(), "`one-of` offers nothing")
                .help("list at least one text, or leave the argument out"));
        }
        Ok(OneOf(choices))
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        let choice = self.0.iter().find(|choice| *choice == word)?;
        Some(Reading::text("one-of", choice.clone()))
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for OneOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0.join("|"))
    }
}

/// Shows a literal, quoted where it would not read as one word.
pub(crate) fn show(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '<' | '>');
    if text.chars().all(plain) { f.write_str(text) } else { write!(f, "{text:?}") }
}
