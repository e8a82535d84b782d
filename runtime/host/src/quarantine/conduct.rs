//! The conduct of one backend's driver, as its database and one lock keep it: what counts against
//! it, whether it is in quarantine or disabled, and which call is on trial.
//!
//! The trial is a lock on a file: the kernel lets go of it when its process dies, however that is,
//! so that no trial is waited for in vain.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rusqlite::{OptionalExtension, Transaction, params};

use serde_json::Map;

use super::standing::{Row, whole};
use super::{Quarantine, Standing, State, Strike, StrikeKind};
use crate::approval::who;
use crate::audit::{Audit, AuditSettings, Event, Subject};
use crate::backend::fresh_id;
use crate::database::{self, Database};
use crate::error::{Error, Result};
use crate::metrics::BackendMetrics;
use crate::records::now;
use crate::storage::private_directory;
use crate::text::printable;

/// The file in the backend's directory whose lock the call on trial holds.
const TRIAL: &str = "trial";

/// How many strikes are kept; more are not needed to tell how a backend stands.
const STRIKES_KEPT: u32 = 1_000;

/// The longest message that is kept of a strike, in bytes: a refusal repeats it.
const MESSAGE_BYTES: usize = 512;

/// The longest reason for which a backend is disabled, in bytes: every refusal repeats it.
const REASON_BYTES: usize = 512;

/// How an ended call counts.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The driver did what a driver does, and be it to answer an error.
    Behaved,
    /// It was at fault.
    Strike(StrikeKind, String),
}

/// A call on trial. Dropped without a verdict, the next call is on trial.
#[derive(Debug)]
pub(crate) struct Trial {
    /// Held, not used.
    _lock: std::fs::File,
}

/// The conduct of one backend's driver.
#[derive(Clone, Debug)]
pub struct Conduct {
    name: String,
    rules: Quarantine,
    database: Database,
    directory: Arc<Dir>,
    path: PathBuf,
    /// What the operator decides is written there; none for whoever only looks.
    audit: Option<Audit>,
    /// Where it is told how the backend stands; none for whoever does not call it.
    metrics: Option<BackendMetrics>,
}

impl Conduct {
    /// Opens that of the backend of this name beneath `state`, the directory that holds the state
    /// of all backends. Neither the driver nor its policy is needed.
    ///
    /// # Errors
    /// When the name cannot be a backend's, or the database or the audit cannot be opened.
    pub async fn open(
        state: &Path,
        name: &str,
        rules: &Quarantine,
        settings: &AuditSettings,
    ) -> Result<Self> {
        Self::opened(state, name, rules, Some(settings)).await
    }

    async fn opened(
        state: &Path,
        name: &str,
        rules: &Quarantine,
        settings: Option<&AuditSettings>,
    ) -> Result<Self> {
        crate::backend::check_name(name)?;
        let (path, name, rules) = (state.join(name), name.to_owned(), rules.clone());
        let settings = settings.cloned();
        let open = move || {
            let directory = private_directory(&path)
                .map_err(|reason| Error::State { path: path.clone(), reason })?;
            let database = Database::open(&path.join(database::FILE), &database::BACKEND)?;
            let audit = settings.map(|settings| {
                let subject = Subject { backend: name.clone(), ..Subject::default() };
                Audit::open(&path, &directory, database.clone(), &settings, subject)
            });
            Self::new(&name, rules, database, &path, &directory, audit.transpose()?)
        };
        tokio::task::spawn_blocking(open)
            .await
            .map_err(|error| Error::Runtime(format!("opening a backend's conduct: {error}")))?
    }

    /// How the backend of this name stands. Nothing is made: one that was never opened is well.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`standing`](Self::standing).
    pub async fn look(state: &Path, name: &str, rules: &Quarantine) -> Result<Standing> {
        crate::backend::check_name(name)?;
        let file = state.join(name).join(database::FILE);
        match file.try_exists() {
            Ok(false) => Ok(Standing::default()),
            Ok(true) => Self::opened(state, name, rules, None).await?.standing().await,
            Err(error) => Err(Error::State { path: file, reason: error.to_string() }),
        }
    }

    pub(crate) fn new(
        name: &str,
        rules: Quarantine,
        database: Database,
        path: &Path,
        directory: &Dir,
        audit: Option<Audit>,
    ) -> Result<Self> {
        let path = path.join(TRIAL);
        let directory = directory
            .try_clone()
            .map_err(|error| Error::State { path: path.clone(), reason: error.to_string() })?;
        let (name, directory) = (name.to_owned(), Arc::new(directory));
        Ok(Self { name, rules, database, directory, path, audit, metrics: None })
    }

    /// The same, which tells these figures how the backend stands whenever that is looked at.
    pub(crate) fn told_to(self, metrics: BackendMetrics) -> Self {
        Self { metrics: Some(metrics), ..self }
    }

    fn tell(&self, state: State) {
        if let Some(metrics) = &self.metrics {
            metrics.stands(state);
        }
    }

    /// When there is a quarantine, and for how long.
    pub(crate) fn rules(&self) -> &Quarantine {
        &self.rules
    }

    /// How the backend stands now.
    ///
    /// # Errors
    /// When the database or the trial's file cannot be read.
    pub async fn standing(&self) -> Result<Standing> {
        let conduct = self.clone();
        let read = move |transaction: &Transaction<'_>| conduct.now_standing(transaction);
        self.database.write(read).await?
    }

    /// As [`standing`](Self::standing). The trial is looked at within the transaction, where no
    /// call can be put on trial meanwhile.
    fn now_standing(&self, transaction: &Transaction<'_>) -> rusqlite::Result<Result<Standing>> {
        let mut standing = standing(transaction, &self.rules, now())?;
        if standing.state == State::Due {
            match self.try_trial() {
                Ok(Some(_)) => {}
                Ok(None) => standing.state = State::Trial,
                Err(error) => return Ok(Err(error)),
            }
        }
        self.tell(standing.state);
        Ok(Ok(standing))
    }

    /// Ends a quarantine, and forgets what has counted against the driver.
    ///
    /// # Errors
    /// When the database or the audit cannot be written.
    pub async fn release(&self) -> Result<()> {
        self.decided(Event::Release, None)?;
        let release = |transaction: &Transaction<'_>| {
            clear(transaction)?;
            transaction.execute("UPDATE standing SET quarantines = 0", [])
        };
        self.database.write(release).await.map(drop)
    }

    /// Refuses all calls that begin from now on, in whatever process, until it is enabled.
    ///
    /// # Errors
    /// When the reason is too long or has control characters, or the database cannot be written.
    pub async fn disable(&self, reason: Option<&str>) -> Result<()> {
        let reason = reason.map(str::to_owned);
        if reason
            .as_ref()
            .is_some_and(|text| text.len() > REASON_BYTES || printable(text, REASON_BYTES) != *text)
        {
            return Err(Error::Invalid(format!(
                "a reason is one line of at most {REASON_BYTES} bytes without control characters"
            )));
        }
        self.decided(Event::Disable, reason.as_deref())?;
        let disable = move |transaction: &Transaction<'_>| {
            transaction
                .execute("UPDATE standing SET disabled = ?1, reason = ?2", params![now(), reason])
        };
        self.database.write(disable).await.map(drop)
    }

    /// Lets the driver be called again; a quarantine that it is in goes on.
    ///
    /// # Errors
    /// When the database or the audit cannot be written.
    pub async fn enable(&self) -> Result<()> {
        self.decided(Event::Enable, None)?;
        let enable = |transaction: &Transaction<'_>| {
            transaction.execute("UPDATE standing SET disabled = NULL, reason = NULL", [])
        };
        self.database.write(enable).await.map(drop)
    }

    /// Writes down what the operator is about to change.
    fn decided(&self, event: Event, reason: Option<&str>) -> Result<()> {
        let Some(audit) = &self.audit else { return Ok(()) };
        let mut line = Map::from_iter([("by".to_owned(), who().into())]);
        if let Some(reason) = reason {
            line.insert("reason".to_owned(), reason.into());
        }
        audit.write(event, &fresh_id(), line)
    }

    /// Lets a call begin, perhaps on trial.
    ///
    /// # Errors
    /// When the backend is in quarantine or disabled, or the state cannot be read.
    pub(crate) async fn admit(&self) -> Result<Option<Trial>> {
        let conduct = self.clone();
        // The trial is tried for within the transaction: a verdict is written before its trial
        // ends, so whoever gets the lock here has read the verdict of the one before.
        let admit = move |transaction: &Transaction<'_>| {
            let standing = standing(transaction, &conduct.rules, now())?;
            conduct.tell(standing.state);
            Ok(match standing.state {
                State::Ok => Ok(None),
                State::Due => match conduct.try_trial() {
                    Ok(Some(trial)) => Ok(Some(trial)),
                    Ok(None) => Err(conduct.refusal(Standing { state: State::Trial, ..standing })),
                    Err(error) => Err(error),
                },
                _ => Err(conduct.refusal(standing)),
            })
        };
        self.database.write(admit).await?
    }

    fn refusal(&self, standing: Standing) -> Error {
        let (backend, standing) = (self.name.clone(), Box::new(standing));
        match standing.state {
            State::Disabled => Error::Disabled { backend, standing },
            _ => Error::Quarantined { backend, standing },
        }
    }

    /// Writes down how a call counts, and says how the backend stands then, if that has changed.
    pub(crate) async fn judge(
        &self,
        method: &'static str,
        call: &str,
        on_trial: bool,
        verdict: Verdict,
    ) -> Result<Option<Standing>> {
        let (rules, call) = (self.rules.clone(), call.to_owned());
        let judge = move |transaction: &Transaction<'_>| {
            let now = now();
            let before = row(transaction)?;
            match verdict {
                Verdict::Behaved if on_trial && before.since.is_some() => clear(transaction)?,
                Verdict::Behaved => return Ok(None),
                Verdict::Strike(kind, message) => {
                    if before.since.is_none() && is_calm(transaction, &rules, &before, now)? {
                        transaction.execute("UPDATE standing SET quarantines = 0", [])?;
                    }
                    let message = printable(&message, MESSAGE_BYTES);
                    strike(transaction, now, kind, method, &call, &message)?;
                    let counting = standing(transaction, &rules, now)?.strikes;
                    let begins = match before.since {
                        // Other calls were let in before it began: only the trial prolongs it.
                        Some(_) => on_trial,
                        None => counting >= rules.strikes,
                    };
                    if begins {
                        transaction.execute(
                            "UPDATE standing SET since = ?1, quarantines = quarantines + 1",
                            [now],
                        )?;
                    }
                }
            }
            standing(transaction, &rules, now).map(Some)
        };
        let standing = self.database.write(judge).await?;
        standing.iter().for_each(|standing| self.tell(standing.state));
        Ok(standing)
    }

    /// Takes the place of the call on trial; none while another call has it.
    fn try_trial(&self) -> Result<Option<Trial>> {
        let failed = |error: std::io::Error| Error::State {
            path: self.path.clone(),
            reason: format!("a call cannot be put on trial: {error}"),
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = self.directory.open_with(TRIAL, &options).map_err(failed)?.into_std();
        match file.try_lock() {
            Ok(()) => Ok(Some(Trial { _lock: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

fn row(transaction: &Transaction<'_>) -> rusqlite::Result<Row> {
    transaction
        .prepare_cached("SELECT cleared, quarantines, since, disabled, reason FROM standing")?
        .query_row([], |row| {
            Ok(Row {
                cleared: row.get(0)?,
                quarantines: row.get(1)?,
                since: row.get(2)?,
                disabled: row.get(3)?,
                reason: row.get(4)?,
            })
        })
}

/// How the backend stands at a time, trials aside.
fn standing(
    transaction: &Transaction<'_>,
    rules: &Quarantine,
    now: f64,
) -> rusqlite::Result<Standing> {
    let mut row = row(transaction)?;
    if row.since.is_some_and(|since| since > now) {
        // The clock was put back: the quarantine must not last until it has caught up.
        transaction.execute("UPDATE standing SET since = ?1", [now])?;
        row.since = Some(now);
    }
    let strikes = transaction
        .prepare_cached("SELECT count(*) FROM strikes WHERE id > ?1 AND at > ?2")?
        .query_row(params![row.cleared, now - rules.window.as_secs_f64()], |row| row.get(0))?;
    let last_strike = transaction
        .prepare_cached("SELECT at, kind, method, call, message FROM strikes ORDER BY id DESC")?
        .query_row([], |row| {
            let kind: String = row.get(1)?;
            let kind = StrikeKind::named(&kind).ok_or(rusqlite::Error::InvalidQuery)?;
            let (method, call, message) = (row.get(2)?, row.get(3)?, row.get(4)?);
            Ok(Strike { at: whole(row.get(0)?), kind, method, call, message })
        })
        .optional()?;
    Ok(row.standing(rules, strikes, last_strike, now))
}

/// Whether there was no strike for so long that earlier quarantines are forgotten; the time in
/// which the driver was not called does not count.
fn is_calm(
    transaction: &Transaction<'_>,
    rules: &Quarantine,
    row: &Row,
    now: f64,
) -> rusqlite::Result<bool> {
    let last: Option<f64> =
        transaction.query_row("SELECT max(at) FROM strikes", [], |row| row.get(0))?;
    let calm = rules.longest_delay + rules.lasts(row.quarantines);
    Ok(last.is_none_or(|last| now - last > calm.as_secs_f64()))
}

fn strike(
    transaction: &Transaction<'_>,
    now: f64,
    kind: StrikeKind,
    method: &str,
    call: &str,
    message: &str,
) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO strikes (at, kind, method, call, message) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![now, kind.name(), method, call, message],
    )?;
    let kept = "DELETE FROM strikes WHERE id <= (SELECT max(id) FROM strikes) - ?1";
    transaction.execute(kept, [STRIKES_KEPT]).map(drop)
}

/// Ends a quarantine; the strikes until now no longer count.
fn clear(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let clear = "UPDATE standing SET since = NULL,
                 cleared = coalesce((SELECT max(id) FROM strikes), 0)";
    transaction.execute(clear, []).map(drop)
}
