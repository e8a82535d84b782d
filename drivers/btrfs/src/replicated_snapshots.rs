//! Snapshots of shares that have replicas. The active replica's is taken at once; the other one's
//! is brought when the service asks what has become of it. Each lies in its replica's pool, as
//! any snapshot.
//!
//! ```text
//! active:  create ──▶ available                                   delete ──▶ deleted
//! other:   create ──▶ creating ──update: send │ receive──▶ available       ──▶ deleted
//! ```

use abaca_sdk::{
    Error, Path, Replica, ReplicaSnapshot, ReplicaSnapshotUpdate, ReplicatedSnapshots, Result,
    ShareServer, Snapshot, SnapshotStatus, Snapshots,
};

use crate::copies::Way;
use crate::places::is_there;
use crate::{Btrfs, pools, replication, snapshots};

/// All of it, in percent.
const DONE: u8 = 100;

impl ReplicatedSnapshots for Btrfs {
    fn create_replicated_snapshot(
        replica_list: Vec<Replica>,
        replica_snapshots: Vec<ReplicaSnapshot>,
        _: Option<ShareServer>,
    ) -> Result<Vec<ReplicaSnapshotUpdate>> {
        let Some(active) = replication::active(&replica_list) else {
            return Err(Error::ReplicationFailed(
                "there is no active replica to take a snapshot of".to_owned(),
            ));
        };
        let mut updates = Vec::new();
        for ReplicaSnapshot { snapshot, .. } in replica_snapshots {
            let id = snapshot.id.clone();
            updates.push(if snapshot.share_instance_id == active.id {
                Btrfs::create_snapshot(snapshot, None)?;
                told(&id, SnapshotStatus::Available, DONE)
            } else {
                told(&id, SnapshotStatus::Creating, 0)
            });
        }
        Ok(updates)
    }

    fn delete_replicated_snapshot(
        _: Vec<Replica>,
        replica_snapshots: Vec<ReplicaSnapshot>,
        _: Option<ShareServer>,
    ) -> Result<Vec<ReplicaSnapshotUpdate>> {
        let mut updates = Vec::new();
        for ReplicaSnapshot { snapshot, .. } in replica_snapshots {
            let id = snapshot.id.clone();
            Btrfs::delete_snapshot(snapshot, None)?;
            updates.push(told(&id, SnapshotStatus::Deleted, DONE));
        }
        Ok(updates)
    }

    fn update_replicated_snapshot(
        replica_list: Vec<Replica>,
        share_replica: Replica,
        replica_snapshots: Vec<ReplicaSnapshot>,
        replica_snapshot: ReplicaSnapshot,
        _: Option<ShareServer>,
    ) -> Result<Option<ReplicaSnapshotUpdate>> {
        let snapshot = replica_snapshot.snapshot;
        if snapshot.status == SnapshotStatus::Deleting {
            let id = snapshot.id.clone();
            Btrfs::delete_snapshot(snapshot, None)?;
            return Ok(Some(told(&id, SnapshotStatus::Deleted, DONE)));
        }
        let Some(active) = replication::active(&replica_list) else { return Ok(None) };
        let original = replica_snapshots.into_iter().map(|one| one.snapshot).find(|one| {
            one.snapshot_id == snapshot.snapshot_id && one.share_instance_id == active.id
        });
        if let Some(original) = original {
            let own = pools::of(&share_replica.share.id)?;
            let way = Way::of_share(&share_replica.share.share_id, own.other());
            let _guard = way.lock()?;
            bring(&way, &way.from.shares.join(&active.name), &original, &snapshot)?;
        } else if !is_there(&snapshots::place(&snapshot)?)? {
            return Err(not_there(&snapshot.id));
        }
        Ok(Some(told(&snapshot.id, SnapshotStatus::Available, DONE)))
    }
}

/// Brings the active replica's snapshot to the other replica, if it is not there.
pub fn bring(way: &Way, share: &Path, original: &Snapshot, snapshot: &Snapshot) -> Result<()> {
    let (source, place) = (snapshots::place(original)?, snapshots::place(snapshot)?);
    if is_there(&place)? {
        return Ok(());
    }
    if !is_there(&source)? {
        return Err(not_there(&original.id));
    }
    way.carry(share, &source, &snapshot.snapshot_id, &place)
}

fn not_there(id: &str) -> Error {
    Error::SnapshotResourceNotFound(format!("the snapshot {id} is not there"))
}

fn told(id: &str, status: SnapshotStatus, progress: u8) -> ReplicaSnapshotUpdate {
    ReplicaSnapshotUpdate {
        id: id.to_owned(),
        status,
        progress: Some(progress),
        provider_location: None,
    }
}
