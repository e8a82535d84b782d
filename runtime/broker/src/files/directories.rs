//! Directories: list, make, rename.

use std::collections::BinaryHeap;

use abaca_broker::protocol::{Entry, EntryKind, ErrorKind, FilesReply};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::Target;
use super::fresh::settle;
use crate::failure::Failure;
use crate::roots;
use std::os::fd::{AsFd, OwnedFd};

/// Lists up to `limit` entries with names after `after`, sorted by their bytes.
///
/// The whole directory is read for each page, but never more than a page of it held: a heap
/// keeps the smallest names seen so far, the greatest of them on top.
///
/// # Errors
/// When it is no directory or cannot be read.
pub fn list(
    at: Target<'_>,
    after: Option<&str>,
    limit: u32,
) -> Result<(FilesReply, Vec<u8>), Failure> {
    let (fd, stat) = at.root.find(at.components)?;
    roots::expect(&stat, FileType::Directory, at.place)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut more, mut unspeakable) = (false, 0);
    let mut page: BinaryHeap<String> = BinaryHeap::new();
    let open = roots::reopen(fd.as_fd(), OFlags::RDONLY | OFlags::DIRECTORY).and_then(Dir::new);
    for entry in open.map_err(|errno| at.failed(errno))? {
        let entry = entry.map_err(|errno| at.failed(errno))?;
        match entry.file_name().to_str() {
            Ok("." | "..") => {}
            Ok(name) if after.is_some_and(|after| name <= after) => {}
            Ok(name) if page.len() < limit => page.push(name.to_owned()),
            Ok(name) => {
                more = true;
                if let Some(mut greatest) = page.peek_mut()
                    && name < greatest.as_str()
                {
                    *greatest = name.to_owned();
                }
            }
            Err(_) => unspeakable += 1,
        }
    }
    let mut entries = Vec::new();
    for name in page.into_sorted_vec() {
        match entry(&fd, name) {
            Ok(entry) => entries.push(entry),
            // It is gone since.
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(at.failed(errno)),
        }
    }
    let body = serde_json::to_vec(&entries)
        .map_err(|error| Failure::new(ErrorKind::Io, error.to_string()))?;
    Ok((FilesReply::Entries { more, unspeakable }, body))
}

fn entry(directory: &OwnedFd, name: String) -> Result<Entry, Errno> {
    let stat = rustix::fs::statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW)?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Other,
    };
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    Ok(Entry { name, kind, size, modified: stat.st_mtime })
}

/// Makes one directory with exactly these permission bits.
///
/// # Errors
/// When the name is taken or the parent missing.
pub fn make(at: Target<'_>, mode: u32) -> Result<(), Failure> {
    let (parent, leaf) = at.root.parent(at.components)?;
    // Nobody's but ours until the bits are set, which the umask would cut.
    rustix::fs::mkdirat(&parent, leaf, Mode::RWXU).map_err(|errno| at.failed(errno))?;
    let set = || -> Result<(), Errno> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW;
        let made = roots::beneath(parent.as_fd(), leaf, flags)?;
        rustix::fs::fchmod(&made, Mode::from_raw_mode(mode))?;
        settle(parent.as_fd())
    };
    set().map_err(|errno| {
        let _ = rustix::fs::unlinkat(&parent, leaf, AtFlags::REMOVEDIR);
        at.failed(errno)
    })
}

/// Renames, if the new place is free.
///
/// # Errors
/// When it is not, when there is nothing to rename, or across file systems.
pub fn rename(from: Target<'_>, to: Target<'_>) -> Result<(), Failure> {
    let (old_parent, old) = from.root.parent(from.components)?;
    let (new_parent, new) = to.root.parent(to.components)?;
    let noreplace = RenameFlags::NOREPLACE;
    rustix::fs::renameat_with(&old_parent, old, &new_parent, new, noreplace).map_err(|errno| {
        let at = if errno == Errno::EXIST { to } else { from };
        at.failed(errno)
    })?;
    let settled = settle(new_parent.as_fd()).and_then(|()| settle(old_parent.as_fd()));
    settled.map_err(|errno| to.failed(errno))
}
