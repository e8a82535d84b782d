//! `snapshots`: taking and removing them.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::calling::ask;
use super::{Backend, check_text};
use crate::call::Room;
use crate::contract::Interface;
use crate::error::{Error, Result};
use crate::records::{Beginning, Change, Condition};
use crate::types::{Error as DriverError, ShareServer, Snapshot, SnapshotStatus, SnapshotUpdate};

impl Backend {
    /// Keeps a share's present content. Upstream: `create_snapshot`.
    ///
    /// # Errors
    /// When the driver does not offer `snapshots`, or there is another snapshot of this identifier;
    /// what it says, or what ended the call: the snapshot is recorded with the status `error` then,
    /// or as it was where it was made before.
    pub async fn create_snapshot(
        &self,
        snapshot: &Snapshot,
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        const METHOD: &str = "create-snapshot";
        let exports = self.driver().exports();
        let indices = self.offered(Interface::Snapshots, METHOD, exports.snapshots.as_ref())?;
        let taking = Snapshot { status: SnapshotStatus::Creating, ..snapshot.clone() };
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![snapshot.id.clone()],
                uses: vec![snapshot.share_instance_id.clone()],
                conditions: vec![Condition::SnapshotIsNew(Box::new(taking.clone()))],
                changes: vec![Change::PutSnapshot(Box::new(taking.clone()))],
                if_failed: vec![Change::SnapshotStatus(snapshot.id.clone(), SnapshotStatus::Error)],
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_create_snapshot(&taking, share_server))
            },
            |answer| match answer.and_then(|update| checked(METHOD, update)) {
                Ok(update) => {
                    let taken = Snapshot {
                        status: SnapshotStatus::Available,
                        provider_location: update.provider_location,
                        ..taking.clone()
                    };
                    (Ok(()), vec![Change::PutSnapshot(Box::new(taken))])
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// Removes a snapshot; a busy one stays available. Upstream: `delete_snapshot`; unlike there, one
    /// that the back end does not know counts as removed, because a removal that was cut short is
    /// asked for again.
    ///
    /// # Errors
    /// When the driver does not offer `snapshots`; what it says, or what ended the call: the
    /// snapshot is recorded as `error-deleting` then.
    pub async fn delete_snapshot(
        &self,
        snapshot: &Snapshot,
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        const METHOD: &str = "delete-snapshot";
        let exports = self.driver().exports();
        let indices = self.offered(Interface::Snapshots, METHOD, exports.snapshots.as_ref())?;
        let status = |status| Change::SnapshotStatus(snapshot.id.clone(), status);
        let deleting = Snapshot { status: SnapshotStatus::Deleting, ..snapshot.clone() };
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![snapshot.id.clone()],
                changes: vec![status(SnapshotStatus::Deleting)],
                if_failed: vec![status(SnapshotStatus::ErrorDeleting)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_delete_snapshot(&deleting, share_server))
            },
            |answer| match answer {
                Ok(()) | Err(Error::Driver(DriverError::SnapshotResourceNotFound(_))) => {
                    (Ok(()), vec![Change::RemoveSnapshot(snapshot.id.clone())])
                }
                Err(error @ Error::Driver(DriverError::ShareSnapshotIsBusy(_))) => {
                    (Err(error), vec![status(SnapshotStatus::Available)])
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }
}

/// Where a snapshot is kept is stored.
fn checked(method: &'static str, update: SnapshotUpdate) -> Result<SnapshotUpdate> {
    let location = update.provider_location.as_deref().unwrap_or_default();
    check_text(method, "the provider location", location)?;
    Ok(update)
}
