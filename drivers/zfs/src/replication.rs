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
use crate::replicas::{self, Base, Place};
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
        places::check_protocol(&new_replica.share)?;
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
            new.record.begin_replica(&active.id, &new.id, &tag)?;
            dataset::snapshot(&active.record, &tag)?;
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
        // What the active one keeps for it is of no use any more; that it cannot be reached, or is on
        // another host, keeps no replica.
        let rest: Vec<_> = replica_list.iter().filter(|one| one.share.id != *id).cloned().collect();
        let tidied = replicas::active_place(&replica_list)
            .and_then(|active| replicas::tidy_after(&active, &rest, id));
        match tidied {
            Ok(()) => {}
            Err(error @ (Error::ReplicationFailed(_) | Error::CommandFailed(_))) => {
                log::warning(format!("snapshots for the replica {id} stay: {}", error.text()));
            }
            Err(error) => return Err(error),
        }
        record::forget(id)
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
        let is_open = record::active(&share.share_id)?.as_ref() == Some(&new.id);
        let mut updates = match is_open {
            true => handed_over(&replica_list, &new)?,
            false => hand_over(&replica_list, &new)?,
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
            Ok(ReplicaState::InSync) => {}
            Ok(state) => return Ok(Some(state)),
            // It follows when nobody reads it any more.
            Err(Error::ShareIsBusy(why)) => {
                log::warning(format!("the replica {} does not follow: {why}", behind.id));
                return Ok(Some(ReplicaState::OutOfSync));
            }
            Err(error) => return Err(error),
        }
        // Upstream takes no rules for nothing said: what is denied, `update_access` hears.
        if !access_rules.is_empty() {
            access::settle(&behind.record, access_rules, true);
        }
        Ok(Some(ReplicaState::InSync))
    }
}

/// Where a replica is, which was made.
pub fn known(replica: &Replica) -> Result<Place> {
    let share = &replica.share;
    Ok(Place { id: share.id.clone(), record: places::known(share)?, size: share.size })
}

/// Makes a replica follow the active one, and removes the snapshots that are over. It is out of sync
/// where it cannot follow any more: that it has nothing in common with the active one is no reason to
/// throw it away, for which of both is the good one only people know.
pub fn update(replica_list: &[Replica], replica: &Replica, behind: &Place) -> Result<ReplicaState> {
    check_closed(replica)?;
    let active = replicas::active_place(replica_list)?;
    let base = replicas::base(&active, behind)?;
    if base == Base::Lost {
        log::error(replicas::lost(&active.record, &behind.record));
        return Ok(ReplicaState::OutOfSync);
    }
    let tag = replicas::new_tag(&options::names()?, &behind.id)?;
    dataset::snapshot(&active.record, &tag)?;
    if base != Base::Nothing {
        dataset::set(&behind.record, "readonly=on")?;
        // What the share has become larger by comes with it.
        set_quota(behind)?;
    }
    replicas::bring(&active, behind, base, &tag)?;
    record::set_last_common(&[&active.id, &behind.id], &tag)?;
    replicas::tidy_replica(behind, replica_list)?;
    replicas::tidy_active(&active, replica_list, &behind.id)?;
    Ok(ReplicaState::InSync)
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
/// that is possible: where it is lost, an older copy is better than none, and the others follow that.
///
/// # Errors
/// `share-is-busy`, where somebody reads the new one so that it cannot follow; nothing is shut then.
fn hand_over(replica_list: &[Replica], new: &Place) -> Result<Vec<ReplicaUpdate>> {
    if tool::is_fuse()? {
        // As it will be to receive: see `copying`.
        dataset::unmount(&new.record)?;
    }
    let last = replicas::active_place(replica_list).and_then(|old| {
        let tag = shut(&old)?;
        Ok((old, tag))
    });
    let (old, tag) = match last {
        Ok(found) => found,
        Err(error) => {
            log::warning(format!("the active replica cannot be reached: {}", error.text()));
            return take_over(replica_list, new);
        }
    };
    let mut updates = demoted(replica_list, &new.id, ReplicaState::InSync);
    for follower in replicas::others(replica_list, &old.id)? {
        let followed = replicas::follow(&old, &follower, &tag);
        if !has_followed(&follower, &tag, followed)? {
            // If it is the new one, nobody has what it has.
            let behind = |id: &str| follower.id == new.id || follower.id == id;
            say(&mut updates, ReplicaState::OutOfSync, behind);
        }
    }
    record::set_last_common(&[&old.id], &tag)?;
    Ok(updates)
}

/// What a promotion has come to that is asked for again: in sync is what has the same last snapshot.
fn handed_over(replica_list: &[Replica], new: &Place) -> Result<Vec<ReplicaUpdate>> {
    let mut updates = demoted(replica_list, &new.id, ReplicaState::OutOfSync);
    let last = record::last_common(&new.id)?;
    for update in &mut updates {
        if last.is_some() && record::last_common(&update.id)? == last {
            update.replica_state = Some(ReplicaState::InSync);
        }
    }
    Ok(updates)
}

/// Makes the others follow the new active one, where the former one is lost. One that has more than the
/// new one keeps it, and is out of sync, as is one that may have been written to.
fn take_over(replica_list: &[Replica], new: &Place) -> Result<Vec<ReplicaUpdate>> {
    let tag = replicas::new_tag(&options::names()?, &new.id)?;
    dataset::snapshot(&new.record, &tag)?;
    let mut updates = demoted(replica_list, &new.id, ReplicaState::OutOfSync);
    for follower in replicas::others(replica_list, &new.id)? {
        let of_it = |one: &&Replica| one.share.id == follower.id;
        let state = replica_list.iter().find(of_it).and_then(|one| one.share.replica_state);
        if !matches!(state, Some(ReplicaState::InSync | ReplicaState::OutOfSync)) {
            continue;
        }
        let followed = match replicas::is_ahead(new, &follower) {
            Ok(false) => replicas::follow(new, &follower, &tag),
            Ok(true) => Err(Error::ReplicationFailed("it has more than the new one".to_owned())),
            Err(error) => Err(error),
        };
        if has_followed(&follower, &tag, followed)? {
            say(&mut updates, ReplicaState::InSync, |id| id == follower.id);
        }
    }
    record::set_last_common(&[&new.id], &tag)?;
    Ok(updates)
}

/// Writes down that a replica has followed up to `tag`, or says in the log why it has not.
fn has_followed(follower: &Place, tag: &str, answer: Result<()>) -> Result<bool> {
    match answer {
        Ok(()) => record::set_last_common(&[&follower.id], tag).map(|()| true),
        Err(error) => {
            log::warning(format!("the replica {} does not follow: {}", follower.id, error.text()));
            Ok(false)
        }
    }
}

/// What becomes of some replicas.
fn say(updates: &mut [ReplicaUpdate], state: ReplicaState, which: impl Fn(&str) -> bool) {
    for update in updates.iter_mut().filter(|update| which(&update.id)) {
        update.replica_state = Some(state);
    }
}

/// Shuts an active replica for writing, and keeps what it has.
///
/// Upstream's command for it lacks its first word, `zfs`, so that it fails, which nobody notices, and
/// clients go on writing into what is about to be thrown away.
fn shut(old: &Place) -> Result<String> {
    dataset::set(&old.record, "readonly=on")?;
    let tag = replicas::new_tag(&options::names()?, &old.id)?;
    dataset::snapshot(&old.record, &tag)?;
    Ok(tag)
}

/// What becomes of the replicas beside the new active one. All have rules to write still.
fn demoted(replica_list: &[Replica], new: &str, state: ReplicaState) -> Vec<ReplicaUpdate> {
    let others = replica_list.iter().map(|one| &one.share.id).filter(|id| *id != new);
    let update = |id: &String| ReplicaUpdate {
        id: id.clone(),
        export_locations: Vec::new(),
        replica_state: Some(state),
        access_rules_status: Some(AccessRulesStatus::OutOfSync),
    };
    others.map(update).collect()
}
