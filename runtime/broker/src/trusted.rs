//! Files that decide what is granted: the configuration, policies, their lock files. Only root and
//! the user who goes by one may be able to change it, or to put another in its place. What
//! `programs` is for programs, this is for those; a directory with the sticky bit, as `/tmp`, may be
//! above one here, because nothing in it is run.
//!
//! Asked by the runtime and, for itself, by the broker.

use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, Stat};

/// Whether nobody but root and `user` can change what is read from `file`, which was opened at
/// `path`.
///
/// # Errors
/// One sentence: who can, and what to do about it.
pub fn check(path: &Path, file: impl AsFd, user: u32) -> Result<(), String> {
    let found = rustix::fs::fstat(file).map_err(|error| format!("{}: {error}", path.display()))?;
    check_owner(path, &found, user)?;
    // A link can be exchanged where it stands, and the file where it is.
    let real = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
    for file in [path, &real] {
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        check_directory(directory.unwrap_or(Path::new(".")), user)?;
    }
    Ok(())
}

/// Whoever may write to the directory, or to one above it, could put something of his own in it.
/// Above it the sticky bit keeps others from that.
///
/// # Errors
/// One sentence: who can, and what to do about it.
pub fn check_directory(directory: &Path, user: u32) -> Result<(), String> {
    let whole = directory
        .canonicalize()
        .map_err(|error| format!("its directory {}: {error}", directory.display()))?;
    for (above, directory) in whole.ancestors().enumerate() {
        let there = rustix::fs::stat(directory)
            .map_err(|error| format!("{}: {error}", directory.display()))?;
        let mode = Mode::from_raw_mode(there.st_mode);
        let sticky = above > 0 && mode.contains(Mode::SVTX);
        let shown = directory.display();
        if mode.intersects(Mode::WGRP | Mode::WOTH) && !sticky {
            return Err(format!(
                "others may write to {shown}; take that from them with `chmod go-w`, or choose a \
                 directory of your own"
            ));
        }
        if ![0, user].contains(&there.st_uid) {
            return Err(format!("{shown} belongs to another user; choose a directory of your own"));
        }
    }
    Ok(())
}

fn check_owner(path: &Path, found: &Stat, user: u32) -> Result<(), String> {
    let shown = path.display();
    if ![0, user].contains(&found.st_uid) {
        let owner = found.st_uid;
        return Err(format!(
            "{shown} belongs to user {owner}, who may change it; make it your own"
        ));
    }
    let mode = found.st_mode & 0o7777;
    if Mode::from_raw_mode(found.st_mode).intersects(Mode::WGRP | Mode::WOTH) {
        return Err(format!(
            "others may write to {shown} (mode {mode:04o}); `chmod go-w` mends it"
        ));
    }
    Ok(())
}
