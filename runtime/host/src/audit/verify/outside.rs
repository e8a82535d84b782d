//! What others than the audit's own files know of its chain: each anchor waits for the line that
//! has its number, and must say the same. Asked by the walk.

use std::collections::BTreeMap;

use super::super::files;
use super::super::finding::FindingKind;
use super::super::head;
use super::super::kept::{Anchor, AnchorSource};
use super::super::line::AuditLine;
use super::told::{Place, Told, beside};

/// Anchors of one chain.
#[derive(Debug, Default)]
pub(super) struct Outside<'a> {
    /// The chain's name, if anybody knows it.
    chain: Option<&'a str>,
    /// Those that no line was compared with yet.
    anchors: BTreeMap<u64, Vec<&'a Anchor>>,
    /// The last one that fits, of another source than `audit.head`.
    pub fits: Option<&'a Anchor>,
}

impl<'a> Outside<'a> {
    /// Sorts anchors; those of another chain are told. The state, if it knows anything, says which
    /// chain it is, since it is the hardest to change.
    pub(super) fn new(
        known: &'a [Anchor],
        of_head: Option<&'a Anchor>,
        told: &mut Told<'a>,
    ) -> Self {
        let state = known.iter().find(|anchor| anchor.source != AnchorSource::SystemLog);
        let chain = state.or(of_head).map(|anchor| &*anchor.chain);
        let mut outside = Self { chain, ..Self::default() };
        let mut others = BTreeMap::new();
        for anchor in known.iter().chain(of_head) {
            if outside.is_chain(&anchor.chain) {
                outside.anchors.entry(anchor.link.seq).or_default().push(anchor);
            } else {
                // Each other chain is told once, with the last that is known of it.
                let last = others.entry(&*anchor.chain).or_insert(anchor);
                *last = if anchor.link.seq > last.link.seq { anchor } else { last };
            }
        }
        others.into_values().for_each(|anchor| tell_of_another(anchor, told));
        outside
    }

    /// Whether the chain has this name, as far as anybody knows.
    pub(super) fn is_chain(&self, name: &str) -> bool {
        self.chain.is_none_or(|chain| chain == name)
    }

    /// Compares a line with the anchors that have its number.
    pub(super) fn compare(&mut self, line: &AuditLine, place: &Place<'a>, told: &mut Told<'a>) {
        for anchor in self.anchors.remove(&line.link.seq).unwrap_or_default() {
            if anchor.link == line.link {
                if anchor.source != AnchorSource::Head {
                    self.fits = Some(anchor);
                }
                continue;
            }
            let since = match self.fits {
                Some(fits) => format!("after seq {}, the last anchor that fits,", fits.link.seq),
                None => "before it".to_owned(),
            };
            let message = format!(
                "{} knows another line with seq {}: from somewhere {since} the audit was written \
                 anew",
                anchor.source, line.link.seq
            );
            told.find(place.clone(), FindingKind::Rewritten, message);
        }
    }

    /// After the last line, with this number: whether anybody knows a later one.
    pub(super) fn at_end(&mut self, seq: u64, end: &Place<'a>, told: &mut Told<'a>) {
        let beyond = self.anchors.split_off(&seq.saturating_add(1));
        if let Some((known, anchors)) = beyond.into_iter().next_back() {
            let sources: Vec<_> = anchors.iter().map(|anchor| anchor.source.to_string()).collect();
            let message = format!(
                "the audit ends with seq {seq}, but seq {known} was known to {}: the end was cut \
                 off",
                sources.join(" and ")
            );
            told.find(end.clone(), FindingKind::Truncated, message);
        }
    }
}

/// Tells of an anchor of another chain.
fn tell_of_another<'a>(anchor: &Anchor, told: &mut Told<'a>) {
    if anchor.source == AnchorSource::Head {
        let message = "it knows another chain than the backend's state";
        return told.find(beside(head::FILE), FindingKind::Head, message);
    }
    let message = format!(
        "{} knows another chain of this backend, up to seq {}: the audit was begun anew; or \
         another Abaca has a backend of this name",
        anchor.source, anchor.link.seq
    );
    told.find(beside(files::FILE), FindingKind::Foreign, message);
}
