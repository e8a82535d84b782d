//! Keeping a share in several pools of this host, for reading.
//!
//! ```text
//! create ──▶ in sync ──update──▶ in sync          promote: the old one is shut for writing, the new
//!               ▲                   │                      one follows it once more, and is opened
//!               └──── demoted ──── active
//! ```
//! Which one was opened last is written down before it is: the repeated call of one that was cut
//! short there must not make it follow the old one again, over what clients have written since.

use abaca_sdk::{
    AccessRule, AccessRulesStatus, Error, Replica, ReplicaSnapshot, ReplicaSnapshotPair,
    ReplicaState, ReplicaUpdate, Replication, Result, ShareServer, log,
};

use crate::record::{self, Record};
use crate::replicas::{self, Place};
use crate::{Zfs, access, copying, dataset, options, places, shares, tool};

impl Replication for Zfs {
    /// The snapshots come with the content.
    fn create_replica(
        replica_list: Vec<Replica>,
        new_replica: Replica,
        access_rules: Vec<AccessRule>,
        _: Vec<ReplicaSnapshotPair>,
        _: Option<ShareServer>,
    ) -> Result<Option<ReplicaUpdate>> {
        let _guard = replicas::alone(&new_replica)?;
        let active = replicas::active_place(&replica_list)?;
        let share = &new_replica.share;
        let (record, begun) = match Record::of(&share.id)? {
            Some(record) => (record, record::last_common(&share.id)?),
            None => {
                let record = places::new(share)?;
                shares::check_free(&record)?;
                (record, None)
            }
        };
        let new = Place { id: share.id.clone(), record, size: share.size };
        let is_whole = match &begun {
            Some(tag) => copying::is_received(&new.record, tag)?,
            None => false,
        };
        if is_whole {
            replicas::shut(&new)?;
        } else {
            let tag = replicas::new_tag(&options::names()?, &new.id)?;
            dataset::snapshot(&active.record, &tag)?;
            record::set_last_common(&[&active.id], &tag)?;
            new.record.begin_replica(&new.id, &tag)?;
            replicas::follow(&active, &new, &tag)?;
        }
        let status = access::settle(&new.record, access_rules, true);
        dataset::mount(&new.record)?;
        Ok(Some(ReplicaUpdate {
            id: new.id,
            export_locations: places::locations(&dataset::mountpoint(&new.record)?)?,
            replica_state: Some(ReplicaState::InSync),
            access_rules_status: Some(status),
        }))
    }

    fn delete_replica(
        replica_list: Vec<Replica>,
        _: Vec<ReplicaSnapshot>,
        replica: Replica,
        _: Option<ShareServer>,
    ) -> Result<()> {
        let _guard = replicas::alone(&replica)?;
        let id = &replica.share.id;
        let Some(gone) = Place::of(&replica)? else { return Ok(()) };
        replicas::destroy(&gone.record)?;
        record::forget(id)?;
        // What the active one keeps for it is of no use any more.
        if let Ok(active) = replicas::active_place(&replica_list) {
            let rest: Vec<_> = replica_list.into_iter().filter(|one| one.share.id != *id).collect();
            if let Err(error) = replicas::tidy_active(&active, &rest, id) {
                log::warning(format!("snapshots for the replica {id} stay: {}", error.text()));
            }
        }
        Ok(())
    }

    fn promote_replica(
        replica_list: Vec<Replica>,
        replica: Replica,
        access_rules: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<Vec<ReplicaUpdate>> {
        let _guard = replicas::alone(&replica)?;
        let share = &replica.share;
        let new = known(&replica)?;
        if !dataset::is_there(&new.record)? {
            return Err(Error::ShareResourceNotFound(format!(
                "the dataset {} is not there",
                new.record.dataset
            )));
        }
        let former = replicas::active(&replica_list)?.share.id.clone();
        let is_open = record::active(&share.share_id)?.as_ref() == Some(&new.id);
        let mut updates = match is_open {
            true => demoted(&replica_list, &former, &new.id, ReplicaState::OutOfSync),
            false => hand_over(&replica_list, &former, &new)?,
        };
        record::set_active(&share.share_id, &new.id)?;
        let status = access::settle(&new.record, access_rules, false);
        dataset::set(&new.record, "readonly=off")?;
        dataset::mount(&new.record)?;
        updates.push(ReplicaUpdate {
            id: new.id,
            export_locations: Vec::new(),
            replica_state: Some(ReplicaState::Active),
            access_rules_status: Some(status),
        });
        Ok(updates)
    }

    fn update_replica_state(
        replica_list: Vec<Replica>,
        replica: Replica,
        access_rules: Vec<AccessRule>,
        _: Vec<ReplicaSnapshotPair>,
        _: Option<ShareServer>,
    ) -> Result<Option<ReplicaState>> {
        let _guard = replicas::alone(&replica)?;
        let behind = known(&replica)?;
        match update(&replica_list, &replica, &behind) {
            Ok(()) => {}
            // It follows when nobody reads it any more.
            Err(Error::ShareIsBusy(why)) => {
                log::warning(format!("the replica {} does not follow: {why}", behind.id));
                return Ok(Some(ReplicaState::OutOfSync));
            }
            Err(error) => return Err(error),
        }
        access::settle(&behind.record, access_rules, true);
        Ok(Some(ReplicaState::InSync))
    }
}

/// Where a replica is, which was made.
pub fn known(replica: &Replica) -> Result<Place> {
    let share = &replica.share;
    Ok(Place { id: share.id.clone(), record: places::known(share)?, size: share.size })
}

/// Makes a replica follow the active one, and removes the snapshots that are over.
pub fn update(replica_list: &[Replica], replica: &Replica, behind: &Place) -> Result<()> {
    check_closed(replica)?;
    let active = replicas::active_place(replica_list)?;
    let tag = replicas::new_tag(&options::names()?, &behind.id)?;
    dataset::snapshot(&active.record, &tag)?;
    record::set_last_common(&[&active.id], &tag)?;
    if dataset::is_there(&behind.record)? {
        dataset::set(&behind.record, "readonly=on")?;
        // What the share has become larger by comes with it.
        set_quota(behind)?;
    }
    replicas::follow(&active, behind, &tag)?;
    record::set_last_common(&[&behind.id], &tag)?;
    replicas::tidy_replica(behind, &tag)?;
    replicas::tidy_active(&active, replica_list, &behind.id)
}

/// One that was opened by a promotion that was cut short is not made to follow: clients may have
/// written to it.
fn check_closed(replica: &Replica) -> Result<()> {
    let share = &replica.share;
    if record::active(&share.share_id)?.as_ref() != Some(&share.id) {
        return Ok(());
    }
    Err(Error::ReplicationFailed(format!(
        "the replica {} was promoted by a call that was cut short; promote it again",
        share.id
    )))
}

/// A replica's quota is its own: what comes with the content does not change it.
fn set_quota(replica: &Place) -> Result<()> {
    if record::quota(&replica.id)? == Some(replica.size) {
        return Ok(());
    }
    dataset::set_quota(&replica.record, replica.size)?;
    record::set_quota(&replica.id, replica.size)
}

/// Shuts the former active one for writing, and makes the others follow it once more, as far as
/// that is possible: where it is lost, an older copy is better than none.
///
/// # Errors
/// `share-is-busy`, where somebody reads the new one so that it cannot follow; nothing is shut then.
fn hand_over(replica_list: &[Replica], former: &str, new: &Place) -> Result<Vec<ReplicaUpdate>> {
    if tool::is_fuse()? {
        // As it will be to receive: see `copying`.
        dataset::unmount(&new.record)?;
    }
    let last =
        Place::of(replicas::active(replica_list)?)?.map(|old| shut(&old).map(|tag| (old, tag)));
    let (old, tag) = match last {
        Some(Ok(found)) => found,
        lost => {
            let why = match lost {
                Some(Err(error)) => error.text(),
                _ => "it was not made by this back end".to_owned(),
            };
            log::warning(format!("the active replica {former} cannot be reached: {why}"));
            return Ok(demoted(replica_list, former, &new.id, ReplicaState::OutOfSync));
        }
    };
    let mut updates = demoted(replica_list, former, &new.id, ReplicaState::InSync);
    for follower in replicas::others(replica_list, former)? {
        let followed = replicas::follow(&old, &follower, &tag)
            .and_then(|()| record::set_last_common(&[&follower.id], &tag));
        let Err(error) = followed else { continue };
        log::warning(format!("the replica {} does not follow: {}", follower.id, error.text()));
        // If it is the new one, nobody has what it has.
        for update in &mut updates {
            if follower.id == new.id || follower.id == update.id {
                update.replica_state = Some(ReplicaState::OutOfSync);
            }
        }
    }
    Ok(updates)
}

/// Shuts an active replica for writing, and keeps what it has.
///
/// Upstream's command for it lacks its first word, `zfs`, so that it fails, which nobody notices, and
/// clients go on writing into what is about to be thrown away.
fn shut(old: &Place) -> Result<String> {
    dataset::set(&old.record, "readonly=on")?;
    let tag = replicas::new_tag(&options::names()?, &old.id)?;
    dataset::snapshot(&old.record, &tag)?;
    record::set_last_common(&[&old.id], &tag)?;
    Ok(tag)
}

/// What becomes of the replicas beside the new active one. The former one has rules to write still.
fn demoted(
    replica_list: &[Replica],
    former: &str,
    new: &str,
    state: ReplicaState,
) -> Vec<ReplicaUpdate> {
    let others = replica_list.iter().map(|one| &one.share.id).filter(|id| *id != new);
    let update = |id: &String| ReplicaUpdate {
        id: id.clone(),
        export_locations: Vec::new(),
        replica_state: Some(state),
        access_rules_status: (id == former).then_some(AccessRulesStatus::OutOfSync),
    };
    others.map(update).collect()
}
