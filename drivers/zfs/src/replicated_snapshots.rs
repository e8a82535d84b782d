//! Snapshots of shares that have replicas: one of the active replica, which reaches the others with
//! what they follow by. It has the same tag everywhere.

use abaca_sdk::{
    Error, Replica, ReplicaSnapshot, ReplicaSnapshotUpdate, ReplicaState, ReplicatedSnapshots,
    Result, ShareServer, SnapshotStatus, log,
};

use crate::record::{self, Record};
use crate::{Zfs, dataset, options, replicas, replication, snapshots};

/// How far one is that is there, in percent.
const DONE: u8 = 100;

impl ReplicatedSnapshots for Zfs {
    fn create_replicated_snapshot(
        replica_list: Vec<Replica>,
        replica_snapshots: Vec<ReplicaSnapshot>,
        _: Option<ShareServer>,
    ) -> Result<Vec<ReplicaSnapshotUpdate>> {
        let _guard = replicas::alone(replicas::active(&replica_list)?)?;
        let active = replicas::active_place(&replica_list)?;
        let of = |id: &str| {
            let mut all = replica_snapshots.iter().map(|one| &one.snapshot);
            all.find(|snapshot| snapshot.share_instance_id == id)
        };
        let first = of(&active.id).ok_or_else(|| {
            Error::InvalidSnapshot("no instance of it is of the active replica".to_owned())
        })?;
        dataset::snapshot(&active.record, &record::begin_tag(first)?)?;
        let tag = replicas::new_tag(&options::names()?, &active.id)?;
        dataset::snapshot(&active.record, &tag)?;
        let mut updates = vec![told(&first.id, SnapshotStatus::Available)];
        for follower in replicas::others(&replica_list, &active.id)? {
            let followed = replicas::follow(&active, &follower, &tag)
                .and_then(|()| record::set_last_common(&[&follower.id], &tag));
            let status = match followed {
                Ok(()) => SnapshotStatus::Available,
                Err(error) => {
                    log::warning(format!("{} does not follow: {}", follower.id, error.text()));
                    SnapshotStatus::Error
                }
            };
            updates.extend(of(&follower.id).map(|snapshot| told(&snapshot.id, status)));
        }
        record::set_last_common(&[&active.id], &tag)?;
        Ok(updates)
    }

    fn delete_replicated_snapshot(
        replica_list: Vec<Replica>,
        replica_snapshots: Vec<ReplicaSnapshot>,
        _: Option<ShareServer>,
    ) -> Result<Vec<ReplicaSnapshotUpdate>> {
        let _guard = replicas::alone(replicas::active(&replica_list)?)?;
        let mut updates = Vec::new();
        for ReplicaSnapshot { snapshot, .. } in &replica_snapshots {
            let place = Record::of(&snapshot.share_instance_id)?;
            if let (Some(share), Some(tag)) = (place, record::tag(snapshot)?) {
                snapshots::remove(&share, &tag)?;
            }
            updates.push(told(&snapshot.id, SnapshotStatus::Deleted));
        }
        for ReplicaSnapshot { snapshot, .. } in &replica_snapshots {
            record::forget_tag(snapshot)?;
        }
        Ok(updates)
    }

    fn update_replicated_snapshot(
        replica_list: Vec<Replica>,
        share_replica: Replica,
        _: Vec<ReplicaSnapshot>,
        replica_snapshot: ReplicaSnapshot,
        _: Option<ShareServer>,
    ) -> Result<Option<ReplicaSnapshotUpdate>> {
        let _guard = replicas::alone(&share_replica)?;
        let snapshot = &replica_snapshot.snapshot;
        let behind = replication::known(&share_replica)?;
        let tag = record::tag(snapshot)?;
        if snapshot.status == SnapshotStatus::Deleting {
            return match tag {
                Some(tag) if dataset::has_snapshot(&behind.record, &tag)? => {
                    snapshots::remove(&behind.record, &tag)?;
                    Ok(Some(told(&snapshot.id, SnapshotStatus::Deleted)))
                }
                _ => Err(Error::SnapshotResourceNotFound(format!(
                    "there is no snapshot {}",
                    snapshot.id
                ))),
            };
        }
        if replication::update(&replica_list, &share_replica, &behind)? != ReplicaState::InSync {
            // It has what it had; whether the snapshot comes is seen when it follows again.
            return Ok(None);
        }
        let is_there = match tag {
            Some(tag) => dataset::has_snapshot(&behind.record, &tag)?,
            None => false,
        };
        let status = if is_there { SnapshotStatus::Available } else { SnapshotStatus::Error };
        Ok(Some(told(&snapshot.id, status)))
    }
}

/// What is said of an instance.
fn told(id: &str, status: SnapshotStatus) -> ReplicaSnapshotUpdate {
    ReplicaSnapshotUpdate {
        id: id.to_owned(),
        status,
        progress: Some(DONE).filter(|_| status == SnapshotStatus::Available),
        provider_location: None,
    }
}
