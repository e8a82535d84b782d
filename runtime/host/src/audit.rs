//! The audit: one JSON line for each decision, in the backend's own files. What is privileged is
//! on the disk before it is done (`intent`), and told after (`outcome`). The lines are a chain: each
//! has the hash of the one before it, and where the chain stands is kept elsewhere as well, so that
//! [`AuditLog::verify`] finds what was changed later.
//!
//! ```text
//! gate, calls ─▶ Audit ─▶ chain ─▶ audit.jsonl, audit.head
//!                  └────▶ keeper ─▶ the backend's state, the system log
//! abaca audit ─▶ AuditLog: reads, verifies
//! ```
//! It is not the log: it holds what the host knows, never a driver's words unescaped (JSON
//! escapes controls; text is bounded by the gate).

mod chain;
mod deed;
mod files;
mod finding;
mod head;
mod keeper;
mod kept;
mod line;
mod log;
mod pieces;
mod room;
mod settings;
mod system_log;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::fs::Dir;
use serde::Serialize;
use serde_json::{Map, Value};

use self::chain::Chain;
use self::files::FILE;
use self::keeper::{Keeper, Written};
use self::kept::Kept;
use self::room::Room;
use crate::database::Database;
use crate::error::{Error, Result};

pub(crate) use self::line::News;

pub use self::finding::{Finding, FindingKind, Verification};
pub use self::kept::{Anchor, AnchorSource};
pub use self::line::{AuditLine, Link};
pub use self::log::{AuditFile, AuditLog, Entry};
pub use self::settings::AuditSettings;
pub use self::system_log::logged_anchor;

/// What every line of one backend says.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Subject {
    /// The backend's name.
    pub backend: String,
    /// The driver's name.
    pub driver: String,
    /// SHA-256 of the component.
    pub component: String,
    /// SHA-256 of the policy.
    pub policy: String,
}

/// An open audit. Cheap to clone; when the last clone is dropped, its chain is anchored.
#[derive(Debug, Clone)]
pub(crate) struct Audit {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    chain: Mutex<Chain>,
    keeper: Keeper,
}

/// What a line tells.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    /// A driver call begins.
    Call,
    /// A driver call ended, or was given up.
    CallEnd,
    /// A request of the driver was denied; nothing was done.
    Denied,
    /// A request that is granted to every driver, about what is the backend's own, is about to be
    /// done.
    Permitted,
    /// A privileged request was permitted and is about to be done.
    Intent,
    /// A request was done, or failed.
    Outcome,
    /// A call reached a limit and goes on with less.
    Limit,
    /// The file before this one was closed, and old ones may have been removed.
    File,
    /// What stands before this line is not whole: its writer came no further.
    Torn,
    /// The file was shorter than it had been: lines are missing before this one.
    Gap,
    /// The call before this line counts against the driver: how its backend stands now.
    Strike,
    /// The call before this line was on trial and behaved: the quarantine has ended.
    QuarantineEnd,
    /// A backend is opened under an approval for the first time: who has approved what, and why.
    Approval,
    /// The driver is told a secret, the first time in this call.
    Reveal,
    /// The operator ends a quarantine.
    Release,
    /// The operator lets the driver not be called any more.
    Disable,
    /// The operator lets the driver be called again.
    Enable,
    /// The operator says that something is the backend's own.
    OwnedAdd,
    /// The operator says that something is no longer the backend's own.
    OwnedRemove,
    /// The operator decides on a version of the driver; the line is that of the one before.
    Version,
}

/// Whether lines need room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// They tell what is about to be done.
    Begins,
    /// They tell how it ended, or what was done.
    Ends,
}

impl Need {
    fn of(news: &[News]) -> Self {
        if news.iter().all(|one| one.event.begins()) { Self::Begins } else { Self::Ends }
    }
}

impl Event {
    /// Whether it is told before something that a driver has others do. What has begun has its end
    /// written in any case, and so has what an operator decides.
    fn begins(self) -> bool {
        matches!(self, Self::Call | Self::Denied | Self::Permitted | Self::Intent | Self::Reveal)
    }

    /// Its word in a line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::CallEnd => "call-end",
            Self::Denied => "denied",
            Self::Permitted => "permitted",
            Self::Intent => "intent",
            Self::Outcome => "outcome",
            Self::Limit => "limit",
            Self::File => "file",
            Self::Torn => "torn",
            Self::Gap => "gap",
            Self::Strike => "strike",
            Self::QuarantineEnd => "quarantine-end",
            Self::Approval => "approval",
            Self::Reveal => "reveal",
            Self::Release => "release",
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::OwnedAdd => "owned-add",
            Self::OwnedRemove => "owned-remove",
            Self::Version => "version",
        }
    }
}

impl Audit {
    /// Opens the audit in the backend's directory, or begins it. `database` is the backend's.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn open(
        path: &Path,
        directory: &Dir,
        database: Database,
        settings: &AuditSettings,
        subject: Subject,
    ) -> Result<Self> {
        let (beside, path) = (path, path.join(FILE));
        let failed = |reason: String| Error::Audit { path: path.clone(), reason };
        let kept = Kept(database);
        let backend = subject.backend.clone();
        let directory = directory.try_clone().map_err(|error| failed(error.to_string()))?;
        let room = Room::new(beside, settings.clone());
        let chain = Chain::open(directory, settings.clone(), room, subject, kept.clone());
        let chain = Mutex::new(chain.map_err(failed)?);
        let keeper = Keeper::new(backend, settings.clone(), kept);
        Ok(Self { shared: Arc::new(Shared { path, chain, keeper }) })
    }

    /// Appends a line.
    ///
    /// # Errors
    /// When it cannot be written; what needed it must not be done then.
    pub(crate) fn write(&self, event: Event, call: &str, facts: Map<String, Value>) -> Result<()> {
        self.write_all(call, &[News { event, facts }])
    }

    /// Appends a line for each, all or none.
    ///
    /// # Errors
    /// As `write`.
    pub(crate) fn write_all(&self, call: &str, news: &[News]) -> Result<()> {
        self.append(call, news, Need::of(news)).map(|_| ())
    }

    /// As `write_all`, of what was answered already: whether or not more may begin.
    ///
    /// # Errors
    /// As `write`.
    pub(crate) fn write_rest(&self, call: &str, news: &[News]) -> Result<()> {
        self.append(call, news, Need::Ends).map(|_| ())
    }

    fn append(&self, call: &str, news: &[News], need: Need) -> Result<Written> {
        // A writer that panicked has left a whole line or none, or the next one tells of it.
        let mut chain = self.shared.chain.lock().unwrap_or_else(PoisonError::into_inner);
        let written = chain.append(Some(call), news, need).map_err(|reason| self.failed(reason))?;
        drop(chain);
        self.shared.keeper.tell(written.clone()).map_err(|reason| self.failed(reason))?;
        Ok(written)
    }

    fn failed(&self, reason: String) -> Error {
        Error::Audit { path: self.shared.path.clone(), reason }
    }
}
