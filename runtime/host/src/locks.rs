//! The named locks of one backend: between its calls in this process, and between processes.
//! The `lock` import asks for them; a call's gate holds them until it is dropped. A service holds
//! a share network in the same way.
//!
//! ```text
//! acquire ─▶ free, and nobody waits ────────────────────────────────────────────▶ held
//!    └──▶ a ticket ─▶ this process's queue ─▶ no older ticket of another process ──▶ the file's lock ─▶ held
//! ```
//! First come, first served, among all processes. The file's lock is the kernel's and alone decides who
//! holds it; a ticket only says who was first. Both go with their process, however that ends. A file is
//! there only while somebody holds its lock or wants it, so that names cost nothing.

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
use crate::storage::new_file;
use crate::text::hex;

/// Where the files are, in the backend's directory.
const LOCKS: &str = "locks";

/// Where the tickets of those who wait are, beside it.
const WAITING: &str = "locks-waiting";

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
    waiting: Arc<Dir>,
    /// Identifies this opening of the locks among those of all processes.
    owner: String,
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

/// Says that somebody waits for a lock, and since when; dropped, nobody does.
#[derive(Debug)]
struct Ticket {
    name: String,
    waiting: Arc<Dir>,
    /// Held, not used: the kernel's lock on it says that whoever waits lives.
    _file: std::fs::File,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Still under the lock. One that stays is taken away by whoever finds that its owner is dead.
        let _ = self.waiting.remove_file(&self.name);
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
    pub(crate) fn open(path: &Path, parent: &Dir) -> Result<Self> {
        let failed = |error: std::io::Error| Error::State {
            path: path.join(LOCKS),
            reason: error.to_string(),
        };
        let directory = Arc::new(beneath(parent, LOCKS).map_err(failed)?);
        let waiting = Arc::new(beneath(parent, WAITING).map_err(failed)?);
        let owner = uuid::Uuid::new_v4().simple().to_string();
        Ok(Self { directory, waiting, owner, path: path.join(LOCKS), queues: Mutex::default() })
    }

    /// Waits for a lock and takes it. Dropping the future gives up the place in the queue.
    ///
    /// # Errors
    /// When its file cannot be made or locked.
    pub(crate) async fn acquire(&self, name: &str, call: &str) -> Result<Held> {
        let failed = |error: std::io::Error| self.failed(&error);
        let queue = self.queue(name);
        // Whoever comes to a lock that is free takes it, unless somebody has waited for longer.
        let mut at_once = None;
        if let Ok(place) = Arc::clone(&queue).try_lock_owned()
            && !self.is_behind(name).map_err(failed)?
        {
            // Where it is not free, the place is given back here.
            at_once = self.try_lock(name, call).map_err(failed)?.map(|file| (place, file));
        }
        let (place, file) = match at_once {
            Some(both) => both,
            None => {
                let ticket = self.ticket(name).map_err(failed)?;
                let place = queue.lock_owned().await;
                let file = loop {
                    // Another process may be first, or hold the file's lock. Asking again costs
                    // little; a thread that waits in the kernel for each of them could cost every
                    // one that there is.
                    if !self.is_behind(name).map_err(failed)?
                        && let Some(file) = self.try_lock(name, call).map_err(failed)?
                    {
                        break file;
                    }
                    tokio::time::sleep(AGAIN).await;
                };
                drop(ticket);
                (place, file)
            }
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

    /// Writes down that somebody waits from now on.
    fn ticket(&self, name: &str) -> std::io::Result<Ticket> {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let since = Duration::new(
            now.tv_sec.unsigned_abs(),
            u32::try_from(now.tv_nsec).unwrap_or_default(),
        );
        let name = format!(
            "{}.{:020}.{}.{}",
            file_name(name),
            since.as_nanos(),
            self.owner,
            uuid::Uuid::new_v4().simple()
        );
        let unlocked = format!("new.{name}");
        let file = self.waiting.open_with(&unlocked, &new_file())?.into_std();
        file.lock()?;
        // Under its name it is never seen without its lock, and so never taken for a dead one's.
        self.waiting.rename(&unlocked, &self.waiting, &name)?;
        Ok(Ticket { name, waiting: Arc::clone(&self.waiting), _file: file })
    }

    /// Whether somebody of another process has waited longer than all of this one. Of this process
    /// only one asks at a time, and it may be another one than has waited longest.
    fn is_behind(&self, name: &str) -> std::io::Result<bool> {
        let prefix = format!("{}.", file_name(name));
        let (mut ours, mut others) = (None, Vec::new());
        for entry in self.waiting.entries()? {
            let Ok(ticket) = entry?.file_name().into_string() else { continue };
            let Some((since, owner)) =
                ticket.strip_prefix(&prefix).and_then(|rest| rest.split_once('.'))
            else {
                continue;
            };
            if owner.starts_with(&self.owner) {
                ours = ours.into_iter().chain([since.to_owned()]).min();
            } else {
                others.push((since.to_owned(), ticket));
            }
        }
        others.retain(|(since, _)| ours.as_ref().is_none_or(|ours| since < ours));
        for (_, ticket) in others {
            let file = match self.waiting.open(&ticket) {
                Ok(file) => file.into_std(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if file.try_lock_shared().is_err() {
                return Ok(true);
            }
            // Its process has died. Where somebody else has taken it away, that is as well.
            let _ = self.waiting.remove_file(&ticket);
        }
        Ok(false)
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

/// A directory in another one, made where there is none.
fn beneath(directory: &Dir, name: &str) -> std::io::Result<Dir> {
    match directory.create_dir(name) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    directory.open_dir(name)
}

/// A name may hold anything; a file's may not.
fn file_name(name: &str) -> String {
    hex(&Sha256::digest(name.as_bytes())).chars().take(32).collect()
}
