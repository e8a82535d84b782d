//! How much room one backend's audit may take, so that a driver that asks without end stops its own
//! calls and nobody else's: what it may not write down it is not called for.
//!
//! ```text
//! part = 9/10 · (free + all that Abaca keeps there) / backends there
//! ```
//! What the backends write changes nothing of that sum, so each finds its part however much
//! the others have asked; of a configuration also those that were never called yet count. A tenth is nobody's: for the ends of what has begun, which are always
//! written. An operator may say a number instead.

use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt};

use super::files;
use super::settings::AuditSettings;

/// After so many bytes it is looked again, or after half of what is left.
const AGAIN: u64 = 1024 * 1024;

/// How deep the files of a backend lie: those of its versions, in directories of their own.
const DEPTH: usize = 4;

/// The room of one backend's audit.
#[derive(Debug)]
pub(super) struct Room {
    /// The backend's directory; those of all backends lie beside it.
    path: PathBuf,
    settings: AuditSettings,
    /// How many bytes may be written before it is looked again.
    granted: u64,
    /// That little is left was told.
    warned: bool,
}

/// There is no room.
pub(super) struct Full {
    /// So many bytes must go first.
    pub bytes: u64,
    /// Why, in one sentence.
    pub reason: String,
}

/// What there is and what may be, in bytes.
struct Found {
    taken: u64,
    part: u64,
}

impl Room {
    pub(super) fn new(path: &Path, settings: AuditSettings) -> Self {
        Self { path: path.to_owned(), settings, granted: 0, warned: false }
    }

    /// So much was written.
    pub(super) fn written(&mut self, bytes: u64) {
        self.granted = self.granted.saturating_sub(bytes);
    }

    /// Whether more may begin. `directory` is the backend's.
    ///
    /// # Errors
    /// It may not, or it cannot be found out.
    pub(super) fn check(&mut self, directory: &Dir) -> Result<(), Full> {
        if self.granted > 0 {
            return Ok(());
        }
        let found = match self.settings.backend_bytes {
            Some(part) => files::bytes(directory).map(|taken| Found { taken, part }),
            None => self.part(directory),
        };
        let unknown = |error: std::io::Error| Full { bytes: u64::MAX, reason: error.to_string() };
        let Found { taken, part } = found.map_err(unknown)?;
        let left = part.saturating_sub(taken);
        if left == 0 {
            let bytes = taken.saturating_sub(part).saturating_add(1);
            return Err(Full { bytes, reason: self.why(taken, part) });
        }
        if left < part / 4 && !self.warned {
            self.warned = true;
            let (left, part) = (mib(left), mib(part));
            tracing::warn!(
                audit = %self.path.display(),
                "{left} of {part} MiB are left; without them the backend is not called any more"
            );
        }
        self.granted = (left / 2).clamp(1, AGAIN);
        Ok(())
    }

    fn why(&self, taken: u64, part: u64) -> String {
        let (taken, part) = (mib(taken), mib(part));
        match self.settings.backend_bytes {
            Some(_) => format!(
                "it has all of the {part} MiB that `backend_mib` of [audit] lets it have; raise that, \
                 or let `files_kept` say how many closed files are kept"
            ),
            None => format!(
                "what this backend keeps takes {taken} MiB, and its part of the file system is \
                 {part} MiB: the backends there have equal parts, so that none keeps others from being \
                 called; make room, let `files_kept` of [audit] say how many closed files are kept, or \
                 `backend_mib` how much an audit may take"
            ),
        }
    }

    /// What the backend keeps, and its part of the file system that this lies on.
    fn part(&self, directory: &Dir) -> std::io::Result<Found> {
        let system = rustix::fs::fstatvfs(directory)?;
        let device = directory.dir_metadata()?.dev();
        let taken = beneath(directory, device, DEPTH)?;
        let (mut all, mut backends) = (taken, 1);
        let others = self.path.parent().zip(self.path.file_name());
        if let Some((state, own)) = others {
            let state = Dir::open_ambient_dir(state, ambient_authority())?;
            for entry in state.entries()? {
                let entry = entry?;
                if entry.file_name() == own || !entry.file_type()?.is_dir() {
                    continue;
                }
                // One that goes away meanwhile takes nothing.
                let Ok(other) = entry.open_dir() else { continue };
                if other.dir_metadata()?.dev() != device {
                    continue;
                }
                all = all.saturating_add(beneath(&other, device, DEPTH)?);
                // What all backends have together, and the cache, are no backend's.
                backends += u64::from(other.exists(files::FILE));
            }
        }
        let free = system.f_bavail.saturating_mul(system.f_frsize);
        let backends = backends.max(self.settings.backends);
        let part = free.saturating_add(all) / 10 * 9 / backends;
        Ok(Found { taken, part })
    }
}

fn mib(bytes: u64) -> u64 {
    bytes / (1024 * 1024)
}

/// The sizes of all files beneath a directory, on its own file system.
fn beneath(directory: &Dir, device: u64, depth: usize) -> std::io::Result<u64> {
    let mut bytes: u64 = 0;
    let entries = match directory.entries() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let found = match entry.metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            found => found?,
        };
        if found.is_dir() && found.dev() == device && depth > 0 {
            if let Ok(inner) = entry.open_dir() {
                bytes = bytes.saturating_add(beneath(&inner, device, depth - 1)?);
            }
        } else if found.is_file() {
            bytes = bytes.saturating_add(found.len());
        }
    }
    Ok(bytes)
}
