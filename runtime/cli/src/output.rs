//! What a command answers on standard output: one JSON document, or plain text for people,
//! with tables whose columns are aligned. Nothing of other people's text reaches the terminal
//! unescaped: it all passes [`plain`].

use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::time::Duration;

use abaca::printable;
pub use abaca::printable_time as time;
use anyhow::Context;
use indicatif::{ProgressBar, ProgressFinish};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::failure::Result;

/// The longest text in a cell or a fact, in bytes: a path or a message may be that long.
const TEXT_BYTES: usize = 4 * 1024;

/// How long nothing is shown: most calls are over by then.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the spinner turns.
const TURN: Duration = Duration::from_millis(120);

/// How answers are given.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// For programs.
    pub json: bool,
}

impl Output {
    /// Gives the answer: the document, or what `text` says.
    ///
    /// # Errors
    /// When standard output does not take it.
    pub fn answer(self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        if !self.json {
            return write(text().as_bytes());
        }
        let document = serde_json::to_string_pretty(document).context("the answer as JSON")?;
        write(format!("{}\n", escaped(&document)).as_bytes())
    }

    /// Waits, and shows a spinner on standard error if that takes long and is a terminal.
    pub async fn wait<T>(self, what: &str, work: impl Future<Output = T>) -> T {
        let spinner = async {
            tokio::time::sleep(PATIENCE).await;
            let bar = ProgressBar::new_spinner()
                .with_finish(ProgressFinish::AndClear)
                .with_message(plain(what));
            bar.enable_steady_tick(TURN);
            // Held until the work is done, and cleared when it is dropped then.
            std::future::pending::<()>().await;
            drop(bar);
        };
        tokio::select! {
            biased;
            done = work => done,
            never = async { spinner.await; std::future::pending::<T>().await } => never,
        }
    }
}

/// Writes to standard output. A reader that has seen enough is no failure.
///
/// # Errors
/// When standard output does not take it.
pub fn write(bytes: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("standard output").into())
        }
        _ => Ok(()),
    }
}

/// Writes to standard error; where that is gone, nobody can be told.
pub fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Other people's text on one line, with nothing in it that acts on a terminal.
pub fn plain(text: &str) -> String {
    printable(text, TEXT_BYTES)
}

/// JSON in which no character acts on a terminal. JSON itself escapes only the first 32; the
/// others stand in strings alone, where an escape means the same.
pub fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        let mut bytes = [0; 4];
        if character == '\n' || is_plain(character.encode_utf8(&mut bytes)) {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

/// Whether nothing in a text acts on a terminal.
pub fn is_plain(text: &str) -> bool {
    printable(text, text.len()) == text
}

/// The contract's word for a case: `error-deleting` for `ErrorDeleting`.
pub fn word(case: &impl Serialize) -> String {
    match serde_json::to_value(case) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Rows below headers.
pub fn table<const COLUMNS: usize>(
    headers: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> String {
    let mut lines = vec![headers.map(str::to_uppercase)];
    lines.extend(rows.into_iter().map(|row| row.map(|cell| plain(&cell))));
    let mut widths = [0; COLUMNS];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let mut shown = String::new();
        for (width, cell) in widths.iter().zip(line) {
            let gap = width.saturating_sub(cell.width()) + 2;
            let _ = write!(shown, "{cell}{:gap$}", "");
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

/// What went wrong with the things of a table, below it: a line for each that has a message.
pub fn notes<'a>(messages: impl Iterator<Item = (&'a String, &'a Option<String>)>) -> String {
    messages.fold(String::new(), |mut text, (id, message)| {
        if let Some(message) = message {
            let _ = writeln!(text, "{}: {}", plain(id), plain(message));
        }
        text
    })
}

/// What is known of one thing, a line each; what is empty is left out.
pub fn facts<'a>(facts: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let facts: Vec<_> = facts.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default() + 1;
    facts.into_iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{:width$} {}", format!("{name}:"), plain(&value));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use abaca::types::{ShareProtocol, ShareStatus};

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        let rows = [["漢".to_owned(), "1".to_owned()], ["a\u{1b}".to_owned(), "2".to_owned()]];
        assert_eq!(table(["id", "n"], rows), "ID       N\n漢       1\na\\u{1b}  2\n");
    }

    #[test]
    fn json_has_nothing_that_acts_on_a_terminal() {
        let text = "a\u{9b}2J\u{202e}\u{e0001}\n\u{7f}ü";
        let json = escaped(&serde_json::to_string_pretty(&[text]).unwrap());
        assert!(json.lines().all(is_plain), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text]);
    }

    #[test]
    fn cases_have_the_words_of_the_contract() {
        assert_eq!(
            word(&ShareStatus::ShrinkingPossibleDataLossError),
            "shrinking-possible-data-loss-error"
        );
        assert_eq!(word(&ShareProtocol::Nfs), "nfs");
    }

    #[test]
    fn facts_without_a_value_are_left_out() {
        let text =
            facts([("id", "1".to_owned()), ("none", String::new()), ("size", "2".to_owned())]);
        assert_eq!(text, "id:   1\nsize: 2\n");
    }
}
