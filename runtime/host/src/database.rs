//! The one SQLite file of a backend: its records and its driver's state. Opened by the runtime,
//! never by anything that holds a guest's code or by the broker.
//!
//! WAL with `synchronous=FULL`: what a transaction has committed survives a power cut. A commit
//! that failed is unknown, not undone: callers read again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::{Error, Result};

/// The file's name in the backend's directory.
pub(crate) const FILE: &str = "state.db";

/// How long one process waits for another one's transaction.
const BUSY: Duration = Duration::from_secs(10);

/// The schema's number, kept in `user_version`. A newer file is refused, not guessed at.
const SCHEMA: i64 = 1;

const TABLES: &str = "
CREATE TABLE shares (
    id TEXT PRIMARY KEY, record TEXT NOT NULL, message TEXT
) STRICT;
CREATE TABLE snapshots (
    id TEXT PRIMARY KEY, record TEXT NOT NULL, message TEXT
) STRICT;
CREATE TABLE share_servers (
    id TEXT PRIMARY KEY, record TEXT NOT NULL, message TEXT
) STRICT;
CREATE TABLE network_allocations (
    address TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, server_id TEXT NOT NULL,
    label TEXT NOT NULL, request TEXT NOT NULL, record TEXT NOT NULL
) STRICT;
CREATE INDEX network_allocations_of ON network_allocations (server_id);
CREATE TABLE consistency_groups (
    id TEXT PRIMARY KEY, record TEXT NOT NULL, message TEXT
) STRICT;
CREATE TABLE cgsnapshots (
    id TEXT PRIMARY KEY, record TEXT NOT NULL, message TEXT
) STRICT;
CREATE TABLE access_rules (
    share_instance_id TEXT NOT NULL, id TEXT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (share_instance_id, id)
) STRICT;
CREATE TABLE calls (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, method TEXT NOT NULL, entity TEXT NOT NULL,
    began REAL NOT NULL, ended REAL, outcome TEXT, message TEXT, if_failed TEXT NOT NULL
) STRICT;
CREATE TABLE busy (
    entity TEXT NOT NULL, call TEXT NOT NULL, exclusive INTEGER NOT NULL,
    PRIMARY KEY (entity, call)
) STRICT, WITHOUT ROWID;
CREATE INDEX busy_calls ON busy (call);
CREATE INDEX open_calls ON calls (outcome) WHERE outcome IS NULL;
CREATE TABLE driver_state (
    entity TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (entity, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX driver_state_keys ON driver_state (key, entity);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counters VALUES ('driver_state_generation', 0);
";

/// A handle that all calls of a backend share.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    path: PathBuf,
    connection: Arc<Mutex<Connection>>,
}

impl Database {
    /// Opens the file, or makes it with an empty schema.
    ///
    /// # Errors
    /// When it cannot be read or written, is damaged, or is of a newer Abaca.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed = |reason: String| Error::State { path: path.to_owned(), reason };
        let connection = prepare(path).map_err(|error| failed(error.to_string()))?;
        let version: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|error| failed(error.to_string()))?;
        if version > SCHEMA {
            return Err(failed(format!(
                "it was written by a newer Abaca (schema {version}, this one knows {SCHEMA})"
            )));
        }
        let database = Self { path: path.to_owned(), connection: Arc::new(Mutex::new(connection)) };
        if version == 0 {
            database.write_now(create)?;
        }
        Ok(database)
    }

    /// Runs a transaction away from the async workers. The closure may run only once, and its
    /// changes are all durable when this comes back.
    pub(crate) async fn write<T, F>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let database = self.clone();
        tokio::task::spawn_blocking(move || database.write_now(change))
            .await
            .map_err(|error| self.failed(error.to_string()))?
    }

    /// As [`write`](Self::write), on this thread.
    pub(crate) fn write_now<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        // A closure that panicked has rolled its transaction back.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let run = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = change(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        };
        run().map_err(|error: rusqlite::Error| self.failed(error.to_string()))
    }

    fn failed(&self, reason: String) -> Error {
        Error::State { path: self.path.clone(), reason }
    }
}

fn prepare(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    let sound: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if sound == "ok" {
        Ok(connection)
    } else {
        Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some(sound),
        ))
    }
}

/// Makes the schema, unless another process was first.
fn create(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "user_version", SCHEMA)?;
    }
    Ok(())
}
