//! Snapshots of shares that have replicas: an instance on each. The active replica has it at once;
//! the others follow when the driver is asked what has become of theirs.

use abaca::types::{Replica, ReplicaSnapshot, Snapshot, SnapshotStatus};
use abaca::{Backend, Records};

use super::instance_name;
use crate::failure::Result;
use crate::recorded::{Recorded, WholeShare, WholeSnapshot};
use crate::replica::replica_list;
use crate::share_server::carrying;

/// The share of a snapshot, if it can have replicas.
///
/// # Errors
/// When the records cannot be read.
pub async fn share_of(records: &Records, snapshot: &WholeSnapshot) -> Result<Option<WholeShare>> {
    let shares = WholeShare::all(records).await?;
    let mut of_it =
        shares.into_iter().filter(|one| one.share().share_id == snapshot.snapshot().share_id);
    Ok(of_it.find(|one| one.share().replica_state.is_some()))
}

/// What is new of a snapshot on one replica.
///
/// It is the same to its user, and another one to the storage.
pub fn instance(snapshot: &Snapshot, replica: &Replica) -> ReplicaSnapshot {
    let id = uuid::Uuid::new_v4().to_string();
    let share = &replica.share;
    started(Snapshot {
        name: instance_name(&id),
        id,
        share_instance_id: share.id.clone(),
        share_name: share.name.clone(),
        status: SnapshotStatus::Creating,
        provider_location: None,
        ..snapshot.clone()
    })
}

/// An instance of which it is not known how far it is.
pub fn started(snapshot: Snapshot) -> ReplicaSnapshot {
    ReplicaSnapshot { snapshot, progress: 0 }
}

/// Takes a snapshot on all replicas; `first` is the active one's.
///
/// # Errors
/// What the driver answers.
pub async fn create(backend: &Backend, whole: &WholeShare, first: &Snapshot) -> Result<()> {
    let replicas = replica_list(backend.records(), whole).await?;
    let others = replicas.iter().skip(1).map(|replica| instance(first, replica));
    let instances: Vec<_> = std::iter::once(started(first.clone())).chain(others).collect();
    let server = carrying(backend.records(), whole.share()).await?;
    backend.create_replicated_snapshot(&replicas, &instances, server.as_ref()).await?;
    Ok(())
}

/// Asks what has become of each instance that is being made or removed.
///
/// # Errors
/// What the driver answers first that is an error; the others are not asked after then.
pub async fn update(backend: &Backend, whole: &WholeShare, snapshot: &WholeSnapshot) -> Result<()> {
    let replicas = replica_list(backend.records(), whole).await?;
    let instances: Vec<_> = snapshot.instances().cloned().map(started).collect();
    for one in &instances {
        let status = one.snapshot.status;
        let replica =
            replicas.iter().find(|other| other.share.id == one.snapshot.share_instance_id);
        if let (SnapshotStatus::Creating | SnapshotStatus::Deleting, Some(on)) = (status, replica) {
            let server = on.share_server.as_ref();
            backend.update_replicated_snapshot(&replicas, on, &instances, one, server).await?;
        }
    }
    Ok(())
}

/// Removes a snapshot from all replicas.
///
/// # Errors
/// What the driver answers.
pub async fn delete(backend: &Backend, whole: &WholeShare, snapshot: &WholeSnapshot) -> Result<()> {
    let replicas = replica_list(backend.records(), whole).await?;
    let instances: Vec<_> = snapshot.instances().cloned().map(started).collect();
    let server = carrying(backend.records(), whole.share()).await?;
    backend.delete_replicated_snapshot(&replicas, &instances, server.as_ref()).await?;
    Ok(())
}
