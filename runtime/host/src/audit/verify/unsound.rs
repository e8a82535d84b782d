//! What stands in an audit's file and is no line as it was sealed: remembered until it is known
//! whether a crash tore it, as the next line or `audit.head` says, or somebody altered it. Asked by
//! the walk.

use super::super::Event;
use super::super::finding::FindingKind;
use super::super::line::{AuditLine, Link};
use super::super::pieces::{Piece, Torn};
use super::told::{Place, Told};

/// Pieces that are no lines, one after the other in one file.
#[derive(Debug, Default)]
pub(super) struct Unsound<'a> {
    torn: Torn,
    places: Vec<Place<'a>>,
    /// Where the first one begins in its file.
    offset: u64,
}

impl<'a> Unsound<'a> {
    pub(super) fn add(&mut self, piece: &Piece, place: Place<'a>) {
        if self.places.is_empty() {
            self.offset = piece.offset;
        }
        // A line in several pieces is one place.
        if self.places.last().is_none_or(|last| last.line != place.line) {
            self.places.push(place);
        }
        self.torn.add(piece);
    }

    /// Accounts for them by the line after them, if there are any; answers whether they take the
    /// place of altered lines.
    pub(super) fn before(
        &mut self,
        line: &AuditLine,
        place: &Place<'a>,
        last: Option<&Link>,
        told: &mut Told<'a>,
    ) -> bool {
        if self.places.is_empty() {
            return false;
        }
        let (bytes, sha256) = self.torn.clone().finish();
        let tells = line.word("event") == Event::Torn.word()
            && line.number("torn_bytes") == Some(bytes)
            && line.word("torn_sha256") == sha256;
        if !tells {
            self.altered(last, Some(line.link.seq), told);
            return true;
        }
        let at = place.line.unwrap_or_default();
        for torn in std::mem::take(self).places {
            let message = format!("torn: its writer came no further, as line {at} says");
            told.note(torn, FindingKind::Torn, message);
        }
        false
    }

    /// At the end of all files, the last of which `audit.head` knows up to `known` bytes: nobody
    /// has written since, so what stands behind those is torn.
    pub(super) fn at_end(&mut self, end: &Place<'a>, known: u64, told: &mut Told<'a>) {
        let is_last = self.places.first().is_some_and(|place| place.at == end.at);
        if is_last && known > 0 && self.offset >= known {
            for place in std::mem::take(self).places {
                let message = "torn: its writer came no further; the next line will say so";
                told.note(place, FindingKind::Torn, message);
            }
        }
    }

    /// Nothing accounts for them: tells so. They stand between the line `last` and the one with
    /// the number `next`.
    pub(super) fn altered(&mut self, last: Option<&Link>, next: Option<u64>, told: &mut Told<'a>) {
        let first = last.map_or(1, |last| last.seq.saturating_add(1));
        let stood = match next.and_then(|next| next.checked_sub(1)) {
            Some(last) if last > first => format!("; here stood seq {first} to {last}"),
            _ => format!("; here stood seq {first}"),
        };
        for place in std::mem::take(self).places {
            let message = format!("not as it was written: its hash does not fit its text{stood}");
            told.find(place, FindingKind::Altered, message);
        }
    }
}
