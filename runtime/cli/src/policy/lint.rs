//! `abaca policy lint`: what a filter file of OpenStack's rootwrap lets through. It is read as
//! oslo.rootwrap reads it, and never loaded as a policy: its filters compare words with names and
//! regular expressions and then run the words themselves, which no rule here does.
//!
//! What it says of a filter is about any caller who may choose the arguments. It knows programs
//! by name; one that it does not know is never called harmless.

mod file;
mod filter;
mod pattern;
mod programs;

use std::fmt::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use abaca::read_text;
use serde::Serialize;
use serde_json::json;

use self::file::Entry;
use super::ROOT_EQUIVALENT;
use crate::failure::Result;
use crate::output::{Output, plain};

/// The largest filter file that is read: upstream's have a few kilobytes.
const MAX_FILE: u64 = 1 << 20;

/// How much of root a filter hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    /// Whoever may use it is root.
    RootEquivalent,
    /// Nobody has shown that it is less than root.
    Unproved,
    /// It does what it says and no more, but for the faults that stand beside it.
    Bounded,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::RootEquivalent => "ROOT",
            Verdict::Unproved => "UNPROVED",
            Verdict::Bounded => "BOUNDED",
        })
    }
}

/// What is said of one filter.
#[derive(Debug, Serialize)]
struct Finding {
    /// The line where it begins, from 1.
    line: usize,
    name: String,
    /// rootwrap's class, as the file names it.
    class: String,
    /// The program, if it names one.
    program: String,
    /// Whom it runs as.
    user: String,
    verdict: Verdict,
    /// Why, and which faults it has besides.
    reasons: Vec<String>,
    /// Which rules of a policy do what it is for.
    instead: String,
}

/// Reads a filter file and answers with exit code 0 if every filter in it is bounded, and the file
/// is what rootwrap can use.
pub(super) fn lint(path: &Path, output: Output) -> Result<ExitCode> {
    let text = read_text(path, MAX_FILE)?;
    let read = file::read(&text);
    let mut findings: Vec<Finding> = read.entries.iter().map(filter::judge).collect();
    findings.sort_by_key(|finding| (finding.verdict, finding.line));
    let document = json!({
        "file": path.display().to_string(),
        "filters": findings,
        "faults": read.faults,
        "always": filter::ALWAYS,
    });
    output.answer(&document, || told(&findings, &read.faults))?;
    let bounded = findings.iter().all(|finding| finding.verdict == Verdict::Bounded);
    Ok(if bounded && read.faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(ROOT_EQUIVALENT)
    })
}

fn told(findings: &[Finding], faults: &[String]) -> String {
    const INDENT: &str = "          ";
    let mut text = String::new();
    for finding in findings {
        let Finding { line, name, class, program, verdict, reasons, instead, .. } = finding;
        let _ = writeln!(
            text,
            "{verdict:<9} {}: {} {} (line {line})",
            plain(name),
            plain(class),
            plain(program)
        );
        for reason in reasons {
            let _ = writeln!(text, "{INDENT}{}", plain(reason));
        }
        if !instead.is_empty() {
            let _ = writeln!(text, "{INDENT}instead: {}", plain(instead));
        }
    }
    for fault in faults {
        let _ = writeln!(text, "FAULT     {}", plain(fault));
    }
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let _ = writeln!(text, "ALWAYS    {}", filter::ALWAYS);
    let _ = writeln!(
        text,
        "{} filters: {} as good as root, {} unproved, {} bounded",
        findings.len(),
        count(Verdict::RootEquivalent),
        count(Verdict::Unproved),
        count(Verdict::Bounded)
    );
    text
}
