//! How much lies beneath a place: counted entry by entry, by descriptors, on one file system.

use std::collections::HashSet;
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use abaca_broker::protocol::{ErrorKind, FilesReply};
use rustix::fs::{AtFlags, Dir, FileType, OFlags, Stat};
use rustix::io::Errno;

use super::Target;
use crate::failure::Failure;
use crate::roots;

/// How deep a tree may be: each level holds a descriptor.
const DEPTH_MAX: usize = 512;

/// The most files with several names that are remembered, so that each counts once: with the
/// room that the table leaves itself, and the old one while it grows, some 30 MiB. That is a
/// small part of what a hand may have.
const LINKED_MAX: usize = 1_000_000;

/// What `st_blocks` counts.
const BLOCK: u64 = 512;

/// Adds up what is at `at`: itself and everything beneath. What other file systems are
/// mounted there is not beneath.
///
/// # Errors
/// `too-large` for a tree deeper than [`DEPTH_MAX`] or with too many linked files.
pub fn usage(at: Target<'_>) -> Result<FilesReply, Failure> {
    let (fd, stat) = at.root.find(at.components)?;
    let mut sum = Sum { device: stat.st_dev, ..Sum::default() };
    sum.add(&stat).ok_or_else(|| too_large(&at, "has too many files with several names"))?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        walk(&at, &fd, &mut sum)?;
    }
    Ok(FilesReply::Usage { allocated: sum.allocated, apparent: sum.apparent, entries: sum.entries })
}

#[derive(Default)]
struct Sum {
    device: u64,
    allocated: u64,
    apparent: u64,
    entries: u64,
    linked: HashSet<u64>,
}

impl Sum {
    /// Counts one file; `None` when it would have to remember too much.
    fn add(&mut self, stat: &Stat) -> Option<()> {
        self.entries += 1;
        let directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if stat.st_nlink > 1 && !directory {
            if self.linked.len() >= LINKED_MAX {
                return None;
            }
            if !self.linked.insert(stat.st_ino) {
                return Some(());
            }
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
        self.apparent = self.apparent.saturating_add(size);
        self.allocated = self.allocated.saturating_add(blocks.saturating_mul(BLOCK));
        Some(())
    }
}

fn walk(at: &Target<'_>, top: &OwnedFd, sum: &mut Sum) -> Result<(), Failure> {
    let failed = |errno| at.failed(errno);
    let mut levels = vec![open(top.as_fd(), c".").map_err(failed)?];
    while let Some(directory) = levels.last_mut() {
        let Some(entry) = directory.read() else {
            levels.pop();
            continue;
        };
        let name = entry.map_err(failed)?.file_name().to_owned();
        let fd = directory.fd().map_err(failed)?;
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = match rustix::fs::statat(fd, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if stat.st_dev == sum.device => stat,
            // Another file system, or gone meanwhile.
            Ok(_) | Err(Errno::NOENT) => continue,
            Err(errno) => return Err(failed(errno)),
        };
        sum.add(&stat).ok_or_else(|| too_large(at, "has too many files with several names"))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            continue;
        }
        let level = match open(fd, &name) {
            Ok(level) => level,
            // Mounted, gone, or no directory any more.
            Err(Errno::XDEV | Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
            Err(errno) => return Err(failed(errno)),
        };
        levels.push(level);
        if levels.len() > DEPTH_MAX {
            return Err(too_large(at, "is too deep to be walked"));
        }
    }
    Ok(())
}

fn open(parent: BorrowedFd<'_>, name: &CStr) -> Result<Dir, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    Dir::new(roots::beneath(parent, name, flags)?)
}

fn too_large(at: &Target<'_>, what: &str) -> Failure {
    Failure::new(ErrorKind::TooLarge, format!("{} {what}", at.place))
}
