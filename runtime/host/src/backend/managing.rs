//! `managing`: taking over shares that were not made here, and letting them go.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::calling::ask;
use super::{Backend, check_locations};
use crate::call::Room;
use crate::contract::Interface;
use crate::error::{Error, Result};
use crate::records::{Beginning, Change, Condition};
use crate::types::{ManagedShare, Share, ShareStatus};

impl Backend {
    /// Takes over the share at the one export location that it carries. `driver_options` are the
    /// operator's hints. Upstream: `manage_existing`.
    ///
    /// # Errors
    /// With share servers; when the driver does not offer `managing`; what it says, or what ended
    /// the call: the share is recorded as `manage-error` then.
    pub async fn manage_existing(
        &self,
        share: &Share,
        driver_options: &[(String, String)],
    ) -> Result<ManagedShare> {
        const METHOD: &str = "manage-existing";
        let exports = self.driver().exports();
        let indices = self.offered(Interface::Managing, METHOD, exports.managing.as_ref())?;
        self.without_share_servers(METHOD)?;
        if share.export_locations.len() != 1 {
            return Err(Error::Invalid(
                "a share is taken over at exactly one export location".to_owned(),
            ));
        }
        let share = Share { status: ShareStatus::Managing, size: 0, ..share.clone() };
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![share.id.clone()],
                conditions: vec![Condition::ShareIsNew(Box::new(share.clone()))],
                changes: vec![Change::PutShare(Box::new(share.clone()))],
                if_failed: vec![Change::share_status(&share.id, ShareStatus::ManageError)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_manage_existing(&share, driver_options))
            },
            |answer| match answer.and_then(|managed| checked(METHOD, managed)) {
                Ok(managed) => {
                    let mut taken = Share {
                        status: ShareStatus::Available,
                        size: managed.size,
                        launched_at: Some(super::now()),
                        ..share.clone()
                    };
                    if !managed.export_locations.is_empty() {
                        taken.export_locations.clone_from(&managed.export_locations);
                    }
                    (Ok(managed), vec![Change::PutShare(Box::new(taken))])
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// Lets go of a share and keeps its data. A driver that does not offer `managing` has nothing
    /// to do for it. Upstream: `unmanage`; unlike there, a failure of any kind is recorded, so
    /// that no share stays between being here and not.
    ///
    /// # Errors
    /// With share servers; when the share has snapshots or is being migrated; what the driver says, or what ended the
    /// call: the share is recorded as `unmanage-error` then.
    pub async fn unmanage(&self, share: &Share) -> Result<()> {
        const METHOD: &str = "unmanage";
        self.without_share_servers(METHOD)?;
        let status = |status| Change::share_status(&share.id, status);
        let share = Share { status: ShareStatus::Unmanaging, ..share.clone() };
        let gone = vec![Change::RemoveShare(share.id.clone())];
        let beginning = Beginning {
            method: METHOD,
            changes_of: vec![share.id.clone()],
            conditions: vec![
                Condition::NoSnapshotsOf(share.id.clone()),
                Condition::NoMigrationOf(share.id.clone()),
            ],
            changes: vec![status(ShareStatus::Unmanaging)],
            if_failed: vec![status(ShareStatus::UnmanageError)],
            ..Beginning::default()
        };
        let indices = self.driver().exports().managing.as_ref();
        let Ok(indices) = self.offered(Interface::Managing, METHOD, indices) else {
            return self.noted(beginning, gone).await;
        };
        self.recorded(
            beginning,
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(store, instance, indices.call_unmanage(&share))
            },
            |answer| match answer {
                Ok(()) => (Ok(()), gone),
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }
}

/// What was taken over has a size, as upstream's manager requires.
fn checked(method: &'static str, managed: ManagedShare) -> Result<ManagedShare> {
    if managed.size == 0 {
        let reason = "the size of what is taken over must be at least 1 GiB".to_owned();
        return Err(Error::Contract { method, reason });
    }
    check_locations(method, &managed.export_locations)?;
    Ok(managed)
}
