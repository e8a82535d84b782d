//! What a backend has made: shares, snapshots, access rules, and every call with its outcome.
//! Written before a driver is called and after, so that `list` tells the truth after a kill.
//!
//! ```text
//! begin ──(driver runs)──▶ finish ok        its changes, outcome "ok"
//!   │                  └─▶ finish failed    what `begin` said for failure, with the message
//!   └──process died, or the call was given up──▶ interrupted: the same, found by whoever
//!                                               reads next
//! ```
//! A call that is under way holds a lock on a file of its own; the kernel lets go of it when
//! the process dies, however it dies.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cap_std::fs::Dir;
use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::database::{self, Database};
use crate::error::{Error, Result};
use crate::storage::{new_file, private_directory};
use crate::text::printable;
use crate::types::{
    AccessRule, AccessRulesStatus, Cgsnapshot, ConsistencyGroup, ExportLocation, ReplicaState,
    Share, ShareServer, ShareStatus, Snapshot, SnapshotStatus,
};

/// Where the locks of calls under way are, in the backend's directory.
const LOCKS: &str = "calls";

/// How the files end whose locks brokers hold.
const BROKER: &str = "broker";

/// How many ended calls are kept: some weeks of a busy backend.
const CALLS_KEPT: i64 = 10_000;

/// What a call leaves when nobody could say how it ended.
const INTERRUPTED: &str = "interrupted: the runtime ended during the call, so how far it came is \
                           not known; delete it, or repeat what you asked";

/// A share as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShareRecord {
    /// The share, with the status and locations that hold now.
    pub share: Share,
    /// What went wrong last, where something did.
    pub message: Option<String>,
}

/// A snapshot as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SnapshotRecord {
    /// The snapshot, with the status that holds now.
    pub snapshot: Snapshot,
    /// What went wrong last, where something did.
    pub message: Option<String>,
}

/// A share server as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShareServerRecord {
    /// The server, with the status, details and leases that hold now.
    pub share_server: ShareServer,
    /// What went wrong last, where something did.
    pub message: Option<String>,
}

/// A consistency group as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConsistencyGroupRecord {
    /// The group, with the status that holds now.
    pub consistency_group: ConsistencyGroup,
    /// What went wrong last, where something did.
    pub message: Option<String>,
}

/// A group snapshot as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CgsnapshotRecord {
    /// The group snapshot, with the status that holds now.
    pub cgsnapshot: Cgsnapshot,
    /// What went wrong last, where something did.
    pub message: Option<String>,
}

/// What shall hold of a share from now on; what is absent stays. Whole shares are written only
/// when they begin: another call may have changed a field since the caller read the record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ShareEdit {
    pub status: Option<ShareStatus>,
    pub size: Option<u64>,
    pub access_rules_status: Option<AccessRulesStatus>,
    pub replica_state: Option<ReplicaState>,
    pub export_locations: Option<Vec<ExportLocation>>,
    pub launched_at: Option<u64>,
}

/// One change of the records. Kept as data, because what shall hold after a failure is written
/// down before the call begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Change {
    PutShare(Box<Share>),
    EditShare(String, Box<ShareEdit>),
    RemoveShare(String),
    PutSnapshot(Box<Snapshot>),
    SnapshotStatus(String, SnapshotStatus),
    RemoveSnapshot(String),
    PutRules(String, Vec<AccessRule>),
    PutShareServer(Box<ShareServer>),
    RemoveShareServer(String),
    PutGroup(Box<ConsistencyGroup>),
    RemoveGroup(String),
    PutCgsnapshot(Box<Cgsnapshot>),
    RemoveCgsnapshot(String),
}

impl ShareEdit {
    fn apply(&self, share: &mut Share) {
        let Self {
            status,
            size,
            access_rules_status,
            replica_state,
            export_locations,
            launched_at,
        } = self;
        share.status = status.unwrap_or(share.status);
        share.size = size.unwrap_or(share.size);
        share.access_rules_status = access_rules_status.unwrap_or(share.access_rules_status);
        share.replica_state = replica_state.or(share.replica_state);
        share.launched_at = launched_at.or(share.launched_at);
        if let Some(locations) = export_locations {
            share.export_locations.clone_from(locations);
        }
    }
}

impl Change {
    pub(crate) fn share_status(id: &str, status: ShareStatus) -> Self {
        let edit = ShareEdit { status: Some(status), ..ShareEdit::default() };
        Self::EditShare(id.to_owned(), Box::new(edit))
    }

    pub(crate) fn access_status(id: &str, status: AccessRulesStatus) -> Self {
        let edit = ShareEdit { access_rules_status: Some(status), ..ShareEdit::default() };
        Self::EditShare(id.to_owned(), Box::new(edit))
    }
}

/// What must be so for a call to begin; looked at in the same transaction that says it began.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// The share is recorded, with the status and size that the caller knows.
    ShareIs(Box<Share>),
    /// No share of this identifier is recorded, or one that was never made whole, or the same one:
    /// its service may not have heard that it was made, and asks again.
    ShareIsNew(Box<Share>),
    /// The share has no snapshots.
    NoSnapshotsOf(String),
    /// The snapshot is recorded, and available.
    SnapshotIsAvailable(String),
}

/// What is written down when a call begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beginning {
    pub method: &'static str,
    /// What no other call may work on meanwhile: identifiers of shares, snapshots, groups.
    pub changes_of: Vec<String>,
    /// What no other call may change meanwhile.
    pub uses: Vec<String>,
    pub conditions: Vec<Condition>,
    /// What holds from now on.
    pub changes: Vec<Change>,
    /// What shall hold if it fails, or nobody can say how it ended.
    pub if_failed: Vec<Change>,
}

/// The records of one backend.
#[derive(Clone, Debug)]
pub struct Records {
    database: Database,
    locks: Arc<Dir>,
    path: PathBuf,
    /// Identifies this opening of the records among those of all processes.
    owner: String,
}

/// Marks what a broker has started as living, for whoever finds a call whose process died: what
/// it had begun may still be at work until the broker has ended it.
#[derive(Clone, Debug)]
pub(crate) struct Presence {
    locks: Arc<Dir>,
    owner: String,
}

impl Presence {
    /// A new file with its lock, and its name; whoever inherits the file holds the lock.
    pub(crate) fn mark(&self) -> std::io::Result<(std::fs::File, String)> {
        let name = format!("{}.{}.{BROKER}", self.owner, uuid::Uuid::new_v4());
        let unlocked = format!("{name}.new");
        let file = self.locks.open_with(&unlocked, &new_file())?.into_std();
        file.lock()?;
        // Under its name it is never seen without its lock, and so never swept away.
        self.locks.rename(&unlocked, &self.locks, &name)?;
        Ok((file, name))
    }

    /// Takes the mark away, where nothing is left that it would have to speak for.
    pub(crate) fn remove(&self, name: &str) {
        // One that stays is swept away by whoever opens the records next.
        let _ = self.locks.remove_file(name);
    }
}

/// A call under way. Dropped without `finish`, it counts as interrupted.
#[derive(Debug)]
pub(crate) struct OpenCall {
    pub(crate) id: String,
    /// Held, not used: the kernel's lock on it says that this call lives.
    _lock: std::fs::File,
}

impl Records {
    /// Opens the records of the backend of this name beneath `state`, the directory that holds
    /// the state of all backends; empty ones where there are none yet. Neither the driver nor
    /// its policy is needed, so that what was made can be listed when those are broken or gone.
    ///
    /// # Errors
    /// When the name cannot be a backend's, or the database cannot be opened.
    pub async fn open(state: &Path, name: &str) -> Result<Self> {
        crate::backend::check_name(name)?;
        let path = state.join(name);
        let open = move || {
            let directory = private_directory(&path)
                .map_err(|reason| Error::State { path: path.clone(), reason })?;
            let database = Database::open(&path.join(database::FILE))?;
            Self::new(database, &path, &directory)
        };
        tokio::task::spawn_blocking(open)
            .await
            .map_err(|error| Error::Runtime(format!("opening the records of {name}: {error}")))?
    }

    pub(crate) fn new(database: Database, path: &Path, directory: &Dir) -> Result<Self> {
        let path = path.join(LOCKS);
        let failed =
            |error: std::io::Error| Error::State { path: path.clone(), reason: error.to_string() };
        match directory.create_dir(LOCKS) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            _ => {}
        }
        let locks = Arc::new(directory.open_dir(LOCKS).map_err(failed)?);
        has_broker(&locks, "");
        Ok(Self { database, locks, path, owner: uuid::Uuid::new_v4().to_string() })
    }

    /// What says that a broker of this opening lives.
    pub(crate) fn presence(&self) -> Presence {
        Presence { locks: Arc::clone(&self.locks), owner: self.owner.clone() }
    }

    /// All shares, sorted by when they were made.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn shares(&self) -> Result<Vec<ShareRecord>> {
        let rows = self.all("shares").await?.into_iter();
        Ok(rows.map(|(share, message)| ShareRecord { share, message }).collect())
    }

    /// One share by its instance's identifier, or none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn share(&self, id: &str) -> Result<Option<ShareRecord>> {
        self.settle().await?;
        let id = id.to_owned();
        let query = "SELECT record, message FROM shares WHERE id = ?1";
        let found = self.database.write(move |transaction| rows(transaction, query, [id])).await?;
        Ok(found.into_iter().next().map(|(share, message)| ShareRecord { share, message }))
    }

    /// All snapshots, sorted by when they were taken.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn snapshots(&self) -> Result<Vec<SnapshotRecord>> {
        let rows = self.all("snapshots").await?.into_iter();
        Ok(rows.map(|(snapshot, message)| SnapshotRecord { snapshot, message }).collect())
    }

    /// All share servers, sorted by when they were set up.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn share_servers(&self) -> Result<Vec<ShareServerRecord>> {
        let rows = self.all("share_servers").await?.into_iter();
        let record = |(share_server, message)| ShareServerRecord { share_server, message };
        Ok(rows.map(record).collect())
    }

    /// All consistency groups, sorted by when they were made.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn consistency_groups(&self) -> Result<Vec<ConsistencyGroupRecord>> {
        let rows = self.all("consistency_groups").await?.into_iter();
        let record =
            |(consistency_group, message)| ConsistencyGroupRecord { consistency_group, message };
        Ok(rows.map(record).collect())
    }

    /// All group snapshots, sorted by when they were taken.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn cgsnapshots(&self) -> Result<Vec<CgsnapshotRecord>> {
        let rows = self.all("cgsnapshots").await?.into_iter();
        Ok(rows.map(|(cgsnapshot, message)| CgsnapshotRecord { cgsnapshot, message }).collect())
    }

    async fn all<T: DeserializeOwned + Send + 'static>(
        &self,
        table: &'static str,
    ) -> Result<Vec<(T, Option<String>)>> {
        self.settle().await?;
        let query = format!("SELECT record, message FROM {table} ORDER BY rowid");
        self.database.write(move |transaction| rows(transaction, &query, [])).await
    }

    /// The access rules that are wanted for a share, in the order they came.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn access_rules(&self, share_instance_id: &str) -> Result<Vec<AccessRule>> {
        let id = share_instance_id.to_owned();
        let query = "SELECT record, NULL FROM access_rules WHERE share_instance_id = ?1
                     ORDER BY rowid";
        self.database
            .write(move |transaction| rows(transaction, query, [id]))
            .await
            .map(|rows| rows.into_iter().map(|(rule, _)| rule).collect())
    }

    /// Writes down that a call begins.
    ///
    /// # Errors
    /// When another call, of whatever process, is under way on something that this one changes,
    /// or changes something that this one uses; when a condition does not hold.
    pub(crate) async fn begin(&self, beginning: Beginning) -> Result<OpenCall> {
        self.settle().await?;
        let call = self.lock(uuid::Uuid::new_v4().to_string())?;
        let id = call.id.clone();
        let (owner, method) = (self.owner.clone(), beginning.method);
        let begun = self
            .database
            .write(move |transaction| begin(transaction, &id, &owner, &beginning))
            .await;
        match begun {
            Ok(None) => Ok(call),
            Ok(Some(refusal)) => {
                let _ = self.locks.remove_file(lock_name(&call.id));
                Err(Error::Invalid(format!("{method} cannot begin: {refusal}")))
            }
            Err(error) => {
                let _ = self.locks.remove_file(lock_name(&call.id));
                Err(error)
            }
        }
    }

    /// Writes down that nobody will say how a call ended, once nothing of it is left.
    pub(crate) async fn abandon(&self, call: OpenCall) -> Result<()> {
        self.finish(call, Some(INTERRUPTED.to_owned()), Vec::new()).await
    }

    /// Writes down how a call ended. With a message it failed, and what `begin` said for that
    /// case holds; without one `changes` hold.
    pub(crate) async fn finish(
        &self,
        call: OpenCall,
        failure: Option<String>,
        changes: Vec<Change>,
    ) -> Result<()> {
        let id = call.id.clone();
        let record = move |transaction: &Transaction<'_>| match failure {
            None => {
                end(transaction, &id, "ok", None)?;
                apply(transaction, &changes, None)
            }
            Some(message) => {
                fail(transaction, &id, "failed", &message)?;
                apply(transaction, &changes, Some(&message))
            }
        };
        self.database.write(record).await?;
        // The row says that it ended; a lock file that stays behind means nothing.
        let _ = self.locks.remove_file(lock_name(&call.id));
        Ok(())
    }

    fn lock(&self, id: String) -> Result<OpenCall> {
        let failed = |error: std::io::Error| Error::State {
            path: self.path.clone(),
            reason: format!("the call cannot be marked as under way: {error}"),
        };
        let lock = self.locks.open_with(lock_name(&id), &new_file()).map_err(failed)?.into_std();
        lock.lock().map_err(failed)?;
        Ok(OpenCall { id, _lock: lock })
    }

    /// Finds calls whose process has died, and records them as interrupted.
    async fn settle(&self) -> Result<()> {
        let locks = Arc::clone(&self.locks);
        self.database
            .write(move |transaction| {
                let open: Vec<(String, String)> = transaction
                    .prepare_cached("SELECT id, owner FROM calls WHERE outcome IS NULL")?
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect::<rusqlite::Result<_>>()?;
                for (id, owner) in open {
                    if !is_held(&locks, &lock_name(&id)) && !has_broker(&locks, &owner) {
                        fail(transaction, &id, "interrupted", INTERRUPTED)?;
                        let _ = locks.remove_file(lock_name(&id));
                    }
                }
                Ok(())
            })
            .await
    }
}

/// Begins a call, or says why not.
fn begin(
    transaction: &Transaction<'_>,
    id: &str,
    owner: &str,
    beginning: &Beginning,
) -> rusqlite::Result<Option<String>> {
    let Beginning { method, changes_of, uses, conditions, changes, if_failed } = beginning;
    let entities = changes_of.iter().map(|one| (one, true));
    let entities: Vec<_> = entities.chain(uses.iter().map(|one| (one, false))).collect();
    for (entity, exclusive) in &entities {
        let under_way: Option<String> = transaction
            .prepare_cached(
                "SELECT method FROM busy JOIN calls ON calls.id = busy.call
                 WHERE busy.entity = ?1 AND (exclusive OR ?2)",
            )?
            .query_row(params![entity, exclusive], |row| row.get(0))
            .optional()?;
        if let Some(other) = under_way {
            let entity = printable(entity, crate::text::MESSAGE_BYTES);
            return Ok(Some(format!(
                "{other} is under way on {entity}; try again when it has ended"
            )));
        }
    }
    for condition in conditions {
        if let Some(refusal) = unmet(transaction, condition)? {
            return Ok(Some(refusal));
        }
    }
    let entity = changes_of.first().map_or("", String::as_str);
    transaction.execute(
        "INSERT INTO calls (id, owner, method, entity, began, if_failed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![id, owner, method, entity, now(), json(if_failed)?],
    )?;
    for (entity, exclusive) in entities {
        transaction.execute(
            "INSERT OR IGNORE INTO busy VALUES (?1, ?2, ?3)",
            params![entity, id, exclusive],
        )?;
    }
    transaction.execute(
        "DELETE FROM calls WHERE outcome IS NOT NULL AND rowid <=
            (SELECT max(rowid) FROM calls) - ?1",
        params![CALLS_KEPT],
    )?;
    apply(transaction, changes, None).map(|()| None)
}

/// Why a condition does not hold, if it does not.
fn unmet(transaction: &Transaction<'_>, condition: &Condition) -> rusqlite::Result<Option<String>> {
    let share = |id: &str| -> rusqlite::Result<Option<Share>> {
        let query = "SELECT record, NULL FROM shares WHERE id = ?1";
        Ok(rows(transaction, query, [id])?.pop().map(|(share, _)| share))
    };
    Ok(match condition {
        Condition::ShareIs(expected) => match share(&expected.id)? {
            None => Some("the share is not recorded here; it may be gone".to_owned()),
            Some(now) if now.size != expected.size || now.status != expected.status => {
                Some("the share has changed since it was looked at; look again".to_owned())
            }
            Some(_) => None,
        },
        Condition::ShareIsNew(expected) => share(&expected.id)?.and_then(|now| {
            let same = now.size == expected.size && now.name == expected.name;
            let fits = match now.status {
                ShareStatus::Creating | ShareStatus::Error | ShareStatus::ManageError => true,
                ShareStatus::Available => same,
                _ => false,
            };
            (!fits).then(|| "there is a share of this identifier".to_owned())
        }),
        Condition::NoSnapshotsOf(id) => {
            let snapshots: i64 = transaction.query_row(
                "SELECT count(*) FROM snapshots WHERE record ->> 'share_instance_id' = ?1",
                [id],
                |row| row.get(0),
            )?;
            (snapshots > 0).then(|| format!("the share has {snapshots} snapshots"))
        }
        Condition::SnapshotIsAvailable(id) => {
            let query = "SELECT record, NULL FROM snapshots WHERE id = ?1";
            let found = rows::<Snapshot, _>(transaction, query, [id])?.pop();
            match found.map(|(snapshot, _)| snapshot.status) {
                Some(SnapshotStatus::Available) => None,
                Some(_) => Some("the snapshot is not available".to_owned()),
                None => Some("the snapshot is not recorded here; it may be gone".to_owned()),
            }
        }
    })
}

fn lock_name(id: &str) -> String {
    format!("{id}.lock")
}

/// Whether something living holds the lock. What cannot be looked at is taken to be held: a wrong
/// "dead" would contradict a call that goes on.
fn is_held(locks: &Dir, name: &str) -> bool {
    match locks.open(name) {
        Ok(file) => file.into_std().try_lock_shared().is_err(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Whether a broker of an owner (of any, for the empty text), or anything that it started, lives.
/// Files of those that do not are removed.
fn has_broker(locks: &Dir, owner: &str) -> bool {
    let Ok(entries) = locks.entries() else { return true };
    let mut lives = false;
    for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        if name.starts_with(owner) && name.ends_with(BROKER) {
            if is_held(locks, &name) {
                lives = true;
            } else {
                let _ = locks.remove_file(&name);
            }
        }
    }
    lives
}

fn fail(
    transaction: &Transaction<'_>,
    id: &str,
    outcome: &str,
    message: &str,
) -> rusqlite::Result<()> {
    let if_failed: String =
        transaction
            .query_row("SELECT if_failed FROM calls WHERE id = ?1", [id], |row| row.get(0))?;
    end(transaction, id, outcome, Some(message))?;
    apply(transaction, &from_json::<Vec<Change>>(&if_failed)?, Some(message))
}

fn end(
    transaction: &Transaction<'_>,
    id: &str,
    outcome: &str,
    message: Option<&str>,
) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE calls SET ended = ?2, outcome = ?3, message = ?4 WHERE id = ?1",
        params![id, now(), outcome, message],
    )?;
    transaction.execute("DELETE FROM busy WHERE call = ?1", [id])?;
    Ok(())
}

fn apply(
    transaction: &Transaction<'_>,
    changes: &[Change],
    message: Option<&str>,
) -> rusqlite::Result<()> {
    for change in changes {
        match change {
            Change::PutShare(share) => put(transaction, "shares", &share.id, share, message)?,
            Change::EditShare(id, changes) => {
                // What went wrong last stays until the status says that it is over.
                let message = match (message, changes.status) {
                    (None, None) => message_of(transaction, id)?,
                    (message, _) => message.map(str::to_owned),
                };
                edit::<Share>(transaction, "shares", id, message.as_deref(), |share| {
                    changes.apply(share);
                })?;
            }
            Change::RemoveShare(id) => {
                transaction.execute("DELETE FROM shares WHERE id = ?1", [id])?;
                transaction
                    .execute("DELETE FROM access_rules WHERE share_instance_id = ?1", [id])?;
            }
            Change::PutSnapshot(snapshot) => {
                put(transaction, "snapshots", &snapshot.id, snapshot, message)?;
            }
            Change::SnapshotStatus(id, status) => {
                edit::<Snapshot>(transaction, "snapshots", id, message, |snapshot| {
                    snapshot.status = *status;
                })?;
            }
            Change::RemoveSnapshot(id) => {
                transaction.execute("DELETE FROM snapshots WHERE id = ?1", [id])?;
            }
            Change::PutShareServer(server) => {
                put(transaction, "share_servers", &server.id, server, message)?;
            }
            Change::RemoveShareServer(id) => {
                transaction.execute("DELETE FROM share_servers WHERE id = ?1", [id])?;
            }
            Change::PutGroup(group) => {
                put(transaction, "consistency_groups", &group.id, group, message)?;
            }
            Change::RemoveGroup(id) => {
                transaction.execute("DELETE FROM consistency_groups WHERE id = ?1", [id])?;
            }
            Change::PutCgsnapshot(taken) => {
                put(transaction, "cgsnapshots", &taken.id, taken, message)?;
            }
            Change::RemoveCgsnapshot(id) => {
                transaction.execute("DELETE FROM cgsnapshots WHERE id = ?1", [id])?;
            }
            Change::PutRules(id, rules) => {
                transaction
                    .execute("DELETE FROM access_rules WHERE share_instance_id = ?1", [id])?;
                for rule in rules {
                    transaction.execute(
                        "INSERT INTO access_rules VALUES (?1, ?2, ?3)",
                        params![id, rule.id, json(rule)?],
                    )?;
                }
            }
        }
    }
    Ok(())
}

/// What went wrong last with a share.
fn message_of(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<Option<String>> {
    let found = transaction
        .prepare_cached("SELECT message FROM shares WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    Ok(found.flatten())
}

/// Writes one record, new or instead of the one of this identifier.
fn put<T: Serialize>(
    transaction: &Transaction<'_>,
    table: &'static str,
    id: &str,
    record: &T,
    message: Option<&str>,
) -> rusqlite::Result<()> {
    transaction.execute(
        &format!(
            "INSERT INTO {table} (id, record, message) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE
             SET record = excluded.record, message = excluded.message"
        ),
        params![id, json(record)?, message],
    )?;
    Ok(())
}

/// Changes one record in place; one that is gone stays gone.
fn edit<T: Serialize + DeserializeOwned>(
    transaction: &Transaction<'_>,
    table: &'static str,
    id: &str,
    message: Option<&str>,
    change: impl FnOnce(&mut T),
) -> rusqlite::Result<()> {
    let query = format!("SELECT record, NULL FROM {table} WHERE id = ?1");
    let Some((mut record, _)) = rows::<T, _>(transaction, &query, [id])?.pop() else {
        return Ok(());
    };
    change(&mut record);
    transaction.execute(
        &format!("UPDATE {table} SET record = ?2, message = ?3 WHERE id = ?1"),
        params![id, json(&record)?, message],
    )?;
    Ok(())
}

fn rows<T: DeserializeOwned, P: rusqlite::Params>(
    transaction: &Transaction<'_>,
    query: &str,
    params: P,
) -> rusqlite::Result<Vec<(T, Option<String>)>> {
    transaction
        .prepare_cached(query)?
        .query_map(params, |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?
        .map(|row| row.and_then(|(record, message)| Ok((from_json(&record)?, message))))
        .collect()
}

fn json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn from_json<T: DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}

/// Seconds since the epoch.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
