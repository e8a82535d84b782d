//! What one call of a driver did, as a test sees it: what it asked, what it was answered, and how it
//! ended. Made by the stage and by a real backend under test.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::functions::Answer;
use super::stage::Printed;
use super::transcript::Ended;
use crate::error::{Error, Limit, Result};
use crate::gate::{Asked, Seen};
use crate::text::printable;
use crate::types::bytes::Bytes;

/// The longest text of a value that is shown, in bytes.
const SHOWN: usize = 300;

/// See above.
#[derive(Debug)]
pub struct Called {
    /// The function's name in the contract.
    pub function: &'static str,
    /// What it was called with.
    pub arguments: Vec<Value>,
    /// What it asked, in order.
    pub requests: Vec<Crossed>,
    /// How it ended.
    pub ended: Ended,
    /// What ended it, where it was ended.
    pub cause: Option<Error>,
}

/// A request that crossed the gate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Crossed {
    /// Interface and function, for example `command.run`.
    pub import: String,
    /// What was asked, in the contract's words.
    pub asked: Value,
    /// What was answered: `ok` or `error`; none where the call ended there.
    pub answered: Option<Value>,
}

impl Crossed {
    pub(super) fn new(asked: &Asked, answered: Option<Seen>) -> Self {
        let (import, asked) = (asked.import.to_owned(), asked.request.clone());
        let answered = answered.map(|answer| match answer {
            Ok(value) => serde_json::json!({ "ok": value }),
            Err(error) => serde_json::json!({ "error": error }),
        });
        Self { import, asked, answered }
    }

    /// Whether a program was run by it.
    #[must_use]
    pub fn is_command(&self) -> bool {
        is_command(&self.import)
    }

    /// Whether a program that was run by it printed something.
    #[must_use]
    pub fn prints(&self) -> bool {
        let output = self.answered.as_ref().and_then(|answered| answered.get("ok"));
        let stdout = output.and_then(|output| output.get("stdout"));
        self.is_command() && stdout.is_some_and(|stdout| stdout.as_str() != Some(""))
    }
}

impl Crossed {
    /// How many numbers a program printed that was run by it.
    pub(super) fn numbers(&self) -> usize {
        let output = self.answered.as_ref().and_then(|answered| answered.get("ok"));
        let stdout = output.and_then(|output| output.get("stdout")).cloned();
        let bytes = stdout.and_then(|stdout| serde_json::from_value::<Bytes>(stdout).ok());
        let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes.into_vec()).into_owned());
        text.map_or(0, |text| super::stage::numbers(&text).len())
    }
}

/// Whether a request runs programs, here or on a remote.
pub(super) fn is_command(import: &str) -> bool {
    import.starts_with("command.") || import == "ssh.run"
}

impl fmt::Display for Crossed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.import, printable(&self.asked.to_string(), SHOWN))
    }
}

impl Called {
    /// # Errors
    /// When it was not the driver's doing that it ended so.
    pub(super) fn new(
        function: &'static str,
        arguments: Vec<Value>,
        requests: Vec<Crossed>,
        answer: Result<Answer>,
    ) -> Result<Self> {
        let (ended, cause) = match answer {
            Ok(Ok(answer)) => (Ended::Ok(answer), None),
            Ok(Err(error)) => (Ended::Error(error), None),
            Err(
                error @ (Error::Trap { .. }
                | Error::Limit { .. }
                | Error::Deadline { .. }
                | Error::Broker(_)),
            ) => (Ended::Ended(error.to_string()), Some(error)),
            Err(error) => return Err(error),
        };
        Ok(Self { function, arguments, requests, ended, cause })
    }

    /// The same where what was to be removed is not there, and the driver says so: by the contract
    /// that is success.
    pub(super) fn settled(mut self) -> Self {
        let absent = match self.function {
            "delete-share" | "delete-replica" | "delete-consistency-group" => {
                "share-resource-not-found"
            }
            "delete-snapshot" | "delete-cgsnapshot" => "snapshot-resource-not-found",
            _ => return self,
        };
        if self.error() == Some(absent) {
            self.ended = Ended::Ok(Value::Null);
        }
        self
    }

    /// Whether the driver answered well.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        matches!(self.ended, Ended::Ok(_))
    }

    /// The driver's answer, if it answered well.
    #[must_use]
    pub fn answer(&self) -> Option<&Value> {
        match &self.ended {
            Ended::Ok(answer) => Some(answer),
            _ => None,
        }
    }

    /// The case of the contract's error that the driver answered, for example `share-is-busy`; of
    /// errors that carry more, the error within.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        let Ended::Error(error) = &self.ended else { return None };
        let error = error.get("error").unwrap_or(error);
        match error {
            Value::String(word) => Some(word),
            Value::Object(case) => case.keys().next().map(String::as_str),
            _ => None,
        }
    }

    /// The text of the driver's error.
    #[must_use]
    pub fn error_text(&self) -> Option<String> {
        let Ended::Error(error) = &self.ended else { return None };
        Some(printable(&error.to_string(), SHOWN))
    }

    /// Whether it was ended because it did not come back.
    #[must_use]
    pub fn hung(&self) -> bool {
        let cause = self.cause.as_ref();
        cause.is_some_and(|cause| {
            matches!(
                cause,
                Error::Deadline { .. } | Error::Limit { limit: Limit::Cpu | Limit::HostCalls, .. }
            )
        })
    }

    /// Whether the driver trapped, or was ended by a limit or its deadline.
    #[must_use]
    pub fn was_ended(&self) -> bool {
        matches!(self.ended, Ended::Ended(_))
    }
}

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = self.function;
        match &self.ended {
            Ended::Ok(Value::Null) => write!(f, "{function} answered ok"),
            Ended::Ok(answer) => {
                write!(f, "{function} answered {}", printable(&answer.to_string(), SHOWN))
            }
            Ended::Error(error) => {
                write!(f, "{function} answered the error {}", printable(&error.to_string(), SHOWN))
            }
            // What ended it names it.
            Ended::Ended(reason) => {
                let hung = if self.hung() { "it does not come back: " } else { "" };
                write!(f, "{hung}{}", printable(reason, SHOWN))
            }
        }
    }
}

/// An output of a program with something else printed; of anything else, itself.
pub(super) fn print(output: Value, printed: Printed) -> Value {
    let Value::Object(mut fields) = output else { return output };
    let Some(Ok(stdout)) = fields.get("stdout").cloned().map(serde_json::from_value::<Bytes>)
    else {
        return Value::Object(fields);
    };
    let instead = printed.instead_of(&stdout.into_vec());
    if let Ok(instead) = serde_json::to_value(Bytes::from(instead.as_slice())) {
        fields.insert("stdout".to_owned(), instead);
        fields.insert("stdout_truncated".to_owned(), (printed == Printed::Enormous).into());
    }
    Value::Object(fields)
}
