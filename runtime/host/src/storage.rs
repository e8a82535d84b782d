//! The one place where this library reaches files by path: what the operator named (drivers,
//! policies, configurations), and the directories that are Abaca's own. Those are opened once,
//! and everything in them is reached through their handle, so that no name can lead out.

use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt, OpenOptions, OpenOptionsExt};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::limits::COMPONENT_BYTES;
use crate::text::hex;

/// Reads a file that the operator named; no more than `limit` bytes, or it is an error.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    read_from(open(path)?, path, limit)
}

fn read_from(file: std::fs::File, path: &Path, limit: u64) -> Result<Vec<u8>> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    // One byte more than is allowed shows that there are too many.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        let reason = format!("it is larger than {limit} bytes");
        return Err(failed(std::io::Error::new(std::io::ErrorKind::FileTooLarge, reason)));
    }
    Ok(bytes)
}

/// SHA-256 of a file that the operator named, in hexadecimal; it may be as large as a component.
pub(crate) fn sha256_of(path: &Path) -> Result<String> {
    Ok(hex(&Sha256::digest(read(path, COMPONENT_BYTES)?)))
}

/// As [`read_text`], of a file that decides what is granted: only root and this user may be able to
/// change it.
///
/// # Errors
/// As [`read_text`], and when somebody else can.
pub(crate) fn read_trusted_text(path: &Path, limit: u64) -> Result<String> {
    let file = open(path)?;
    let user = rustix::process::geteuid().as_raw();
    abaca_broker::trusted::check(path, &file, user).map_err(Error::Mismatch)?;
    text(path, read_from(file, path, limit)?)
}

/// Opens a file that the operator named, for reading.
pub(crate) fn open(path: &Path) -> Result<std::fs::File> {
    #[expect(clippy::disallowed_methods, reason = "the operator named this file")]
    std::fs::File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Reads a text file that the operator named; no more than `limit` bytes, or it is an error.
///
/// # Errors
/// When it cannot be read, is longer, or is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> Result<String> {
    text(path, read(path, limit)?)
}

fn text(path: &Path, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Error::Read {
        path: path.to_owned(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not UTF-8 text"),
    })
}

/// Opens a file that the operator named for reading; a link in its last place is not followed, and
/// what is no file does not make anybody wait.
pub(crate) fn open_unfollowed(path: &Path) -> std::io::Result<std::fs::File> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(open(path, flags, Mode::empty())?.into())
}

/// Where a file really is: for somebody who is started in another directory.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Opens a directory of Abaca's own, or makes it; only this user may get at what is in it.
///
/// # Errors
/// One sentence: it cannot be made, or it belongs or is open to somebody else.
pub(crate) fn private_directory(path: &Path) -> Result<Dir, String> {
    let failed = |error: std::io::Error| error.to_string();
    #[expect(clippy::disallowed_methods, reason = "a directory of Abaca's own")]
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let directory = existing_private_directory(path)?;
    directory.ok_or_else(|| "it is gone again".to_owned())
}

/// As [`private_directory`], of one that is there already; none if it is not.
///
/// # Errors
/// As [`private_directory`].
pub(crate) fn existing_private_directory(path: &Path) -> Result<Option<Dir>, String> {
    let failed = |error: std::io::Error| error.to_string();
    let directory = match Dir::open_ambient_dir(path, ambient_authority()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let found = directory.dir_metadata().map_err(failed)?;
    private(&path.display(), found.uid(), found.mode())?;
    Ok(Some(directory))
}

/// Whether only this user can get at something.
pub(crate) fn private(what: &dyn std::fmt::Display, user: u32, mode: u32) -> Result<(), String> {
    if user != rustix::process::geteuid().as_raw() {
        return Err(format!("{what} belongs to another user"));
    }
    if mode & 0o077 != 0 {
        return Err(format!("{what} can be reached by other users; `chmod go= {what}` mends it"));
    }
    Ok(())
}

/// Removes a file of Abaca's own that nobody needs any more. That it stays does no harm, so it is
/// only told.
pub(crate) fn remove(path: &Path) {
    #[expect(clippy::disallowed_methods, reason = "a file of Abaca's own")]
    let removed = std::fs::remove_file(path);
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "it could not be removed");
        }
        _ => {}
    }
}

/// How a new file of Abaca's own is made: it must not be there, and is for this user alone.
pub(crate) fn new_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

/// Makes a new file that the operator named, for this user alone.
///
/// # Errors
/// When something is there, or it cannot be made.
pub(crate) fn create_new(path: &Path) -> Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    #[expect(clippy::disallowed_methods, reason = "the operator named this file")]
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// Writes a file that the operator named, or that replaces one there: all of it or nothing, also
/// when the power is cut.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    let name = path.file_name().ok_or_else(|| {
        failed(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it has no name"))
    })?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = Dir::open_ambient_dir(parent.unwrap_or(Path::new(".")), ambient_authority())
        .map_err(failed)?;
    let temporary = format!(".abaca-{}", uuid::Uuid::new_v4());
    let write = || {
        // Others may read it: it holds no secret.
        let mut file = directory.open_with(&temporary, new_file().mode(0o644))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        directory.rename(&temporary, &directory, name)?;
        directory.open(".")?.sync_all()
    };
    write().map_err(|error| {
        // What is left of a write that failed; that it failed is what matters.
        let _ = directory.remove_file(&temporary);
        failed(error)
    })
}
