//! Migration that the host assists: where no driver moves a share, the runtime copies what is in
//! it into a new instance at the destination. Upstream's generic path (`manila/share/manager.py`,
//! `_migration_start_generic`; `manila/data/manager.py`), but for the commands of drivers, which are
//! not run here (`copier`).
//!
//! ```text
//! available ─start─▶ migrating: rules read-only ─▶ instance made ─▶ copying ─▶ copied
//!     ▲                  │  ▲                                          │          │
//!     │                  │  └── start again, after it was cut short ───┘          │
//!     └── rules as before, instance removed ◀── what fails, or cancel ────────────┤
//!                       completing: rules there ─▶ old instance removed ◀complete─┘
//! ```
//! Each step can be done again, so that whatever cuts one short, the same call or `cancel` goes on.
//! The share's own record stays until the end, with where it is going; the new instance is recorded
//! at the destination as migrating, until it is the share.

use abaca_policy::{GuestPath, Verb};
use tokio::sync::watch;
use wasmtime::Store;
use wasmtime::component::Instance;

use super::Backend;
use super::access::RuleSet;
use super::calling::ask;
use crate::call::Room;
use crate::copier::{self, End};
use crate::error::{Error, Result};
use crate::records::{
    Beginning, Change, Condition, CopyState, HostCopy, MigrationPhase, MigrationRecord, ShareEdit,
};
use crate::types::{
    AccessLevel, AccessRule, AccessRulesStatus, Denial, Error as DriverError, MigrationDestination,
    Share, ShareStatus,
};

/// What is recorded as the method that copies.
const COPY: &str = "migration-copy";

/// The option that says what is not copied.
const IGNORED: &str = "migration_ignore_files";

impl Backend {
    /// Copies a share into `arriving`, a new instance of it that is made in the backend `there`:
    /// the first phase. Clients can only read meanwhile; where the option
    /// `migration_readonly_rules_support` is false, not even that. What the options
    /// `migration_ignore_files` of both backends name at the top of a share is left alone. How far
    /// it is, 0 to 100, is told to `progress`, and recorded.
    ///
    /// What fails is given up at once, as upstream does: the share is available as before then. A
    /// call that was cut short is begun again by the same one, with the same instance.
    ///
    /// # Errors
    /// When the share is not available, has snapshots or a share server; when one of the two is not
    /// a directory beneath a root of its backend's policy, or the policy does not let it be copied;
    /// what drivers and brokers say; `share-is-busy` when the share was changed meanwhile.
    pub async fn host_migration_start(
        &self,
        share: &Share,
        there: &Backend,
        destination: &MigrationDestination,
        arriving: &Share,
        progress: impl Fn(u8) + Send + Sync,
    ) -> Result<()> {
        let going = self.records().migration(&share.id).await?;
        let copy = going.as_ref().and_then(|going| going.copy.as_ref());
        let share = match (copy, share.status) {
            (Some(copy), ShareStatus::Migrating) if copy.share_instance_id == arriving.id => {
                if copy.state != CopyState::Copying {
                    return Ok(());
                }
                share.clone()
            }
            (None, ShareStatus::Available) if going.is_none() => {
                self.begin_copy(share, there, destination, arriving).await?
            }
            _ => {
                return Err(Error::Invalid("only an available share can be migrated".to_owned()));
            }
        };
        let copied = Box::pin(self.copy_to(&share, there, arriving, &progress)).await;
        if copied.is_err()
            && let Err(error) = Box::pin(self.host_migration_cancel(&share, there)).await
        {
            tracing::error!(%error, "a migration that failed could not be given up; cancel it");
        }
        copied
    }

    /// Lets clients in at the destination, and removes the old instance: the second phase. Answers
    /// the share as it is recorded at the destination.
    ///
    /// # Errors
    /// When the share is not copied; what the drivers say. The share stays recorded as migrating
    /// then, and the same call goes on.
    pub async fn host_migration_complete(&self, share: &Share, there: &Backend) -> Result<Share> {
        let (going, copy) = self.copy_of(share).await?;
        if copy.state == CopyState::Copying {
            return Err(Error::Invalid("the share is not copied yet".to_owned()));
        }
        let arriving = there.recorded_instance(&copy).await?.ok_or_else(|| {
            Error::Invalid("the copy of the share is not recorded at its destination".to_owned())
        })?;
        self.note_copy(&going, CopyState::Completing, 100).await?;
        let rules = self.records().access_rules(&share.id).await?;
        if !rules.is_empty() {
            there.update_access(&arriving, &rules, &[], &[], None).await?;
        }
        let edit = ShareEdit { status: Some(ShareStatus::Available), ..ShareEdit::default() };
        let available = Change::EditShare(arriving.id.clone(), Box::new(edit));
        there.note_instance("migration-complete", &arriving, vec![available]).await?;
        self.remove_old(share).await?;
        let arrived = there.recorded_instance(&copy).await?;
        Ok(arrived.unwrap_or(arriving))
    }

    /// Gives a copy up, whether it is whole or not: the new instance is removed, and clients may do
    /// what they could before.
    ///
    /// # Errors
    /// When the share is not being copied, or is being switched over; what the drivers say. The
    /// share stays recorded as migrating then, and the same call goes on.
    pub async fn host_migration_cancel(&self, share: &Share, there: &Backend) -> Result<()> {
        let (_, copy) = self.copy_of(share).await?;
        if copy.state == CopyState::Completing {
            return Err(Error::Invalid(
                "clients are let in at the destination already; complete the migration".to_owned(),
            ));
        }
        if let Some(arriving) = there.recorded_instance(&copy).await? {
            there.delete_share(&arriving, None).await?;
        }
        let rules = self.records().access_rules(&share.id).await?;
        let record = self.records().share(&share.id).await?;
        let status = record.map(|record| record.share.access_rules_status);
        if !rules.is_empty() && status != Some(AccessRulesStatus::Active) {
            self.update_access(share, &rules, &[], &[], None).await?;
        }
        let changes = vec![
            Change::share_status(&share.id, ShareStatus::Available),
            Change::RemoveMigration(share.id.clone()),
        ];
        self.note_instance("migration-cancel", share, changes).await
    }

    /// Records that a share is being copied, if it can be.
    async fn begin_copy(
        &self,
        share: &Share,
        there: &Backend,
        destination: &MigrationDestination,
        arriving: &Share,
    ) -> Result<Share> {
        if share.share_server_id.is_some() || there.driver_handles_share_servers() {
            return Err(Error::Invalid("shares of share servers are not copied".to_owned()));
        }
        if self.name() == there.name() || arriving.id == share.id {
            return Err(Error::Invalid(
                "a share is copied to another backend, as another instance".to_owned(),
            ));
        }
        if arriving.size < share.size {
            return Err(Error::Invalid("a copy is no smaller than the share".to_owned()));
        }
        // Before anything is done to it.
        self.copyable(share, Verb::Send).await?;
        let copy = HostCopy {
            share_instance_id: arriving.id.clone(),
            state: CopyState::Copying,
            progress: 0,
        };
        let going = MigrationRecord {
            share_instance_id: share.id.clone(),
            // The copy has states of its own.
            phase: MigrationPhase::InProgress,
            destination: destination.clone(),
            driver_info: Vec::new(),
            copy: Some(copy),
        };
        let changes = vec![
            Change::share_status(&share.id, ShareStatus::Migrating),
            Change::PutMigration(Box::new(going)),
        ];
        let beginning = Beginning {
            method: "migration-start",
            changes_of: vec![share.id.clone()],
            conditions: vec![
                Condition::ShareIs(Box::new(share.clone())),
                Condition::NoSnapshotsOf(share.id.clone()),
                Condition::NoMigrationOf(share.id.clone()),
            ],
            ..Beginning::default()
        };
        self.noted(beginning, changes).await?;
        Ok(Share { status: ShareStatus::Migrating, ..share.clone() })
    }

    /// All of the first phase, from wherever an earlier call came.
    async fn copy_to(
        &self,
        share: &Share,
        there: &Backend,
        arriving: &Share,
        progress: &(impl Fn(u8) + Send + Sync),
    ) -> Result<()> {
        let (going, copy) = self.copy_of(share).await?;
        self.make_read_only(share).await?;
        let made = there.recorded_instance(&copy).await?;
        let is_made = made.is_some_and(|made| {
            matches!(made.status, ShareStatus::Available | ShareStatus::Migrating)
        });
        if !is_made {
            there.create_share(arriving, None).await?;
        }
        let migrating = Change::share_status(&arriving.id, ShareStatus::Migrating);
        there.note_instance("migration-start", arriving, vec![migrating]).await?;
        let arriving = there.recorded_instance(&copy).await?.unwrap_or_else(|| arriving.clone());
        let from = self.copyable(share, Verb::Send).await?;
        let to = there.copyable(&arriving, Verb::Receive).await?;
        let held = |share: &Share| Beginning {
            method: COPY,
            changes_of: vec![share.id.clone()],
            conditions: vec![Condition::ShareIs(Box::new(share.clone()))],
            if_failed: vec![Change::share_status(&share.id, ShareStatus::Migrating)],
            ..Beginning::default()
        };
        // Both are this call's alone meanwhile.
        self.tracked(held(share), async |from_call: &str| {
            let copied = there.tracked(held(&arriving), async |to_call: &str| {
                let ends = (self.end(from_call, from), there.end(to_call, to));
                (self.copy_between(&going, there, ends, progress).await, Vec::new())
            });
            match Box::pin(copied).await {
                Ok(()) => (Ok(()), vec![with_copy(&going, CopyState::Copied, 100)]),
                Err(error) => (Err(error), Vec::new()),
            }
        })
        .await
    }

    async fn copy_between(
        &self,
        going: &MigrationRecord,
        there: &Backend,
        (from, to): (End<'_>, End<'_>),
        progress: &(impl Fn(u8) + Send + Sync),
    ) -> Result<()> {
        let mut ignore = self.options().text_list(IGNORED).unwrap_or_default();
        for name in there.options().text_list(IGNORED).unwrap_or_default() {
            if !ignore.contains(&name) {
                ignore.push(name);
            }
        }
        let (sender, mut percent) = watch::channel(0);
        progress(0);
        let mut copy = Box::pin(copier::copy(from, to, &ignore, &sender));
        loop {
            tokio::select! {
                copied = &mut copy => {
                    if copied.is_ok() {
                        progress(100);
                    }
                    return copied;
                }
                Ok(()) = percent.changed() => {
                    let now = *percent.borrow_and_update();
                    progress(now);
                    self.records().progressed(&going.share_instance_id, now).await?;
                }
            }
        }
    }

    fn end<'a>(&'a self, call: &'a str, place: GuestPath) -> End<'a> {
        End { powers: &self.shared.powers, limits: &self.shared.limits, call, place }
    }

    /// Where the share's data are, if its policy lets the runtime's copier at them.
    async fn copyable(&self, share: &Share, verb: Verb) -> Result<GuestPath> {
        let commands = self.migration_get_info(share, None).await?;
        let place = copier::place_of(&commands.mount, self.policy())
            .map_err(|why| Error::Invalid(format!("backend `{}`: {why}", self.name())))?;
        match self.policy().decide_files(verb, &place) {
            Ok(_) => Ok(place),
            Err(denial) => Err(Error::Driver(DriverError::Denied(Denial {
                rule: denial.rule,
                reason: format!(
                    "{} (a `[[files]]` rule of backend `{}` with the verb `{verb}` lets its \
                     shares be copied)",
                    denial.reason,
                    self.name()
                ),
            }))),
        }
    }

    /// Takes from clients what would change the share while it is copied. The rules that are
    /// recorded stay those that are wanted, and are recorded as not in force.
    async fn make_read_only(&self, share: &Share) -> Result<()> {
        let before = self.rules_before(share).await?;
        if before.rules.is_empty() || before.status == AccessRulesStatus::OutOfSync {
            return Ok(());
        }
        let keeps = self.options().boolean("migration_readonly_rules_support").unwrap_or(true);
        let read_only =
            |rule: &AccessRule| AccessRule { access_level: AccessLevel::Ro, ..rule.clone() };
        let wanted: Vec<_> = match keeps {
            true => before.rules.iter().map(read_only).collect(),
            false => Vec::new(),
        };
        let is_kept = |rule: &&AccessRule| !wanted.contains(rule);
        let gone: Vec<_> = before.rules.iter().filter(is_kept).cloned().collect();
        let set = RuleSet {
            share,
            access_rules: &wanted,
            add_rules: &[],
            delete_rules: &gone,
            anew: true,
            share_server: None,
        };
        let status = |status| Change::access_status(&share.id, status);
        let beginning = Beginning {
            method: "update-access",
            changes_of: vec![share.id.clone()],
            conditions: vec![Condition::RulesAre(
                share.id.clone(),
                before.rules.clone(),
                before.status,
            )],
            changes: vec![status(AccessRulesStatus::Updating)],
            if_failed: vec![status(AccessRulesStatus::Error)],
            ..Beginning::default()
        };
        self.tracked(beginning, async |id: &str| match self.apply_rules(id, set).await {
            Ok(()) => (Ok(()), vec![status(AccessRulesStatus::OutOfSync)]),
            Err(error) => (Err(error), Vec::new()),
        })
        .await
    }

    /// Removes the instance that has been copied, and with it the record of where it has gone.
    async fn remove_old(&self, share: &Share) -> Result<()> {
        let indices = &self.driver().exports().shares;
        let deleting = Share { status: ShareStatus::Deleting, ..share.clone() };
        let deleting = &deleting;
        self.recorded(
            Beginning {
                method: "delete-share",
                changes_of: vec![share.id.clone()],
                conditions: vec![
                    Condition::ShareIs(Box::new(share.clone())),
                    Condition::NoSnapshotsOf(share.id.clone()),
                ],
                if_failed: vec![Change::share_status(&share.id, ShareStatus::Migrating)],
                ..Beginning::default()
            },
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_delete_share(deleting, None::<&crate::types::ShareServer>)
                )
            },
            |answer| match answer {
                Ok(()) | Err(Error::Driver(DriverError::ShareResourceNotFound(_))) => {
                    (Ok(()), vec![Change::RemoveShare(share.id.clone())])
                }
                Err(error) => (Err(error), Vec::new()),
            },
        )
        .await
    }

    /// How far the copy of a share is.
    async fn copy_of(&self, share: &Share) -> Result<(MigrationRecord, HostCopy)> {
        let going = self.records().migration(&share.id).await?;
        let copy = going.as_ref().and_then(|going| going.copy.clone());
        going.zip(copy).ok_or_else(|| Error::Invalid("the share is not being copied".to_owned()))
    }

    /// The instance into which a share is copied, if it is recorded here.
    async fn recorded_instance(&self, copy: &HostCopy) -> Result<Option<Share>> {
        Ok(self.records().share(&copy.share_instance_id).await?.map(|record| record.share))
    }

    async fn note_copy(
        &self,
        going: &MigrationRecord,
        state: CopyState,
        progress: u8,
    ) -> Result<()> {
        let beginning = Beginning {
            method: "migration-complete",
            changes_of: vec![going.share_instance_id.clone()],
            ..Beginning::default()
        };
        self.noted(beginning, vec![with_copy(going, state, progress)]).await
    }

    async fn note_instance(
        &self,
        method: &'static str,
        share: &Share,
        changes: Vec<Change>,
    ) -> Result<()> {
        let changes_of = vec![share.id.clone()];
        self.noted(Beginning { method, changes_of, ..Beginning::default() }, changes).await
    }
}

/// The record of a migration whose copy is so far.
fn with_copy(going: &MigrationRecord, state: CopyState, progress: u8) -> Change {
    let copy = going.copy.clone().map(|copy| HostCopy { state, progress, ..copy });
    Change::PutMigration(Box::new(MigrationRecord { copy, ..going.clone() }))
}
