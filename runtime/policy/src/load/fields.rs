//! Reading values from the parsed TOML with the place kept for messages.
//!
//! Not a schema language: a [`Fields`] knows which keys a table may have, and a
//! few functions read one value each. Every text that comes out of here is free
//! of control and invisible characters.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::error::Flaw;
use crate::text::{MAX_IDENTIFIER, hidden_in, is_identifier, shown};

/// A parsed value with its place.
pub(crate) type Value<'i> = Spanned<DeValue<'i>>;

/// A place in the source, in bytes.
pub(crate) type Place = Range<usize>;

/// The most entries of a list of words: longer ones are not read by anybody.
const MAX_WORDS: usize = 256;

/// The longest explanation, in bytes: it stands beside what it explains, and must not bury it.
const MAX_EXPLANATION: usize = 1000;

/// A table whose keys are all known.
pub(crate) struct Fields<'t, 'i> {
    table: &'t DeTable<'i>,
    place: Place,
    what: &'t str,
}

impl<'t, 'i> Fields<'t, 'i> {
    /// Takes a table and refuses keys that are not `allowed`. `what` names the
    /// table in messages, as in "a type".
    pub(crate) fn new(
        value: &'t Value<'i>,
        what: &'t str,
        allowed: &[&str],
    ) -> Result<Fields<'t, 'i>, Flaw> {
        let table = table(value, what)?;
        // The first one in the file, whatever order the table is kept in.
        let unknown = table
            .keys()
            .filter(|key| !allowed.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        match unknown {
            Some(key) => {
                let what = format!("key in {what}:");
                Err(Flaw::unknown(key.span(), &what, key.get_ref(), allowed.iter().copied()))
            }
            None => Ok(Fields { table, place: value.span(), what }),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'t Value<'i>> {
        self.table.get(key)
    }

    pub(crate) fn require(&self, key: &str) -> Result<&'t Value<'i>, Flaw> {
        self.get(key).ok_or_else(|| {
            Flaw::new(self.place.clone(), format!("{} needs the key `{key}`", self.what))
                .help(format!("add `{key} = …` to it"))
        })
    }
}

fn wrong_type(value: &Value<'_>, what: &str, wanted: &str) -> Flaw {
    let found = value.get_ref().type_str();
    Flaw::new(value.span(), format!("{what} must be {wanted}, not {found}"))
}

pub(crate) fn table<'t, 'i>(value: &'t Value<'i>, what: &str) -> Result<&'t DeTable<'i>, Flaw> {
    value.get_ref().as_table().ok_or_else(|| wrong_type(value, what, "a table"))
}

pub(crate) fn array<'t, 'i>(value: &'t Value<'i>, what: &str) -> Result<&'t DeArray<'i>, Flaw> {
    value.get_ref().as_array().ok_or_else(|| wrong_type(value, what, "a list"))
}

pub(crate) fn boolean(value: &Value<'_>, what: &str) -> Result<bool, Flaw> {
    value.get_ref().as_bool().ok_or_else(|| wrong_type(value, what, "true or false"))
}

/// An integer between two bounds, both included.
pub(crate) fn integer(value: &Value<'_>, what: &str, min: i64, max: i64) -> Result<i64, Flaw> {
    let number = value.get_ref().as_integer().ok_or_else(|| wrong_type(value, what, "a number"))?;
    i64::from_str_radix(number.as_str(), number.radix())
        .ok()
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| {
            let range = if min == max { min.to_string() } else { format!("{min} to {max}") };
            Flaw::new(value.span(), format!("{what} must be {range}"))
        })
}

/// A text without hidden characters.
pub(crate) fn text<'t>(value: &'t Value<'_>, what: &str) -> Result<&'t str, Flaw> {
    let text = value.get_ref().as_str().ok_or_else(|| wrong_type(value, what, "a text"))?;
    match hidden_in(text) {
        None => Ok(text),
        Some(hidden) => Err(Flaw::new(
            value.span(),
            format!("{what} has the invisible character {}", hidden.escape_unicode()),
        )
        .help("write visible characters only")),
    }
}

/// A text that may be an argument of a command: not empty, nothing hidden.
pub(crate) fn literal<'t>(value: &'t Value<'_>, what: &str) -> Result<&'t str, Flaw> {
    let literal = text(value, what)?;
    if literal.is_empty() {
        return Err(Flaw::new(value.span(), format!("{what} must not be empty"))
            .help("write the word, or leave it out"));
    }
    Ok(literal)
}

/// An explanation for people.
pub(crate) fn explanation(value: &Value<'_>, what: &str) -> Result<String, Flaw> {
    let words = text(value, what)?.trim();
    if words.is_empty() {
        return Err(Flaw::new(value.span(), format!("{what} must say something")));
    }
    if words.len() > MAX_EXPLANATION {
        return Err(Flaw::new(value.span(), format!("{what} is too long"))
            .help(format!("at most {MAX_EXPLANATION} bytes: say it in a few sentences")));
    }
    Ok(words.to_owned())
}

pub(crate) fn identifier<'t>(value: &'t Value<'_>, what: &str) -> Result<&'t str, Flaw> {
    let name = text(value, what)?;
    check_identifier(name, value.span(), what)?;
    Ok(name)
}

pub(crate) fn check_identifier(name: &str, place: Place, what: &str) -> Result<(), Flaw> {
    if is_identifier(name) {
        return Ok(());
    }
    Err(Flaw::new(place, format!("{what} cannot be {}", shown(name))).help(format!(
        "write lower-case letters, digits and `-`, a letter first, at most {MAX_IDENTIFIER}"
    )))
}

/// One of several words that mean something to us.
pub(crate) fn choice<T: Copy>(
    value: &Value<'_>,
    what: &str,
    choices: &[(&'static str, T)],
) -> Result<T, Flaw> {
    let word = text(value, what)?;
    choices.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice).ok_or_else(|| {
        Flaw::unknown(value.span(), what, word, choices.iter().map(|(name, _)| *name))
    })
}

/// A list without doubles; each element is read by `read_one`.
pub(crate) fn set<'t, 'i, T: PartialEq>(
    value: &'t Value<'i>,
    what: &str,
    read_one: impl Fn(&'t Value<'i>) -> Result<T, Flaw>,
) -> Result<Vec<T>, Flaw> {
    let list = array(value, what)?;
    if list.len() > MAX_WORDS {
        return Err(Flaw::new(value.span(), format!("{what} is too long"))
            .help(format!("at most {MAX_WORDS} entries")));
    }
    let mut members = Vec::with_capacity(list.len());
    for item in list {
        let member = read_one(item)?;
        if members.contains(&member) {
            return Err(Flaw::new(item.span(), format!("{what} names this twice"))
                .help("remove one of the two"));
        }
        members.push(member);
    }
    Ok(members)
}

/// A list of literals without doubles.
pub(crate) fn literal_set(value: &Value<'_>, what: &str) -> Result<Vec<String>, Flaw> {
    set(value, what, |item| literal(item, "a word of the list").map(str::to_owned))
}
