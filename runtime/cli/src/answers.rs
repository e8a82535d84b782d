//! The answers that are alike for every noun: a list, one thing, what was removed. How they look
//! is `output`'s; what is in them, the nouns' files say.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::failure::{Failure, Result, last};
use crate::found::Unreadable;
use crate::naming::Named;
use crate::output::{Output, plain};
use crate::recorded::Recorded;

/// A list, and which backends it does not cover.
struct List<'a, V> {
    name: &'static str,
    views: &'a [V],
    more: Option<(&'static str, Value)>,
    unreadable: Vec<Value>,
}

impl<V: Serialize> Serialize for List<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(self.name, self.views)?;
        if let Some((name, more)) = &self.more {
            map.serialize_entry(name, more)?;
        }
        map.serialize_entry("unreadable", &self.unreadable)?;
        map.end()
    }
}

/// One thing; another one of the same name may be where nothing could be read.
#[derive(Serialize)]
struct One<'a, V> {
    #[serde(flatten)]
    view: &'a V,
    unreadable: Vec<Value>,
}

/// Answers a list: the views, or what `text` says of them if there are any.
///
/// # Errors
/// When a backend could not be read, or standard output does not take the list.
pub fn list<T: Recorded, V: Serialize>(
    views: &[V],
    unreadable: Unreadable,
    output: Output,
    text: impl FnOnce() -> String,
) -> Result<()> {
    list_with::<T, V>(views, None, unreadable, output, text)
}

/// As [`list`], with something that stands beside it under a name of its own, and as a text below.
///
/// # Errors
/// As [`list`].
pub fn list_with<T: Recorded, V: Serialize>(
    views: &[V],
    more: Option<(&'static str, Value, String)>,
    unreadable: Unreadable,
    output: Output,
    text: impl FnOnce() -> String,
) -> Result<()> {
    let (more, below) = match more {
        Some((name, document, below)) => (Some((name, document)), below),
        None => (None, String::new()),
    };
    let document = List { name: T::LIST, views, more, unreadable: unreadable.documents() };
    output.answer(&document, || {
        let list = match views {
            [] => format!("no {}s{}\n", T::NOUN, unreadable.reservation()),
            _ => text(),
        };
        list + &below
    })?;
    unreadable.into_outcome(output)
}

/// Answers a list of what was asked after one by one, with what failed meanwhile.
///
/// # Errors
/// As [`list`], and the last of the failures; the others are told before it. In JSON all of them
/// stand in the list.
pub fn updated<T: Recorded, V: Serialize>(
    views: &[V],
    failures: Vec<Failure>,
    unreadable: Unreadable,
    output: Output,
    text: impl FnOnce() -> String,
) -> Result<()> {
    let documents = failures.iter().map(Failure::document).collect();
    let more = ("failures", Value::Array(documents), String::new());
    list_with::<T, V>(views, Some(more), unreadable, output, text)?;
    last(failures, output)
}

/// Answers one thing, and warns of backends that could not be read.
///
/// # Errors
/// When standard output does not take it.
pub fn one<V: Serialize>(
    view: &V,
    unreadable: &Unreadable,
    output: Output,
    text: impl FnOnce() -> String,
) -> Result<()> {
    unreadable.warn(output);
    output.answer(&One { view, unreadable: unreadable.documents() }, text)
}

/// Answers that something is no longer recorded: `done` says why, for example `deleted`.
///
/// # Errors
/// When standard output does not take it.
pub fn gone(done: &str, what: &impl Named, output: Output) -> Result<()> {
    let document = json!({ done: { "id": what.id(), "name": what.name().unwrap_or_default() } });
    output.answer(&document, || gone_text(done, what))
}

fn gone_text<T: Named>(done: &str, what: &T) -> String {
    match what.name() {
        Some(name) => format!("{done} the {} {} ({})\n", T::NOUN, plain(name), what.id()),
        None => format!("{done} the {} {}\n", T::NOUN, what.id()),
    }
}
