//! The secrets that a policy reveals to its driver, and the watch that they go no further: a text
//! that a driver gives the log, the audit or an error has `<secret OPTION>` where one stood, and a
//! request whose words hold one is denied, for those words are written down and a command line can
//! be read by everybody on the machine. So is one that would keep one in the driver's state, and an
//! answer that holds one is against the contract, for it would be recorded.
//!
//! It finds a value, or a long line of it, to the letter: it keeps an honest driver's mistakes from
//! leaking, and cannot keep a hostile one from writing what it was told in other words. What a driver
//! gives a program to read, and writes into a file that it may write, is not looked at. Made by `Backend::open`; asked by `gate`,
//! `imports/config`, `imports/log` and `backend/calling`.

use std::collections::BTreeMap;
use std::fmt;

use abaca_policy::{Denial, Policy};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::options::{OptionError, OptionValues};
use crate::types;
use crate::types::bytes::Bytes;

/// The shortest secret that can be revealed, and the shortest line of one that is looked for by
/// itself, in bytes: shorter ones are in any text.
const SHORTEST: usize = 8;

/// The values by option, without the end of their last lines.
#[derive(Default)]
pub(crate) struct Revealed(BTreeMap<String, Zeroizing<String>>);

/// Names alone.
impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Revealed {
    /// Reads what the policy reveals and the operator has set.
    ///
    /// # Errors
    /// When a value cannot be read, is no text, or is too short to be found where it should not be.
    pub(crate) fn read(policy: &Policy, options: &OptionValues) -> Result<Self, OptionError> {
        let mut revealed = BTreeMap::new();
        for name in policy.revealed().filter(|name| options.lookup(name).is_some()) {
            let value = options.secret_now(name)?;
            let error = |reason: String| OptionError {
                name: name.to_owned(),
                reason,
                help: Some(
                    "leave it out of the policy's `reveal`, or change the secret".to_owned(),
                ),
            };
            let text = std::str::from_utf8(&value).ok().filter(|text| !text.contains('\0'));
            let text = text.map(|text| text.strip_suffix('\n').unwrap_or(text));
            let text =
                text.map(|text| text.strip_suffix('\r').unwrap_or(text)).ok_or_else(|| {
                    error("it cannot be revealed: it is not UTF-8, or holds a NUL".to_owned())
                })?;
            if text.len() < SHORTEST {
                return Err(error(format!(
                    "it cannot be revealed: it has fewer than {SHORTEST} bytes, and nobody could \
                     tell it from other text"
                )));
            }
            revealed.insert(name.to_owned(), Zeroizing::new(text.to_owned()));
        }
        Ok(Self(revealed))
    }

    /// The value of an option, if the driver may read it.
    pub(crate) fn value(&self, option: &str) -> Option<&str> {
        self.0.get(option).map(|value| value.as_str())
    }

    /// What is looked for, the longest first, each with its option.
    fn needles(&self) -> Vec<(&str, &str)> {
        let mut needles: Vec<_> = self
            .0
            .iter()
            .flat_map(|(option, value)| {
                let lines = value.lines().filter(|line| line.len() >= SHORTEST);
                lines.chain([value.as_str()]).map(move |needle| (needle, option.as_str()))
            })
            .collect();
        needles.sort_by_key(|(needle, _)| std::cmp::Reverse(needle.len()));
        needles
    }

    /// The text without any of the values.
    pub(crate) fn hidden(&self, text: String) -> String {
        without(text, &self.needles())
    }

    /// Refuses a request of which a word holds a value.
    pub(crate) fn check(&self, facts: &[(&'static str, Value)]) -> Result<(), Denial> {
        let needles = self.needles();
        let held = facts.iter().find_map(|(_, value)| {
            let found = needles.iter().find(|(needle, _)| holds(value, needle));
            found.map(|(_, option)| *option)
        });
        match held {
            None => Ok(()),
            Some(option) => Err(Denial {
                rule: None,
                reason: format!(
                    "a word of the request holds the secret option `{option}`, and such words are \
                     written down; a rule can pass it on by its name, or standard input can carry it"
                ),
            }),
        }
    }

    /// Refuses a request that would keep a text that holds a value.
    pub(crate) fn check_kept(&self, texts: &[&str]) -> Result<(), Denial> {
        let held = self
            .needles()
            .into_iter()
            .find(|(needle, _)| texts.iter().any(|text| text.contains(needle)));
        match held {
            None => Ok(()),
            Some((_, option)) => Err(Denial {
                rule: None,
                reason: format!(
                    "it holds the secret option `{option}`, and nothing is kept that does; \
                     `config.get` answers it again in the next call"
                ),
            }),
        }
    }

    /// Refuses an answer of the driver of which a text holds a value: it would be recorded, and
    /// shown to whoever asked.
    pub(crate) fn check_answer<T: Serialize>(
        &self,
        method: &'static str,
        answer: &T,
    ) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let value = serde_json::to_value(answer).map_err(|error| Error::Contract {
            method,
            reason: format!("its answer cannot be written down: {error}"),
        })?;
        let held = self.needles().into_iter().find(|(needle, _)| holds(&value, needle));
        match held {
            None => Ok(()),
            Some((_, option)) => Err(Error::Contract {
                method,
                reason: format!("its answer holds the secret option `{option}`"),
            }),
        }
    }

    /// What was asked, without any of the values.
    pub(crate) fn hidden_facts(
        &self,
        facts: Vec<(&'static str, Value)>,
    ) -> Vec<(&'static str, Value)> {
        if self.0.is_empty() {
            return facts;
        }
        facts.into_iter().map(|(name, value)| (name, self.hidden_value(value))).collect()
    }

    /// A line of the audit without any of the values.
    pub(crate) fn hidden_line(&self, line: Map<String, Value>) -> Map<String, Value> {
        match self.hidden_value(Value::Object(line)) {
            Value::Object(line) => line,
            // Bytes alone are no line.
            other => Map::from_iter([("hidden".to_owned(), other)]),
        }
    }

    /// A value without any of the secrets.
    pub(crate) fn hidden_value(&self, value: Value) -> Value {
        if self.0.is_empty() {
            return value;
        }
        value_without(value, &self.needles())
    }

    /// What went wrong, without any of the values in what the driver says of it.
    pub(crate) fn hidden_error(&self, error: Error) -> Error {
        if self.0.is_empty() {
            return error;
        }
        match error {
            Error::Driver(answer) => {
                self.hidden_answer(answer).map_or_else(unreadable, Error::Driver)
            }
            Error::Create(answer) => {
                self.hidden_answer(answer).map_or_else(unreadable, Error::Create)
            }
            Error::Setup(answer) => {
                self.hidden_answer(answer).map_or_else(unreadable, Error::Setup)
            }
            Error::Contract { method, reason } => {
                Error::Contract { method, reason: self.hidden(reason) }
            }
            Error::Trap { method, reason } => Error::Trap { method, reason: self.hidden(reason) },
            other => other,
        }
    }

    /// An answer of the driver without any of the values in its texts. None if it is not the
    /// contract's afterwards, which no text can bring about.
    fn hidden_answer<T: Serialize + DeserializeOwned>(&self, answer: T) -> Option<T> {
        let value = serde_json::to_value(answer).ok()?;
        serde_json::from_value(self.hidden_value(value)).ok()
    }
}

/// A text without any of these secrets, each with its name.
fn without(text: String, secrets: &[(&str, &str)]) -> String {
    secrets.iter().fold(text, |text, (secret, name)| match text.contains(secret) {
        true => Zeroizing::new(text).replace(secret, &named(name)),
        false => text,
    })
}

/// A value without any of these secrets, each with its name: in texts, in keys, and in bytes that
/// are no text, of which nothing is left then.
pub(crate) fn value_without(value: Value, secrets: &[(&str, &str)]) -> Value {
    match value {
        Value::String(text) => Value::String(without(text, secrets)),
        Value::Array(items) => {
            items.into_iter().map(|item| value_without(item, secrets)).collect::<Vec<_>>().into()
        }
        Value::Object(fields) => match held_in_bytes(&fields, secrets) {
            Some(name) => Value::String(named(name)),
            None => {
                let field = |(key, field)| (without(key, secrets), value_without(field, secrets));
                Value::Object(fields.into_iter().map(field).collect())
            }
        },
        other => other,
    }
}

/// The name of a secret that bytes hold, if that is what the object stands for.
fn held_in_bytes<'a>(fields: &Map<String, Value>, secrets: &[(&str, &'a str)]) -> Option<&'a str> {
    let bytes = Zeroizing::new(Bytes::of_object(fields)?.into_vec());
    let holds = |secret: &str| {
        !secret.is_empty() && bytes.windows(secret.len()).any(|part| part == secret.as_bytes())
    };
    secrets.iter().find(|(secret, _)| holds(secret)).map(|(_, name)| *name)
}

/// What stands in a secret's place.
fn named(name: &str) -> String {
    format!("<secret {name}>")
}

/// What is told in place of an error in which a secret could not be hidden.
fn unreadable() -> Error {
    let text = "the driver answered an error that holds a secret";
    Error::Driver(types::Error::Other(text.to_owned()))
}

/// Whether any text of the value holds the needle.
fn holds(value: &Value, needle: &str) -> bool {
    match value {
        Value::String(text) => text.contains(needle),
        Value::Array(items) => items.iter().any(|item| holds(item, needle)),
        Value::Object(fields) => {
            fields.iter().any(|(name, field)| name.contains(needle) || holds(field, needle))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_hidden_in_texts_keys_and_bytes_that_are_no_text() {
        let secrets = [("kept-from-all", "token")];
        let bytes = |bytes: &[u8]| serde_json::to_value(Bytes::from(bytes)).unwrap();
        let (held, free) = (bytes(b"\xffkept-from-all"), bytes(b"\xffnothing"));
        assert!(held.get("base64").is_some() && free.get("base64").is_some());
        let value = json!({
            "text": ["a kept-from-all b"],
            "kept-from-all": 1,
            "held": held,
            "free": free,
        });
        let hidden = json!({
            "text": ["a <secret token> b"],
            "<secret token>": 1,
            "held": "<secret token>",
            "free": free,
        });
        assert_eq!(value_without(value, &secrets), hidden);
    }
}
