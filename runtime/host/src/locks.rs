//! The named locks of one backend: between its calls in this process, and between processes.
//! The `lock` import asks for them; a call's gate holds them until it is dropped.
//!
//! ```text
//! acquire ─▶ place in this process's queue (first come, first served) ─▶ the file's lock ─▶ held
//! ```
//! The file's lock is the kernel's: it goes with the process that held it, however that ends.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::error::{Error, Result};

/// Where the files are, in the backend's directory.
const LOCKS: &str = "locks";

/// The longest text in a lock's file: a call's identifier and the lock's name.
const HOLDER_BYTES: u64 = 512;

type Queue = Arc<AsyncMutex<()>>;

/// The locks of one backend.
#[derive(Debug)]
pub(crate) struct NamedLocks {
    directory: Arc<Dir>,
    /// Who waits in this process, by name; a name that nobody waits for or holds goes away.
    queues: Mutex<HashMap<String, Weak<AsyncMutex<()>>>>,
}

/// A lock that is held: dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) name: String,
    // The file's lock goes first, then the place in the queue.
    _file: std::fs::File,
    _place: OwnedMutexGuard<()>,
}

/// A lock that some call holds now.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct HeldLock {
    /// Its name, as the driver gave it.
    pub name: String,
    /// The call that holds it.
    pub call: String,
}

impl NamedLocks {
    pub(crate) fn open(path: &Path, directory: &Dir) -> Result<Self> {
        let failed = |error: std::io::Error| Error::State {
            path: path.join(LOCKS),
            reason: error.to_string(),
        };
        match directory.create_dir(LOCKS) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(failed(error));
            }
            _ => {}
        }
        let directory = Arc::new(directory.open_dir(LOCKS).map_err(failed)?);
        Ok(Self { directory, queues: Mutex::default() })
    }

    /// Waits for a lock and takes it. Dropping the future gives up the place in the queue.
    ///
    /// # Errors
    /// When its file cannot be made or locked.
    pub(crate) async fn acquire(&self, name: &str, call: &str) -> Result<Held, String> {
        let place = self.queue(name).lock_owned().await;
        let (directory, file_name) = (Arc::clone(&self.directory), file_name(name));
        let holder = format!("{call} {name}");
        // Another process may hold the file's lock: that wait must not keep a worker. Whoever
        // gives up meanwhile leaves a thread that takes the lock and lets it go at once.
        let file = tokio::task::spawn_blocking(move || lock(&directory, &file_name, &holder))
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| format!("the lock cannot be taken: {error}"))?;
        Ok(Held { name: name.to_owned(), _file: file, _place: place })
    }

    /// What is held now, by whatever process.
    pub(crate) fn held(&self) -> std::io::Result<Vec<HeldLock>> {
        let mut found = Vec::new();
        for entry in self.directory.entries()? {
            let file = entry?.open()?.into_std();
            if file.try_lock_shared().is_ok() {
                continue;
            }
            let mut text = String::new();
            file.take(HOLDER_BYTES).read_to_string(&mut text)?;
            if let Some((call, name)) = text.split_once(' ') {
                found.push(HeldLock { name: name.to_owned(), call: call.to_owned() });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn queue(&self, name: &str) -> Queue {
        // A holder that panicked has left the map whole: each use is one operation.
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(name).and_then(Weak::upgrade) {
            return queue;
        }
        queues.retain(|_, queue| queue.strong_count() > 0);
        let queue = Queue::default();
        queues.insert(name.to_owned(), Arc::downgrade(&queue));
        queue
    }
}

fn lock(directory: &Dir, file_name: &str, holder: &str) -> std::io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = directory.open_with(file_name, &options)?.into_std();
    file.lock()?;
    file.set_len(0)?;
    file.write_all(holder.as_bytes())?;
    Ok(file)
}

/// A name may hold anything; a file's may not.
fn file_name(name: &str) -> String {
    Sha256::digest(name.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
