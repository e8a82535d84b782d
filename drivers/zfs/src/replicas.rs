//! What keeps replicas alike: which is the active one, the snapshots by which the others follow it,
//! and their removal. Called by `replication` and `replicated_snapshots`.
//!
//! ```text
//! active   …@T1 ──── …@T2 ──── …@T3
//!             └ all    └ T1..T2  └ T2..T3       what is sent
//! replica  …@T1 ──── …@T2 ──── …@T3             the one before is removed then
//! ```

use abaca_sdk::lock::{self, Guard};
use abaca_sdk::{Error, Replica, ReplicaState, Result, clock, log};

use crate::options::Names;
use crate::record::{self, Record};
use crate::{copying, dataset, options, shares, time};

/// Where a replica is.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its share instance's identifier.
    pub id: String,
    /// Its dataset.
    pub record: Record,
    /// The share's size in GiB, which is its quota.
    pub size: u64,
}

impl Place {
    /// Where a replica is that was made.
    pub fn of(replica: &Replica) -> Result<Option<Place>> {
        let (id, size) = (replica.share.id.clone(), replica.share.size);
        Ok(Record::of(&id)?.map(|record| Place { id, record, size }))
    }
}

/// Only one call at a time changes what the replicas of a share have.
pub fn alone(replica: &Replica) -> Result<Guard> {
    Ok(lock::acquire(&format!("replicas-{}", replica.share.share_id), None)?)
}

/// The replica that the service takes for the active one.
pub fn active(replicas: &[Replica]) -> Result<&Replica> {
    let is_active = |one: &&Replica| one.share.replica_state == Some(ReplicaState::Active);
    replicas.iter().find(is_active).ok_or_else(|| {
        Error::ReplicationFailed("there is no active replica to copy from".to_owned())
    })
}

/// Where the active one is.
pub fn active_place(replicas: &[Replica]) -> Result<Place> {
    let active = active(replicas)?;
    Place::of(active)?.ok_or_else(|| {
        Error::ReplicationFailed(format!(
            "the active replica {} was not made by this back end, and other hosts are not reached",
            active.share.id
        ))
    })
}

/// Where those are that are not the active one, as far as they were made.
pub fn others(replicas: &[Replica], active: &str) -> Result<Vec<Place>> {
    let others = replicas.iter().filter(|one| one.share.id != active);
    others.filter_map(|one| Place::of(one).transpose()).collect()
}

/// A new name for a snapshot that replicas are made by, in the name of one of them.
pub fn new_tag(names: &Names, id: &str) -> Result<String> {
    Ok(names.replica(id, &time::written(clock::now()?)))
}

/// Brings a replica to the snapshot `tag` of the active one: by what has changed since the last
/// snapshot that both have, or from the beginning where there is none.
pub fn follow(active: &Place, replica: &Place, tag: &str) -> Result<()> {
    let (from, to) = (&active.record, &replica.record);
    if copying::is_received(to, tag)? {
        return Ok(());
    }
    match base(active, replica)? {
        Some(base) => copying::catch_up(from, &base, tag, to)?,
        None => {
            // Nothing that it has is of use to it, and it is not the active one.
            destroy(to)?;
            copying::replicate(from, tag, to)?;
            shut(replica)?;
        }
    }
    Ok(())
}

/// Makes a replica one for reading, of its own size: one that was made anew has all properties of
/// the active one.
pub fn shut(replica: &Place) -> Result<()> {
    dataset::set(&replica.record, "readonly=on")?;
    dataset::set_quota(&replica.record, replica.size)?;
    record::set_quota(&replica.id, replica.size)
}

/// The last snapshot that both have: what is written down of it, or what is found.
fn base(active: &Place, replica: &Place) -> Result<Option<String>> {
    if !dataset::is_there(&replica.record)? {
        return Ok(None);
    }
    let (theirs, its) = (dataset::snapshots(&active.record)?, dataset::snapshots(&replica.record)?);
    let common = |tag: &String| theirs.contains(tag) && its.contains(tag);
    if let Some(last) = record::last_common(&replica.id)?.filter(|tag| common(tag)) {
        return Ok(Some(last));
    }
    let names = options::names()?;
    let mut found = its.iter().rev().filter(|tag| names.is_for_replicas(tag));
    Ok(found.find(|tag| common(tag)).cloned())
}

/// Removes a dataset with its snapshots; none there is success.
pub fn destroy(record: &Record) -> Result<()> {
    for tag in dataset::snapshots(record)? {
        dataset::destroy_snapshot(record, &tag)?;
    }
    match dataset::is_there(record)? {
        true => shares::remove(record),
        false => Ok(()),
    }
}

/// Removes from a replica the snapshots that it was made by, but the last.
pub fn tidy_replica(replica: &Place, last: &str) -> Result<()> {
    let names = options::names()?;
    remove(&replica.record, |tag| names.is_for_replicas(tag) && tag != last)
}

/// Removes from the active one the snapshots by which no replica follows any more. Upstream leaves
/// those for ever that were made in the active one's own name. Where a replica is on another back
/// end, whose last snapshot is not known here, only those are removed that were made for `id`.
pub fn tidy_active(active: &Place, replicas: &[Replica], id: &str) -> Result<()> {
    let names = options::names()?;
    let mut kept = Vec::new();
    let mut all_known = true;
    for one in replicas.iter().filter(|one| one.share.id != active.id) {
        match record::last_common(&one.share.id)? {
            Some(tag) => kept.push(tag),
            None => all_known = false,
        }
    }
    let beginning = format!("{}_", names.replica_of(id));
    remove(&active.record, |tag| {
        let candidate = match all_known {
            true => names.is_for_replicas(tag),
            false => tag.starts_with(&beginning),
        };
        candidate && !kept.iter().any(|kept| kept == tag)
    })
}

/// Removes some snapshots. That one cannot be removed now keeps nothing else from being done.
fn remove(record: &Record, is_over: impl Fn(&str) -> bool) -> Result<()> {
    for tag in dataset::snapshots(record)?.iter().filter(|tag| is_over(tag)) {
        if let Err(error) = dataset::destroy_snapshot(record, tag) {
            log::warning(format!("{}@{tag} stays: {}", record.dataset, error.text()));
        }
    }
    Ok(())
}
