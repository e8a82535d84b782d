//! What is written down of shares and snapshots, by upstream's keys. Called by every interface.
//!
//! ```text
//! (nothing) ─ about to be made ─▶ dataset_name, pool_name, … ─ removed ─▶ (nothing)
//! ```

use abaca_sdk::state::{self, Change, Entity};
use abaca_sdk::{Result, Snapshot};

use crate::options;

const TYPE: &str = "entity_type";
const DATASET: &str = "dataset_name";
const POOL: &str = "pool_name";
const USED_OPTIONS: &str = "used_options";
const REPLICA_TYPE: &str = "replica_type";
const LAST: &str = "repl_snapshot_tag";
const QUOTA: &str = "quota";
const TAG: &str = "snapshot_tag";
const RECEIVING: &str = "receiving";
const RECEIVED: &str = "received";
const ACTIVE: &str = "active_replica";

/// What replicas are good for: reading. Upstream: `replica_type`.
pub const READABLE: &str = "readable";

/// Where a share is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The full name of its dataset.
    pub dataset: String,
    /// The pool that it lies in.
    pub pool: String,
}

impl Record {
    /// What is written down of a share.
    pub fn of(share_id: &str) -> Result<Option<Record>> {
        let mut all = Entity(share_id).all()?;
        let mut take = |key: &str| {
            let place = all.iter().position(|(name, _)| name == key)?;
            Some(all.swap_remove(place).1)
        };
        Ok(take(DATASET).zip(take(POOL)).map(|(dataset, pool)| Record { dataset, pool }))
    }

    /// Writes down a share that is about to be made. The words of its options are joined by
    /// blanks; upstream writes a list's representation for a clone, which nobody can read back.
    pub fn begin(&self, share_id: &str, options: &[String]) -> Result<()> {
        let options = options.join(" ");
        Ok(state::apply(self.changes(share_id, "share", &[(USED_OPTIONS, &options)]))?)
    }

    /// Writes down a replica that is about to be made by this snapshot, and that the active one is to
    /// have it; both or none.
    pub fn begin_replica(&self, active_id: &str, share_id: &str, tag: &str) -> Result<()> {
        let mut changes =
            self.changes(share_id, "replica", &[(REPLICA_TYPE, READABLE), (LAST, tag)]);
        changes.push(Change::set_key(active_id, LAST, tag));
        Ok(state::apply(changes)?)
    }

    fn changes(&self, share_id: &str, kind: &str, more: &[(&str, &str)]) -> Vec<Change> {
        let all = [(TYPE, kind), (DATASET, &self.dataset), (POOL, &self.pool)];
        let all = all.iter().chain(more);
        all.map(|(key, value)| Change::set_key(share_id, key, value)).collect()
    }
}

/// Forgets a share.
pub fn forget(share_id: &str) -> Result<()> {
    Ok(Entity(share_id).clear()?)
}

/// Whose dataset this is.
pub fn holder(dataset: &str) -> Result<Option<String>> {
    let mut holders = state::find(DATASET)?.into_iter();
    Ok(holders.find(|holder| holder.value == dataset).map(|holder| holder.entity))
}

/// Whether the whole content of a clone has come.
pub fn is_received(share_id: &str) -> Result<bool> {
    Ok(Entity(share_id).get(RECEIVED)?.is_some())
}

/// Writes down that it has.
pub fn set_received(share_id: &str) -> Result<()> {
    Ok(Entity(share_id).set(RECEIVED, "yes")?)
}

/// The snapshot that a clone was made of, which came with it and is removed from it.
pub fn receiving(share_id: &str) -> Result<Option<String>> {
    Ok(Entity(share_id).get(RECEIVING)?)
}

/// Writes down the snapshot that a clone is about to be made of.
pub fn set_receiving(share_id: &str, tag: &str) -> Result<()> {
    Ok(Entity(share_id).set(RECEIVING, tag)?)
}

/// The last snapshot up to which a replica and the active one have the same.
pub fn last_common(share_id: &str) -> Result<Option<String>> {
    Ok(Entity(share_id).get(LAST)?)
}

/// Writes down the last common snapshot of some replicas, of all or none.
pub fn set_last_common(share_ids: &[&str], tag: &str) -> Result<()> {
    Ok(state::apply(share_ids.iter().map(|id| Change::set_key(id, LAST, tag)).collect())?)
}

/// The quota that a replica was given, in GiB.
pub fn quota(share_id: &str) -> Result<Option<u64>> {
    Ok(Entity(share_id).get(QUOTA)?.and_then(|text| text.parse().ok()))
}

/// Writes down the quota that a replica was given.
pub fn set_quota(share_id: &str, gib: u64) -> Result<()> {
    Ok(Entity(share_id).set(QUOTA, &gib.to_string())?)
}

/// Which replica was made the active one last; none if none ever was.
pub fn active(user_visible_id: &str) -> Result<Option<String>> {
    Ok(Entity(user_visible_id).get(ACTIVE)?)
}

/// Writes down which replica is the active one.
pub fn set_active(user_visible_id: &str, share_id: &str) -> Result<()> {
    Ok(Entity(user_visible_id).set(ACTIVE, share_id)?)
}

/// Forgets which replica is the active one.
pub fn forget_active(user_visible_id: &str) -> Result<()> {
    Ok(Entity(user_visible_id).remove(ACTIVE)?)
}

/// What follows `@` for a snapshot, if one was made or taken over.
///
/// It is kept under the identifier that users see, which is the same for all instances of a
/// replicated snapshot, as their tag is. Upstream keeps it there too, and removes what is under the
/// instance's identifier, so that it stays for ever.
pub fn tag(snapshot: &Snapshot) -> Result<Option<String>> {
    Ok(Entity(&snapshot.snapshot_id).get(TAG)?)
}

/// The tag of a snapshot that is about to be made, which is written down.
pub fn begin_tag(snapshot: &Snapshot) -> Result<String> {
    if let Some(tag) = tag(snapshot)? {
        return Ok(tag);
    }
    let tag = options::names()?.snapshot(&snapshot.id);
    set_tag(snapshot, &tag)?;
    Ok(tag)
}

/// Writes down the tag of a snapshot.
pub fn set_tag(snapshot: &Snapshot, tag: &str) -> Result<()> {
    let id = &snapshot.snapshot_id;
    Ok(state::apply(vec![Change::set_key(id, TYPE, "snapshot"), Change::set_key(id, TAG, tag)])?)
}

/// Forgets a snapshot.
pub fn forget_tag(snapshot: &Snapshot) -> Result<()> {
    Ok(Entity(&snapshot.snapshot_id).clear()?)
}
