//! Takes in a tree that another broker sends, as the whole contents of a directory.
//!
//! The stream comes through the runtime, so nothing of it is trusted: each name is a single
//! component that is made anew in a directory which is held open, nothing is ever followed or
//! replaced, and no file grows beyond the size that was said. Whoever is cut short leaves a part of
//! a tree, with which the next one begins by removing it.
//!
//! Files with several names are kept by their numbers in a directory of their own meanwhile.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use abaca_broker::protocol::{About, Decoder, ErrorKind, FilesReply, Frame, Item, Tally};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Timespec, Timestamps, XattrFlags};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use super::tally::{check_depth, tally};
use super::{Target, removing};
use crate::failure::Failure;
use crate::mount_table;
use crate::roots;

/// Where files with several names are kept while a tree is taken in. Left behind, it is removed
/// like everything else by the next one.
const LINKS: &str = ".abaca-links";

/// How much is read at once.
const PIECE: usize = 256 * 1024;

/// The longest name in a directory.
const NAME_MAX: usize = 255;

/// What lends the rights of an owner to whoever runs a program: only where no program is run so.
const LENDING: u32 = 0o6000;

/// What a program may do beyond its user; alike.
const CAPABILITY: &[u8] = b"security.capability";

/// Who may use something; beside its permission bits, and above them.
const ACCESS: &[u8] = b"system.posix_acl_access";

/// What things are made with until they are whole.
const PRIVATE: Mode = Mode::from_bits_truncate(0o700);

/// Makes what comes from `stream` the contents of the directory `at`, but for these names at its
/// top. All of it is on the storage when this is back.
///
/// # Errors
/// `invalid` for a stream that breaks its rules, `io` for one that ends too early or does not
/// come out as it was sent, `no-space`, and what the system says. The directory then has a part.
pub fn receive(at: Target<'_>, ignore: &[String], stream: File) -> Result<FilesReply, Failure> {
    let failed = |errno| at.failed(errno);
    let (found, stat) = at.root.find(at.components)?;
    roots::expect(&stat, FileType::Directory, at.place)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let top = roots::reopen(found.as_fd(), flags).map_err(failed)?;
    removing::clear(top.as_fd(), ignore).map_err(failed)?;
    rustix::fs::mkdirat(&top, LINKS, PRIVATE).map_err(failed)?;
    let links = roots::beneath(top.as_fd(), LINKS, flags | OFlags::NOFOLLOW).map_err(failed)?;
    let flags = mount_table::mark(&top).map_err(failed)?.flags;
    let receiver = Receiver {
        at,
        stream,
        decoder: Decoder::default(),
        top: top.try_clone().map_err(|_| at.failed(Errno::MFILE))?,
        links,
        lends: flags.contains(rustix::fs::StatVfsMountFlags::NOSUID),
        is_root: rustix::process::geteuid().is_root(),
        open: None,
        levels: Vec::new(),
    };
    let (about, sent) = receiver.take_in(ignore)?;
    removing::remove_tree(top.as_fd(), LINKS).map_err(failed)?;
    // Last, for everything that was made in it has changed it.
    let is_root = rustix::process::geteuid().is_root();
    own(top.as_fd(), &about, is_root).map_err(failed)?;
    rustix::fs::futimens(&top, &times(&about)).map_err(failed)?;
    rustix::fs::syncfs(&top).map_err(failed)?;
    let made = tally(&at, top.as_fd(), ignore)?;
    if made != sent {
        let message = format!(
            "{}: what was made is not what was sent: {} entries and {} bytes instead of {} and {}",
            at.place, made.entries, made.bytes, sent.entries, sent.bytes
        );
        return Err(Failure::new(ErrorKind::Io, message));
    }
    Ok(FilesReply::Tree { tally: made })
}

struct Receiver<'a> {
    at: Target<'a>,
    stream: File,
    decoder: Decoder,
    top: OwnedFd,
    links: OwnedFd,
    /// Whether what lends rights has no effect here, and so may be kept.
    lends: bool,
    is_root: bool,
    /// The file that is open.
    open: Option<Open>,
    /// The directories that are open, beneath the top.
    levels: Vec<(OwnedFd, About)>,
}

struct Open {
    file: File,
    about: About,
    size: u64,
    /// Nothing more is written to it.
    is_full: bool,
}

impl Receiver<'_> {
    /// Answers what is known of the top, and what was sent.
    fn take_in(mut self, ignore: &[String]) -> Result<(About, Tally), Failure> {
        let Item::Begin { about, .. } = self.next()?.header else {
            return Err(self.broken("it does not begin"));
        };
        loop {
            let Frame { header, body } = self.next()?;
            match header {
                Item::End { tally } if self.levels.is_empty() && self.open.is_none() => {
                    return Ok((about, tally));
                }
                Item::Data { offset } => self.data(offset, &body)?,
                Item::Attribute => self.attribute(&body)?,
                Item::Close => self.close()?,
                _ if self.open.is_some() => return Err(self.broken("a file is not closed")),
                Item::Directory { about } => {
                    let name = self.name(&body, ignore)?;
                    self.directory(&name, about)?;
                }
                Item::File { about, size, number } => {
                    let name = self.name(&body, ignore)?;
                    self.file(&name, about, size, number)?;
                }
                Item::Again { number } => {
                    let name = self.name(&body, ignore)?;
                    let (from, to) = (number.to_string(), self.here());
                    rustix::fs::linkat(&self.links, from, to, &name, AtFlags::empty())
                        .map_err(|errno| self.failed(errno))?;
                }
                Item::Link { about } => self.link(&body, &about, ignore)?,
                Item::Node { about, socket } => {
                    let name = self.name(&body, ignore)?;
                    let kind = if socket { FileType::Socket } else { FileType::Fifo };
                    rustix::fs::mknodat(self.here(), &name, kind, PRIVATE, 0)
                        .map_err(|errno| self.failed(errno))?;
                    self.mark(&name, &about)?;
                    self.set_mode_of(&name, &about)?;
                }
                Item::Begin { .. } | Item::End { .. } => {
                    return Err(self.broken("it begins or ends in its midst"));
                }
            }
        }
    }

    /// The directory in which things are made now.
    fn here(&self) -> BorrowedFd<'_> {
        self.levels.last().map_or(self.top.as_fd(), |(fd, _)| fd.as_fd())
    }

    fn directory(&mut self, name: &CStr, about: About) -> Result<(), Failure> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let made = rustix::fs::mkdirat(self.here(), name, PRIVATE)
            .and_then(|()| roots::beneath(self.here(), name, flags))
            .map_err(|errno| self.failed(errno))?;
        self.levels.push((made, about));
        check_depth(&self.at, self.levels.len())
    }

    fn file(
        &mut self,
        name: &CStr,
        about: About,
        size: u64,
        number: Option<u64>,
    ) -> Result<(), Failure> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW;
        let mode = Mode::from_bits_truncate(0o600);
        let fd = rustix::fs::openat(self.here(), name, flags | OFlags::CLOEXEC, mode)
            .map_err(|errno| self.failed(errno))?;
        if let Some(number) = number {
            let to = number.to_string();
            rustix::fs::linkat(self.here(), name, &self.links, to, AtFlags::empty())
                .map_err(|errno| self.failed(errno))?;
        }
        self.open = Some(Open { file: File::from(fd), about, size, is_full: false });
        Ok(())
    }

    fn data(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let Some(open) = self.open.as_ref().filter(|open| !open.is_full) else {
            return Err(self.broken("there are bytes of no file"));
        };
        let fits = offset.checked_add(bytes.len() as u64).is_some_and(|end| end <= open.size);
        if !fits {
            return Err(self.broken("there are bytes beyond a file's end"));
        }
        let written = open.file.write_all_at(bytes, offset);
        written.map_err(|error| self.failed(Errno::from_io_error(&error).unwrap_or(Errno::IO)))
    }

    /// Sets what is to be set before attributes: the length, the owner and the bits.
    fn fill(&mut self) -> Result<(), Failure> {
        let (lends, is_root) = (self.lends, self.is_root);
        let Some(open) = self.open.as_mut().filter(|open| !open.is_full) else { return Ok(()) };
        open.is_full = true;
        rustix::fs::ftruncate(&open.file, open.size)
            .and_then(|()| own(open.file.as_fd(), &open.about, is_root))
            .and_then(|()| rustix::fs::fchmod(&open.file, bits(&open.about, lends)))
            .map_err(|errno| self.at.failed(errno))
    }

    fn attribute(&mut self, body: &[u8]) -> Result<(), Failure> {
        self.fill()?;
        let Some((name, value)) = split(body) else {
            return Err(self.broken("an attribute has no name"));
        };
        let is_top = self.open.is_none() && self.levels.is_empty();
        let is_left_out = match name.to_bytes() {
            CAPABILITY => !self.lends,
            // Who may use the share is said by its rules.
            ACCESS => is_top,
            _ => false,
        };
        if is_left_out {
            return Ok(());
        }
        let fd = self.open.as_ref().map_or_else(|| self.here(), |open| open.file.as_fd());
        rustix::fs::fsetxattr(fd, &name, value, XattrFlags::empty()).map_err(|errno| match errno {
            Errno::OPNOTSUPP => {
                let message = format!(
                    "{}: the file system does not keep attributes such as {:?}",
                    self.at.place,
                    name.to_string_lossy()
                );
                Failure::new(ErrorKind::Invalid, message)
            }
            errno => self.failed(errno),
        })
    }

    fn close(&mut self) -> Result<(), Failure> {
        self.fill()?;
        let closed = if let Some(open) = self.open.take() {
            rustix::fs::futimens(&open.file, &times(&open.about))
        } else if let Some((fd, about)) = self.levels.pop() {
            // Owner and bits before the attributes, which have come: but bits that were set
            // before would have kept us out.
            own(fd.as_fd(), &about, self.is_root)
                .and_then(|()| rustix::fs::fchmod(&fd, bits(&about, true)))
                .and_then(|()| rustix::fs::futimens(&fd, &times(&about)))
        } else {
            return Err(self.broken("the top is closed"));
        };
        closed.map_err(|errno| self.failed(errno))
    }

    fn link(&self, body: &[u8], about: &About, ignore: &[String]) -> Result<(), Failure> {
        let Some((name, target)) = split(body) else {
            return Err(self.broken("a link leads nowhere"));
        };
        let name = self.name(name.to_bytes(), ignore)?;
        rustix::fs::symlinkat(target, self.here(), &name).map_err(|errno| self.failed(errno))?;
        self.mark(&name, about)
    }

    /// Sets owner and times of what cannot be opened.
    fn mark(&self, name: &CStr, about: &About) -> Result<(), Failure> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let (user, group) = (Uid::from_raw(about.uid), Gid::from_raw(about.gid));
        let owned = rustix::fs::chownat(self.here(), name, Some(user), Some(group), flags);
        forgive(owned, self.is_root)
            .and_then(|()| rustix::fs::utimensat(self.here(), name, &times(about), flags))
            .map_err(|errno| self.failed(errno))
    }

    /// Sets the bits of a pipe or socket that was just made in a directory which is nobody
    /// else's yet.
    fn set_mode_of(&self, name: &CStr, about: &About) -> Result<(), Failure> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW;
        let found = roots::beneath(self.here(), name, flags);
        let found = found.map_err(|errno| self.failed(errno))?;
        let path = roots::by_descriptor(found.as_fd());
        rustix::fs::chmod(path, bits(about, false)).map_err(|errno| self.failed(errno))
    }

    /// One component, and none that is kept aside.
    fn name(&self, bytes: &[u8], ignore: &[String]) -> Result<CString, Failure> {
        let fits = !bytes.is_empty()
            && bytes.len() <= NAME_MAX
            && !bytes.contains(&b'/')
            && !matches!(bytes, b"." | b"..");
        let is_kept = self.levels.is_empty()
            && (bytes == LINKS.as_bytes() || ignore.iter().any(|one| one.as_bytes() == bytes));
        match CString::new(bytes) {
            Ok(name) if fits && !is_kept => Ok(name),
            _ => Err(self.broken("there is a name that is none")),
        }
    }

    /// The next frame.
    fn next(&mut self) -> Result<Frame<Item>, Failure> {
        loop {
            let frame = self.decoder.next::<Item>();
            if let Some(frame) = frame.map_err(|error| self.broken(&error.to_string()))? {
                return Ok(frame);
            }
            let mut piece = vec![0; PIECE];
            match self.stream.read(&mut piece) {
                Ok(0) => {
                    let message = format!("{}: the tree ended too early", self.at.place);
                    return Err(Failure::new(ErrorKind::Io, message));
                }
                Ok(count) => self.decoder.push(piece.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(self.failed(Errno::from_io_error(&error).unwrap_or(Errno::IO)));
                }
            }
        }
    }

    fn broken(&self, why: &str) -> Failure {
        let message = format!("{}: the tree that was sent is none: {why}", self.at.place);
        Failure::new(ErrorKind::Invalid, message)
    }

    fn failed(&self, errno: Errno) -> Failure {
        self.at.failed(errno)
    }
}

/// A name and what stands behind its NUL.
fn split(body: &[u8]) -> Option<(CString, &[u8])> {
    let name = CStr::from_bytes_until_nul(body).ok()?;
    let rest = body.get(name.count_bytes() + 1..)?;
    Some((name.to_owned(), rest))
}

/// Permission bits; those that lend rights only where they do not.
fn bits(about: &About, lends: bool) -> Mode {
    let mode = if lends { about.mode } else { about.mode & !LENDING };
    Mode::from_raw_mode(mode & 0o7777)
}

fn own(fd: BorrowedFd<'_>, about: &About, is_root: bool) -> Result<(), Errno> {
    let (user, group) = (Uid::from_raw(about.uid), Gid::from_raw(about.gid));
    forgive(rustix::fs::fchown(fd, Some(user), Some(group)), is_root)
}

/// Only root can give things to others: for anybody else they become his.
fn forgive(owned: Result<(), Errno>, is_root: bool) -> Result<(), Errno> {
    match owned {
        Err(Errno::PERM) if !is_root => Ok(()),
        owned => owned,
    }
}

fn times(about: &About) -> Timestamps {
    let time = |(seconds, nanoseconds): (i64, u32)| Timespec {
        tv_sec: seconds,
        tv_nsec: i64::from(nanoseconds.min(999_999_999)),
    };
    Timestamps { last_access: time(about.accessed), last_modification: time(about.modified) }
}
