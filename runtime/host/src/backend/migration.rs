//! `migration`: moving a share to another back end in two phases, by the drivers themselves.
//!
//! ```text
//! available ──start──▶ migrating: in progress ──moved, or 100 %──▶ migrating: phase 1 done
//!     ▲ ▲                   │ progress, cancel                       │ progress, cancel, complete
//!     │ └── not moved ──────┤ (the service copies)                   │
//!     └──────── cancel ─────┴────────────────────────────────────────┤
//!                           available, at the new place ◀─ complete ─┘ ──▶ forgotten
//! ```
//! A share can be asked after and given up while its `migration-start` runs, as upstream has it in
//! `migration_driver_in_progress`, and after it too: upstream refused that at first and allowed it
//! later, and without it a share that nobody wants to switch over could only be switched over.
//!
//! A call whose outcome nobody knows leaves the share migrating: the driver knows how far it came,
//! and can be asked for its progress, to cancel, and, when all of it is there, to complete.
//!
//! Where it is going is recorded meanwhile. A share that has gone to another back end is the
//! service's to record there, with `ensure_share`, and to forget here.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::calling::ask;
use super::{Backend, check_locations, check_pairs};
use crate::call::Room;
use crate::contract::Interface;
use crate::contract::bindings::exports::abaca::driver::migration::GuestIndices;
use crate::error::{Error, Result};
use crate::records::{Beginning, Change, Condition, MigrationPhase, MigrationRecord, ShareEdit};
use crate::types::{
    ExportLocation, MigrationDestination, MigrationStarted, Share, ShareServer, ShareStatus,
};

impl Backend {
    /// What the driver of the destination tells the driver of the source: nothing where it does
    /// not offer `migration`. Upstream: `migration_get_driver_info`.
    ///
    /// # Errors
    /// What the driver says, or what ended the call.
    pub async fn migration_get_driver_info(
        &self,
        share: &Share,
        share_server: Option<&ShareServer>,
    ) -> Result<Vec<(String, String)>> {
        const METHOD: &str = "migration-get-driver-info";
        let Ok(indices) = self.migrating(METHOD) else { return Ok(Vec::new()) };
        let id = super::fresh_id();
        let function = async |store: &mut Store<Room>, instance: &Instance| {
            ask!(store, instance, indices.call_migration_get_driver_info(share, share_server))
        };
        let checked = |info: Vec<(String, String)>| {
            check_pairs(METHOD, "what the destination is told", &info).map(|()| info)
        };
        self.judged(METHOD, &id, function, |answer| (answer.and_then(checked), Vec::new())).await.0
    }

    /// Begins to move a share. `moved` false leaves it to the service to copy, by
    /// [`host_migration_start`](Self::host_migration_start) or by itself, and so does a driver
    /// that does not offer `migration`. With `notify` there is no second phase: unlike
    /// upstream, where such a share stays `migrating` for ever, it is available at once then.
    /// Upstream: `migration_start`.
    ///
    /// # Errors
    /// When the share is not available, or the migration was given up while it began. What the driver
    /// says: the share is available then as it was, for the service to copy. What ended the call: the share is recorded as migrating then,
    /// for the driver may have begun.
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
        let not_going = Change::RemoveMigration(share.id.clone());
        let going = MigrationRecord {
            share_instance_id: share.id.clone(),
            phase: MigrationPhase::InProgress,
            destination: destination.clone(),
            driver_info: driver_info.to_vec(),
            copy: None,
        };
        // Nothing of this holds where it was given up meanwhile.
        let if_going = |changes| vec![Change::IfMigrating(share.id.clone(), changes)];
        let start = self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![share.id.clone()],
                conditions: vec![
                    Condition::ShareIs(Box::new(share.clone())),
                    Condition::NoMigrationOf(share.id.clone()),
                ],
                changes: vec![
                    status(ShareStatus::Migrating),
                    Change::PutMigration(Box::new(going)),
                ],
                if_failed: if_going(vec![status(ShareStatus::Migrating)]),
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_migration_start(
                        share,
                        share_server,
                        destination,
                        driver_info,
                        notify
                    )
                )
            },
            |answer| {
                let checked = answer.and_then(|started| {
                    check_locations(METHOD, &started.export_locations).map(|()| started)
                });
                match checked {
                    Ok(started) if started.moved => {
                        let next =
                            if notify { ShareStatus::Available } else { ShareStatus::Migrating };
                        let done = MigrationPhase::Phase1Done;
                        let changes = vec![
                            moved(share, next, &started.export_locations, None),
                            match notify {
                                true => not_going,
                                false => Change::MigrationPhase(share.id.clone(), done),
                            },
                        ];
                        (Ok(started), if_going(changes))
                    }
                    Ok(started) => {
                        (Ok(started), if_going(vec![status(ShareStatus::Available), not_going]))
                    }
                    // What the driver itself says leaves the share as it was, for the service to
                    // copy; after anything else nobody knows.
                    Err(error @ Error::Driver(_)) => {
                        (Err(error), if_going(vec![status(ShareStatus::Available), not_going]))
                    }
                    Err(error) => (Err(error), Vec::new()),
                }
            },
        );
        let started = start.await?;
        if started.moved && !notify && !self.is_going(share).await? {
            return Err(Error::Invalid(
                "the migration was given up while it began; the share is where it was".to_owned(),
            ));
        }
        Ok(started)
    }

    /// Whether the share is recorded as on its way.
    async fn is_going(&self, share: &Share) -> Result<bool> {
        let migrations = self.records().migrations().await?;
        Ok(migrations.iter().any(|one| one.share_instance_id == share.id))
    }

    /// Switches over, and answers where clients find the share from now on. One that has gone to
    /// another back end stays recorded here, with where it went, until
    /// [`forget_share`](Self::forget_share). Upstream: `migration_complete`.
    ///
    /// # Errors
    /// When the driver does not offer `migration` (upstream's base class answers nothing then, and a
    /// share that nobody moved counts as moved), the share is not migrating, or the first phase is
    /// not done; what the driver says, or what ended the call: the share stays recorded as migrating
    /// then, unlike upstream, where it is in error and nobody can ask for it again.
    pub async fn migration_complete(
        &self,
        share: &Share,
        share_server: Option<&ShareServer>,
        driver_info: &[(String, String)],
    ) -> Result<Vec<ExportLocation>> {
        const METHOD: &str = "migration-complete";
        let indices = self.migrating(METHOD)?;
        under_way(share)?;
        let going = self.moved_by_driver(share).await?;
        let pool = going.and_then(|going| pool_here(share, &going.destination.host));
        self.recorded(
            Beginning {
                method: METHOD,
                changes_of: vec![share.id.clone(), migration_of(share)],
                conditions: vec![
                    Condition::ShareIs(Box::new(share.clone())),
                    Condition::FirstPhaseIsDone(share.id.clone()),
                ],
                if_failed: vec![Change::share_status(&share.id, ShareStatus::Migrating)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_migration_complete(share, share_server, driver_info)
                )
            },
            |answer| match answer.and_then(|found| check_locations(METHOD, &found).map(|()| found))
            {
                Ok(found) => {
                    let is_here = pool.is_some();
                    let mut changes = vec![moved(share, ShareStatus::Available, &found, pool)];
                    if is_here {
                        changes.push(Change::RemoveMigration(share.id.clone()));
                    }
                    (Ok(found), changes)
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// Ends the record of a share that has gone to another back end, with its rules. The driver
    /// is not asked: what it would remove may be what the other back end serves now.
    ///
    /// # Errors
    /// When no migration of it is recorded, it is not at its destination yet, or it has changed
    /// since it was looked at.
    pub async fn forget_share(&self, share: &Share) -> Result<()> {
        let migrations = self.records().migrations().await?;
        let has_gone = migrations.iter().any(|one| one.share_instance_id == share.id)
            && share.status == ShareStatus::Available;
        if !has_gone {
            return Err(Error::Invalid("the share has not gone to another back end".to_owned()));
        }
        let beginning = Beginning {
            method: "forget-share",
            changes_of: vec![share.id.clone()],
            conditions: vec![
                Condition::ShareIs(Box::new(share.clone())),
                Condition::NoSnapshotsOf(share.id.clone()),
            ],
            ..Beginning::default()
        };
        let gone = vec![Change::RemoveShare(share.id.clone())];
        self.noted(beginning, gone).await
    }

    /// Gives up: while the share begins to move, or between the phases. Upstream: `migration_cancel`.
    ///
    /// # Errors
    /// When the migration is being completed or given up already. When the driver does not offer `migration` or the share is not migrating; what it says, or
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
        self.moved_by_driver(share).await?;
        let status = |status| Change::share_status(&share.id, status);
        self.recorded(
            Beginning {
                method: METHOD,
                // Not the share: its `migration-start` may be at work on it.
                changes_of: vec![migration_of(share)],
                conditions: vec![Condition::ShareIs(Box::new(share.clone()))],
                if_failed: vec![status(ShareStatus::Migrating)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_migration_cancel(share, share_server, driver_info)
                )
            },
            |answer| match answer {
                Ok(()) => {
                    let forgotten = Change::RemoveMigration(share.id.clone());
                    (Ok(()), vec![status(ShareStatus::Available), forgotten])
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// How far the first phase is, 0 to 100; with 100 it is recorded as done. Of a share that the
    /// runtime copies, as it is recorded. Upstream: `migration_get_progress`.
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
        if let Some(copy) = self.records().migration(&share.id).await?.and_then(|one| one.copy) {
            return Ok(copy.progress);
        }
        let indices = self.migrating(METHOD)?;
        under_way(share)?;
        if let Some(record) = self.records().share(&share.id).await? {
            under_way(&record.share)?;
        }
        let id = super::fresh_id();
        let percent = |percent: u8| match percent {
            0..=100 => Ok(percent),
            _ => Err(Error::Contract {
                method: METHOD,
                reason: format!("a progress is 0 to 100, not {percent}"),
            }),
        };
        let asked = self.judged(
            METHOD,
            &id,
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_migration_get_progress(share, share_server, driver_info)
                )
            },
            |answer| (answer.and_then(percent), Vec::new()),
        );
        let percent = asked.await.0?;
        if percent == 100 {
            self.records().first_phase_is_done(&share.id).await?;
        }
        Ok(percent)
    }

    /// Where a share is going that the driver moves.
    async fn moved_by_driver(&self, share: &Share) -> Result<Option<MigrationRecord>> {
        let going = self.records().migration(&share.id).await?;
        match going.as_ref().and_then(|going| going.copy.as_ref()) {
            None => Ok(going),
            Some(_) => Err(Error::Invalid(
                "the runtime copies the share, and no driver moves it: `host_migration_complete` \
                 and `host_migration_cancel` end that"
                    .to_owned(),
            )),
        }
    }

    fn migrating(&self, method: &'static str) -> Result<&GuestIndices> {
        self.offered(Interface::Migration, method, self.driver().exports().migration.as_ref())
    }
}

/// What stands for a share's migration: it is completed or given up by one call at a time.
fn migration_of(share: &Share) -> String {
    format!("the migration of {}", share.id)
}

fn under_way(share: &Share) -> Result<()> {
    if share.status == ShareStatus::Migrating {
        return Ok(());
    }
    Err(Error::Invalid("the share is not migrating".to_owned()))
}

/// The pool of a destination within the share's own back end; none for another back end.
fn pool_here(share: &Share, destination: &str) -> Option<String> {
    let (host, pool) = destination.split_once('#')?;
    (host == share.host).then(|| pool.to_owned())
}

/// The share where it is from now on; no locations and no pool are no change.
fn moved(
    share: &Share,
    status: ShareStatus,
    locations: &[ExportLocation],
    pool: Option<String>,
) -> Change {
    let edit = ShareEdit {
        status: Some(status),
        pool,
        export_locations: (!locations.is_empty()).then(|| locations.to_vec()),
        ..ShareEdit::default()
    };
    Change::EditShare(share.id.clone(), Box::new(edit))
}
