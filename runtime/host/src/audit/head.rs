//! Where a chain stands, kept in a file of its own beside the audit's: `audit.head`. Whoever
//! appends holds the kernel's lock on it, and writes it anew after each line: so several processes
//! append to one chain, and a file that was shortened is seen.

use std::fs::{File, TryLockError};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use serde::{Deserialize, Serialize};

use super::line::Link;

/// The file's name in the backend's directory.
pub(super) const FILE: &str = "audit.head";

/// The file's size: two hashes and three numbers with their names fit.
const BYTES: usize = 320;

/// How long the lock is waited for: a holder writes one line.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two tries.
const AGAIN: Duration = Duration::from_millis(1);

/// Where a chain stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// Names the chain: what the first line has as `prev`.
    pub chain: String,
    /// The number of the file that is written, from 1.
    pub file: u64,
    /// That file's size, in bytes.
    pub length: u64,
    /// The last line.
    pub link: Link,
}

/// The file, which is the lock.
#[derive(Debug)]
pub(super) struct HeadFile(File);

/// The lock, held.
pub(super) struct Locked<'a>(&'a File);

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Fails only for what is no lock.
        let _ = self.0.unlock();
    }
}

impl HeadFile {
    /// Opens it, or makes it.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn open(directory: &Dir) -> std::io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        Ok(Self(directory.open_with(FILE, &options)?.into_std()))
    }

    /// Opens it for reading only.
    ///
    /// # Errors
    /// What the system says, also when it is not there.
    pub(super) fn open_existing(directory: &Dir) -> std::io::Result<Self> {
        Ok(Self(directory.open(FILE)?.into_std()))
    }

    /// Waits until nobody else holds the lock, and holds it.
    ///
    /// # Errors
    /// When somebody does not let go.
    pub(super) fn lock(&self) -> std::io::Result<Locked<'_>> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.0.try_lock() {
                Ok(()) => return Ok(Locked(&self.0)),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                    let reason = format!("another process has held {FILE} for {PATIENCE:?}");
                    return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, reason));
                }
                Err(TryLockError::WouldBlock) => pause(),
            }
        }
    }

    /// What it says; none if it is empty or damaged.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read(&self) -> std::io::Result<Option<Head>> {
        let mut bytes = [0; BYTES + 1];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, filled as u64)? {
                0 => break,
                count => filled += count,
            }
        }
        let bytes = bytes.get(..filled).unwrap_or_default();
        let head: Option<Head> = serde_json::from_slice(bytes).ok();
        // What is not exactly as it was written is not trusted.
        Ok(head.filter(|head| spelled(head).is_ok_and(|spelled| spelled == bytes)))
    }

    /// Says it anew.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, head: &Head) -> std::io::Result<()> {
        self.0.write_all_at(&spelled(head)?, 0)
    }

    /// Whether it is still the one that has its name.
    pub(super) fn is_in(&self, directory: &Dir) -> std::io::Result<bool> {
        super::files::is_in(&self.0, directory, FILE)
    }
}

/// One line of always the same size: writing it anew leaves nothing of what it said.
fn spelled(head: &Head) -> std::io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(head)?;
    bytes.resize(BYTES - 1, b' ');
    bytes.push(b'\n');
    Ok(bytes)
}

#[expect(clippy::disallowed_methods, reason = "nothing tells that a lock of a file is free")]
fn pause() {
    std::thread::sleep(AGAIN);
}
