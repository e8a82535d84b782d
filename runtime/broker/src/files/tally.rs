//! How much a tree is that is sent to another backend: counted before it is sent, and on the other
//! side after it was taken in. Called by `sending` and `receiving`.

use std::collections::HashSet;
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

use abaca_broker::protocol::{ErrorKind, Tally};
use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat};
use rustix::io::Errno;

use super::Target;
use crate::failure::Failure;
use crate::roots;

/// How deep a tree may be: each level holds a descriptor or two.
pub const DEPTH_MAX: usize = 256;

/// The most files with several names that are remembered.
pub const LINKED_MAX: usize = 1_000_000;

/// Counts what is beneath `top` but for these names directly in it.
///
/// # Errors
/// `too-large` for a tree that is too deep; `other-device` where something is mounted within.
pub fn tally(at: &Target<'_>, top: BorrowedFd<'_>, ignore: &[String]) -> Result<Tally, Failure> {
    let failed = |errno| at.failed(errno);
    let mut tally = Tally::default();
    let mut linked = HashSet::new();
    let mut levels = vec![open(top, c".").map_err(failed)?];
    loop {
        let depth = levels.len();
        let Some(directory) = levels.last_mut() else { return Ok(tally) };
        let Some(entry) = directory.read() else {
            levels.pop();
            continue;
        };
        let name = entry.map_err(failed)?.file_name().to_owned();
        if is_none_of_it(&name) {
            continue;
        }
        let fd = directory.fd().map_err(failed)?;
        if depth == 1 && is_ignored(&name, ignore) {
            continue;
        }
        let stat = rustix::fs::statat(fd, &name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        tally.entries += 1;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let level = open(fd, &name).map_err(failed)?;
                levels.push(level);
                check_depth(at, depth + 1)?;
            }
            FileType::RegularFile if is_first(at, &stat, &mut linked)? => {
                tally.bytes = tally.bytes.saturating_add(size(&stat));
            }
            _ => {}
        }
    }
}

/// Whether a directory lists this for itself alone.
pub fn is_none_of_it(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}

/// Whether this name at the top is left out.
pub fn is_ignored(name: &CStr, ignore: &[String]) -> bool {
    ignore.iter().any(|one| one.as_bytes() == name.to_bytes())
}

/// How long a file is.
pub fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

/// Refuses a tree that is too deep.
///
/// # Errors
/// `too-large`.
pub fn check_depth(at: &Target<'_>, depth: usize) -> Result<(), Failure> {
    if depth <= DEPTH_MAX {
        return Ok(());
    }
    let message = format!("{} is more than {DEPTH_MAX} directories deep", at.place);
    Err(Failure::new(ErrorKind::TooLarge, message))
}

/// Opens a directory in another.
///
/// # Errors
/// What openat2(2) says.
pub fn open(parent: BorrowedFd<'_>, name: &CStr) -> Result<Dir, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    Dir::new(roots::beneath(parent.as_fd(), name, flags)?)
}

fn is_first(at: &Target<'_>, stat: &Stat, linked: &mut HashSet<u64>) -> Result<bool, Failure> {
    if stat.st_nlink < 2 {
        return Ok(true);
    }
    if linked.len() >= LINKED_MAX {
        let message = format!("{} has too many files with several names", at.place);
        return Err(Failure::new(ErrorKind::TooLarge, message));
    }
    Ok(linked.insert(stat.st_ino))
}
