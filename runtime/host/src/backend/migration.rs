//! `migration`: moving a share to another back end in two phases, by the drivers themselves.
//!
//! ```text
//! available ──start, moved──▶ migrating ──complete──▶ available, at the new place
//!     ▲                          └──cancel──▶ available, as before
//!     └── start, not moved: the service copies
//! ```

use wasmtime::Store;
use wasmtime::component::Instance;

use super::{Backend, check_locations};
use crate::call::Room;
use crate::contract::Interface;
use crate::contract::bindings::exports::abaca::driver::migration::GuestIndices;
use crate::error::{Error, Result};
use crate::records::{Beginning, Change, Condition, ShareEdit};
use crate::types::{
    ExportLocation, MigrationDestination, MigrationStarted, Share, ShareServer, ShareStatus,
};

impl Backend {
    /// What the driver of the destination tells the driver of the source. Upstream:
    /// `migration_get_driver_info`.
    ///
    /// # Errors
    /// When the driver does not offer `migration`, what it says, or what ended the call.
    pub async fn migration_get_driver_info(
        &self,
        share: &Share,
        share_server: Option<&ShareServer>,
    ) -> Result<Vec<(String, String)>> {
        const METHOD: &str = "migration-get-driver-info";
        let indices = self.migrating(METHOD)?;
        let id = super::fresh_id();
        self.call(METHOD, &id, async |store: &mut Store<Room>, instance: &Instance| {
            let guest = indices.load(&mut *store, instance)?;
            guest.call_migration_get_driver_info(store, share, share_server).await
        })
        .await
    }

    /// Begins to move a share. `moved` false leaves it to the service to copy, and so does a
    /// driver that does not offer `migration`. With `notify` there is no second phase: unlike
    /// upstream, where such a share stays `migrating` for ever, it is available at once then.
    /// Upstream: `migration_start`.
    ///
    /// # Errors
    /// When the share is not available. What the driver says: the share is available then as it
    /// was, for the service to copy. What ended the call: the share is in error then.
    pub async fn migration_start(
        &self,
        share: &Share,
        share_server: Option<&ShareServer>,
        destination: &MigrationDestination,
        driver_info: &[(String, String)],
        notify: bool,
    ) -> Result<MigrationStarted> {
        const METHOD: &str = "migration-start";
        let Ok(indices) = self.migrating(METHOD) else {
            return Ok(MigrationStarted { moved: false, export_locations: Vec::new() });
        };
        if share.status != ShareStatus::Available {
            return Err(Error::Invalid("only an available share can be migrated".to_owned()));
        }
        let status = |status| Change::share_status(&share.id, status);
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![share.id.clone()],
                conditions: vec![Condition::ShareIs(Box::new(share.clone()))],
                changes: vec![status(ShareStatus::Migrating)],
                if_failed: vec![status(ShareStatus::Error)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                let guest = indices.load(&mut *store, instance)?;
                guest
                    .call_migration_start(
                        store,
                        share,
                        share_server,
                        destination,
                        driver_info,
                        notify,
                    )
                    .await
            },
            |answer| {
                let checked = answer.and_then(|started| {
                    check_locations(METHOD, &started.export_locations).map(|()| started)
                });
                match checked {
                    Ok(started) if started.moved => {
                        let next =
                            if notify { ShareStatus::Available } else { ShareStatus::Migrating };
                        let changes = moved(share, next, &started.export_locations);
                        (Ok(started), changes)
                    }
                    Ok(started) => (Ok(started), vec![status(ShareStatus::Available)]),
                    // What the driver itself says leaves the share as it was, for the service to
                    // copy; after anything else nobody knows.
                    Err(error @ Error::Driver(_)) => {
                        (Err(error), vec![status(ShareStatus::Available)])
                    }
                    Err(error) => (Err(error), Vec::new()),
                }
            },
        )
        .await
    }

    /// Switches over, and answers where clients find the share from now on. Upstream:
    /// `migration_complete`.
    ///
    /// # Errors
    /// When the driver does not offer `migration` or the share is not migrating; what it says, or
    /// what ended the call: the share is recorded in error then.
    pub async fn migration_complete(
        &self,
        share: &Share,
        share_server: Option<&ShareServer>,
        driver_info: &[(String, String)],
    ) -> Result<Vec<ExportLocation>> {
        const METHOD: &str = "migration-complete";
        let indices = self.migrating(METHOD)?;
        under_way(share)?;
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![share.id.clone()],
                conditions: vec![Condition::ShareIs(Box::new(share.clone()))],
                if_failed: vec![Change::share_status(&share.id, ShareStatus::Error)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                let guest = indices.load(&mut *store, instance)?;
                guest.call_migration_complete(store, share, share_server, driver_info).await
            },
            |answer| match answer.and_then(|found| check_locations(METHOD, &found).map(|()| found))
            {
                Ok(found) => {
                    let changes = moved(share, ShareStatus::Available, &found);
                    (Ok(found), changes)
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// Gives up between the phases. Upstream: `migration_cancel`.
    ///
    /// # Errors
    /// When the driver does not offer `migration` or the share is not migrating; what it says, or
    /// what ended the call: the share stays recorded as migrating then.
    pub async fn migration_cancel(
        &self,
        share: &Share,
        share_server: Option<&ShareServer>,
        driver_info: &[(String, String)],
    ) -> Result<()> {
        const METHOD: &str = "migration-cancel";
        let indices = self.migrating(METHOD)?;
        under_way(share)?;
        let status = |status| Change::share_status(&share.id, status);
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![share.id.clone()],
                conditions: vec![Condition::ShareIs(Box::new(share.clone()))],
                if_failed: vec![status(ShareStatus::Migrating)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                let guest = indices.load(&mut *store, instance)?;
                guest.call_migration_cancel(store, share, share_server, driver_info).await
            },
            |answer| match answer {
                Ok(()) => (Ok(()), vec![status(ShareStatus::Available)]),
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// How far the first phase is, 0 to 100. Upstream: `migration_get_progress`.
    ///
    /// # Errors
    /// When the driver does not offer `migration` or the share is not migrating; what it says,
    /// what ended the call, or more than 100.
    pub async fn migration_get_progress(
        &self,
        share: &Share,
        share_server: Option<&ShareServer>,
        driver_info: &[(String, String)],
    ) -> Result<u8> {
        const METHOD: &str = "migration-get-progress";
        let indices = self.migrating(METHOD)?;
        under_way(share)?;
        let id = super::fresh_id();
        let percent = |percent: u8| match percent {
            0..=100 => Ok(percent),
            _ => Err(Error::Contract {
                method: METHOD,
                reason: format!("a progress is 0 to 100, not {percent}"),
            }),
        };
        self.judged(
            METHOD,
            &id,
            async |store: &mut Store<Room>, instance: &Instance| {
                let guest = indices.load(&mut *store, instance)?;
                guest.call_migration_get_progress(store, share, share_server, driver_info).await
            },
            |answer| (answer.and_then(percent), Vec::new()),
        )
        .await
        .0
    }

    fn migrating(&self, method: &'static str) -> Result<&GuestIndices> {
        self.offered(Interface::Migration, method, self.driver().exports().migration.as_ref())
    }
}

fn under_way(share: &Share) -> Result<()> {
    if share.status == ShareStatus::Migrating {
        return Ok(());
    }
    Err(Error::Invalid("the share is not migrating".to_owned()))
}

/// The share where it is from now on; no locations are no change.
fn moved(share: &Share, status: ShareStatus, locations: &[ExportLocation]) -> Vec<Change> {
    let edit = ShareEdit {
        status: Some(status),
        export_locations: (!locations.is_empty()).then(|| locations.to_vec()),
        ..ShareEdit::default()
    };
    vec![Change::EditShare(share.id.clone(), Box::new(edit))]
}
