//! Transcripts: what crossed the gate, in order, one JSON object a line. Written by a recorder,
//! which is a witness at the gate of every backend of its runtime; read by the replay.
//!
//! ```text
//! {"line":"begin","transcript":1,…}
//! {"line":"call","call":1,"method":"create-share","arguments":[…],…}
//! {"line":"request","call":1,"import":"files.make-dir","asked":{…},"answered":{"ok":null},…}
//! {"line":"end","call":1,"answered":{"ok":[…]},…}
//! ```
//! Lines of calls that run at the same time stand between each other. Secrets are not in it: those
//! that a driver may read, and passwords of security services, are replaced by their names.

mod recorder;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::recorder::Recorder;
use crate::contract::bindings::abaca::host::types::Error as HostError;
use crate::error::Error;
use crate::storage::read_text;

/// The one version of a transcript's form.
pub(crate) const VERSION: u32 = 1;

/// The largest transcript that is read, in bytes.
const TRANSCRIPT_BYTES: u64 = 256 * 1024 * 1024;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Line {
    /// The first.
    Begin {
        /// The version of its form.
        transcript: u32,
        /// The version of Abaca that wrote it.
        abaca: String,
    },
    /// A function of a driver is called.
    Call {
        /// Which of the transcript's calls, from 1.
        call: u64,
        /// When, in milliseconds since the transcript was begun.
        at_ms: u64,
        /// The backend.
        backend: String,
        /// Its driver.
        driver: Recorded,
        /// The function, by its name in the contract.
        method: String,
        /// What it is called with, in the contract's order.
        arguments: Vec<Value>,
    },
    /// The driver asked the host something.
    Request {
        /// Of which call.
        call: u64,
        /// Which of that call's requests, from 1.
        request: u64,
        /// When it was answered.
        at_ms: u64,
        /// Interface and function, for example `command.run`.
        import: String,
        /// The request, in the contract's words.
        asked: Value,
        /// The answer; none where the call ended meanwhile.
        answered: Option<Answered>,
    },
    /// A call ended.
    End {
        /// Which one.
        call: u64,
        /// When.
        at_ms: u64,
        /// With what.
        answered: Ended,
    },
}

/// Which driver was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Its name.
    pub name: String,
    /// Its version, in its vendor's words.
    pub version: String,
    /// SHA-256 of its component.
    pub component: String,
}

/// What the host answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answered {
    Ok(Value),
    Error(HostError),
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The driver's answer.
    Ok(Value),
    /// The driver's error.
    Error(Value),
    /// It was ended: a trap, a limit, its deadline.
    Ended(String),
}

/// One request of a recorded call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    pub import: String,
    pub asked: Value,
    pub answered: Option<Answered>,
}

/// One recorded call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub number: u64,
    pub driver: Recorded,
    pub method: String,
    pub arguments: Vec<Value>,
    pub requests: Vec<Request>,
    /// How it ended; none where the recording ended before.
    pub end: Option<Ended>,
}

/// A transcript, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    pub(crate) calls: Vec<Call>,
    /// Every line as it stands, for a replay that writes the transcript again.
    pub(crate) lines: Vec<Line>,
}

/// Why a file is no transcript.
#[derive(Debug, thiserror::Error)]
#[error("{}:{line}: {reason}", file.display())]
pub struct TranscriptError {
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

impl Transcript {
    /// Reads a transcript.
    ///
    /// # Errors
    /// When the file cannot be read, is longer than 256 MiB, or is no transcript of this version.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, Error> {
        let file = file.as_ref();
        let text = read_text(file, TRANSCRIPT_BYTES)?;
        Ok(Self::parse(&text, file)?)
    }

    /// The same of a text; `file` stands for it in messages.
    ///
    /// # Errors
    /// When it is no transcript of this version.
    pub fn parse(text: &str, file: &Path) -> Result<Self, TranscriptError> {
        let wrong =
            |line: usize, reason: String| TranscriptError { file: file.to_owned(), line, reason };
        let mut lines = Vec::new();
        let mut calls: Vec<Call> = Vec::new();
        let mut places: BTreeMap<u64, usize> = BTreeMap::new();
        let mut begun = false;
        for (number, text) in (1..).zip(text.lines()) {
            let line: Line = serde_json::from_str(text).map_err(|error| {
                wrong(number, format!("it is no line of a transcript: {error}"))
            })?;
            lines.push(line.clone());
            let open = |calls: &mut Vec<Call>, places: &BTreeMap<u64, usize>, call: u64| {
                let place = places.get(&call).copied();
                let place = place.filter(|at| calls.get(*at).is_some_and(|one| one.end.is_none()));
                place.ok_or_else(|| wrong(number, format!("call {call} is not under way")))
            };
            match line {
                Line::Begin { transcript: VERSION, .. } if number == 1 => begun = true,
                Line::Begin { transcript, .. } if number == 1 => {
                    let reason = format!(
                        "it is a transcript of version {transcript}; this Abaca reads version {VERSION}"
                    );
                    return Err(wrong(number, reason));
                }
                Line::Begin { .. } => {
                    return Err(wrong(number, "a transcript begins once".to_owned()));
                }
                _ if !begun => {
                    let reason = "a transcript begins with the line `begin`".to_owned();
                    return Err(wrong(number, reason));
                }
                Line::Call { call, driver, method, arguments, .. } => {
                    if places.insert(call, calls.len()).is_some() {
                        return Err(wrong(number, format!("call {call} is there twice")));
                    }
                    let (requests, end) = (Vec::new(), None);
                    calls.push(Call { number: call, driver, method, arguments, requests, end });
                }
                Line::Request { call, request, import, asked, answered, .. } => {
                    let at = open(&mut calls, &places, call)?;
                    let requests = calls.get_mut(at).map(|call| &mut call.requests);
                    let requests = requests.filter(|requests| requests.len() as u64 + 1 == request);
                    let requests = requests.ok_or_else(|| {
                        wrong(number, format!("request {request} of call {call} is out of order"))
                    })?;
                    requests.push(Request { import, asked, answered });
                }
                Line::End { call, answered, .. } => {
                    let at = open(&mut calls, &places, call)?;
                    if let Some(call) = calls.get_mut(at) {
                        call.end = Some(answered);
                    }
                }
            }
        }
        if !begun {
            return Err(wrong(1, "it is empty".to_owned()));
        }
        Ok(Self { calls, lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_read_and_written_again_is_the_same() {
        // A free capacity whose neighbour a quick reader takes it for.
        let line = r#"{"line":"end","call":1,"at_ms":0,"answered":{"ok":18.428630828857425}}"#;
        let read: Line = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), line);
    }
}
