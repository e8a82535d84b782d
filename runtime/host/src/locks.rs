//! The named locks of one backend: between its calls in this process, and between processes.
//! The `lock` import asks for them; a call's gate holds them until it is dropped. A service holds
//! a share network in the same way.
//!
//! ```text
//! acquire ─▶ place in this process's queue (first come, first served) ─▶ the file's lock ─▶ held
//! ```
//! The file's lock is the kernel's: it goes with the process that held it, however that ends. A
//! file is there only while somebody holds its lock or wants it, so that names cost nothing.

use std::collections::HashMap;
use std::fs::TryLockError;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::error::{Error, Result};
use crate::text::hex;

/// Where the files are, in the backend's directory.
const LOCKS: &str = "locks";

/// How long another process's lock is left alone before it is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// The longest text in a lock's file: a call's identifier and the lock's name.
const HOLDER_BYTES: u64 = 512;

/// What the name of a share network's lock begins with. A control character is in it, so that no
/// driver can ask for it.
const SHARE_NETWORK: &str = "share network\n";

type Queue = Arc<AsyncMutex<()>>;

/// The locks of one backend.
#[derive(Debug)]
pub(crate) struct NamedLocks {
    directory: Arc<Dir>,
    path: PathBuf,
    /// Who waits in this process, by name; a name that nobody waits for or holds goes away.
    queues: Mutex<HashMap<String, Weak<AsyncMutex<()>>>>,
}

/// A lock that is held: dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) name: String,
    directory: Arc<Dir>,
    // The file's lock goes first, then the place in the queue.
    _file: std::fs::File,
    _place: OwnedMutexGuard<()>,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Still under the lock: whoever waits for it sees that the file is gone, and makes anew.
        let _ = self.directory.remove_file(file_name(&self.name));
    }
}

/// A share network that nobody else chooses or sets up servers in; dropping it lets them.
#[derive(Debug)]
pub struct HeldShareNetwork {
    _lock: Held,
}

/// A lock that some call holds now.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
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
        Ok(Self { directory, path: path.join(LOCKS), queues: Mutex::default() })
    }

    /// Waits for a lock and takes it. Dropping the future gives up the place in the queue.
    ///
    /// # Errors
    /// When its file cannot be made or locked.
    pub(crate) async fn acquire(&self, name: &str, call: &str) -> Result<Held> {
        let place = self.queue(name).lock_owned().await;
        let file = loop {
            // Another process may hold the file's lock. Asking again costs little; a thread that
            // waits in the kernel for each of them could cost every one that there is.
            if let Some(file) = self.try_lock(name, call).map_err(|error| self.failed(&error))? {
                break file;
            }
            tokio::time::sleep(AGAIN).await;
        };
        let directory = Arc::clone(&self.directory);
        Ok(Held { name: name.to_owned(), directory, _file: file, _place: place })
    }

    /// As [`acquire`](Self::acquire), for a share network and not for a driver.
    ///
    /// # Errors
    /// When its file cannot be made or locked.
    pub(crate) async fn hold_share_network(
        &self,
        id: &str,
        call: &str,
    ) -> Result<HeldShareNetwork> {
        let lock = self.acquire(&format!("{SHARE_NETWORK}{id}"), call).await?;
        Ok(HeldShareNetwork { _lock: lock })
    }

    /// The lock's file, locked; none while another process holds it.
    fn try_lock(&self, name: &str, call: &str) -> std::io::Result<Option<std::fs::File>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = self.directory.open_with(file_name(name), &options)?.into_std();
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if file.metadata()?.nlink() == 0 {
            // Its holder has removed it between our opening and our locking it.
            return Ok(None);
        }
        file.set_len(0)?;
        file.write_all(format!("{call} {name}").as_bytes())?;
        Ok(Some(file))
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::State { path: self.path.clone(), reason: format!("a lock cannot be taken: {error}") }
    }

    /// What is held now, by whatever process.
    pub(crate) fn held(&self) -> std::io::Result<Vec<HeldLock>> {
        let mut found = Vec::new();
        for entry in self.directory.entries()? {
            let file = match entry?.open() {
                Ok(file) => file.into_std(),
                // Given back since the directory was read.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if file.try_lock_shared().is_ok() {
                continue;
            }
            let mut text = Vec::new();
            file.take(HOLDER_BYTES).read_to_end(&mut text)?;
            // A share network's name may be longer than what is read of it.
            let text = String::from_utf8_lossy(&text);
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

/// A name may hold anything; a file's may not.
fn file_name(name: &str) -> String {
    hex(&Sha256::digest(name.as_bytes())).chars().take(32).collect()
}
