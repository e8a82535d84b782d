//! Where a driver did not do what was recorded, and how that reads.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::super::transcript::Ended;
use crate::text::printable;

/// The longest line of a difference that is shown, in bytes.
const LINE: usize = 400;

/// What a driver said to the host.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// A request: the import, and what was asked.
    Request(String, Value),
    /// The answer of the call.
    Answer(Ended),
}

/// A difference between what was recorded and what a replay saw.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Divergence {
    /// Which of the transcript's calls, from 1.
    pub call: u64,
    /// Its function.
    pub method: String,
    /// Which of the call's requests, from 1; for an answer, how many came before it.
    pub request: usize,
    /// What was recorded; none where the recorded call asked no more.
    pub recorded: Option<Said>,
    /// What the replay saw; none where the driver asked no more.
    pub replayed: Option<Said>,
}

impl Said {
    fn title(&self) -> String {
        match self {
            Self::Request(import, _) => format!("asks {import}"),
            Self::Answer(Ended::Ok(_)) => "answers".to_owned(),
            Self::Answer(Ended::Error(_)) => "answers an error".to_owned(),
            Self::Answer(Ended::Ended(_)) => "is ended".to_owned(),
        }
    }

    /// Title and value, a line for each part of it.
    fn lines(&self) -> String {
        let value = match self {
            Self::Request(_, value) | Self::Answer(Ended::Ok(value) | Ended::Error(value)) => {
                value.clone()
            }
            Self::Answer(Ended::Ended(reason)) => reason.as_str().into(),
        };
        let value = serde_json::to_string_pretty(&value).unwrap_or_default();
        format!("{}\n{value}\n", self.title())
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, method, request, recorded, replayed } = self;
        write!(f, "call {call}, {method}, ")?;
        match (recorded, replayed) {
            (Some(Said::Answer(_)), Some(Said::Answer(_))) => {
                writeln!(f, "its answer after {request} requests is another one:")?;
            }
            (Some(_), None) => writeln!(f, "request {request} was recorded and does not come:")?,
            (None, Some(_)) => writeln!(f, "request {request} comes and was not recorded:")?,
            _ => writeln!(f, "request {request} is another one:")?,
        }
        writeln!(f, "  - recorded")?;
        writeln!(f, "  + this driver")?;
        let text = |said: &Option<Said>| said.as_ref().map(Said::lines).unwrap_or_default();
        let (then, now) = (text(recorded), text(replayed));
        for change in TextDiff::from_lines(&then, &now).iter_all_changes() {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            writeln!(f, "  {sign} {}", printable(change.value().trim_end_matches('\n'), LINE))?;
        }
        Ok(())
    }
}
