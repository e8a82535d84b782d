//! The text of a configuration, and what is wrong with it, told by line and column and never by
//! the line itself. Made by `configuration` alone.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::options::nearest;

/// What is wrong with a configuration, and where. It carries no part of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}{}", help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default())]
pub struct ConfigurationError {
    /// The file as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The place in the file, in bytes.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// The text that is read, and the name it has in messages.
#[derive(Clone)]
pub(super) struct Source {
    pub file: String,
    pub text: Arc<str>,
}

/// Without the text, in which secrets may stand.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Source {
    /// An error at a place of this text, told in lines and columns.
    pub(super) fn error(
        &self,
        span: Range<usize>,
        message: &str,
        help: Option<String>,
    ) -> ConfigurationError {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ConfigurationError {
            file: self.file.clone(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            span,
            message: message.to_owned(),
            help,
        }
    }

    /// What the TOML reader says, with the nearest key where one is misspelt, and without the
    /// value that it quotes where one is of another type.
    pub(super) fn misread(&self, error: &toml::de::Error) -> ConfigurationError {
        let message = error.message();
        if let Some((_, expected)) = message.rsplit_once(", expected ")
            && ["invalid type: ", "invalid value: "].iter().any(|so| message.starts_with(so))
        {
            let message = format!("the value here does not fit: expected {expected}");
            return self.error(error.span().unwrap_or(0..0), &message, None);
        }
        let mut quoted = message.split('`').skip(1).step_by(2);
        let help = match quoted.next() {
            Some(wrong) if message.starts_with("unknown field") => nearest(wrong, quoted),
            _ => None,
        };
        self.error(error.span().unwrap_or(0..0), message, help)
    }
}
