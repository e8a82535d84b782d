//! Removes a file, a link, a directory, a whole tree.
//!
//! A tree is walked by descriptors: each directory is opened beneath the one before, without
//! links or other mounts, so whatever its owner renames meanwhile, nothing outside is
//! reached. Depth is what an attacker chooses: directories too deep are moved up to the top
//! of the tree, where they are found again, so that no tree needs more descriptors than
//! [`DEPTH_MAX`].

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, OFlags, RenameFlags};
use rustix::io::Errno;

use super::Target;
use super::fresh::settle;
use crate::failure::Failure;
use crate::roots;
use abaca_broker::protocol::ErrorKind;

/// How many directories are open at once.
const DEPTH_MAX: usize = 64;

/// How many names of one directory are held at once.
const NAMES_MAX: usize = 1024;

/// Removes what is at `at`.
///
/// # Errors
/// `not-empty` for a directory with entries, unless `recursive`; `other-device` where
/// something is mounted within. What was removed before stays removed.
pub fn remove(at: Target<'_>, recursive: bool) -> Result<(), Failure> {
    let (parent, leaf) = at.root.parent(at.components)?;
    let stat = rustix::fs::statat(&parent, leaf, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|errno| at.failed(errno))?;
    let flags = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            if recursive {
                empty(parent.as_fd(), leaf).map_err(|errno| at.failed(errno))?;
            }
            AtFlags::REMOVEDIR
        }
        _ => AtFlags::empty(),
    };
    rustix::fs::unlinkat(&parent, leaf, flags).map_err(|errno| match errno {
        Errno::BUSY => {
            let message = format!("{} is in use: something is mounted there", at.place);
            Failure::new(ErrorKind::OtherDevice, message)
        }
        errno => at.failed(errno),
    })?;
    settle(parent.as_fd()).map_err(|errno| at.failed(errno))
}

/// Removes everything in a directory but for these names.
///
/// # Errors
/// What the system says; what was removed before stays removed.
pub fn clear(top: BorrowedFd<'_>, keep: &[String]) -> Result<(), Errno> {
    let kept = |name: &CString| keep.iter().any(|one| one.as_bytes() == name.to_bytes());
    let mut names = Vec::new();
    for entry in Dir::read_from(top)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") && !kept(&name) {
            names.push(name);
        }
    }
    names.iter().try_for_each(|name| remove_tree(top, name))
}

/// Removes one thing with all that is in it; nothing there is success.
///
/// # Errors
/// As [`clear`].
pub fn remove_tree(parent: BorrowedFd<'_>, name: impl rustix::path::Arg) -> Result<(), Errno> {
    let name = name.into_c_str()?;
    match rustix::fs::unlinkat(parent, &*name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR) => {
            empty(parent, &*name)?;
            gone(rustix::fs::unlinkat(parent, &*name, AtFlags::REMOVEDIR))
        }
        Err(errno) => Err(errno),
    }
}

/// A directory on the way down.
struct Level {
    fd: OwnedFd,
    /// Its name in the level above; the top has none.
    name: CString,
    /// Names read and not yet dealt with.
    names: Vec<CString>,
}

/// Removes everything in the directory `leaf` of `parent`.
fn empty(parent: BorrowedFd<'_>, leaf: impl rustix::path::Arg) -> Result<(), Errno> {
    let top = open(parent, leaf)?;
    let mut moved: u64 = 0;
    let mut levels = vec![Level {
        fd: top.try_clone().map_err(|_| Errno::MFILE)?,
        name: c"".to_owned(),
        names: vec![],
    }];
    while let Some(level) = levels.last_mut() {
        let Some(name) = level.names.pop() else {
            level.names = some_names(&level.fd)?;
            if level.names.is_empty() {
                let done = levels.pop();
                if let (Some(done), Some(above)) = (done, levels.last()) {
                    gone(rustix::fs::unlinkat(&above.fd, &done.name, AtFlags::REMOVEDIR))?;
                }
            }
            continue;
        };
        match rustix::fs::unlinkat(&level.fd, &name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => continue,
            Err(Errno::ISDIR) => {}
            Err(errno) => return Err(errno),
        }
        if levels.len() < DEPTH_MAX {
            let Some(level) = levels.last() else { break };
            let fd = open(level.fd.as_fd(), &name)?;
            levels.push(Level { fd, name, names: vec![] });
        } else if let Some(level) = levels.last() {
            lift(level.fd.as_fd(), &name, top.as_fd(), &mut moved)?;
        }
    }
    Ok(())
}

/// Moves a directory to the top of the tree under a name that is free.
fn lift(
    from: BorrowedFd<'_>,
    name: &CString,
    top: BorrowedFd<'_>,
    moved: &mut u64,
) -> Result<(), Errno> {
    loop {
        *moved += 1;
        let new = format!(".abaca-removed-{moved}");
        match rustix::fs::renameat_with(from, name, top, new, RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => {}
            answer => return gone(answer),
        }
    }
}

fn open(parent: BorrowedFd<'_>, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    roots::beneath(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW)
}

fn some_names(directory: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
        if names.len() == NAMES_MAX {
            break;
        }
    }
    Ok(names)
}

/// What somebody else removed meanwhile is as gone as it should be.
fn gone(answer: Result<(), Errno>) -> Result<(), Errno> {
    match answer {
        Err(Errno::NOENT) => Ok(()),
        answer => answer,
    }
}
