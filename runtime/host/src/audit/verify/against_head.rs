//! Compares an audit's files with `audit.head`: how large the last one was when it was last
//! written, and how many lines came since. Called by the walk, at its end.

use super::super::finding::FindingKind;
use super::super::head::{self, Head};
use super::super::log::AuditFile;
use super::told::{Place, Told, beside};

/// The last line in its place.
pub(super) struct Last {
    /// Its number; 0 where there is none.
    pub seq: u64,
    /// The position of its file among all.
    pub at: usize,
    /// Where it ends there, in bytes.
    pub offset: u64,
}

/// Tells what does not fit; `end` is the place behind the last line.
pub(super) fn compare<'a>(
    head: &Head,
    files: &[AuditFile],
    last: &Last,
    end: &Place<'a>,
    told: &mut Told<'a>,
) {
    let Last { seq, at, offset } = *last;
    // It may be about a file that was closed since, but about none before that.
    let newest = files.iter().map(|file| file.number).max().unwrap_or_default();
    let length = files.iter().find(|file| file.number == head.file).map(|file| file.length);
    let is_about_last =
        seq == head.link.seq && files.get(at).is_some_and(|file| file.number == head.file);
    if head.file.saturating_add(1) < newest || (length.is_none() && seq > 0) {
        let message = format!("it knows the file with number {}, not {newest}", head.file);
        told.find(beside(head::FILE), FindingKind::Head, message);
    } else if seq == head.link.seq && length.is_some_and(|length| length < head.length) {
        let missing = head.length - length.unwrap_or_default();
        let message = format!("{missing} bytes are missing at its end");
        told.find(end.clone(), FindingKind::Truncated, message);
    } else if is_about_last && offset != head.length && told.is_whole() {
        let message =
            format!("it knows {} bytes, and the last line ends with {offset}", head.length);
        told.find(beside(head::FILE), FindingKind::Head, message);
    }
    let more = seq.saturating_sub(head.link.seq);
    if more > 0 {
        // They are of the chain, and the next writer goes on behind them.
        let message = format!(
            "`audit.head` does not know of its end yet, {more} lines: their writer came no \
             further, or the power failed"
        );
        told.note(end.clone(), FindingKind::Unknown, message);
    }
}
