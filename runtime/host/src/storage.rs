//! The one place where this library reaches files by path: what the operator named (drivers,
//! policies, configurations), and the directories that are Abaca's own. Those are opened once,
//! and everything in them is reached through their handle, so that no name can lead out.

use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt, OpenOptions, OpenOptionsExt};

use crate::error::{Error, Result};

/// Reads a file that the operator named; no more than `limit` bytes, or it is an error.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    #[expect(clippy::disallowed_methods, reason = "the operator named this file")]
    let file = std::fs::File::open(path).map_err(failed)?;
    // One byte more than is allowed shows that there are too many.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        let reason = format!("it is larger than {limit} bytes");
        return Err(failed(std::io::Error::new(std::io::ErrorKind::FileTooLarge, reason)));
    }
    Ok(bytes)
}

/// As [`read`], for text.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|_| Error::Read {
        path: path.to_owned(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not UTF-8 text"),
    })
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
    let directory = Dir::open_ambient_dir(path, ambient_authority()).map_err(failed)?;
    let found = directory.dir_metadata().map_err(failed)?;
    private(&path.display(), found.uid(), found.mode())?;
    Ok(directory)
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

/// How a new file of Abaca's own is made: it must not be there, and is for this user alone.
pub(crate) fn new_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}
