//! Whether a chain is as it was written: one walk over all files, oldest first, which compares each
//! line with the one before it and with whoever else knows it. Reads only. Called by
//! [`AuditLog::verify`](super::AuditLog::verify).
//!
//! ```text
//! piece ─▶ sealed? ─no─▶ remembered ─▶ does the next line say that it is torn? ─▶ note or finding
//!            │yes            (unsound)
//!            └─▶ follows? ─no─▶ missing, out of order, or written anew
//!                  │yes
//!                  └─▶ an anchor with this number? ─▶ does it say the same?      (outside)
//! the end ─▶ as far as anchors and `audit.head` know?               (outside, against_head)
//! ```

mod against_head;
mod outside;
mod told;
mod unsound;

use std::ops::RangeInclusive;
use std::path::Path;

use self::against_head::Last;
use self::outside::Outside;
use self::told::{Place, Told, beside};
use self::unsound::Unsound;
use super::Event;
use super::files;
use super::finding::{FindingKind, Verification};
use super::head;
use super::kept::{Anchor, AnchorSource};
use super::line::{AuditLine, Link, read};
use super::log::{AuditFile, Moment, failed};
use crate::database;
use crate::error::Result;

/// The way through all lines.
struct Walk<'a> {
    backend: &'a str,
    outside: Outside<'a>,
    unsound: Unsound<'a>,
    /// Numbers that no line had yet, and before which line they should stand.
    missing: Vec<(RangeInclusive<u64>, Place<'a>)>,
    /// The last line of files that the chain says were removed.
    removed: Vec<Link>,
    /// The first line in its place, and what it follows if nothing unsound stands before it.
    first: Option<(Link, Option<String>)>,
    /// The last line in its place.
    last: Option<Link>,
    /// The position of its file, and where it ends there.
    last_end: (usize, u64),
    lines: u64,
    told: Told<'a>,
}

/// Looks through all of an audit. `known` is what the backend's state and a system log know of it;
/// `has_state` says whether that state is there.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn verify(
    backend: &str,
    moment: &Moment,
    known: &[Anchor],
    has_state: bool,
) -> Result<Verification> {
    let head = moment.head.as_ref().and_then(Option::as_ref);
    let of_head = head.map(|head| Anchor {
        chain: head.chain.clone(),
        link: head.link.clone(),
        time: None,
        source: AnchorSource::Head,
    });
    let mut told = Told::default();
    let mut walk = Walk {
        backend,
        outside: Outside::new(known, of_head.as_ref(), &mut told),
        unsound: Unsound::default(),
        missing: Vec::new(),
        removed: Vec::new(),
        first: None,
        last: None,
        last_end: (0, 0),
        lines: 0,
        told,
    };
    for (at, file) in moment.files.iter().enumerate() {
        walk.file(at, file)?;
    }
    let end = Place {
        at: moment.files.len().saturating_sub(1),
        file: moment.files.last().map_or(files::FILE, |file| &file.name),
        line: None,
    };
    walk.end(&end, head.map_or(0, |head| head.length));
    match head {
        Some(head) => {
            let (seq, (at, offset)) = (walk.seq(), walk.last_end);
            let last = Last { seq, at, offset };
            against_head::compare(head, &moment.files, &last, &end, &mut walk.told);
        }
        None if walk.last.is_none() && known.is_empty() => {}
        None => {
            let damaged = moment.head.is_some();
            let message = if damaged { "it is not as it was written" } else { "it is missing" };
            walk.told.find(beside(head::FILE), FindingKind::Head, message);
        }
    }
    if !has_state && walk.last.is_some() {
        let message = "it is missing: nothing but the audit itself says how far it went";
        walk.told.find(beside(database::FILE), FindingKind::Head, message);
    }
    Ok(walk.answer(&moment.files, known))
}

impl<'a> Walk<'a> {
    fn file(&mut self, at: usize, file: &'a AuditFile) -> Result<()> {
        let failed = |error| failed(Path::new(&file.name), &error);
        // No line at the beginning of a file tells of the end of another one.
        self.unsound.altered(self.last.as_ref(), None, &mut self.told);
        let mut pieces = files::pieces(&file.file, 0, file.length).map_err(failed)?;
        while let Some(piece) = pieces.next().map_err(failed)? {
            let place = Place { at, file: &file.name, line: Some(piece.line) };
            match read(&piece.bytes) {
                Some(line) => self.line(&line, &place, piece.end()),
                None => self.unsound.add(&piece, place),
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &AuditLine, place: &Place<'a>, end: u64) {
        let seq = line.link.seq;
        self.lines += 1;
        let after_altered = self.unsound.before(line, place, self.last.as_ref(), &mut self.told);
        if line.word("backend") != self.backend {
            let message = format!("a line of another backend, {:?}", line.word("backend"));
            self.told.find(place.clone(), FindingKind::Foreign, message);
        }
        match self.last.clone() {
            None => {
                if seq == 1 && !self.outside.is_chain(&line.prev) {
                    let message = "the chain that begins here is another one than it was";
                    self.told.find(place.clone(), FindingKind::Foreign, message);
                }
                let follows = (!after_altered).then(|| line.prev.clone());
                self.first = Some((line.link.clone(), follows));
            }
            Some(last) if seq <= last.seq => return self.late(seq, last.seq, place),
            Some(_) if after_altered => {}
            Some(last) if seq > last.seq.saturating_add(1) => {
                self.missing.push((last.seq + 1..=seq - 1, place.clone()));
            }
            Some(last) if line.prev != last.hash => {
                let message = format!(
                    "the line with seq {seq} does not follow the one before it: one of them was \
                     written anew"
                );
                self.told.find(place.clone(), FindingKind::Replaced, message);
            }
            Some(_) => {}
        }
        self.last = Some(line.link.clone());
        self.last_end = (place.at, end);
        self.outside.compare(line, place, &mut self.told);
        if line.word("event") == Event::Gap.word() {
            let message = "this line says that the audit was shorter than when it was last \
                           written: its end had been cut off, or lost when the power failed";
            self.told.find(place.clone(), FindingKind::Missing, message);
        }
        if line.word("event") == Event::File.word()
            && let Some(through) = line.fields.get("removed_through")
            && let Ok(through) = serde_json::from_value(through.clone())
        {
            self.removed.push(through);
        }
    }

    /// A line that stands after ones with higher numbers.
    fn late(&mut self, seq: u64, last: u64, place: &Place<'a>) {
        let at = self.missing.iter().position(|(lines, _)| lines.contains(&seq));
        let message = match at {
            Some(_) => format!("seq {seq} stands after seq {last}: the order was changed"),
            None => format!("seq {seq} stands here again, after seq {last}"),
        };
        if let Some(at) = at {
            let (lines, before) = self.missing.swap_remove(at);
            let parts = [*lines.start()..=seq.saturating_sub(1), seq + 1..=*lines.end()];
            let parts = parts.into_iter().filter(|part| !part.is_empty());
            self.missing.extend(parts.map(|part| (part, before.clone())));
        }
        self.told.find(place.clone(), FindingKind::Order, message);
    }

    /// After the last line. `known` is how many bytes of the last file the head knows.
    fn end(&mut self, end: &Place<'a>, known: u64) {
        self.unsound.at_end(end, known, &mut self.told);
        self.unsound.altered(self.last.as_ref(), None, &mut self.told);
        for (lines, place) in std::mem::take(&mut self.missing) {
            let (first, last) = lines.into_inner();
            let which = match first == last {
                true => format!("the line with seq {first} is"),
                false => format!("the lines with seq {first} to {last} are"),
            };
            let message = format!("{which} missing before this one");
            self.told.find(place, FindingKind::Missing, message);
        }
        self.check_beginning();
        self.outside.at_end(self.seq(), end, &mut self.told);
    }

    /// Where the oldest lines are gone, a later one must say that they were removed as configured.
    fn check_beginning(&mut self) {
        let Some((first, Some(prev))) = self.first.clone().filter(|(first, _)| first.seq > 1)
        else {
            return;
        };
        let through = Link { seq: first.seq - 1, hash: prev };
        let message = format!("the audit begins with seq {}: the lines before it", first.seq);
        if self.removed.contains(&through) {
            let message = format!("{message} were removed as configured");
            self.told.note(beside(files::FILE), FindingKind::Removed, message);
        } else {
            let message = format!("{message} are missing, and no line says that they were removed");
            self.told.find(beside(files::FILE), FindingKind::Beginning, message);
        }
    }

    /// The number of the last line in its place; 0 where there is none.
    fn seq(&self) -> u64 {
        self.last.as_ref().map_or(0, |last| last.seq)
    }

    fn answer(self, all: &[AuditFile], known: &[Anchor]) -> Verification {
        let logged = |anchor: &&Anchor| {
            matches!(anchor.source, AnchorSource::StateAndSystemLog | AnchorSource::SystemLog)
        };
        let more = self.told.more;
        let (findings, notes) = self.told.sorted();
        Verification {
            backend: self.backend.to_owned(),
            files: all.iter().map(|file| file.name.clone()).collect(),
            lines: self.lines,
            first: self.first.map(|(first, _)| first),
            last: self.last,
            anchor: self.outside.fits.cloned(),
            system_log: known.iter().filter(logged).max_by_key(|one| one.link.seq).cloned(),
            findings,
            notes,
            more,
        }
    }
}
