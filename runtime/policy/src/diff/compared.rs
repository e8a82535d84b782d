//! What has become of the rules of one kind. The same for every kind: what differs between kinds
//! is told by [`Compared`], which each implements in a file of its own.

use crate::diff::pairing::Kin;
use crate::diff::{Change, Difference, Direction};
use crate::policy::Policy;
use crate::risk::Risk;
use crate::subject::Subject;

/// A rule that can be compared with another of its kind.
pub(super) trait Compared: Sized {
    /// What it is.
    const SUBJECT: Subject;

    /// All rules of this kind.
    fn all(policy: &Policy) -> &[Self];

    fn id(&self) -> &str;

    /// The whole of it in one line.
    fn line(&self) -> String;

    /// How dangerous it is in its policy.
    fn risk(&self, policy: &Policy) -> Risk;

    /// Whether it grants all that the other one does, with the same effect.
    fn covers(&self, other: &Self) -> bool;

    /// What differs in `new`, key by key.
    fn differences(&self, new: &Self) -> Vec<Difference>;

    /// Whether it grants something that no rule of `old` grants. `origin` is the one that it has
    /// come from, which covers it if any single one does.
    fn asks_more(&self, _old: &Policy, origin: Option<&Self>) -> bool {
        origin.is_none_or(|origin| !origin.covers(self))
    }
}

/// What has become of the rules of a kind.
pub(super) fn changes<R: Compared>(old: &Policy, new: &Policy) -> Vec<Change> {
    let kin = Kin { id: R::id, covers: R::covers };
    let paired = kin.pair(R::all(old), R::all(new));
    let change = |policy: &Policy, rule: &R, direction, asks_more| Change {
        direction,
        asks_more,
        risk: rule.risk(policy),
        subject: R::SUBJECT,
        id: rule.id().to_owned(),
        was: None,
        line: rule.line(),
        differences: Vec::new(),
    };
    let gone = paired.gone.into_iter().map(|rule| change(old, rule, Direction::Gone, false));
    let others = paired.new.into_iter().filter_map(|(origin, rule)| {
        let asks_more = rule.asks_more(old, origin);
        let Some(origin) = origin else {
            // What several rules of before granted together is not new.
            let direction = if asks_more { Direction::New } else { Direction::Changed };
            return Some(change(new, rule, direction, asks_more));
        };
        let direction = Direction::between(origin.covers(rule), rule.covers(origin))?;
        Some(Change {
            was: (origin.id() != rule.id()).then(|| origin.id().to_owned()),
            differences: origin.differences(rule),
            ..change(new, rule, direction, asks_more)
        })
    });
    gone.chain(others).collect()
}
