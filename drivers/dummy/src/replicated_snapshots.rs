//! Snapshots of shares that have replicas. The active replica has them at once; the others
//! may be on other back ends and follow when they are asked what has become of theirs.
//!
//! ```text
//! active:  create ──▶ available            delete ──▶ deleted
//! others:  create ──▶ creating ──update──▶ creating, 50 % ──update──▶ available
//!          delete ──▶ deleting ──update──▶ deleted ──update──▶ not found
//! ```

use abaca_sdk::{
    Error, Replica, ReplicaSnapshot, ReplicaSnapshotUpdate, ReplicatedSnapshots, Result,
    ShareServer, SnapshotStatus,
};

use crate::call::Call;
use crate::held::DONE;
use crate::world::{World, no_snapshot};
use crate::{Dummy, replication, snapshots};

/// How far a snapshot comes with one update, in percent.
const STEP: u8 = 50;

impl ReplicatedSnapshots for Dummy {
    fn create_replicated_snapshot(
        replica_list: Vec<Replica>,
        replica_snapshots: Vec<ReplicaSnapshot>,
        _: Option<ShareServer>,
    ) -> Result<Vec<ReplicaSnapshotUpdate>> {
        Call::begin("create-replicated-snapshot", &[])?
            .change(|world, _| create(world, &replica_list, &replica_snapshots))
    }

    fn delete_replicated_snapshot(
        replica_list: Vec<Replica>,
        replica_snapshots: Vec<ReplicaSnapshot>,
        _: Option<ShareServer>,
    ) -> Result<Vec<ReplicaSnapshotUpdate>> {
        Call::begin("delete-replicated-snapshot", &[])?
            .change(|world, _| Ok(delete(world, &replica_list, &replica_snapshots)))
    }

    fn update_replicated_snapshot(
        _: Vec<Replica>,
        share_replica: Replica,
        replica_snapshots: Vec<ReplicaSnapshot>,
        replica_snapshot: ReplicaSnapshot,
        _: Option<ShareServer>,
    ) -> Result<Option<ReplicaSnapshotUpdate>> {
        Call::begin("update-replicated-snapshot", &share_replica.share.metadata)?
            .change(|world, _| update(world, &replica_snapshots, &replica_snapshot))
            .map(Some)
    }
}

/// Takes the snapshot on the active replica; the others begin.
fn create(
    world: &mut World,
    replicas: &[Replica],
    instances: &[ReplicaSnapshot],
) -> Result<Vec<ReplicaSnapshotUpdate>> {
    let Some(active) = replication::active(replicas).next() else {
        return Err(Error::ReplicationFailed(
            "there is no active replica to take a snapshot of".to_owned(),
        ));
    };
    let mut updates = Vec::new();
    for ReplicaSnapshot { snapshot, .. } in instances {
        updates.push(if snapshot.share_instance_id == active {
            ReplicaSnapshotUpdate {
                provider_location: Some(snapshots::take(world, snapshot)?),
                ..told(&snapshot.id, SnapshotStatus::Available, DONE)
            }
        } else {
            told(&snapshot.id, SnapshotStatus::Creating, 0)
        });
    }
    Ok(updates)
}

/// Removes the snapshot from the active replica; the others follow.
fn delete(
    world: &mut World,
    replicas: &[Replica],
    instances: &[ReplicaSnapshot],
) -> Vec<ReplicaSnapshotUpdate> {
    let active = replication::active(replicas).next();
    let mut updates = Vec::new();
    for ReplicaSnapshot { snapshot, .. } in instances {
        updates.push(if Some(snapshot.share_instance_id.as_str()) == active {
            world.snapshots.remove(&snapshot.id);
            told(&snapshot.id, SnapshotStatus::Deleted, DONE)
        } else {
            told(&snapshot.id, SnapshotStatus::Deleting, 0)
        });
    }
    updates
}

/// Moves one instance on and says what it is now.
fn update(
    world: &mut World,
    instances: &[ReplicaSnapshot],
    instance: &ReplicaSnapshot,
) -> Result<ReplicaSnapshotUpdate> {
    let snapshot = &instance.snapshot;
    if snapshot.status == SnapshotStatus::Deleting {
        world.snapshots.remove(&snapshot.id).ok_or_else(|| no_snapshot(&snapshot.id))?;
        return Ok(told(&snapshot.id, SnapshotStatus::Deleted, DONE));
    }
    // One that is being made here begins when another replica has the whole of it.
    let is_elsewhere = instances.iter().any(|other| {
        other.snapshot.snapshot_id == snapshot.snapshot_id
            && other.snapshot.id != snapshot.id
            && other.snapshot.status == SnapshotStatus::Available
    });
    let is_new = !world.snapshots.contains_key(&snapshot.id);
    if is_new && snapshot.status == SnapshotStatus::Creating && is_elsewhere {
        snapshots::take(world, snapshot)?;
        if let Some(held) = world.snapshots.get_mut(&snapshot.id) {
            held.progress = 0;
        }
    }
    let Some(held) = world.snapshots.get_mut(&snapshot.id) else {
        return Err(no_snapshot(&snapshot.id));
    };
    held.progress = held.progress.saturating_add(STEP).min(DONE);
    let status = match held.progress {
        DONE => SnapshotStatus::Available,
        _ => SnapshotStatus::Creating,
    };
    Ok(ReplicaSnapshotUpdate {
        provider_location: Some(held.location.clone()),
        ..told(&snapshot.id, status, held.progress)
    })
}

/// What is said of an instance whose place has not changed.
fn told(id: &str, status: SnapshotStatus, progress: u8) -> ReplicaSnapshotUpdate {
    ReplicaSnapshotUpdate {
        id: id.to_owned(),
        status,
        progress: Some(progress),
        provider_location: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{replica, replica_snapshot, with_share};
    use SnapshotStatus::{Available, Creating, Deleted, Deleting};
    use abaca_sdk::ReplicaState;

    fn replicas() -> [Replica; 2] {
        [replica("a", ReplicaState::Active), replica("b", ReplicaState::InSync)]
    }

    fn both(status: SnapshotStatus) -> [ReplicaSnapshot; 2] {
        [replica_snapshot("s", "a", status), replica_snapshot("t", "b", status)]
    }

    #[test]
    fn the_active_one_is_first_and_the_other_follows() {
        let mut active = with_share("a", 1);
        let updates = create(&mut active, &replicas(), &both(Creating)).unwrap();
        let told: Vec<_> = updates.iter().map(|update| (update.status, update.progress)).collect();
        assert_eq!(told, [(Available, Some(100)), (Creating, Some(0))]);
        assert!(updates[0].provider_location.is_some());

        // The other one is on another back end, with a state of its own.
        let mut other = with_share("b", 1);
        let [_, t] = both(Creating);
        let known = [replica_snapshot("s", "a", Available), t.clone()];
        let mut step =
            || update(&mut other, &known, &t).map(|update| (update.status, update.progress));
        assert_eq!(step(), Ok((Creating, Some(50))));
        assert_eq!(step(), Ok((Available, Some(100))));
        assert_eq!(step(), Ok((Available, Some(100))));
    }

    #[test]
    fn removing_goes_the_same_way() {
        let mut world = with_share("a", 1);
        create(&mut world, &replicas(), &both(Creating)).unwrap();
        world.snapshots.insert("t".into(), world.snapshots["s"].clone());
        for _ in 0..2 {
            let updates = delete(&mut world, &replicas(), &both(Deleting));
            assert_eq!([updates[0].status, updates[1].status], [Deleted, Deleting]);
        }
        let [_, t] = both(Deleting);
        assert_eq!(update(&mut world, &[], &t).unwrap().status, Deleted);
        let gone = update(&mut world, &[], &t);
        assert!(matches!(gone, Err(Error::SnapshotResourceNotFound(_))));
    }

    #[test]
    fn what_nobody_has_is_not_found() {
        let mut world = with_share("b", 1);
        for status in [Creating, Available] {
            let [s, t] = both(status);
            let known = if status == Creating { vec![s, t.clone()] } else { Vec::new() };
            let result = update(&mut world, &known, &t);
            assert!(matches!(result, Err(Error::SnapshotResourceNotFound(_))), "{status:?}");
        }
        assert_eq!(world, with_share("b", 1));
    }

    #[test]
    fn without_an_active_replica_there_is_nothing_to_take() {
        let [_, b] = replicas();
        let result = create(&mut with_share("b", 1), &[b], &both(Creating));
        assert!(matches!(result, Err(Error::ReplicationFailed(_))));
    }
}
