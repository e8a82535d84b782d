//! `managing-snapshots`: taking over snapshots that were not made here, and letting them go.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::calling::ask;
use super::{Backend, check_text};
use crate::call::Room;
use crate::contract::Interface;
use crate::error::{Error, Result};
use crate::records::{Beginning, Change, Condition};
use crate::types::{ManagedSnapshot, Share, Snapshot, SnapshotStatus};

impl Backend {
    /// Takes over the snapshot at its `provider_location`, of a share that is here.
    /// `driver_options` are the operator's hints. Upstream: `manage_existing_snapshot`.
    ///
    /// # Errors
    /// With share servers; when the driver does not offer `managing-snapshots`; what it says, or
    /// what ended the call: the snapshot is recorded as `manage-error` then.
    pub async fn manage_existing_snapshot(
        &self,
        snapshot: &Snapshot,
        share: &Share,
        driver_options: &[(String, String)],
    ) -> Result<ManagedSnapshot> {
        const METHOD: &str = "manage-existing-snapshot";
        let indices = self.offered(
            Interface::ManagingSnapshots,
            METHOD,
            self.driver().exports().managing_snapshots.as_ref(),
        )?;
        self.without_share_servers(METHOD)?;
        if snapshot.provider_location.is_none() {
            return Err(Error::Invalid(
                "a snapshot is taken over at its provider location".to_owned(),
            ));
        }
        let status = |status| Change::SnapshotStatus(snapshot.id.clone(), status);
        let taking = Snapshot { status: SnapshotStatus::Managing, size: 0, ..snapshot.clone() };
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![snapshot.id.clone()],
                uses: vec![snapshot.share_instance_id.clone()],
                conditions: vec![Condition::SnapshotIsNew(Box::new(taking.clone()))],
                changes: vec![Change::PutSnapshot(Box::new(taking.clone()))],
                if_failed: vec![status(SnapshotStatus::ManageError)],
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_manage_existing_snapshot(&taking, driver_options)
                )
            },
            |answer| match answer.and_then(|managed| checked(METHOD, managed)) {
                Ok(managed) => {
                    let mut taken = Snapshot {
                        status: SnapshotStatus::Available,
                        size: managed.size.unwrap_or(share.size),
                        ..taking.clone()
                    };
                    if managed.provider_location.is_some() {
                        taken.provider_location.clone_from(&managed.provider_location);
                    }
                    (Ok(managed), vec![Change::PutSnapshot(Box::new(taken))])
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// Lets go of a snapshot and keeps it. A driver that does not offer `managing-snapshots` has
    /// nothing to do for it. Upstream: `unmanage_snapshot`; as with shares, a failure of any kind
    /// is recorded.
    ///
    /// # Errors
    /// With share servers; what the driver says, or what ended the call: the snapshot is recorded
    /// as `unmanage-error` then.
    pub async fn unmanage_snapshot(&self, snapshot: &Snapshot) -> Result<()> {
        const METHOD: &str = "unmanage-snapshot";
        self.without_share_servers(METHOD)?;
        let status = |status| Change::SnapshotStatus(snapshot.id.clone(), status);
        let leaving = Snapshot { status: SnapshotStatus::Unmanaging, ..snapshot.clone() };
        let gone = vec![Change::RemoveSnapshot(snapshot.id.clone())];
        let beginning = Beginning {
            method: METHOD,
            changes_of: vec![snapshot.id.clone()],
            changes: vec![status(SnapshotStatus::Unmanaging)],
            if_failed: vec![status(SnapshotStatus::UnmanageError)],
            ..Beginning::default()
        };
        let indices = self.driver().exports().managing_snapshots.as_ref();
        let Ok(indices) = self.offered(Interface::ManagingSnapshots, METHOD, indices) else {
            return self.noted(beginning, gone).await;
        };
        self.recorded(
            beginning,
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_unmanage_snapshot(&leaving))
            },
            |answer| match answer {
                Ok(()) => (Ok(()), gone),
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }
}

/// Where a snapshot is kept is stored.
fn checked(method: &'static str, managed: ManagedSnapshot) -> Result<ManagedSnapshot> {
    let location = managed.provider_location.as_deref().unwrap_or_default();
    check_text(method, "the provider location", location)?;
    Ok(managed)
}
