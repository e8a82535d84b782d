//! What it costs to tell templates apart, and its bound: a manifest is somebody else's, and is read
//! before anything of it is looked at by a person.

use std::collections::BTreeMap;

use crate::template::Step;

/// How much is compared before the loader gives up: pairs of places, and in them pairs of texts or
/// of characters. Rules that a person wrote need tens of thousands; this is less than a second.
pub(crate) const OVERLAP_BUDGET: usize = 10_000_000;

/// Which matchers of two templates have a word in common. Each pair is compared once, however often
/// they are repeated, and paid for by the sizes of both.
pub(super) struct Meetings<'b> {
    known: BTreeMap<(usize, usize), bool>,
    budget: &'b mut usize,
}

impl Meetings<'_> {
    pub(super) fn new(budget: &mut usize) -> Meetings<'_> {
        Meetings { known: BTreeMap::new(), budget }
    }

    /// Takes as much from the budget; none if it has not that much.
    pub(super) fn pay(&mut self, work: usize) -> Option<()> {
        *self.budget = self.budget.checked_sub(work)?;
        Some(())
    }

    /// Whether one word may be taken by both; none if the budget does not reach to find out.
    pub(super) fn meet(&mut self, one: &Step, other: &Step) -> Option<bool> {
        let pair = (one.written, other.written);
        if let Some(meet) = self.known.get(&pair) {
            return Some(*meet);
        }
        self.pay(one.weight.saturating_mul(other.weight))?;
        let meet = one.matcher.intersects(&other.matcher);
        self.known.insert(pair, meet);
        Some(meet)
    }
}
