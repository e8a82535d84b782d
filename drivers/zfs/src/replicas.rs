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

/// What a replica can be brought up to date from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// The last snapshot that both have.
    Since(String),
    /// Nothing: it is not there.
    Nothing,
    /// Nothing that both have any more, though it is there.
    Lost,
}

/// Brings a replica to the snapshot `tag` of the active one: by what has changed since the last
/// snapshot that both have, or from the beginning where it is not there.
///
/// # Errors
/// `replication-failed`, where it is there and both have no snapshot in common. What it has may be
/// the last good copy then, so nothing here removes it.
pub fn follow(active: &Place, replica: &Place, tag: &str) -> Result<()> {
    match copying::is_received(&replica.record, tag)? {
        true => Ok(()),
        false => bring(active, replica, base(active, replica)?, tag),
    }
}

/// The same where it is known from what.
pub fn bring(active: &Place, replica: &Place, base: Base, tag: &str) -> Result<()> {
    let (from, to) = (&active.record, &replica.record);
    match base {
        Base::Since(base) if base == tag => Ok(()),
        Base::Since(base) => copying::catch_up(from, &base, tag, to),
        Base::Nothing => {
            copying::replicate(from, tag, to)?;
            shut(replica)
        }
        Base::Lost => Err(Error::ReplicationFailed(lost(from, to))),
    }
}

/// What is said of a replica that cannot follow any more.
pub fn lost(active: &Record, replica: &Record) -> String {
    format!(
        "{} and {} have no snapshot in common, and what a replica has is not thrown away; remove the \
         replica, and make a new one",
        active.dataset, replica.dataset
    )
}

/// Makes a replica one for reading, of its own size: one that was made anew has all properties of
/// the active one.
pub fn shut(replica: &Place) -> Result<()> {
    dataset::set(&replica.record, "readonly=on")?;
    dataset::set_quota(&replica.record, replica.size)?;
    record::set_quota(&replica.id, replica.size)
}

/// What a replica can be brought up to date from: the last snapshot that both have, by what is
/// written down of it, or by what is found.
pub fn base(active: &Place, replica: &Place) -> Result<Base> {
    if !dataset::is_there(&replica.record)? {
        return Ok(Base::Nothing);
    }
    let (theirs, its) = (dataset::snapshots(&active.record)?, dataset::snapshots(&replica.record)?);
    let common = |tag: &String| theirs.contains(tag) && its.contains(tag);
    if let Some(last) = record::last_common(&replica.id)?.filter(|tag| common(tag)) {
        return Ok(Base::Since(last));
    }
    let names = options::names()?;
    let mut found = its.iter().rev().filter(|tag| names.is_for_replicas(tag));
    Ok(found.find(|tag| common(tag)).map_or(Base::Lost, |tag| Base::Since(tag.clone())))
}

/// Whether a replica has a snapshot newer than all that `of` has: then it is not to follow `of`,
/// which would throw that away.
pub fn is_ahead(of: &Place, replica: &Place) -> Result<bool> {
    let its = dataset::snapshots(&replica.record)?;
    Ok(match its.last() {
        Some(last) => !dataset::snapshots(&of.record)?.contains(last),
        None => false,
    })
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

/// Removes from a replica the snapshots that it was made by, but those by which a replica of the
/// share follows: should it become the active one, they follow it by these.
pub fn tidy_replica(replica: &Place, replicas: &[Replica]) -> Result<()> {
    let names = options::names()?;
    let kept = followed(replicas)?;
    remove(&replica.record, |tag| names.is_for_replicas(tag) && !kept.iter().any(|one| one == tag))
}

/// Removes from the active one the snapshots that were made in the name of the replica `id`, but
/// those by which a replica follows. What was made in the active one's own name stays, as upstream's
/// does, until a replica is removed.
pub fn tidy_active(active: &Place, replicas: &[Replica], id: &str) -> Result<()> {
    let beginning = format!("{}_", options::names()?.replica_of(id));
    let kept = followed(replicas)?;
    remove(&active.record, |tag| tag.starts_with(&beginning) && !kept.iter().any(|one| one == tag))
}

/// Removes from the active one all snapshots by which no replica follows any more, now that the
/// replica `id` is gone. Upstream leaves those for ever. Where a replica is on another back end,
/// whose last snapshot is not known here, only those are removed that were made for `id`.
pub fn tidy_after(active: &Place, rest: &[Replica], id: &str) -> Result<()> {
    let names = options::names()?;
    let mut others = rest.iter().filter(|one| one.share.id != active.id);
    let known = others.try_fold(true, |known, one| -> Result<bool> {
        Ok(known && record::last_common(&one.share.id)?.is_some())
    })?;
    if !known {
        return tidy_active(active, rest, id);
    }
    let rest: Vec<_> = rest.iter().filter(|one| one.share.id != active.id).cloned().collect();
    let kept = followed(&rest)?;
    remove(&active.record, |tag| names.is_for_replicas(tag) && !kept.iter().any(|one| one == tag))
}

/// The snapshots by which the replicas follow, as far as that is known here.
fn followed(replicas: &[Replica]) -> Result<Vec<String>> {
    replicas.iter().filter_map(|one| record::last_common(&one.share.id).transpose()).collect()
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
