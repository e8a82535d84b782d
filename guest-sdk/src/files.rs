//! Files and directories beneath granted roots, through `abaca:host/files`.
//!
//! Called by drivers. The host works on descriptors and never follows a symbolic
//! link. Functions answer the host's own error, so that a driver can tell "not
//! there" from trouble; `?` turns it into the driver's.

use crate::imports::files as host;
use crate::{HostError, Path};

pub use host::{Entry, Kind, TreeUsage};

/// How much is asked for at once by [`read`]; a round trip costs more than the
/// bytes, and the host bounds an answer.
const READ_PIECE: u32 = 64 * 1024;

/// How many entries [`list`] asks for at once.
const LIST_PIECE: u32 = 1000;

/// Reads a whole file of at most `max` bytes.
///
/// # Errors
/// [`HostError::Limit`] when it is longer, and what the host answers.
pub fn read(file: &Path, max: u64) -> Result<Vec<u8>, HostError> {
    let mut contents = Vec::new();
    loop {
        let offset = contents.len() as u64;
        let piece =
            host::read(&host::ReadRequest { file: file.clone(), offset, length: READ_PIECE })?;
        let last = piece.len() < READ_PIECE as usize;
        contents.extend(piece);
        if contents.len() as u64 > max {
            return Err(HostError::Limit(format!("`{file}` is longer than {max} bytes")));
        }
        if last {
            return Ok(contents);
        }
    }
}

/// Writes a file as a whole: whatever happens, it holds all of the old or all of
/// the new content. A new file gets mode 0640, an old one keeps its own.
///
/// Where the policy says what the file must look like (`content`), these must be its lines, each
/// ended by a line feed, with `root:relative/path` for a path; the file then holds what the
/// policy makes of them, with the paths of the host.
///
/// # Errors
/// What the host answers.
pub fn write(file: &Path, contents: impl Into<Vec<u8>>) -> Result<(), HostError> {
    host::write(&host::WriteRequest { file: file.clone(), contents: contents.into(), mode: None })
}

/// All entries of a directory, sorted by name.
///
/// # Errors
/// [`HostError::Limit`] when there are more than `max`, and what the host answers.
pub fn list(directory: &Path, max: usize) -> Result<Vec<Entry>, HostError> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map(|entry| entry.name.as_str());
        let piece = list_after(directory, after, LIST_PIECE)?;
        if piece.is_empty() {
            return Ok(entries);
        }
        entries.extend(piece);
        if entries.len() > max {
            return Err(HostError::Limit(format!("`{directory}` has more than {max} entries")));
        }
    }
}

/// At most `limit` entries of a directory, sorted by name, beginning after this
/// name or at the first one; none left is an empty list.
///
/// # Errors
/// What the host answers.
pub fn list_after(
    directory: &Path,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Entry>, HostError> {
    host::list(&host::ListRequest {
        directory: directory.clone(),
        after: after.map(str::to_owned),
        limit,
    })
}

/// Makes a directory with these permission bits; its parent is there.
///
/// # Errors
/// [`HostError::AlreadyExists`] when something is there, and what the host answers.
pub fn make_dir(directory: &Path, mode: u32) -> Result<(), HostError> {
    host::make_dir(&host::MakeDirRequest { directory: directory.clone(), mode })
}

/// Removes a file, a link or an empty directory, and says whether it was there.
///
/// # Errors
/// What the host answers, except that nothing is there.
pub fn remove(path: &Path) -> Result<bool, HostError> {
    removed(host::remove(&host::RemoveRequest { path: path.clone(), recursive: false }))
}

/// Removes a directory with all that is in it, and says whether it was there.
///
/// # Errors
/// What the host answers, except that nothing is there.
pub fn remove_tree(path: &Path) -> Result<bool, HostError> {
    removed(host::remove(&host::RemoveRequest { path: path.clone(), recursive: true }))
}

/// Renames within one file system, replacing nothing.
///
/// # Errors
/// What the host answers.
pub fn rename(source: &Path, destination: &Path) -> Result<(), HostError> {
    host::rename(&host::RenameRequest { source: source.clone(), destination: destination.clone() })
}

/// Copies a regular file to a place where nothing is.
///
/// # Errors
/// What the host answers.
pub fn copy(source: &Path, destination: &Path) -> Result<(), HostError> {
    host::copy(&host::CopyRequest { source: source.clone(), destination: destination.clone() })
}

/// Sets permission bits.
///
/// # Errors
/// What the host answers.
pub fn set_mode(path: &Path, mode: u32) -> Result<(), HostError> {
    host::set_mode(&host::SetModeRequest { path: path.clone(), mode })
}

/// Sets user and group; none leaves what is there.
///
/// # Errors
/// What the host answers.
pub fn set_owner(path: &Path, user: Option<u32>, group: Option<u32>) -> Result<(), HostError> {
    host::set_owner(&host::SetOwnerRequest { path: path.clone(), user, group })
}

/// Adds up how much a tree holds, without leaving its file system.
///
/// # Errors
/// What the host answers.
pub fn usage(path: &Path) -> Result<TreeUsage, HostError> {
    host::usage(&host::UsageRequest { path: path.clone() })
}

/// To find nothing to remove is as good as removing it.
fn removed(answer: Result<(), HostError>) -> Result<bool, HostError> {
    match answer {
        Ok(()) => Ok(true),
        Err(HostError::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absence_counts_as_removed() {
        assert_eq!(removed(Ok(())), Ok(true));
        assert_eq!(removed(Err(HostError::NotFound("x".into()))), Ok(false));
        let busy = HostError::Failed("busy".into());
        assert_eq!(removed(Err(busy.clone())), Err(busy));
    }
}
