//! What is wrong with a policy file, and where.
//!
//! Not a refusal of a request: that is `Denial`. Everything in `load` answers a
//! [`Flaw`] (a span and words); `Policy::parse` turns it into a [`PolicyError`],
//! which also knows the file, the line and the text, so that a front end can
//! underline the place.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::text::shown;

/// A policy file that was refused. Its `Display` is
/// `FILE:LINE:COLUMN: message`, followed by the help on a line of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}{}", HelpLine(.help))]
pub struct PolicyError {
    /// The file as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The place in `source_text`, in bytes.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// The text that was parsed.
    pub source_text: Arc<str>,
}

struct HelpLine<'a>(&'a Option<String>);

impl fmt::Display for HelpLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl PolicyError {
    pub(crate) fn new(flaw: Flaw, file: &str, source: &str) -> PolicyError {
        let before = source.get(..flaw.span.start).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        PolicyError {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            span: flaw.span,
            message: flaw.message,
            help: flaw.help,
            source_text: Arc::from(source),
        }
    }
}

/// A fault found while loading: where, what, and what to do about it.
#[derive(Debug)]
pub(crate) struct Flaw {
    span: Range<usize>,
    message: String,
    help: Option<String>,
}

impl Flaw {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Flaw {
        Flaw { span, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Flaw {
        self.help = Some(help.into());
        self
    }

    /// A word that is none of the allowed ones. `what` completes "unknown …".
    pub(crate) fn unknown<'a>(
        span: Range<usize>,
        what: &str,
        word: &str,
        allowed: impl IntoIterator<Item = &'a str>,
    ) -> Flaw {
        let allowed: Vec<&str> = allowed.into_iter().collect();
        let list = allowed.join(", ");
        let help = match nearest(word, &allowed) {
            _ if allowed.is_empty() => "none is defined in this file".to_owned(),
            Some(near) => format!("did you mean `{near}`? Allowed: {list}"),
            None => format!("allowed: {list}"),
        };
        Flaw::new(span, format!("unknown {what} {}", shown(word))).help(help)
    }
}

/// Words longer than this get no suggestion: the comparison's cost grows with
/// both lengths, and nobody misspells a key at this length.
const MAX_SUGGESTED_FOR: usize = 64;

fn nearest<'a>(word: &str, allowed: &[&'a str]) -> Option<&'a str> {
    if word.len() > MAX_SUGGESTED_FOR {
        return None;
    }
    // A third of the letters wrong is a slip; more is another word.
    let tolerance = (word.chars().count() / 3).max(1);
    allowed
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= tolerance)
        .min()
        .map(|(_, candidate)| candidate)
}
