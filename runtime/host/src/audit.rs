//! The audit: one JSON line for each decision, in the backend's own file. What is privileged is
//! written before it is done (`intent`) and after (`outcome`).
//!
//! It is not the log: it holds what the host knows, never a driver's words unescaped (JSON
//! escapes controls; text is bounded by the gate).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The file's name in the backend's directory.
pub(crate) const FILE: &str = "audit.jsonl";

/// What every line of one backend says.
#[derive(Debug, Clone, Serialize)]
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

/// An open audit. Lines of several processes may mix, but never tear: each is one append.
#[derive(Debug)]
pub(crate) struct Audit {
    path: PathBuf,
    file: Mutex<File>,
    subject: Subject,
}

/// What a line tells.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    /// A driver call begins.
    Call,
    /// A driver call ended.
    CallEnd,
    /// A request of the driver was denied; nothing was done.
    Denied,
    /// A privileged request was permitted and is about to be done.
    Intent,
    /// A request was done, or failed.
    Outcome,
    /// A call reached a limit and goes on with less.
    Limit,
}

impl Audit {
    /// Opens the audit in the backend's directory, or begins it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn open(path: &Path, directory: &Dir, subject: Subject) -> Result<Self> {
        let path = path.join(FILE);
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        match directory.open_with(FILE, &options) {
            Ok(file) => Ok(Self { path, file: Mutex::new(file), subject }),
            Err(error) => Err(Error::Audit { path, reason: error.to_string() }),
        }
    }

    /// Appends a line.
    ///
    /// # Errors
    /// When it cannot be written; what needed it must not be done then.
    pub(crate) fn write(&self, event: Event, call: &str, facts: Map<String, Value>) -> Result<()> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = Line { time: since.as_secs_f64(), event, call, subject: &self.subject, facts };
        let failed = |reason: String| Error::Audit { path: self.path.clone(), reason };
        let mut bytes = serde_json::to_vec(&line).map_err(|error| failed(error.to_string()))?;
        bytes.push(b'\n');
        // A writer that panicked has left a whole line or none: the file is as good as before.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&bytes).map_err(|error| failed(error.to_string()))
    }
}

#[derive(Serialize)]
struct Line<'a> {
    time: f64,
    event: Event,
    call: &'a str,
    #[serde(flatten)]
    subject: &'a Subject,
    #[serde(flatten)]
    facts: Map<String, Value>,
}
