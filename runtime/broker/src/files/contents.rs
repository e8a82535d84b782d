//! The contents of regular files: read, write, copy.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use abaca_broker::protocol::FilesReply;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use super::Target;
use super::fresh::Fresh;
use crate::failure::Failure;
use crate::job::OTHERS_WRITE;
use crate::roots;

/// The bits of a new file for which the request names none.
const NEW_FILE: u32 = 0o640;

/// The bits that a file takes over from the one it replaces or copies: not set-user and
/// set-group, which would lend an owner's rights to other contents.
const CARRIED: u32 = 0o777;

/// Reads up to `length` bytes from `offset` on.
///
/// # Errors
/// When it is no regular file or cannot be read.
pub fn read(at: Target<'_>, offset: u64, length: u64) -> Result<(FilesReply, Vec<u8>), Failure> {
    let (file, size) = open(&at)?;
    let wanted = size.saturating_sub(offset).min(length);
    let mut bytes = vec![0; usize::try_from(wanted).unwrap_or(usize::MAX)];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            // It became shorter meanwhile.
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(&at, &error)),
        }
    }
    bytes.truncate(filled);
    Ok((FilesReply::Contents { size }, bytes))
}

/// Makes `bytes` the whole contents, in one step; of a `new` file, whose place must be free.
///
/// # Errors
/// When something stands there that is no regular file, or for a new one anything; when it cannot
/// be written.
pub fn write(at: Target<'_>, mode: Option<u32>, new: bool, bytes: &[u8]) -> Result<(), Failure> {
    replace(at, mode, new, bytes, CARRIED)
}

/// The same with contents that a rule has said: a file that others could write to does not lend
/// them that.
///
/// # Errors
/// As [`write`].
pub fn write_governed(
    at: Target<'_>,
    mode: Option<u32>,
    new: bool,
    bytes: &[u8],
) -> Result<(), Failure> {
    replace(at, mode, new, bytes, CARRIED & !OTHERS_WRITE)
}

fn replace(
    at: Target<'_>,
    mode: Option<u32>,
    new: bool,
    bytes: &[u8],
    carried: u32,
) -> Result<(), Failure> {
    let (parent, leaf) = at.root.parent(at.components)?;
    let (now, owner) = match rustix::fs::statat(&parent, leaf, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) if new => return Err(at.failed(Errno::EXIST)),
        Ok(stat) => {
            roots::expect(&stat, FileType::RegularFile, at.place)?;
            let owner = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
            (stat.st_mode & carried, Some(owner))
        }
        Err(Errno::NOENT) => (NEW_FILE, None),
        Err(errno) => return Err(at.failed(errno)),
    };
    let mut fresh = Fresh::create(parent, at.place)?;
    fresh.file.write_all(bytes).map_err(|error| failed(&at, &error))?;
    if let Some((user, group)) = owner {
        fresh.give(user, group)?;
    }
    fresh.publish(leaf, Mode::from_raw_mode(mode.unwrap_or(now)), !new)
}

/// Copies one file to a place that is free. Where it holds nothing, neither does the copy: who may
/// make a file look as large as he likes must not fill the disk by having it copied.
///
/// # Errors
/// When the one is no regular file or the other is taken.
pub fn copy(from: Target<'_>, to: Target<'_>) -> Result<(), Failure> {
    let (source, size) = open(&from)?;
    let stat = rustix::fs::fstat(&source).map_err(|errno| from.failed(errno))?;
    let (parent, leaf) = to.root.parent(to.components)?;
    roots::must_be_free(parent.as_fd(), leaf, &to.place)?;
    let mut fresh = Fresh::create(parent, to.place)?;
    copy_contents(&source, size, &mut fresh.file).map_err(|error| failed(&to, &error))?;
    fresh.publish(leaf, Mode::from_raw_mode(stat.st_mode & CARRIED), false)
}

/// Copies what of the first `size` bytes is no hole, and makes it as long.
fn copy_contents(mut source: &File, size: u64, copy: &mut File) -> std::io::Result<()> {
    let mut at = 0;
    while at < size {
        let start = match rustix::fs::seek(source, SeekFrom::Data(at)) {
            Ok(start) => start.min(size),
            // Nothing but a hole up to the end.
            Err(Errno::NXIO) => size,
            Err(errno) => return Err(errno.into()),
        };
        let end = match start < size {
            true => rustix::fs::seek(source, SeekFrom::Hole(start))?.min(size),
            false => size,
        };
        source.seek(std::io::SeekFrom::Start(start))?;
        copy.seek(std::io::SeekFrom::Start(start))?;
        // Shares the blocks where the file system can: this is copy_file_range where it works.
        let copied = std::io::copy(&mut source.take(end - start), copy)?;
        at = start + copied;
        if at < end {
            // It became shorter meanwhile.
            return copy.set_len(at);
        }
    }
    copy.set_len(size)
}

/// Opens a regular file for reading, and says its size.
fn open(at: &Target<'_>) -> Result<(File, u64), Failure> {
    let (found, stat) = at.root.find(at.components)?;
    roots::expect(&stat, FileType::RegularFile, at.place)?;
    let file = roots::reopen(found.as_fd(), OFlags::RDONLY).map_err(|errno| at.failed(errno))?;
    Ok((File::from(file), u64::try_from(stat.st_size).unwrap_or(0)))
}

fn failed(at: &Target<'_>, error: &std::io::Error) -> Failure {
    at.failed(Errno::from_io_error(error).unwrap_or(Errno::IO))
}
