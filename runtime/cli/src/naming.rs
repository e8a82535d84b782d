//! How something recorded is meant by a word: its id, its display name, or the beginning of its
//! id. Pure. What there is, is in `recorded`. Called by `found` and by whatever makes something
//! with a name.

use abaca::configuration::BackendEntry;

use crate::failure::{Failure, Result};

/// The fewest characters that may stand for an id: fewer would be hit by accident.
const PREFIX: usize = 4;

/// How many candidates a message lists.
const CANDIDATES: usize = 10;

/// The longest display name in characters, as upstream's.
const NAME_CHARACTERS: usize = 255;

/// A record and the backend that has it.
#[derive(Debug)]
pub struct Placed<'a, T> {
    pub entry: &'a BackendEntry,
    pub record: T,
}

/// What can be meant by a word.
pub trait Named {
    /// What it is, for messages.
    const NOUN: &'static str;
    /// The command that makes one.
    const MAKE: &'static str;
    /// The command that removes one.
    const REMOVE: &'static str;
    fn id(&self) -> &str;
    fn name(&self) -> Option<&str>;
}

/// The one that is meant. A whole id is its record's; a name and the beginning of an id count
/// alike, for whoever deletes by a word that could be either should say which.
///
/// # Errors
/// When none is meant, or several.
pub fn find<'a, T: Named>(wanted: &str, all: Vec<Placed<'a, T>>) -> Result<Placed<'a, T>> {
    let has_id = |one: &Placed<'_, T>| one.record.id() == wanted;
    let whole_id = all.iter().any(has_id);
    let (mut meant, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|one| if whole_id { has_id(one) } else { is_meant(wanted, &one.record) });
    let noun = T::NOUN;
    match (meant.pop(), meant.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(one), false) => {
            meant.push(one);
            Err(Failure::refused(
                format!("`{wanted}` could be any of {} {noun}s", meant.len()),
                format!("say which by its id: {}", candidates(&meant)),
            ))
        }
        (None, _) if others.is_empty() => Err(Failure::refused(
            format!("there is no {noun} `{wanted}`, nor any other"),
            format!("`{}` makes one", T::MAKE),
        )),
        (None, _) => Err(Failure::refused(
            format!("there is no {noun} `{wanted}`"),
            format!("there are: {}", candidates(&others)),
        )),
    }
}

/// Whether a word can mean a record.
pub fn is_meant<T: Named>(wanted: &str, record: &T) -> bool {
    record.id() == wanted
        || record.name() == Some(wanted)
        || (wanted.len() >= PREFIX && record.id().starts_with(wanted))
}

/// Refuses a display name that cannot be used, or that another one has: two could not be told
/// apart by it.
///
/// # Errors
/// When the name does not do.
pub fn check_new_name<T: Named>(name: &str, all: &[Placed<'_, T>]) -> Result<()> {
    if name.trim().is_empty() || name.chars().count() > NAME_CHARACTERS {
        return Err(Failure::refused(
            format!("a name has 1 to {NAME_CHARACTERS} characters, and not only blanks"),
            "choose another name",
        ));
    }
    let Some(holder) = all.iter().find(|one| one.record.name() == Some(name)) else {
        return Ok(());
    };
    let (noun, backend, id) = (T::NOUN, &holder.entry.name, holder.record.id());
    Err(Failure::refused(
        format!("the backend `{backend}` has a {noun} `{name}` already, {id}"),
        format!("choose another name, or remove that one: `{} {id}`", T::REMOVE),
    ))
}

/// Refuses pairs of which two have the same key; `what` names one of them.
///
/// # Errors
/// When two have.
pub fn check_keys(what: &str, pairs: &[(String, String)]) -> Result<()> {
    for (at, (key, _)) in pairs.iter().enumerate() {
        if pairs.iter().take(at).any(|(other, _)| other == key) {
            return Err(Failure::refused(
                format!("{what} `{key}` is given twice"),
                "give each key once",
            ));
        }
    }
    Ok(())
}

fn candidates<T: Named>(all: &[Placed<'_, T>]) -> String {
    let shown = all.iter().take(CANDIDATES).map(|one| match one.record.name() {
        Some(name) => format!("{} (`{name}`)", one.record.id()),
        None => one.record.id().to_owned(),
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if let Some(more) = all.len().checked_sub(CANDIDATES).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use abaca::configuration::Configuration;
    use std::path::Path;

    #[derive(Debug)]
    struct Thing(&'static str, &'static str);

    impl Named for Thing {
        const NOUN: &'static str = "thing";
        const MAKE: &'static str = "abaca thing create";
        const REMOVE: &'static str = "abaca thing delete";
        fn id(&self) -> &str {
            self.0
        }
        fn name(&self) -> Option<&str> {
            Some(self.1)
        }
    }

    fn backend() -> BackendEntry {
        let text = "schema = 1\n[backends.home]\ndriver = \"d\"\npolicy = \"p\"";
        Configuration::parse(text, "abaca.toml", Path::new("/")).unwrap().backends()[0].clone()
    }

    fn things(entry: &BackendEntry) -> Vec<Placed<'_, Thing>> {
        // The third one is called what the second one's id begins with.
        [Thing("aaaa1", "one"), Thing("bbbb2", "two"), Thing("cccc3", "bbbb"), Thing("cccc4", "")]
            .into_iter()
            .map(|record| Placed { entry, record })
            .collect()
    }

    #[test]
    fn a_word_means_the_one_thing_that_it_fits() {
        let entry = backend();
        let id = |wanted| find(wanted, things(&entry)).map(|one| one.record.0).ok();
        assert_eq!(id("one"), Some("aaaa1"));
        assert_eq!(id("aaaa"), Some("aaaa1"));
        assert_eq!(id("cccc4"), Some("cccc4"));
        assert_eq!(id("aaa"), None, "too short for an id");
        assert_eq!(id("cccc"), None, "two begin so");
        assert_eq!(id("bbbb"), None, "a name and the beginning of another one's id");
        assert_eq!(id("on"), None);
        assert_eq!(
            find("cccc", things(&entry)).unwrap_err().to_string(),
            "`cccc` could be any of 2 things"
        );
    }

    #[test]
    fn a_name_is_given_once() {
        let entry = backend();
        let all = things(&entry);
        assert!(check_new_name("three", &all).is_ok());
        assert!(check_new_name("one", &all).is_err());
        assert!(check_new_name(" ", &all).is_err());
        assert!(check_new_name(&"x".repeat(NAME_CHARACTERS + 1), &all).is_err());
    }
}
