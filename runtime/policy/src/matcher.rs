//! What one argument may be: one enum, one module for each group of its cases.
//!
//! A matcher reads one word of a guest's argv and answers what to run instead,
//! or nothing. Words that belong together (a flag and its value) are the
//! template's affair. A new kind of matcher is a module, a variant here, and
//! its arms in `read`, `intersects`, `load` and `Display`; the compiler names
//! what is missing.

pub(crate) mod csv;
pub(crate) mod literal;
pub(crate) mod name;
pub(crate) mod path;
pub(crate) mod size;

use std::fmt;
use std::sync::Arc;

use toml::de::DeValue;

use crate::error::Flaw;
use crate::grant::Argument;
use crate::load::fields::{Fields, Value, literal, table};
use crate::load::scope::Scope;

use self::csv::Csv;
use self::literal::OneOf;
use self::name::NameType;
use self::path::PathMatcher;
use self::size::Size;

/// The words one argument may be.
#[derive(Debug, Clone)]
pub(crate) enum Matcher {
    Literal(String),
    OneOf(OneOf),
    Name(Arc<NameType>),
    Size(Size),
    Path(PathMatcher),
    Csv(Csv),
}

/// A word that was accepted.
#[derive(Debug)]
pub(crate) struct Reading {
    /// What runs.
    pub(crate) argument: Argument,
    /// Label and canonical text, if the word was a choice of the guest's.
    pub(crate) value: Option<(String, String)>,
}

impl Reading {
    fn text(label: &str, canonical: String) -> Reading {
        Reading {
            argument: Argument::Text(canonical.clone()),
            value: Some((label.to_owned(), canonical)),
        }
    }
}

/// The keys that tell the kinds of matcher apart.
const KINDS: [&str; 5] = ["one-of", "name", "size", "path", "csv"];

impl Matcher {
    /// Accepts or refuses one word.
    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        match self {
            Matcher::Literal(text) => (text == word)
                .then(|| Reading { argument: Argument::Text(text.clone()), value: None }),
            Matcher::OneOf(choices) => choices.read(word),
            Matcher::Name(name) => {
                name.accepts(word).then(|| Reading::text(name.name(), word.to_owned()))
            }
            Matcher::Size(size) => size.read(word),
            Matcher::Path(path) => path.read(word),
            Matcher::Csv(csv) => csv.read(word),
        }
    }

    /// True if one word may be accepted by both. Never wrongly false; where an
    /// exact answer would need more than a look at the first characters, it may
    /// be wrongly true, and the operator is asked to tell the rules apart.
    pub(crate) fn intersects(&self, other: &Matcher) -> bool {
        use Matcher::{Csv, Literal, Name, OneOf, Path, Size};
        match (self, other) {
            (Literal(text), matcher) | (matcher, Literal(text)) => matcher.read(text).is_some(),
            (OneOf(choices), matcher) | (matcher, OneOf(choices)) => {
                choices.texts().any(|text| matcher.read(text).is_some())
            }
            (Name(a), Name(b)) => a.intersects(b),
            (Size(a), Size(b)) => a.intersects(b),
            (Path(a), Path(b)) => a.intersects(b),
            (Csv(a), Csv(b)) => a.intersects(b),
            (Name(name), Size(_)) | (Size(_), Name(name)) => {
                ('0'..='9').any(|digit| name.may_begin_with(digit))
            }
            (Name(name), Path(path)) | (Path(path), Name(name)) => {
                name.may_contain(':') && path.first_char().is_some_and(|c| name.may_begin_with(c))
            }
            (Name(name), Csv(csv)) | (Csv(csv), Name(name)) => csv
                .words()
                .any(|word| word.chars().next().is_some_and(|first| name.may_begin_with(first))),
            (Size(_), Csv(csv)) | (Csv(csv), Size(_)) => {
                csv.words().any(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            }
            (Path(path), Csv(csv)) | (Csv(csv), Path(path)) => {
                csv.words().any(|word| path.may_spell_begin(word))
            }
            // A size begins with a digit, a path with its root's letter.
            (Size(_), Path(_)) | (Path(_), Size(_)) => false,
        }
    }

    /// Reads a matcher. `granted` are the roots that the rule reads or writes.
    pub(crate) fn load(
        value: &Value<'_>,
        scope: &Scope,
        granted: &[String],
    ) -> Result<Matcher, Flaw> {
        if let DeValue::String(_) = value.get_ref() {
            return Ok(Matcher::Literal(literal(value, "an argument")?.to_owned()));
        }
        let keys = table(value, "an argument that is no text")?;
        if keys.contains_key("flag") {
            return Err(Flaw::new(value.span(), "the value of a flag cannot be a flag")
                .help("write two flags, one after the other"));
        }
        let Some(kind) = KINDS.into_iter().find(|kind| keys.contains_key(*kind)) else {
            let kinds = KINDS.into_iter().chain(["flag"]);
            return Err(match keys.keys().next() {
                Some(key) => Flaw::unknown(key.span(), "kind of matcher", key.get_ref(), kinds),
                None => Flaw::new(value.span(), "an empty table is no matcher")
                    .help(format!("name its kind, one of: {}, flag", KINDS.join(", "))),
            });
        };
        let matcher = Fields::new(value, "a matcher", &[kind])?;
        let inner = matcher.require(kind)?;
        Ok(match kind {
            "one-of" => Matcher::OneOf(OneOf::load(inner)?),
            "name" => Matcher::Name(scope.name_type(inner)?),
            "size" => Matcher::Size(Size::load(inner)?),
            "path" => Matcher::Path(PathMatcher::load(inner, scope, granted)?),
            _ => Matcher::Csv(Csv::load(inner)?),
        })
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Matcher::Literal(text) => literal::show(text, f),
            Matcher::OneOf(choices) => choices.fmt(f),
            Matcher::Name(name) => write!(f, "<NAME:{}>", name.name()),
            Matcher::Size(size) => size.fmt(f),
            Matcher::Path(path) => path.fmt(f),
            Matcher::Csv(csv) => csv.fmt(f),
        }
    }
}
