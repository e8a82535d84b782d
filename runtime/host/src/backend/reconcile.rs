//! Whether what is recorded and what is on the storage fit together: what a backend's operator asks
//! after something was killed. It finds and names, and changes nothing but the record of things of
//! which nobody knew whether they are there: each is looked at.
//!
//! ```text
//! what was made (`owned`) ─ there? ─ named after something recorded? ─▶ in order
//!                             │no              │no
//!                             ▼                ▼
//!                          missing      left over, or shared
//! records ─ in error, or with a message? ─▶ unfinished
//! ```
//! What a driver makes by a rule without `owner = "self"` is not written down as made; of that the
//! records tell, which are begun before the driver is called and stay until it says that all is gone.

use std::collections::BTreeSet;

use abaca_policy::Object;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Backend;
use crate::contract::bindings::abaca::host::types::Error as HostError;
use crate::error::{Error, Result};
use crate::gate::{Examined, Refused, examine};
use crate::owned::{OwnedRecord, OwnedState};

/// Letters in the groups of an identifier, as services give them (RFC 9562).
const IDENTIFIER: [usize; 5] = [8, 4, 4, 4, 12];

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Reconciliation {
    /// What is recorded and not well: a call about it failed, or ended with its process.
    pub unfinished: Vec<Unfinished>,
    /// Things of the backend's own that are there, and named after something that is recorded no
    /// longer: nobody will remove them.
    pub left_over: Vec<OwnedRecord>,
    /// Things of the backend's own that are named after nothing: an index, which all shares have in
    /// common, or what is left over and does not look so.
    pub shared: Vec<OwnedRecord>,
    /// Things that are recorded as the backend's own and not there.
    pub missing: Vec<OwnedRecord>,
    /// Things that may be the backend's own: whether they were made is not known, and nobody can
    /// look.
    pub unclear: Vec<OwnedRecord>,
}

/// Something that is recorded and not well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Unfinished {
    /// What it is: `share`, `snapshot`, …
    pub kind: String,
    /// The identifier of its instance.
    pub id: String,
    /// Its name on the storage, if it has one.
    pub name: Option<String>,
    /// Its status, as in the records.
    pub status: String,
    /// What went wrong last, and what to do about it.
    pub message: Option<String>,
}

impl Reconciliation {
    /// Whether there is nothing to do. What is shared is in order.
    #[must_use]
    pub fn is_in_order(&self) -> bool {
        let Self { unfinished, left_over, shared: _, missing, unclear } = self;
        unfinished.is_empty() && left_over.is_empty() && missing.is_empty() && unclear.is_empty()
    }
}

impl Backend {
    /// Compares what is recorded with what is there, and names what does not fit. What a call that
    /// is under way works on is left out. It does not call the driver: whether a share that is
    /// recorded as available is served, [`ensure_share`](Self::ensure_share) finds out.
    ///
    /// # Errors
    /// When the records cannot be read, or a place cannot be looked at.
    pub async fn reconcile(&self) -> Result<Reconciliation> {
        let records = self.records();
        // Before the records: what a call makes from now on is recorded before it is made, and
        // what is recorded already is found there.
        let owned = records.owned().await?;
        let mut found = Reconciliation::default();
        let words = self.recorded_words(&mut found).await?;
        for one in owned {
            let Some(object) = object(&one) else {
                found.unclear.push(one);
                continue;
            };
            let examined = match examine(&self.shared.powers, &object).await {
                Ok(examined) => examined,
                // The policy of today has no such root.
                Err(Refused::Answer(HostError::Denied(_))) => Examined::Maybe,
                Err(Refused::Answer(error)) => {
                    return Err(Error::Invalid(format!("{object} cannot be looked at: {error:?}")));
                }
                Err(Refused::Fault(error)) => return Err(error),
            };
            match examined {
                Examined::InHands | Examined::Nobodys => {}
                Examined::Missing => found.missing.push(one),
                Examined::Maybe => found.unclear.push(one),
                Examined::There if words.iter().any(|word| mentions(&one.name, word)) => {}
                Examined::There => {
                    let one = OwnedRecord { state: OwnedState::Made, ..one };
                    match has_identifier(&one.name) {
                        true => found.left_over.push(one),
                        false => found.shared.push(one),
                    }
                }
            }
        }
        // What has come to its end meanwhile is no finding.
        let now: BTreeSet<_> =
            records.owned().await?.into_iter().map(|one| (one.container, one.name)).collect();
        let stays = |one: &OwnedRecord| now.contains(&(one.container.clone(), one.name.clone()));
        for list in [&mut found.left_over, &mut found.shared, &mut found.missing] {
            list.retain(stays);
        }
        Ok(found)
    }

    /// The words that things are named after: of all that is recorded. What is not well goes to
    /// the findings.
    async fn recorded_words(&self, found: &mut Reconciliation) -> Result<BTreeSet<String>> {
        let records = self.records();
        let mut words = BTreeSet::new();
        let mut seen = |kind: &str, own: &[&str], status: Vec<String>, message: Option<String>| {
            words.extend(own.iter().filter(|word| !word.is_empty()).map(|word| (*word).to_owned()));
            let Some(id) = own.first() else { return };
            let is_error = status.iter().any(|status| status.contains("error"));
            if message.is_some() || is_error {
                found.unfinished.push(Unfinished {
                    kind: kind.to_owned(),
                    id: (*id).to_owned(),
                    name: own.get(1).map(|name| (*name).to_owned()),
                    status: status.join(", "),
                    message,
                });
            }
        };
        for one in records.shares().await? {
            let share = &one.share;
            let mut status = vec![word(&share.status)];
            let rules = word(&share.access_rules_status);
            status.extend(rules.contains("error").then(|| format!("access rules {rules}")));
            let group = share.consistency_group_id.as_deref().unwrap_or_default();
            seen("share", &[&share.id, &share.name, &share.share_id, group], status, one.message);
        }
        for one in records.snapshots().await? {
            let of = &one.snapshot;
            let place = of.provider_location.as_deref().unwrap_or_default();
            let own = [&of.id, &of.name, &of.snapshot_id, place];
            seen("snapshot", &own, vec![word(&of.status)], one.message);
        }
        for one in records.consistency_groups().await? {
            let of = &one.consistency_group;
            seen("consistency group", &[&of.id], vec![word(&of.status)], one.message);
        }
        for one in records.cgsnapshots().await? {
            let of = &one.cgsnapshot;
            seen("cgsnapshot", &[&of.id], vec![word(&of.status)], one.message);
        }
        for one in records.share_servers().await? {
            let of = &one.share_server;
            seen("share server", &[&of.id], vec![word(&of.status)], one.message);
        }
        Ok(words)
    }
}

/// The thing that a record is about.
fn object(record: &OwnedRecord) -> Option<Object> {
    let container = record.container.parse().ok()?;
    Some(Object { container, name: record.name.clone() })
}

/// A status as it stands in the records.
fn word(status: &impl Serialize) -> String {
    match serde_json::to_value(status) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Whether a name has this word in it, and not as a part of a longer one. Drivers whose storage
/// knows no `-` write `_`.
fn mentions(name: &str, word: &str) -> bool {
    let plain = |text: &str| text.replace('_', "-");
    let (name, word) = (plain(name), plain(word));
    let apart = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
    name.match_indices(&word).any(|(at, found)| {
        let before = name.get(..at).and_then(|text| text.chars().next_back());
        let after = name.get(at + found.len()..).and_then(|text| text.chars().next());
        apart(before) && apart(after)
    })
}

/// Whether there is an identifier in a name.
fn has_identifier(name: &str) -> bool {
    let groups: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    groups.windows(IDENTIFIER.len()).any(|window| {
        window.iter().zip(IDENTIFIER).all(|(group, length)| {
            group.len() == length && group.chars().all(|c| c.is_ascii_hexdigit())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_what_it_mentions_as_a_whole() {
        let id = "0a1b2c3d-0000-4000-8000-00000000000f";
        assert!(mentions(&format!("share-{id}.conf"), id));
        assert!(mentions(&format!("tank/manila_share_{}", id.replace('-', "_")), id));
        assert!(mentions("share-1/kept", "share-1") && mentions("share-1", "1"));
        assert!(!mentions("share-11", "share-1") && !mentions("share-12", "2"));
        assert!(has_identifier(&format!("share-snapshot-{id}.partial")));
        assert!(has_identifier(&format!("x_{}", id.replace('-', "_"))));
        assert!(!has_identifier("_index.conf") && !has_identifier("share-1"));
    }
}
