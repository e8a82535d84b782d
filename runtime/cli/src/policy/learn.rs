//! `abaca policy learn`: the least policy that would have granted what a trial asked for. What
//! is learnt is the policy crate's; here requests are gathered and the answer is told.

use std::fmt::Write as _;
use std::process::ExitCode;

use abaca::policy::{Direction, LearnError, Learned, Request, learn as learn_from};
use abaca::read_text;
use serde_json::json;

use super::find_file;
use super::requests::{self, Requests};
use crate::cli::{Audits, Global};
use crate::failure::{Failure, Result};
use crate::output::{Output, plain};

/// The largest policy, as the policy crate has it.
const MAX_POLICY: u64 = 1 << 20;

/// Prints the policy, with what it lacks in comments before it.
pub(super) fn learn(
    wanted: &str,
    audits: Audits,
    global: &Global,
    output: Output,
) -> Result<ExitCode> {
    let file = find_file(wanted, global)?;
    let source = read_text(&file, MAX_POLICY)?;
    let mut asked: Vec<Request> = Vec::new();
    let mut unknown = 0_usize;
    let read = requests::each(audits, Some(wanted), global, |_, found| {
        // What was denied was not needed: the trial went on without it.
        match found.requests {
            Ok(requests) if found.granted.is_some() => asked.extend(requests),
            Err(_) if found.granted.is_some() => unknown += 1,
            _ => {}
        }
    })?;
    let learned = learn_from(&source, &file.display().to_string(), asked).map_err(failure)?;
    let document = json!({
        "policy": learned.text,
        "granted": learned.granted,
        "not_granted": learned.denied.len(),
        "unknown": unknown,
        "unsound_lines": read.unsound,
        "audits": read.files,
        "changes": learned.diff.changes,
    });
    output.answer(&document, || told(&learned, unknown, &read))?;
    Ok(ExitCode::SUCCESS)
}

fn failure(error: LearnError) -> Failure {
    match error {
        LearnError::Policy(error) => abaca::Error::from(error).into(),
        LearnError::Nothing { .. } => Failure::refused(
            error.to_string(),
            "is it an audit of this driver? `abaca policy simulate` says how each was decided",
        ),
        LearnError::Layout { .. } => Failure::refused(
            error.to_string(),
            "write each rule as a table of its own, under [[command]] or [[files]]",
        ),
        error => Failure::Unexpected(error.into()),
    }
}

/// The policy file. Comments take no control characters, and nothing here has any.
fn told(learned: &Learned, unknown: usize, read: &Requests) -> String {
    let mut text = String::new();
    let files: Vec<_> = read.files.iter().map(|file| plain(&file.display().to_string())).collect();
    let _ = writeln!(
        text,
        "# The least policy that grants what was asked in\n# {}\n# (different requests: {}).",
        files.join(", "),
        learned.granted
    );
    if unknown + learned.denied.len() > 0 {
        let _ = writeln!(
            text,
            "# Left out: {} that the policy does not grant, {unknown} that the audit holds only in part.",
            learned.denied.len()
        );
    }
    if read.unsound > 0 {
        let _ = writeln!(
            text,
            "# {} lines of the audit are not as they were written: `abaca audit verify` says more.",
            read.unsound
        );
    }
    for change in &learned.diff.changes {
        let word = match change.direction {
            Direction::Gone => "never used",
            _ => "narrower",
        };
        let _ =
            writeln!(text, "# {word}: {} {} {}", change.subject, change.id, plain(&change.line));
        for difference in &change.differences {
            let side = |text: &Option<String>| text.as_deref().map_or("nothing".to_owned(), plain);
            let (from, to) = (side(&difference.from), side(&difference.to));
            let _ = writeln!(text, "#     {}: {from} -> {to}", plain(&difference.what));
        }
    }
    text.push('\n');
    text.push_str(&learned.text);
    text
}
