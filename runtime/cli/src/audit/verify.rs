//! `abaca audit verify`: whether all lines are as they were written, backend by backend.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use abaca::audit::{Anchor, AnchorSource, AuditLog, Verification};
use serde_json::json;

use super::anchors::{self, Anchors};
use super::away;
use crate::failure::Result;
use crate::output::{self, Output, plain};

/// The exit code when one is not: the same as for a state that is damaged.
const NOT_WHOLE: u8 = 5;

/// Looks, and answers the exit code.
///
/// # Errors
/// When something cannot be read.
pub async fn run(
    anchors: Option<PathBuf>,
    logs: Vec<AuditLog>,
    output: Output,
) -> Result<ExitCode> {
    let work = away(move || {
        let mut anchors = anchors.as_deref().map(anchors::read).transpose()?.unwrap_or_default();
        let verify = |log: &AuditLog| verify(log, &mut anchors);
        logs.iter().map(verify).collect::<Result<Vec<_>>>()
    });
    let all = output.wait("verifying the audit", work).await?;
    let is_whole = all.iter().all(Verification::is_whole);
    let document = json!({ "whole": is_whole, "backends": all });
    output.answer(&document, || all.iter().map(text).collect())?;
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(NOT_WHOLE) })
}

fn verify(log: &AuditLog, anchors: &mut Anchors) -> Result<Verification> {
    Ok(log.verify(anchors.remove(log.backend()).unwrap_or_default())?)
}

fn text(audit: &Verification) -> String {
    let mut text = format!("{}: {}\n", plain(&audit.backend), verdict(audit));
    for (kind, findings) in [("", &audit.findings), ("note: ", &audit.notes)] {
        for finding in findings {
            let _ = writeln!(text, "  {kind}{}", plain(&finding.to_string()));
        }
    }
    if audit.more {
        text.push_str("  … and more\n");
    }
    if audit.lines > 0 {
        let _ = writeln!(text, "  {}", anchored(audit));
    }
    text
}

fn verdict(audit: &Verification) -> String {
    let files = match audit.files.len() {
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    };
    let lines = format!("{} lines in {files}", audit.lines);
    match (audit.is_whole(), &audit.first, &audit.last) {
        (true, Some(first), Some(last)) => {
            format!("whole: {lines}, seq {} to {}", first.seq, last.seq)
        }
        (true, ..) => "nothing was written yet".to_owned(),
        (false, ..) => format!("NOT WHOLE ({lines} are as they were written)"),
    }
}

/// How far somebody outside of the audit's files says the same.
fn anchored(audit: &Verification) -> String {
    let when = |anchor: &Anchor| {
        anchor.time.map_or_else(String::new, |time| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds")]
            let seconds = time as u64;
            format!(" at {}", output::time(seconds))
        })
    };
    let mut text = match &audit.anchor {
        Some(anchor) => {
            format!("{} agrees up to seq {}{}", anchor.source, anchor.link.seq, when(anchor))
        }
        None => "nothing outside of its files says how far it went".to_owned(),
    };
    text.push_str(&match &audit.system_log {
        None => "; no system log has taken an anchor: whoever can write here can write all of it \
                 anew"
            .to_owned(),
        Some(anchor) if anchor.source == AnchorSource::SystemLog => {
            format!("; the system log has anchors up to seq {}", anchor.link.seq)
        }
        Some(anchor) => format!(
            "; the system log was given seq {}{}: `--anchors` compares it",
            anchor.link.seq,
            when(anchor)
        ),
    });
    text
}
