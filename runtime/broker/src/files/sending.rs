//! Sends a tree to another broker: walked by descriptors, without links or other mounts, and
//! through a mount of its own that stands nowhere and lets nobody write, so that sending changes
//! nothing, not even when a file was last read.
//!
//! What changes while it is sent would be of no one moment: it is looked at before and after, and
//! then nothing was sent.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use abaca_broker::protocol::{About, ErrorKind, FilesReply, Item, PIECE_MAX, Tally, encode};
use rustix::fs::{AtFlags, Dir, FileType, OFlags, SeekFrom, Stat};
use rustix::io::Errno;
use rustix::mount::{MountAttrFlags, OpenTreeFlags};
use rustix::thread::CapabilitySet;

use super::Target;
use super::tally::{self, is_ignored, is_none_of_it, size, tally};
use crate::failure::Failure;
use crate::kernel::mounts::set_attributes;
use crate::roots;

/// The extended attributes that go with a file: those of users, of root, access control lists, and
/// what a program may do. All others are the file system's own, or the machine's.
const CARRIED: [&[u8]; 5] = [
    b"user.",
    b"trusted.",
    b"security.capability",
    b"system.posix_acl_access",
    b"system.posix_acl_default",
];

/// How xfs tells access control lists once more, in its own form.
const TOLD_TWICE: &[u8] = b"trusted.SGI_ACL_";

/// The longest list of names of attributes, and the longest value: the kernel's own bounds.
const ATTRIBUTES_MAX: usize = 64 * 1024;

/// What the mount that is walked has.
const QUIET: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_RDONLY
    .union(MountAttrFlags::MOUNT_ATTR_NOSUID)
    .union(MountAttrFlags::MOUNT_ATTR_NODEV)
    .union(MountAttrFlags::MOUNT_ATTR_NOEXEC)
    .union(MountAttrFlags::MOUNT_ATTR_NOATIME);

/// Sends the tree at `at` but for these names at its top.
///
/// # Errors
/// `busy` when something was changed meanwhile, `invalid` for a device, and what the system says.
pub fn send(at: Target<'_>, ignore: &[String], stream: File) -> Result<FilesReply, Failure> {
    let (found, stat) = at.root.find(at.components)?;
    roots::expect(&stat, FileType::Directory, at.place)?;
    let top = quiet(found.as_fd()).map_err(|errno| at.failed(errno))?;
    let expected = tally(&at, top.as_fd(), ignore)?;
    let mut sender = Sender {
        at,
        ignore,
        stream,
        sent: Tally::default(),
        numbers: HashMap::new(),
        piece: vec![0; PIECE_MAX],
    };
    sender.item(&Item::Begin { tally: expected, about: about(&stat) }, b"")?;
    sender.walk(top.as_fd())?;
    if sender.sent != expected {
        return Err(sender.changed());
    }
    let sent = sender.sent;
    sender.item(&Item::End { tally: sent }, b"")?;
    Ok(FilesReply::Tree { tally: sent })
}

/// The same directory in a mount that stands nowhere and is gone with us; for whoever may not
/// mount, the directory itself.
fn quiet(directory: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    if !rustix::thread::capabilities(None)?.effective.contains(CapabilitySet::SYS_ADMIN) {
        return roots::reopen(directory, flags);
    }
    let clone = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH;
    let mount = rustix::mount::open_tree(directory, "", clone)?;
    let clear = MountAttrFlags::MOUNT_ATTR__ATIME;
    set_attributes(mount.as_fd(), u64::from(QUIET.bits()), u64::from(clear.bits()))?;
    roots::reopen(mount.as_fd(), flags)
}

struct Sender<'a> {
    at: Target<'a>,
    ignore: &'a [String],
    stream: File,
    sent: Tally,
    /// The numbers of files with several names that were sent.
    numbers: HashMap<u64, u64>,
    piece: Vec<u8>,
}

/// A directory on the way down, and what it was when it was opened.
struct Level {
    directory: Dir,
    stat: Stat,
}

impl Level {
    fn new(directory: Dir) -> Result<Level, Errno> {
        let stat = rustix::fs::fstat(directory.fd()?)?;
        Ok(Level { directory, stat })
    }
}

impl Sender<'_> {
    fn walk(&mut self, top: BorrowedFd<'_>) -> Result<(), Failure> {
        let top =
            tally::open(top, c".").and_then(Level::new).map_err(|errno| self.failed(errno))?;
        let mut levels = vec![top];
        loop {
            let depth = levels.len();
            let Some(level) = levels.last_mut() else { return Ok(()) };
            let Some(entry) = level.directory.read() else {
                self.leave(level)?;
                levels.pop();
                if depth > 1 {
                    self.item(&Item::Close, b"")?;
                }
                continue;
            };
            let name = entry.map_err(|errno| self.failed(errno))?.file_name().to_owned();
            let directory = level.directory.fd().map_err(|errno| self.failed(errno))?;
            if is_none_of_it(&name) {
                continue;
            }
            if depth == 1 && is_ignored(&name, self.ignore) {
                continue;
            }
            if let Some(level) = self.entry(directory, &name)? {
                levels.push(level);
                tally::check_depth(&self.at, depth + 1)?;
            }
        }
    }

    /// Sends one entry; a directory is entered.
    fn entry(&mut self, directory: BorrowedFd<'_>, name: &CStr) -> Result<Option<Level>, Failure> {
        let failed = |sender: &Self, errno| match errno {
            // It was there a moment ago.
            Errno::NOENT => sender.changed(),
            errno => sender.failed(errno),
        };
        let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| failed(self, errno))?;
        self.sent.entries += 1;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let level = tally::open(directory, name).and_then(Level::new);
                let level = level.map_err(|errno| failed(self, errno))?;
                self.item(&Item::Directory { about: about(&level.stat) }, name.to_bytes())?;
                return Ok(Some(level));
            }
            FileType::RegularFile => self.file(directory, name)?,
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(directory, name, Vec::new())
                    .map_err(|errno| failed(self, errno))?;
                let body = [name.to_bytes_with_nul(), target.as_bytes()].concat();
                self.item(&Item::Link { about: about(&stat) }, &body)?;
            }
            kind @ (FileType::Fifo | FileType::Socket) => {
                let socket = kind == FileType::Socket;
                self.item(&Item::Node { about: about(&stat), socket }, name.to_bytes())?;
            }
            _ => {
                let message = format!(
                    "{}: {:?} is a device, and none is copied; remove it first",
                    self.at.place,
                    name.to_string_lossy()
                );
                return Err(Failure::new(ErrorKind::Invalid, message));
            }
        }
        Ok(None)
    }

    fn file(&mut self, directory: BorrowedFd<'_>, name: &CStr) -> Result<(), Failure> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = match roots::beneath(directory, name, flags) {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::LOOP) => return Err(self.changed()),
            Err(errno) => return Err(self.failed(errno)),
        };
        let before = rustix::fs::fstat(&fd).map_err(|errno| self.failed(errno))?;
        if FileType::from_raw_mode(before.st_mode) != FileType::RegularFile {
            return Err(self.changed());
        }
        let mut number = None;
        if before.st_nlink > 1 {
            let next = self.numbers.len() as u64;
            if let Some(number) = self.numbers.get(&before.st_ino).copied() {
                return self.item(&Item::Again { number }, name.to_bytes());
            }
            self.numbers.insert(before.st_ino, next);
            number = Some(next);
        }
        let size = size(&before);
        self.sent.bytes = self.sent.bytes.saturating_add(size);
        self.item(&Item::File { about: about(&before), size, number }, name.to_bytes())?;
        let file = File::from(fd);
        self.contents(&file, size)?;
        self.attributes(file.as_fd())?;
        let after = rustix::fs::fstat(&file).map_err(|errno| self.failed(errno))?;
        if moment(&after) != moment(&before) {
            return Err(self.changed());
        }
        self.item(&Item::Close, b"")
    }

    /// Sends what of a file is no hole.
    fn contents(&mut self, file: &File, size: u64) -> Result<(), Failure> {
        let mut at = 0;
        while at < size {
            let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
                Ok(start) => start,
                // Nothing but a hole up to the end.
                Err(Errno::NXIO) => return Ok(()),
                Err(errno) => return Err(self.failed(errno)),
            };
            let end = rustix::fs::seek(file, SeekFrom::Hole(start));
            let end = end.map_err(|errno| self.failed(errno))?.min(size);
            at = start;
            while at < end {
                let mut piece = std::mem::take(&mut self.piece);
                let wanted = usize::try_from(end - at).unwrap_or(PIECE_MAX).min(PIECE_MAX);
                let read = match piece.get_mut(..wanted) {
                    Some(room) => file.read_at(room, at),
                    None => Ok(0),
                };
                let sent = match read {
                    Ok(0) => Err(self.changed()),
                    Ok(count) => self
                        .item(&Item::Data { offset: at }, piece.get(..count).unwrap_or_default())
                        .map(|()| count as u64),
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(0),
                    Err(error) => {
                        Err(self.failed(Errno::from_io_error(&error).unwrap_or(Errno::IO)))
                    }
                };
                self.piece = piece;
                at += sent?;
            }
        }
        Ok(())
    }

    /// Sends the attributes of a directory that is to be left, if it is still what it was.
    fn leave(&mut self, level: &Level) -> Result<(), Failure> {
        let fd = level.directory.fd().map_err(|errno| self.failed(errno))?;
        self.attributes(fd)?;
        let now = rustix::fs::fstat(fd).map_err(|errno| self.failed(errno))?;
        if moment(&now) != moment(&level.stat) {
            return Err(self.changed());
        }
        Ok(())
    }

    fn attributes(&mut self, fd: BorrowedFd<'_>) -> Result<(), Failure> {
        let mut names = vec![0; ATTRIBUTES_MAX];
        let length = match rustix::fs::flistxattr(fd, names.as_mut_slice()) {
            Ok(length) => length,
            Err(Errno::OPNOTSUPP) => return Ok(()),
            Err(errno) => return Err(self.failed(errno)),
        };
        names.truncate(length);
        for name in names.split(|byte| *byte == 0) {
            let is_carried = CARRIED.iter().any(|carried| name.starts_with(carried));
            if !is_carried || name.starts_with(TOLD_TWICE) {
                continue;
            }
            let Ok(name) = CString::new(name) else { continue };
            let mut value = vec![0; ATTRIBUTES_MAX];
            let length = rustix::fs::fgetxattr(fd, &name, value.as_mut_slice())
                .map_err(|errno| self.failed(errno))?;
            value.truncate(length);
            let body = [name.to_bytes_with_nul(), value.as_slice()].concat();
            self.item(&Item::Attribute, &body)?;
        }
        Ok(())
    }

    fn item(&mut self, item: &Item, body: &[u8]) -> Result<(), Failure> {
        let frame = encode(item, body)
            .map_err(|error| Failure::new(ErrorKind::TooLarge, error.to_string()))?;
        self.stream.write_all(&frame).map_err(|error| {
            let message = format!("{}: nobody takes it in any more: {error}", self.at.place);
            Failure::new(ErrorKind::Io, message)
        })
    }

    fn changed(&self) -> Failure {
        let message = format!(
            "{} was changed while it was copied; whoever works in it has to stop first",
            self.at.place
        );
        Failure::new(ErrorKind::Busy, message)
    }

    fn failed(&self, errno: Errno) -> Failure {
        self.at.failed(errno)
    }
}

fn about(stat: &Stat) -> About {
    let nanoseconds = |value| u32::try_from(value).unwrap_or_default();
    About {
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        accessed: (stat.st_atime, nanoseconds(stat.st_atime_nsec)),
        modified: (stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
    }
}

/// What changes whenever a file does.
fn moment(stat: &Stat) -> (i64, u64, i64, u64, i64) {
    let nanoseconds = (stat.st_mtime_nsec, stat.st_ctime_nsec);
    (stat.st_mtime, nanoseconds.0, stat.st_ctime, nanoseconds.1, stat.st_size)
}
