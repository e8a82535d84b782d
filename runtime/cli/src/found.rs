//! What a look into the records of several backends finds: what is recorded, and which backends
//! could not be read. One broken backend hides neither the others nor itself. Filled by
//! `service`; the nouns' files list it, or choose the one that is meant.

use abaca::configuration::BackendEntry;
use serde_json::{Value, json};

use crate::failure::{Failure, Result};
use crate::naming::{Named, Placed, find, is_meant};
use crate::output::{Output, complain, plain};

/// What was found, in the order of the configuration.
#[derive(Debug)]
pub struct Found<'a, T> {
    /// What the backends have that could be read.
    pub all: Vec<Placed<'a, T>>,
    /// The others.
    pub unreadable: Unreadable,
}

/// Backends whose records could not be read, and why.
#[derive(Debug, Default)]
pub struct Unreadable(Vec<(String, abaca::Error)>);

impl<'a, T> Found<'a, T> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { all: Vec::new(), unreadable: Unreadable::default() }
    }

    /// Adds what one backend has, or why that is not known.
    pub fn add(&mut self, entry: &'a BackendEntry, records: abaca::Result<Vec<T>>) {
        match records {
            Ok(records) => {
                self.all.extend(records.into_iter().map(|record| Placed { entry, record }));
            }
            Err(error) => self.unreadable.0.push((entry.name.clone(), error)),
        }
    }
}

impl<'a, T: Named> Found<'a, T> {
    /// The one that is meant, and the backends in which it was not looked for.
    ///
    /// # Errors
    /// When none is meant, or several. Where a backend could not be read, that none is meant is
    /// not known, and the failure is that backend's.
    pub fn one(self, wanted: &str) -> Result<(Placed<'a, T>, Unreadable)> {
        let Self { all, mut unreadable } = self;
        if !all.iter().any(|one| is_meant(wanted, &one.record)) {
            let why: Vec<_> = unreadable.messages().collect();
            if let Some((_, error)) = unreadable.0.pop() {
                let noun = T::NOUN;
                let message = format!(
                    "no {noun} `{wanted}` is in the backends that could be read; {}",
                    why.join("; ")
                );
                return Err(failure(message, &error));
            }
        }
        Ok((find(wanted, all)?, unreadable))
    }
}

impl Unreadable {
    /// Whether all could be read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What ends a sentence that there is nothing, if that is not known of all backends.
    pub fn reservation(&self) -> &'static str {
        if self.is_empty() { "" } else { " in the backends that could be read" }
    }

    /// Tells people what was passed over by a command that can go on without it. Programs get
    /// [`documents`](Self::documents) where the answer depends on it.
    pub fn warn(&self, output: Output) {
        if !output.json {
            for message in self.messages() {
                complain(&format!("warning: {}\n", plain(&message)));
            }
        }
    }

    /// Each as one JSON value.
    pub fn documents(&self) -> Vec<Value> {
        let document = |(backend, error): &(String, abaca::Error)| {
            json!({
                "backend": backend,
                "blame": error.blame(),
                "message": error.to_string(),
                "advice": error.advice(),
            })
        };
        self.0.iter().map(document).collect()
    }

    /// Ends a list: answers the last as a failure; the others are told before it. In JSON all
    /// of them stand in the list.
    ///
    /// # Errors
    /// When there is any.
    pub fn into_outcome(mut self, output: Output) -> Result<()> {
        let last = self.0.pop();
        self.warn(output);
        match last {
            None => Ok(()),
            Some((backend, error)) => Err(failure(message(&backend, &error), &error)),
        }
    }

    fn messages(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(backend, error)| message(backend, error))
    }
}

fn failure(message: String, error: &abaca::Error) -> Failure {
    Failure::Unreadable { message, blame: error.blame(), advice: error.advice() }
}

fn message(backend: &str, error: &abaca::Error) -> String {
    format!("the records of the backend `{backend}` cannot be read: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use abaca::configuration::Configuration;
    use std::path::Path;

    #[derive(Debug)]
    struct Thing(&'static str);

    impl Named for Thing {
        const NOUN: &'static str = "thing";
        const MAKE: &'static str = "abaca thing create";
        const REMOVE: &'static str = "abaca thing delete";
        fn id(&self) -> &str {
            self.0
        }
        fn name(&self) -> Option<&str> {
            None
        }
    }

    fn backends() -> Configuration {
        let text = "schema = 1\n[backends.far]\ndriver = \"d\"\npolicy = \"p\"\n\
                    [backends.home]\ndriver = \"d\"\npolicy = \"p\"";
        Configuration::parse(text, "abaca.toml", Path::new("/")).unwrap()
    }

    /// `far` cannot be read, and `home` has two things.
    fn found(configuration: &Configuration) -> Found<'_, Thing> {
        let mut found = Found::new();
        for entry in configuration.backends() {
            found.add(
                entry,
                match &*entry.name {
                    "far" => Err(abaca::Error::Runtime("out of reach".to_owned())),
                    _ => Ok(vec![Thing("aaaa1"), Thing("aaaa2")]),
                },
            );
        }
        found
    }

    #[test]
    fn what_was_found_is_found_beside_a_backend_that_cannot_be_read() {
        let configuration = backends();
        let (one, unreadable) = found(&configuration).one("aaaa2").unwrap();
        assert_eq!((one.record.0, &*one.entry.name), ("aaaa2", "home"));
        assert_eq!(unreadable.documents()[0]["backend"], "far");
        let failure = found(&configuration).one("aaaa").unwrap_err();
        assert!(matches!(failure, Failure::Refused { .. }), "it could be either: {failure}");
    }

    #[test]
    fn what_was_not_found_may_be_where_nothing_could_be_read() {
        let configuration = backends();
        let failure = found(&configuration).one("bbbb").unwrap_err();
        assert!(matches!(failure, Failure::Unreadable { .. }));
        let message = failure.to_string();
        assert!(message.contains("`bbbb`") && message.contains("`far`"), "{message}");
        assert!(message.contains("out of reach") && !message.contains("`home`"), "{message}");
    }

    #[test]
    fn a_list_with_gaps_is_a_failure() {
        let configuration = backends();
        let output = Output { json: true };
        let failure = found(&configuration).unreadable.into_outcome(output).unwrap_err();
        assert!(failure.to_string().contains("`far`"), "{failure}");
        assert!(Unreadable::default().into_outcome(output).is_ok());
    }
}
