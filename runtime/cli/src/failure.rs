//! Everything that can keep a command from being done, how it is told, and its exit code.
//! Made by every other file, reported by `main` alone.
//!
//! ```text
//! error: what happened            {"error": {"blame": ..., "message": ..., "advice": ...,
//! fault: whose it is                         "place": null or where in which file,
//! next: what to do                           "driver": null or {"CASE": what the driver said}}}
//! ```

use std::fmt::Write;
use std::process::ExitCode;

use abaca::configuration::ConfigurationError;
use abaca::policy::PolicyError;
use abaca::{Blame, ErrorDocument, printable};
use clap::error::ErrorKind;
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource,
};
use serde_json::{Map, Value, json};

use crate::interruption::Interruption;
use crate::output::{self, Output};

/// What a command answers.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// The most bytes of a message that are shown: those of the library are shorter.
const MESSAGE_BYTES: usize = 16 * 1024;

const UNEXPECTED: u8 = 1;
const OPERATOR: u8 = 2;
const DRIVER: u8 = 3;
const BACKEND: u8 = 4;
const RUNTIME: u8 = 5;
/// Something else is under way on the same thing: asked again later, it can be done. The door's
/// number for it ends in the same digit.
const BUSY: u8 = 7;
/// 128 and the number of SIGINT, as shells count.
const INTERRUPTED: u8 = 130;

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What the library answered.
    #[error(transparent)]
    Library(#[from] abaca::Error),
    /// What this command refuses before the library is asked.
    #[error("{message}")]
    Refused {
        /// Why.
        message: String,
        /// What to do instead.
        advice: String,
    },
    /// Backends whose records cannot be read leave the answer incomplete.
    #[error("{message}")]
    Unreadable {
        /// Which, and why.
        message: String,
        /// Whose fault one of them is.
        blame: Blame,
        /// What to do about that one.
        advice: &'static str,
    },
    /// What the door refuses before a backend is asked.
    #[error(transparent)]
    Door(#[from] abaca::door::Failure),
    /// What a service answered over its socket.
    #[error("{}", .0.message)]
    Remote(Box<ErrorDocument>),
    /// The user gave up.
    #[error("{}", .0.message)]
    Interrupted(Interruption),
    /// What should not happen.
    #[error("{0:#}")]
    Unexpected(#[from] anyhow::Error),
}

/// A mistake in a file, wherever it was found.
struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    span: std::ops::Range<usize>,
    /// The file's text; none of a configuration, which may hold secrets.
    source: Option<&'a str>,
    message: &'a str,
    help: Option<&'a str>,
}

impl Failure {
    /// A request that is refused.
    pub fn refused(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Refused { message: message.into(), advice: advice.into() }
    }

    /// The exit code.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Unexpected(_) => UNEXPECTED,
            Self::Interrupted(_) => INTERRUPTED,
            _ if self.is_busy() => BUSY,
            _ => match self.blame() {
                Blame::Operator => OPERATOR,
                Blame::Driver => DRIVER,
                Blame::Backend => BACKEND,
                Blame::Runtime => RUNTIME,
            },
        })
    }

    /// The failure as one JSON value.
    pub fn document(&self) -> Value {
        let place = self
            .place()
            .map(|place| json!({ "file": place.file, "line": place.line, "column": place.column }));
        let mut document = match self {
            Self::Library(error) => fields(&ErrorDocument::from(error)),
            Self::Door(failure) => fields(&failure.document()),
            Self::Remote(document) => fields(document),
            _ => Map::new(),
        };
        document.insert("blame".to_owned(), json!(self.blame()));
        document.insert("message".to_owned(), self.message().into());
        document.insert("advice".to_owned(), self.advice().into());
        document.insert("place".to_owned(), json!(place));
        document.into()
    }

    /// Tells it on standard error, and answers the exit code.
    pub fn report(&self, json: bool) -> ExitCode {
        if json {
            let document = json!({ "error": self.document() }).to_string();
            output::complain(&format!("{}\n", output::escaped(&document)));
        } else {
            output::complain(&self.text());
        }
        self.code()
    }

    fn text(&self) -> String {
        let mut text = format!("error: {}\n", printable(&self.message(), MESSAGE_BYTES));
        if let Some(place) = self.place() {
            text.push_str(&place.picture());
        }
        // Giving up is nobody's fault, and neither is coming at the wrong time.
        if !matches!(self, Self::Interrupted(_)) && !self.is_busy() {
            let _ = writeln!(text, "fault: {}", self.blame());
        }
        let advice = self.advice();
        if !advice.is_empty() {
            let _ = writeln!(text, "next: {}", printable(&advice, MESSAGE_BYTES));
        }
        text
    }

    /// Whether it is for nobody to mend, but to ask again.
    fn is_busy(&self) -> bool {
        match self {
            Self::Library(error) => matches!(error, abaca::Error::Busy(_)),
            Self::Door(failure) => failure.document().kind == abaca::ErrorKind::Busy,
            Self::Remote(document) => document.kind == abaca::ErrorKind::Busy,
            _ => false,
        }
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Library(error) => error.blame(),
            Self::Door(failure) => failure.document().blame,
            Self::Remote(document) => document.blame,
            Self::Unreadable { blame, .. } => *blame,
            Self::Refused { .. } | Self::Interrupted(_) => Blame::Operator,
            Self::Unexpected(_) => Blame::Runtime,
        }
    }

    fn message(&self) -> String {
        match self.place() {
            Some(Place { file, line, column, message, .. }) => {
                format!("{file}:{line}:{column}: {message}")
            }
            None => self.to_string(),
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Library(error) => match self.place().and_then(|place| place.help) {
                Some(help) => help.to_owned(),
                None => error.advice().to_owned(),
            },
            Self::Door(failure) => failure.document().advice,
            Self::Remote(document) => document.advice.clone(),
            Self::Refused { advice, .. } => advice.clone(),
            Self::Unreadable { advice, .. } => (*advice).to_owned(),
            Self::Interrupted(interruption) => interruption.advice.to_owned(),
            Self::Unexpected(_) => "this is a mistake in Abaca: please report it".to_owned(),
        }
    }

    fn place(&self) -> Option<Place<'_>> {
        match self {
            Self::Library(abaca::Error::Configuration(error)) => Some(error.into()),
            Self::Library(abaca::Error::Policy(error)) => Some((&**error).into()),
            _ => None,
        }
    }
}

/// What the library tells of an error: its kind, and the driver's own error where it has one.
fn fields(document: &ErrorDocument) -> Map<String, Value> {
    match serde_json::to_value(document) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

impl<'a> From<&'a ConfigurationError> for Place<'a> {
    fn from(error: &'a ConfigurationError) -> Self {
        let ConfigurationError { file, line, column, span, message, help } = error;
        let (line, column, span) = (*line, *column, span.clone());
        Self { file, line, column, span, source: None, message, help: help.as_deref() }
    }
}

impl<'a> From<&'a PolicyError> for Place<'a> {
    fn from(error: &'a PolicyError) -> Self {
        let PolicyError { file, line, column, span, message, help, source_text } = error;
        let (line, column, span, source) = (*line, *column, span.clone(), Some(&**source_text));
        Self { file, line, column, span, source, message, help: help.as_deref() }
    }
}

impl Place<'_> {
    /// The lines around the place, with a mark below it.
    fn picture(&self) -> String {
        let Some(source) = self.source else { return String::new() };
        let source = NamedSource::new(printable(self.file, MESSAGE_BYTES), masked(source));
        let mark = LabeledSpan::underline(self.span.clone());
        let report = miette::Report::new(MietteDiagnostic::new("").with_label(mark))
            .with_source_code(source);
        let diagnostic: &dyn Diagnostic = report.as_ref();
        let mut picture = String::new();
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
        // A picture that cannot be drawn is left out: the message has the line and the column.
        if handler.render_report(&mut picture, diagnostic).is_err() {
            return String::new();
        }
        let lines = picture.lines().filter(|line| !line.trim().is_empty() && line.trim() != "×");
        lines.map(|line| format!("{line}\n")).collect()
    }
}

/// The text with everything that could act on a terminal replaced, each byte by one, so that
/// spans still fit.
fn masked(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        let mut bytes = [0; 4];
        let as_text = character.encode_utf8(&mut bytes);
        if matches!(character, '\n' | '\t') || output::is_plain(as_text) {
            plain.push(character);
        } else {
            plain.extend(std::iter::repeat_n('?', character.len_utf8()));
        }
    }
    plain
}

/// Answers the last of several failures; the others are told before it. In JSON each stands with
/// what it is about.
///
/// # Errors
/// When there is any.
pub fn last(mut failures: Vec<Failure>, output: Output) -> Result<()> {
    let last = failures.pop();
    if !output.json {
        for failure in &failures {
            failure.report(output.json);
        }
    }
    last.map_or(Ok(()), Err)
}

/// Reports what is wrong with the command line, or prints the help that was asked for.
pub fn usage(error: &clap::Error) -> ExitCode {
    let is_asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let json = std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json");
    if is_asked_for || !json {
        // Nothing can be told where the terminal is gone.
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(OPERATOR));
    }
    let message = error.to_string();
    // What follows the first empty line is the usage, which is not for programs.
    let message = message.split("\n\n").next().unwrap_or_default();
    let message = message.trim().trim_start_matches("error: ");
    Failure::refused(message, "see `abaca --help`").report(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_text_has_its_length_and_nothing_that_acts() {
        let text = "a = \"\u{1b}[2J\u{202e}ü\"\n\tb";
        let masked = masked(text);
        assert_eq!(masked.len(), text.len());
        assert_eq!(masked, "a = \"?[2J???ü\"\n\tb");
    }

    #[test]
    fn a_drivers_error_keeps_its_case() {
        use abaca::types::{CommandFailure, Error};
        let failure = |error| Failure::from(abaca::Error::Driver(error)).document();
        let busy = failure(Error::ShareSnapshotIsBusy("why".to_owned()));
        assert_eq!(busy["driver"], json!({ "share-snapshot-is-busy": "why" }));
        let (program, stderr) = ("cp".to_owned(), String::new());
        let failed = failure(Error::CommandFailed(CommandFailure { program, code: None, stderr }));
        assert_eq!(failed["driver"]["command-failed"]["program"], "cp");
        assert_eq!(Failure::refused("no", "do").document()["driver"], Value::Null);
    }

    #[test]
    fn a_failure_says_what_whose_and_what_next() {
        let failure = Failure::refused("no \u{1b}", "do this");
        assert_eq!(failure.text(), "error: no \\u{1b}\nfault: operator\nnext: do this\n");
    }
}
