//! SQLite files: one of each backend, with its records and its driver's state, and one of all
//! backends, with the leases of their networks. Opened by the runtime, never by anything that holds
//! a guest's code or by the broker.
//!
//! WAL with `synchronous=FULL`: what a transaction has committed survives a power cut. A commit
//! that failed is unknown, not undone: callers read again.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use crate::error::{Error, Result};

/// The file's name in the backend's directory.
pub(crate) const FILE: &str = "state.db";

/// What is in a file.
#[derive(Debug)]
pub(crate) struct Schema {
    /// What makes its tables: the first step in an empty file, each other in one that has had all
    /// before it. How many there were is kept in `user_version`; a file that has had more is
    /// refused, not guessed at.
    pub steps: &'static [&'static str],
}

impl Schema {
    fn version(&self) -> i64 {
        i64::try_from(self.steps.len()).unwrap_or(i64::MAX)
    }
}

/// What is in a backend's file.
pub(crate) const BACKEND: Schema = Schema { steps: &[TABLES, OWNED, AUDIT, CONDUCT, APPROVAL] };

/// How long one process waits for another one's transaction.
const BUSY: Duration = Duration::from_secs(10);

/// Between two tries to open a file that another process has whole: it needs a few writes for that.
const BETWEEN_TRIES: Duration = Duration::from_millis(5);

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
CREATE TABLE migrations (share_instance_id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counters VALUES ('driver_state_generation', 0);
";

/// What the backend has made: see `owned`. `call` is NULL for what the operator added.
const OWNED: &str = "
CREATE TABLE owned (
    container TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, call TEXT,
    opener TEXT NOT NULL, opening TEXT NOT NULL, since REAL NOT NULL,
    PRIMARY KEY (container, name)
) STRICT, WITHOUT ROWID;
";

/// How far the audit went: see `audit::kept`.
const AUDIT: &str = "
CREATE TABLE audit_anchors (
    seq INTEGER PRIMARY KEY, hash TEXT NOT NULL, chain TEXT NOT NULL, time REAL NOT NULL,
    kind TEXT NOT NULL
) STRICT;
";

/// How the backend's driver behaves: see `quarantine`. The identifier of the newest strike that no
/// longer counts is `cleared`.
const CONDUCT: &str = "
CREATE TABLE strikes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL,
    method TEXT NOT NULL, call TEXT NOT NULL, message TEXT NOT NULL
) STRICT;
CREATE TABLE standing (
    one INTEGER PRIMARY KEY CHECK (one = 1), cleared INTEGER NOT NULL, quarantines INTEGER NOT NULL,
    since REAL, disabled REAL, reason TEXT
) STRICT;
INSERT INTO standing VALUES (1, 0, 0, NULL, NULL, NULL);
";

/// Under which approval the backend was opened last: see `approval`.
const APPROVAL: &str = "
CREATE TABLE approval (
    one INTEGER PRIMARY KEY CHECK (one = 1), digest TEXT NOT NULL
) STRICT;
";

/// A handle; all its clones share one connection.
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
    pub(crate) fn open(path: &Path, schema: &'static Schema) -> Result<Self> {
        let failed = |reason: String| Error::State { path: path.to_owned(), reason };
        let connection = prepare(path).map_err(|error| failed(error.to_string()))?;
        let version: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|error| failed(error.to_string()))?;
        let known = schema.version();
        if version > known {
            return Err(failed(format!(
                "it was written by a newer Abaca (schema {version}, this one knows {known})"
            )));
        }
        let database = Self { path: path.to_owned(), connection: Arc::new(Mutex::new(connection)) };
        if version < known {
            database.write_now(|transaction| complete(transaction, schema))?;
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
        let _writing = Writing::begin();
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

thread_local! {
    /// Whether this thread is in a transaction.
    static IS_WRITING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread holds a database: whoever needs one as well must not be waited for now.
pub(crate) fn is_writing() -> bool {
    IS_WRITING.get()
}

/// A transaction of this thread, however it ends.
struct Writing;

impl Writing {
    fn begin() -> Self {
        IS_WRITING.set(true);
        Self
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        IS_WRITING.set(false);
    }
}

/// Opens the file, again while it is busy: what switches a file to WAL, and what ends its last
/// connection, takes it whole, and SQLite answers others at once then, without their timeout.
fn prepare(path: &Path) -> rusqlite::Result<Connection> {
    let until = Instant::now() + BUSY;
    loop {
        match connect(path) {
            Err(error) if is_busy(&error) && Instant::now() < until => pause(),
            other => return other,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "files are opened on threads that may wait")]
fn pause() {
    std::thread::sleep(BETWEEN_TRIES);
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
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

/// Takes the steps that the file lacks, unless another process was first.
fn complete(transaction: &Transaction<'_>, schema: &Schema) -> rusqlite::Result<()> {
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let taken = usize::try_from(version).unwrap_or(usize::MAX);
    for step in schema.steps.iter().skip(taken) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", version.max(schema.version()))
}
