//! `replicated-snapshots`: snapshots of shares that have replicas. Each instance of a snapshot, on
//! each replica, has a record of its own.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::calling::ask;
use super::{Backend, check_text};
use crate::call::Room;
use crate::contract::Interface;
use crate::contract::bindings::exports::abaca::driver::replicated_snapshots::GuestIndices;
use crate::error::{Error, Result};
use crate::records::{Beginning, Change, Condition};
use crate::types::{
    Error as DriverError, Replica, ReplicaSnapshot, ReplicaSnapshotUpdate, ShareServer, Snapshot,
    SnapshotStatus,
};

impl Backend {
    /// Takes a snapshot on all replicas. Instances that the driver leaves out stay `creating`.
    /// Upstream: `create_replicated_snapshot`.
    ///
    /// # Errors
    /// When the driver does not offer `replicated-snapshots`; what it says, or what ended the
    /// call: all instances are recorded in error then.
    pub async fn create_replicated_snapshot(
        &self,
        replica_list: &[Replica],
        replica_snapshots: &[ReplicaSnapshot],
        share_server: Option<&ShareServer>,
    ) -> Result<Vec<ReplicaSnapshotUpdate>> {
        const METHOD: &str = "create-replicated-snapshot";
        let indices = self.snapshotting(METHOD)?;
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: instances(replica_snapshots)?,
                uses: replica_list.iter().map(|one| one.share.id.clone()).collect(),
                conditions: replica_snapshots
                    .iter()
                    .map(|one| Condition::SnapshotIsNew(Box::new(one.snapshot.clone())))
                    .collect(),
                changes: replica_snapshots.iter().map(begun).collect(),
                if_failed: all(replica_snapshots, SnapshotStatus::Error),
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_create_replicated_snapshot(
                        replica_list,
                        replica_snapshots,
                        share_server
                    )
                )
            },
            |answer| settled(METHOD, replica_snapshots, SnapshotStatus::Creating, answer),
        )
        .await
    }

    /// Removes a snapshot from all replicas. Instances that the driver leaves out stay
    /// `deleting`. Upstream: `delete_replicated_snapshot`; unlike there, a snapshot that the back end
    /// does not know counts as removed, because a removal that was cut short is asked for again.
    ///
    /// # Errors
    /// When the driver does not offer `replicated-snapshots`; what it says, or what ended the
    /// call: all instances are recorded as `error-deleting` then.
    pub async fn delete_replicated_snapshot(
        &self,
        replica_list: &[Replica],
        replica_snapshots: &[ReplicaSnapshot],
        share_server: Option<&ShareServer>,
    ) -> Result<Vec<ReplicaSnapshotUpdate>> {
        const METHOD: &str = "delete-replicated-snapshot";
        let indices = self.snapshotting(METHOD)?;
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: instances(replica_snapshots)?,
                uses: replica_list.iter().map(|one| one.share.id.clone()).collect(),
                changes: all(replica_snapshots, SnapshotStatus::Deleting),
                if_failed: all(replica_snapshots, SnapshotStatus::ErrorDeleting),
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_delete_replicated_snapshot(
                        replica_list,
                        replica_snapshots,
                        share_server
                    )
                )
            },
            |answer| {
                let answer = match answer {
                    Err(Error::Driver(DriverError::SnapshotResourceNotFound(_))) => {
                        Ok(replica_snapshots.iter().map(gone).collect())
                    }
                    answer => answer,
                };
                settled(METHOD, replica_snapshots, SnapshotStatus::Deleting, answer)
            },
        )
        .await
    }

    /// Asks what has become of one instance that is being made or removed. One that the back end
    /// does not know is gone if it was being removed, and in error otherwise. One that is being made
    /// is recorded by it where it is not, as that of a new replica of a share with snapshots.
    /// Upstream: `update_replicated_snapshot`.
    ///
    /// # Errors
    /// When the driver does not offer `replicated-snapshots`, the instance is neither `creating` nor
    /// `deleting`, or its record says something else; what the driver says, or what ended the call: the instance is recorded
    /// in error then.
    pub async fn update_replicated_snapshot(
        &self,
        replica_list: &[Replica],
        share_replica: &Replica,
        replica_snapshots: &[ReplicaSnapshot],
        replica_snapshot: &ReplicaSnapshot,
        share_server: Option<&ShareServer>,
    ) -> Result<Option<ReplicaSnapshotUpdate>> {
        const METHOD: &str = "update-replicated-snapshot";
        let indices = self.snapshotting(METHOD)?;
        let was = replica_snapshot.snapshot.status;
        if !matches!(was, SnapshotStatus::Creating | SnapshotStatus::Deleting) {
            return Err(Error::Invalid(
                "a snapshot is asked after while it is being made or removed".to_owned(),
            ));
        }
        let one = std::slice::from_ref(replica_snapshot);
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: instances(one)?,
                uses: vec![share_replica.share.id.clone()],
                conditions: vec![Condition::SnapshotIsIfRecorded(Box::new(
                    replica_snapshot.snapshot.clone(),
                ))],
                if_failed: all(one, SnapshotStatus::Error),
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_update_replicated_snapshot(
                        replica_list,
                        share_replica,
                        replica_snapshots,
                        replica_snapshot,
                        share_server
                    )
                )
            },
            |answer| match answer {
                Err(Error::Driver(DriverError::SnapshotResourceNotFound(_)))
                    if was == SnapshotStatus::Deleting =>
                {
                    let gone = gone(replica_snapshot);
                    let removed = Change::RemoveSnapshot(gone.id.clone());
                    (Ok(Some(gone)), vec![removed])
                }
                answer => {
                    let updates = answer.map(|update| update.into_iter().collect::<Vec<_>>());
                    let (answer, mut changes) = settled(METHOD, one, was, updates);
                    if answer.is_ok() && was == SnapshotStatus::Creating {
                        let begun = Box::new(replica_snapshot.snapshot.clone());
                        changes.insert(0, Change::AddSnapshot(begun));
                    }
                    (answer.map(|updates| updates.into_iter().next()), changes)
                }
            },
        )
        .await
    }

    fn snapshotting(&self, method: &'static str) -> Result<&GuestIndices> {
        self.offered(
            Interface::ReplicatedSnapshots,
            method,
            self.driver().exports().replicated_snapshots.as_ref(),
        )
    }
}

/// What a call over some instances changes.
fn instances(snapshots: &[ReplicaSnapshot]) -> Result<Vec<String>> {
    if snapshots.is_empty() {
        return Err(Error::Invalid(
            "a replicated snapshot has an instance on each replica".to_owned(),
        ));
    }
    Ok(snapshots.iter().map(|one| one.snapshot.id.clone()).collect())
}

/// What is said of an instance that is not there any more.
fn gone(instance: &ReplicaSnapshot) -> ReplicaSnapshotUpdate {
    ReplicaSnapshotUpdate {
        id: instance.snapshot.id.clone(),
        status: SnapshotStatus::Deleted,
        progress: None,
        provider_location: None,
    }
}

/// An instance that begins to be made.
fn begun(one: &ReplicaSnapshot) -> Change {
    let snapshot = Snapshot { status: SnapshotStatus::Creating, ..one.snapshot.clone() };
    Change::PutSnapshot(Box::new(snapshot))
}

/// The status of all instances that are recorded: one that is gone does not come back.
fn all(snapshots: &[ReplicaSnapshot], status: SnapshotStatus) -> Vec<Change> {
    let edit = |one: &ReplicaSnapshot| Change::SnapshotStatus(one.snapshot.id.clone(), status);
    snapshots.iter().map(edit).collect()
}

/// The instances with what was said about them; those left out keep the status `otherwise`.
fn settled(
    method: &'static str,
    snapshots: &[ReplicaSnapshot],
    otherwise: SnapshotStatus,
    answer: Result<Vec<ReplicaSnapshotUpdate>>,
) -> (Result<Vec<ReplicaSnapshotUpdate>>, Vec<Change>) {
    let updates = match answer {
        Ok(updates) => updates,
        Err(error) => return (Err(error), Vec::new()),
    };
    let stranger = |update: &ReplicaSnapshotUpdate| {
        !snapshots.iter().any(|one| one.snapshot.id == update.id)
            || update.progress.is_some_and(|percent| percent > 100)
    };
    if updates.iter().any(stranger) {
        let reason = "it speaks of a snapshot that it was not given, or of more than 100 percent";
        return (Err(Error::Contract { method, reason: reason.to_owned() }), Vec::new());
    }
    for update in &updates {
        let location = update.provider_location.as_deref().unwrap_or_default();
        if let Err(error) = check_text(method, "the provider location", location) {
            return (Err(error), Vec::new());
        }
    }
    let change = |one: &ReplicaSnapshot| {
        let id = one.snapshot.id.clone();
        match updates.iter().find(|update| update.id == id) {
            None => Change::SnapshotStatus(id, otherwise),
            Some(update) if update.status == SnapshotStatus::Deleted => Change::RemoveSnapshot(id),
            Some(update) => {
                Change::EditSnapshot(id, update.status, update.provider_location.clone())
            }
        }
    };
    let changes = snapshots.iter().map(change).collect();
    (Ok(updates), changes)
}
