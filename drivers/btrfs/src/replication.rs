//! Keeping a share in both pools. One replica is the active one, a share as any other; the other
//! is a copy that no client sees (`dr`) until it is promoted.
//!
//! ```text
//! create ──▶ out of sync ──update: send │ receive──▶ in sync ──changes──▶ (the next update)
//!                 ▲                                     │
//!                 └──── demoted ──── active ◀──── promote: a writable snapshot of what arrived
//! ```
//! Whoever is promoted gets what the former active one holds at that moment, if that can still be
//! read; then its share is removed. Else it gets what arrived last, and what the former one has
//! besides stays in its share, shut, until that replica is brought into sync or removed.
//!
//! **State**: under a replica's identifier, if it is not the active one, `replica`.

use abaca_sdk::state::{self, Change, Entity};
use abaca_sdk::{
    Access, AccessRule, AccessRulesStatus, Error, Path, Replica, ReplicaSnapshot,
    ReplicaSnapshotPair, ReplicaState, ReplicaUpdate, Replication, Result, Share, ShareServer,
    files, local, log,
};

use crate::copies::Way;
use crate::places::is_there;
use crate::pools::{self, Pool};
use crate::{Btrfs, group, making, replicated_snapshots, snapshots, subvolume};

/// The key that says of which share something is a replica that is not active.
const REPLICA: &str = "replica";

/// Permission bits of a share that nobody shall reach any more.
const SHUT: u32 = 0o700;

impl Replication for Btrfs {
    fn create_replica(
        replica_list: Vec<Replica>,
        new_replica: Replica,
        _: Vec<AccessRule>,
        _: Vec<ReplicaSnapshotPair>,
        _: Option<ShareServer>,
    ) -> Result<Option<ReplicaUpdate>> {
        // Content, snapshots and rules come later: there is nothing yet that they could be of.
        let new = &new_replica.share;
        let active = check_new(&replica_list, new)?;
        let from = pools::of(&active.id)?;
        let way = Way::of_share(&new.share_id, from);
        let _guard = way.lock()?;
        state::apply(vec![Change::set_key(&new.id, REPLICA, &new.share_id)])?;
        pools::settle(&new.id, way.to)?;
        way.to.promise(&new.id, &new.name, new.size)?;
        way.open()?;
        Ok(Some(ReplicaUpdate {
            id: new.id.clone(),
            export_locations: Vec::new(),
            replica_state: Some(ReplicaState::OutOfSync),
            access_rules_status: Some(AccessRulesStatus::Active),
        }))
    }

    fn delete_replica(
        replica_list: Vec<Replica>,
        replica_snapshots: Vec<ReplicaSnapshot>,
        replica: Replica,
        _: Option<ShareServer>,
    ) -> Result<()> {
        let Share { id, share_id, name, .. } = &replica.share;
        if !is_follower(id)? {
            return match local::is_promised(id)? {
                true => Err(Error::ReplicationFailed(format!(
                    "the replica {id} is the active one; promote another first"
                ))),
                false => Ok(local::forget(id)?),
            };
        }
        let own = pools::of(id)?;
        let way = Way::of_share(share_id, own.other());
        let _guard = way.lock()?;
        for one in replica_snapshots.iter().filter(|one| one.snapshot.share_instance_id == *id) {
            subvolume::remove(&snapshots::place(&one.snapshot)?)?;
        }
        for root in [own.staging, own.shares] {
            subvolume::remove(&root.join(name))?;
        }
        way.close(own)?;
        if let Err(error) = way.close(own.other()) {
            // The other pool may be lost, which must not keep this replica.
            let alone =
                active(&replica_list).is_none_or(|active| !is_readable(own.other(), active));
            if !alone {
                return Err(error);
            }
            log::warning(format!(
                "copies stay in the pool `{}`: {}",
                own.other().name,
                error.text()
            ));
        }
        local::forget(id)
    }

    fn promote_replica(
        replica_list: Vec<Replica>,
        replica: Replica,
        access_rules: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<Vec<ReplicaUpdate>> {
        let new = &replica.share;
        let own = pools::of(&new.id)?;
        let former = active(&replica_list).filter(|former| former.id != new.id);
        let way = Way::of_share(&new.share_id, own.other());
        let _guard = way.lock()?;
        // Else an earlier call came so far.
        if is_follower(&new.id)? {
            promote(&way, former, new)?;
        }
        let export_locations = making::locations(new, own)?;
        let applied = Btrfs::update_access(new.clone(), access_rules, vec![], vec![], None);
        let mut updates = vec![ReplicaUpdate {
            id: new.id.clone(),
            export_locations,
            replica_state: Some(ReplicaState::Active),
            access_rules_status: Some(match applied {
                Ok(()) => AccessRulesStatus::Active,
                Err(_) => AccessRulesStatus::Error,
            }),
        }];
        updates.extend(former.map(|former| ReplicaUpdate {
            id: former.id.clone(),
            export_locations: Vec::new(),
            replica_state: Some(ReplicaState::OutOfSync),
            access_rules_status: None,
        }));
        Ok(updates)
    }

    fn update_replica_state(
        replica_list: Vec<Replica>,
        replica: Replica,
        _: Vec<AccessRule>,
        replica_snapshots: Vec<ReplicaSnapshotPair>,
        _: Option<ShareServer>,
    ) -> Result<Option<ReplicaState>> {
        let Share { id, share_id, name, .. } = &replica.share;
        if !is_follower(id)? {
            return Ok(None);
        }
        let own = pools::of(id)?;
        let Some(active) = active(&replica_list) else { return Ok(Some(ReplicaState::OutOfSync)) };
        let way = Way::of_share(share_id, own.other());
        let _guard = way.lock()?;
        if !is_readable(way.from, active) {
            log::warning(format!("the active replica {} cannot be read", active.id));
            return Ok(Some(ReplicaState::OutOfSync));
        }
        let source = way.from.shares.join(&active.name);
        way.sync(&source, false)?;
        for ReplicaSnapshotPair { active_replica_snapshot, share_replica_snapshot } in
            &replica_snapshots
        {
            let (from, to) = (&active_replica_snapshot.snapshot, &share_replica_snapshot.snapshot);
            replicated_snapshots::bring(&way, &source, from, to)?;
        }
        // What it held as the active one is not needed any more.
        subvolume::remove(&own.shares.join(name))?;
        Ok(Some(ReplicaState::InSync))
    }
}

/// Whether something is a replica that is not active.
pub fn is_follower(id: &str) -> Result<bool> {
    Ok(Entity(id).get(REPLICA)?.is_some())
}

/// The replica that the service takes for active.
pub fn active(replicas: &[Replica]) -> Option<&Share> {
    let active = |one: &&Replica| one.share.replica_state == Some(ReplicaState::Active);
    replicas.iter().find(active).map(|one| &one.share)
}

/// Whether the share of a replica is there. A pool that cannot be asked is one that is lost.
fn is_readable(pool: &Pool, share: &Share) -> bool {
    is_there(&pool.shares.join(&share.name)).unwrap_or(false)
}

/// The active replica that a new one is to be made of, if one can be.
fn check_new<'r>(replicas: &'r [Replica], new: &Share) -> Result<&'r Share> {
    let failed = |why: String| Err(Error::ReplicationFailed(why));
    if !pools::are_two()? {
        return failed(format!(
            "a replica lies in another pool than its share, and there is one pool; the option {} \
             says where a second one is",
            pools::SECOND_EXPORT_ROOT
        ));
    }
    let Some(active) = active(replicas) else {
        return failed(format!("the share {} has no active replica", new.share_id));
    };
    let known = [active.id.as_str(), new.id.as_str()];
    if let Some(third) = replicas.iter().find(|one| !known.contains(&one.share.id.as_str())) {
        return failed(format!(
            "there is a replica in each of the two pools already; remove {} first",
            third.share.id
        ));
    }
    if group::of(&active.id)?.is_some() {
        return failed("members of consistency groups have no replicas".to_owned());
    }
    let from = pools::of(&active.id)?;
    if new.pool.as_deref().is_some_and(|wanted| wanted != from.other().name) {
        return failed(format!(
            "the active replica is in the pool `{}`, so another one can only be in `{}`",
            from.name,
            from.other().name
        ));
    }
    if !is_readable(from, active) {
        return Err(Error::ShareResourceNotFound(format!(
            "the share of the active replica {} is not there",
            active.id
        )));
    }
    Ok(active)
}

/// Makes a share of what has arrived, and of the former active one a replica.
fn promote(way: &Way, former: Option<&Share>, new: &Share) -> Result<()> {
    let source = former
        .filter(|former| is_readable(way.from, former))
        .map(|former| way.from.shares.join(&former.name));
    let is_whole = source.as_ref().is_some_and(|source| match last_sync(way, source) {
        Ok(()) => true,
        Err(error) => {
            log::warning(format!("what `{source}` holds cannot be brought: {}", error.text()));
            false
        }
    });
    if let Err(error) = take_over(way, former, new) {
        // Nothing has come about, so the active one goes on.
        if let Some(source) = &source {
            drop(subvolume::shut(source, false));
        }
        return Err(error);
    }
    let Some(source) = &source else { return Ok(()) };
    let ended = match is_whole {
        true => subvolume::remove(source),
        false => files::set_mode(source, SHUT).map_err(Error::from),
    };
    if let Err(error) = ended {
        log::warning(format!("`{source}` stays until the next update: {}", error.text()));
    }
    Ok(())
}

/// Has nobody write to the active share, and brings what it holds.
fn last_sync(way: &Way, source: &Path) -> Result<()> {
    subvolume::shut(source, true)?;
    way.sync(source, true).map(drop).inspect_err(|_| drop(subvolume::shut(source, false)))
}

fn take_over(way: &Way, former: Option<&Share>, new: &Share) -> Result<()> {
    let Some(newest) = way.newest()? else {
        return Err(Error::ReplicationFailed(format!(
            "nothing has arrived of the share {} yet",
            new.share_id
        )));
    };
    // Of a promotion that was cut short, or of the time when it was active.
    subvolume::remove(&way.to.shares.join(&new.name))?;
    making::appear(new, way.to, |staged| subvolume::clone(&newest, staged))?;
    let mut roles = vec![Change::remove_key(&new.id, REPLICA)];
    roles.extend(former.map(|former| Change::set_key(&former.id, REPLICA, &former.share_id)));
    Ok(state::apply(roles)?)
}
