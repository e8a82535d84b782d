//! What another policy grants more or less than this one: rule by rule and hole by hole, most
//! dangerous first. Pure. `abaca policy diff` shows it; approving and upgrading go by it.
//!
//! `covers` alone decides what is more: a [`Diff`] asks for more exactly if the old policy does
//! not cover the new one. What is said beside that is for people.

mod commands;
mod compared;
mod files;
mod mounts;
mod needs;
mod pairing;

use std::cmp::Reverse;
use std::fmt;

use serde::Serialize;

use crate::mount::MountRule;
use crate::policy::Policy;
use crate::risk::{Risk, SECRET, secret_risk};
use crate::rule::{CommandRule, FilesRule, Root};
use crate::subject::Subject;

/// What has become of a rule or of a part of it. The order is that of danger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// It grants what it granted, and more.
    Wider,
    /// It is there, and was not.
    New,
    /// It grants something else: neither covers the other.
    Changed,
    /// It grants less.
    Narrower,
    /// It is there no longer.
    Gone,
}

impl Direction {
    /// What it is if the old one covers the new one, and the new one the old one; none if both.
    pub(crate) fn between(old_covers: bool, new_covers: bool) -> Option<Direction> {
        match (old_covers, new_covers) {
            (true, true) => None,
            (true, false) => Some(Direction::Narrower),
            (false, true) => Some(Direction::Wider),
            (false, false) => Some(Direction::Changed),
        }
    }

    /// What it is of what is refused, if this is what it is of what is granted.
    fn opposite(self) -> Direction {
        match self {
            Direction::Wider => Direction::Narrower,
            Direction::Narrower => Direction::Wider,
            other => other,
        }
    }
}

/// `WIDER`: it is the first thing to be seen.
impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Direction::Wider => "WIDER",
            Direction::New => "NEW",
            Direction::Changed => "CHANGED",
            Direction::Narrower => "NARROWER",
            Direction::Gone => "GONE",
        })
    }
}

/// Every difference between two policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diff {
    /// True if the new policy grants anything that the old one does not: exactly if the old one
    /// does not cover it.
    pub asks_more: bool,
    /// What has changed: first what asks for more, within that the most dangerous first.
    pub changes: Vec<Change>,
}

/// What has become of one rule, or of one root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// What has become of it.
    pub direction: Direction,
    /// True if something is granted here that nothing in the old policy grants.
    pub asks_more: bool,
    /// How dangerous it is now; how dangerous it was, if it is gone.
    pub risk: Risk,
    /// What it is.
    pub subject: Subject,
    /// Its id or name now; what it was, if it is gone.
    pub id: String,
    /// Its id in the old policy, where that was another.
    pub was: Option<String>,
    /// The whole of it in one line, for people: now, or as it was if it is gone.
    pub line: String,
    /// What differs in it; nothing for what is new or gone.
    pub differences: Vec<Difference>,
}

/// One thing within a rule that differs: a key, or a word of its command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// Which: `timeout`, or `argument 3 size.max`. Words are counted from 1, without the program.
    pub what: String,
    /// Where it goes.
    pub direction: Direction,
    /// What was there, if anything.
    pub from: Option<String>,
    /// What is there now, if anything.
    pub to: Option<String>,
}

impl Difference {
    pub(crate) fn new(
        what: impl Into<String>,
        direction: Direction,
        from: Option<String>,
        to: Option<String>,
    ) -> Difference {
        Difference { what: what.into(), direction, from, to }
    }

    /// Two numbers, of which the greater is the wider.
    pub(crate) fn number<T: Ord>(
        what: &str,
        (from, to): (T, T),
        shown: impl Fn(T) -> String,
    ) -> Option<Difference> {
        let direction = Direction::between(from >= to, to >= from)?;
        Some(Difference::new(what, direction, Some(shown(from)), Some(shown(to))))
    }

    /// Two sets, of which the one with more is the wider.
    pub(crate) fn set<T: PartialEq + ToString>(
        what: &str,
        from: &[T],
        to: &[T],
    ) -> Option<Difference> {
        let within = |inner: &[T], outer: &[T]| inner.iter().all(|one| outer.contains(one));
        let direction = Direction::between(within(to, from), within(from, to))?;
        let shown = |set: &[T]| {
            (!set.is_empty()).then(|| set.iter().map(T::to_string).collect::<Vec<_>>().join(", "))
        };
        Some(Difference::new(what, direction, shown(from), shown(to)))
    }

    /// Two texts of which neither is wider.
    pub(crate) fn text(what: &str, from: &str, to: &str) -> Option<Difference> {
        (from != to).then(|| {
            Difference::new(what, Direction::Changed, Some(from.to_owned()), Some(to.to_owned()))
        })
    }
}

impl Diff {
    /// With its changes in their order.
    pub(crate) fn new(asks_more: bool, mut changes: Vec<Change>) -> Diff {
        changes.sort_by_key(|change| {
            let Change { asks_more, direction, subject, .. } = change;
            (
                Reverse(*asks_more),
                Reverse(change.risk.class),
                *direction,
                *subject,
                change.id.clone(),
            )
        });
        Diff { asks_more, changes }
    }
}

impl Policy {
    /// What `new` grants more and less than this policy.
    pub fn diff(&self, new: &Policy) -> Diff {
        let mut changes = self.roots_changed(new);
        changes.extend(compared::changes::<CommandRule>(self, new));
        changes.extend(compared::changes::<FilesRule>(self, new));
        changes.extend(compared::changes::<MountRule>(self, new));
        changes.extend(self.secrets_changed(new));
        Diff::new(!self.covers(new), changes)
    }

    fn roots_changed(&self, new: &Policy) -> Vec<Change> {
        let change = |direction, risk, root: &Root, differences| Change {
            direction,
            asks_more: matches!(direction, Direction::New | Direction::Wider | Direction::Changed),
            risk,
            subject: Subject::Root,
            id: root.name.clone(),
            was: None,
            line: root.path.clone(),
            differences,
        };
        let gone = self
            .roots()
            .filter(|root| new.root(&root.name).is_none())
            .map(|root| change(Direction::Gone, self.root_risk(&root.name), root, Vec::new()));
        let others = new.roots().filter_map(|root| {
            let risk = new.root_risk(&root.name);
            let Some(old) = self.root(&root.name) else {
                return Some(change(Direction::New, risk, root, Vec::new()));
            };
            let direction = Direction::between(old.covers(root), root.covers(old))?;
            Some(change(direction, risk, root, root_differences(old, root)))
        });
        gone.chain(others).collect()
    }

    fn secrets_changed(&self, new: &Policy) -> Vec<Change> {
        let change = |option: &str, direction| Change {
            direction,
            asks_more: direction == Direction::New,
            risk: secret_risk(),
            subject: Subject::Secret,
            id: option.to_owned(),
            was: None,
            line: SECRET.to_owned(),
            differences: Vec::new(),
        };
        let only = |of: &Policy, other: &Policy, direction| {
            let names = of.revealed().filter(|option| !other.reveals(option));
            names.map(|option| change(option, direction)).collect::<Vec<_>>()
        };
        [only(self, new, Direction::Gone), only(new, self, Direction::New)].concat()
    }
}

fn root_differences(old: &Root, new: &Root) -> Vec<Difference> {
    let filesystem = match (&old.filesystem, &new.filesystem) {
        (from, to) if from == to => None,
        (from, to) => {
            let direction = Direction::between(from.is_none(), to.is_none());
            let direction = direction.unwrap_or(Direction::Changed);
            Some(Difference::new("filesystem", direction, from.clone(), to.clone()))
        }
    };
    // Whoever demands more of a mount grants less.
    let options = Difference::set("mount-options", &old.mount_options, &new.mount_options);
    let options = options.map(|one| Difference { direction: one.direction.opposite(), ..one });
    let path = Difference::text("path", &old.path, &new.path);
    [path, filesystem, options].into_iter().flatten().collect()
}
