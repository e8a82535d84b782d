//! What a walk through an audit has to tell, and about which places: findings and notes, so many
//! at most. Filled by the walk and by what it is made of.

use super::super::finding::{Finding, FindingKind};

/// The most findings that are told: whoever has so many needs no more of them.
const FINDINGS: usize = 100;

/// Where something is.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    /// The position of its file among all, for their order.
    pub at: usize,
    pub file: &'a str,
    /// The line in it, from 1; none where it is about the whole file.
    pub line: Option<u64>,
}

/// Not in one of the files that were walked through, or about all of them.
pub(super) fn beside(file: &str) -> Place<'_> {
    Place { at: usize::MAX, file, line: None }
}

type Places<'a> = Vec<(Place<'a>, FindingKind, String)>;

/// All that was told by now.
#[derive(Debug, Default)]
pub(super) struct Told<'a> {
    findings: Places<'a>,
    notes: Places<'a>,
    /// Whether there were more findings than are told.
    pub more: bool,
}

impl<'a> Told<'a> {
    /// Something is not as it was written.
    pub(super) fn find(&mut self, place: Place<'a>, kind: FindingKind, message: impl Into<String>) {
        if self.findings.len() < FINDINGS {
            self.findings.push((place, kind, message.into()));
        } else {
            self.more = true;
        }
    }

    /// Something looks like it, and is accounted for.
    pub(super) fn note(&mut self, place: Place<'a>, kind: FindingKind, message: impl Into<String>) {
        if self.notes.len() < FINDINGS {
            self.notes.push((place, kind, message.into()));
        }
    }

    /// Whether nothing was found yet.
    pub(super) fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }

    /// The findings and the notes, each in the order of the files.
    pub(super) fn sorted(self) -> (Vec<Finding>, Vec<Finding>) {
        (sorted(self.findings), sorted(self.notes))
    }
}

fn sorted(mut places: Places<'_>) -> Vec<Finding> {
    places.sort_by_key(|(place, ..)| (place.at, place.line.unwrap_or(u64::MAX)));
    let finding = |(place, kind, message): (Place<'_>, FindingKind, String)| Finding {
        file: place.file.to_owned(),
        line: place.line,
        kind,
        message,
    };
    places.into_iter().map(finding).collect()
}
