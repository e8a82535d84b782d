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

mod beginning;
mod change;
mod ending;
mod entities;
mod interrupted;
mod migrations;
mod presence;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cap_std::fs::Dir;
use rusqlite::{Transaction, params};
use serde::de::DeserializeOwned;

use self::beginning::{Refusal, begin};
use self::change::{apply, from_json, json, rows};
use self::ending::{end, fail, interrupt};
use self::presence::{has_broker, is_held, lock_name};
use crate::database::{self, Database};
use crate::error::{Error, Result};
use crate::owned::{self, OwnedRecord};
use crate::storage::{new_file, private_directory};
use crate::types::{AccessRule, ConsistencyGroup, Share};

pub(crate) use self::beginning::{Beginning, Condition, is_transitional};
pub(crate) use self::change::{Change, ShareEdit};
pub use self::entities::{
    CgsnapshotRecord, ConsistencyGroupRecord, ShareRecord, ShareServerRecord, SnapshotRecord,
};
pub(crate) use self::presence::Presence;

pub use self::migrations::{CopyState, HostCopy, MigrationPhase, MigrationRecord};

/// Where the locks of calls under way are, in the backend's directory.
const LOCKS: &str = "calls";

/// How many ended calls are kept: a day of a backend that is called every ten seconds. The audit has
/// them all.
const CALLS_KEPT: i64 = 10_000;

/// The records of one backend.
#[derive(Clone, Debug)]
pub struct Records {
    database: Database,
    locks: Arc<Dir>,
    path: PathBuf,
    /// Identifies this opening of the records among those of all processes.
    owner: String,
}

/// A call under way. Dropped without `finish`, it counts as interrupted.
#[derive(Debug)]
pub(crate) struct OpenCall {
    pub(crate) id: String,
    locks: Arc<Dir>,
    /// Held, not used: the kernel's lock on it says that this call lives.
    _lock: std::fs::File,
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        // Still under the lock. A file that stays behind means nothing: the row says how it ended.
        let _ = self.locks.remove_file(lock_name(&self.id));
    }
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
            let database = Database::open(&path.join(database::FILE), &database::BACKEND)?;
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

    /// All consistency groups, sorted by when they were made, each with the members that it has
    /// now.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn consistency_groups(&self) -> Result<Vec<ConsistencyGroupRecord>> {
        self.settle().await?;
        let (groups, shares) = self
            .database
            .write(|transaction| {
                let groups = "SELECT record, message FROM consistency_groups ORDER BY rowid";
                let shares = "SELECT record, NULL FROM shares ORDER BY rowid";
                let groups: Vec<(ConsistencyGroup, _)> = rows(transaction, groups, [])?;
                let shares: Vec<(Share, _)> = rows(transaction, shares, [])?;
                Ok((groups, shares))
            })
            .await?;
        let record = |(mut consistency_group, message): (ConsistencyGroup, _)| {
            let id = Some(&consistency_group.id);
            let members = shares.iter().filter(|one| one.0.consistency_group_id.as_ref() == id);
            consistency_group.shares = members.map(|one| one.0.clone()).collect();
            ConsistencyGroupRecord { consistency_group, message }
        };
        Ok(groups.into_iter().map(record).collect())
    }

    /// All group snapshots, sorted by when they were taken.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn cgsnapshots(&self) -> Result<Vec<CgsnapshotRecord>> {
        let rows = self.all("cgsnapshots").await?.into_iter();
        Ok(rows.map(|(cgsnapshot, message)| CgsnapshotRecord { cgsnapshot, message }).collect())
    }

    /// What the backend has made and may use where the policy says `owner = "self"`, sorted by
    /// container and name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn owned(&self) -> Result<Vec<OwnedRecord>> {
        self.database.write(owned::all).await
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
    /// [`Error::Busy`] when another call, of whatever process, is under way on something that this
    /// one changes, or changes something that this one uses; [`Error::Invalid`] when a condition
    /// does not hold.
    pub(crate) async fn begin(&self, beginning: Beginning) -> Result<OpenCall> {
        // What cannot be written down is not begun.
        json(&(&beginning.changes, &beginning.if_failed)).map_err(|error| {
            Error::Invalid(format!("{} cannot begin: {error}", beginning.method))
        })?;
        self.settle().await?;
        let call = self.lock(uuid::Uuid::new_v4().to_string())?;
        let (owner, method) = (self.owner.clone(), beginning.method);
        // It lives until this is durable, also where its caller gives it up meanwhile.
        let begun = move |transaction: &Transaction<'_>| {
            Ok((begin(transaction, &call.id, &owner, &beginning)?, call))
        };
        let (refusal, call) = self.database.write(begun).await?;
        match refusal {
            None => Ok(call),
            Some(Refusal::Busy(what)) => Err(Error::Busy(format!("{method} cannot begin: {what}"))),
            Some(Refusal::Unmet(why)) => {
                Err(Error::Invalid(format!("{method} cannot begin: {why}")))
            }
        }
    }

    /// Writes down what a call under way has found, and what shall hold beside the rest if it fails. Of
    /// one that has ended meanwhile, because its caller gave it up, nothing changes any more.
    ///
    /// # Errors
    /// When it has ended, or this cannot be written.
    pub(crate) async fn amend(&self, id: &str, found: Change, if_failed: Change) -> Result<()> {
        let id = id.to_owned();
        let write = move |transaction: &Transaction<'_>| {
            let query = "SELECT if_failed FROM calls WHERE id = ?1 AND outcome IS NULL";
            let text: String = transaction.query_row(query, [&id], |row| row.get(0))?;
            let mut changes = from_json::<Vec<Change>>(&text)?;
            // Later ones hold over earlier ones.
            changes.push(if_failed);
            let update = "UPDATE calls SET if_failed = ?2 WHERE id = ?1";
            transaction.execute(update, params![id, json(&changes)?])?;
            apply(transaction, &[found], None)
        };
        self.database.write(write).await
    }

    /// Writes down that nobody will say how a call ended, once nothing of it is left.
    pub(crate) async fn abandon(&self, call: OpenCall) -> Result<()> {
        let record = move |transaction: &Transaction<'_>| {
            interrupt(transaction, &call.id)?;
            // As in `finish`: it lives until this is durable.
            Ok(call)
        };
        self.database.write(record).await.map(drop)
    }

    /// Writes down how a call ended. With a message it failed, and what `begin` said for that
    /// case holds; without one `changes` hold.
    pub(crate) async fn finish(
        &self,
        call: OpenCall,
        failure: Option<String>,
        changes: Vec<Change>,
    ) -> Result<()> {
        let record = move |transaction: &Transaction<'_>| {
            match failure {
                None => {
                    end(transaction, &call.id, "ok", None)?;
                    apply(transaction, &changes, None)?;
                }
                Some(message) => {
                    fail(transaction, &call.id, "failed", &message)?;
                    apply(transaction, &changes, Some(&message))?;
                }
            }
            // It lives until this is durable, whether or not anybody waits for that.
            Ok(call)
        };
        self.database.write(record).await.map(drop)
    }

    fn lock(&self, id: String) -> Result<OpenCall> {
        let failed = |error: std::io::Error| Error::State {
            path: self.path.clone(),
            reason: format!("the call cannot be marked as under way: {error}"),
        };
        let lock = self.locks.open_with(lock_name(&id), &new_file()).map_err(failed)?.into_std();
        lock.lock().map_err(failed)?;
        Ok(OpenCall { id, locks: Arc::clone(&self.locks), _lock: lock })
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
                        interrupt(transaction, &id)?;
                        let _ = locks.remove_file(lock_name(&id));
                    }
                }
                Ok(())
            })
            .await
    }
}

/// Seconds since the epoch.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
