//! The steps of a story: what is called, on which of a few shares, and what hits it. A step says
//! nothing of the others, so that any of them can be left out. Called by `Stories`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::conformance::in_words;
use super::super::samples;
use super::super::stage::{Failure, Fault, Printed};
use crate::contract::Interface;
use crate::driver::Driver;
use crate::types::{AccessRule, Share, ShareProtocol, Snapshot};

/// How many shares a story has.
const SHARES: u64 = 3;

/// The last request that is hit.
const REQUESTS: u64 = 16;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each case is called as the function is that it calls")]
pub enum Action {
    CreateShare,
    DeleteShare,
    EnsureShare,
    ExtendShare,
    ShrinkShare,
    CreateSnapshot,
    DeleteSnapshot,
    CreateShareFromSnapshot,
    LetIn,
    ShutOut,
    GetShareStats,
}

/// One step of a story.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// To which share, from 1.
    pub share: u64,
    /// What hits which of its requests, from 1.
    pub fault: Option<(u64, Fault)>,
}

/// Numbers that look like chance and are the same everywhere: splitmix64.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn of(seed: u64, story: u64) -> Self {
        // Mixed, or the numbers of a story were those of the one before, one further.
        Self(mixed(seed ^ mixed(story)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or_default()
    }

    fn of_these<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let at = self.below(all.len().try_into().unwrap_or(u64::MAX));
        all.get(usize::try_from(at).unwrap_or(usize::MAX)).copied()
    }
}

fn mixed(number: u64) -> u64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Action {
    /// What a driver can be asked for.
    pub(super) fn offered_by(driver: &Driver) -> Vec<Self> {
        let all = [
            (Self::CreateShare, Interface::Shares),
            (Self::CreateShare, Interface::Shares),
            (Self::DeleteShare, Interface::Shares),
            (Self::EnsureShare, Interface::Shares),
            (Self::ExtendShare, Interface::Extending),
            (Self::ShrinkShare, Interface::Shrinking),
            (Self::CreateSnapshot, Interface::Snapshots),
            (Self::DeleteSnapshot, Interface::Snapshots),
            (Self::CreateShareFromSnapshot, Interface::Clones),
            (Self::LetIn, Interface::Access),
            (Self::ShutOut, Interface::Access),
            (Self::GetShareStats, Interface::Backend),
        ];
        let offered = |(_, one): &(Self, Interface)| match one {
            Interface::Access => driver.offers(*one) || driver.offers(Interface::AccessByRule),
            one => driver.offers(*one),
        };
        all.into_iter().filter(offered).map(|(action, _)| action).collect()
    }
}

impl Step {
    pub(super) fn thrown(dice: &mut Dice, actions: &[Action]) -> Option<Self> {
        let action = dice.of_these(actions)?;
        let share = dice.below(SHARES).saturating_add(1);
        let request = dice.below(REQUESTS).saturating_add(1);
        let is_hit = dice.below(3) > 0;
        let fault = match dice.below(8) {
            0 | 1 => Fault::Fails(dice.of_these(&[
                Failure::Failed,
                Failure::Denied,
                Failure::Busy,
                Failure::NoSpace,
                Failure::Limit,
                Failure::Deadline,
            ])?),
            2 => Fault::EndsBefore,
            3 => Fault::EndsAfter,
            4 => Fault::Disconnects,
            5 => Fault::Prints(dice.of_these(&[
                Printed::Empty,
                Printed::Truncated,
                Printed::NotText,
            ])?),
            6 => Fault::Delays(u32::try_from(dice.below(7200)).unwrap_or_default()),
            _ => Fault::Jumps(i32::try_from(dice.below(172_800)).unwrap_or_default() - 86_400),
        };
        Some(Self { action, share, fault: is_hit.then_some((request, fault)) })
    }

    /// What removes all that a story can have made: snapshots before what they are of, and twice, for a
    /// snapshot may be kept for what was cloned from it.
    pub(super) fn removals() -> Vec<Self> {
        let removal = |action| (1..=SHARES).map(move |share| Self { action, share, fault: None });
        let once = || removal(Action::DeleteSnapshot).chain(removal(Action::DeleteShare));
        once().chain(once()).collect()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = serde_json::to_value(self.action).unwrap_or_default();
        let action = action.as_str().unwrap_or_default();
        write!(f, "{action} of share {}", self.share)?;
        match self.fault {
            Some((number, fault)) => write!(f, ", {} at request {number}", in_words(fault)),
            None => Ok(()),
        }
    }
}

/// What there is in a story.
#[derive(Debug)]
pub(super) struct Actors {
    shares: BTreeMap<u64, Share>,
    snapshots: BTreeMap<u64, Snapshot>,
    let_in: BTreeMap<u64, AccessRule>,
    /// What the driver takes.
    rule: Option<AccessRule>,
    /// Whether it takes one at a time.
    by_rule: bool,
    /// Of all shares.
    protocol: ShareProtocol,
}

impl Actors {
    pub(super) fn new(driver: &Driver, rule: Option<&AccessRule>, protocol: ShareProtocol) -> Self {
        let (shares, snapshots, let_in) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let by_rule = !driver.offers(Interface::Access);
        Self { shares, snapshots, let_in, rule: rule.cloned(), by_rule, protocol }
    }

    fn share(&self, number: u64) -> Share {
        Share { protocol: self.protocol, ..share(number) }
    }

    fn rule(&self, number: u64) -> Option<AccessRule> {
        Some(AccessRule { id: id(number + 0x4000), ..self.rule.clone()? })
    }

    /// The call that a step makes now; none where it does not apply.
    pub(super) fn act(&self, step: &Step) -> Option<(&'static str, Value)> {
        let number = step.share;
        let there = self.shares.get(&number);
        let snapshot = self.snapshots.get(&number);
        let let_in = self.let_in.get(&number);
        Some(match step.action {
            Action::GetShareStats => ("get-share-stats", json!([])),
            Action::CreateShare if there.is_none() => {
                ("create-share", json!([self.share(number), null]))
            }
            Action::DeleteShare if snapshot.is_none() => ("delete-share", json!([there?, null])),
            Action::EnsureShare => ("ensure-share", json!([there?, null])),
            Action::ExtendShare => {
                let share = there?;
                ("extend-share", json!([share, share.size.saturating_add(1), null]))
            }
            Action::ShrinkShare => {
                let share = there.filter(|share| share.size > 1)?;
                ("shrink-share", json!([share, share.size.saturating_sub(1), null]))
            }
            Action::CreateSnapshot if snapshot.is_none() => {
                ("create-snapshot", json!([snapshot_of(number, there?), null]))
            }
            Action::DeleteSnapshot => ("delete-snapshot", json!([snapshot?, null])),
            Action::CreateShareFromSnapshot if there.is_none() => {
                let source = self.snapshots.values().next()?;
                let clone = Share { size: source.size, ..self.share(number) };
                ("create-share-from-snapshot", json!([clone, source, null]))
            }
            Action::LetIn if let_in.is_none() => {
                let rule = self.rule(number)?;
                match self.by_rule {
                    true => ("allow-access", json!([there?, rule, null])),
                    false => ("update-access", json!([there?, [rule], [rule], [], null])),
                }
            }
            Action::ShutOut if self.by_rule => ("deny-access", json!([there?, let_in?, null])),
            Action::ShutOut => ("update-access", json!([there?, [], [], [let_in?], null])),
            _ => return None,
        })
    }

    /// What a step that was done has changed.
    pub(super) fn did(&mut self, step: &Step, answer: Option<&Value>) {
        let number = step.share;
        let located = |share: Share| {
            let locations = answer.and_then(|answer| serde_json::from_value(answer.clone()).ok());
            Share { export_locations: locations.unwrap_or_default(), ..share }
        };
        match step.action {
            Action::CreateShare => {
                self.shares.insert(number, located(self.share(number)));
            }
            Action::CreateShareFromSnapshot => {
                if let Some(source) = self.snapshots.values().next() {
                    let clone = Share { size: source.size, ..self.share(number) };
                    self.shares.insert(number, located(clone));
                }
            }
            Action::DeleteShare => {
                self.shares.remove(&number);
                self.let_in.remove(&number);
            }
            Action::ExtendShare | Action::ShrinkShare => {
                let is_larger = step.action == Action::ExtendShare;
                if let Some(share) = self.shares.get_mut(&number) {
                    share.size = match is_larger {
                        true => share.size.saturating_add(1),
                        false => share.size.saturating_sub(1),
                    };
                }
            }
            Action::CreateSnapshot => {
                if let Some(share) = self.shares.get(&number) {
                    let told = answer.and_then(|answer| answer.get("provider_location"));
                    let provider_location = told.and_then(Value::as_str).map(str::to_owned);
                    let snapshot = snapshot_of(number, share);
                    self.snapshots.insert(number, Snapshot { provider_location, ..snapshot });
                }
            }
            Action::DeleteSnapshot => {
                self.snapshots.remove(&number);
            }
            Action::LetIn => {
                if let Some(rule) = self.rule(number) {
                    self.let_in.insert(number, rule);
                }
            }
            Action::ShutOut => {
                self.let_in.remove(&number);
            }
            Action::EnsureShare | Action::GetShareStats => {}
        }
    }
}

fn id(tag: u64) -> String {
    format!("{tag:08x}-0000-4000-8000-abaca0000000")
}

fn share(number: u64) -> Share {
    let id = id(number);
    let share = samples::share(&format!("share-{id}"), 1);
    Share { share_id: self::id(number + 0x1000), id, ..share }
}

fn snapshot_of(number: u64, share: &Share) -> Snapshot {
    let id = id(number + 0x2000);
    let snapshot = samples::snapshot(&format!("share-snapshot-{id}"), share);
    Snapshot { snapshot_id: self::id(number + 0x3000), id, ..snapshot }
}
