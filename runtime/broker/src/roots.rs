//! The roots, held open, and every way from them to what lies beneath.
//!
//! A path is walked by `openat2` from the root's descriptor: no `..`, no symbolic link, no
//! other mount, whatever happens to the tree meanwhile. Nobody else in the broker turns a
//! guest's words into a file. It decides nothing: the policy has granted the path before.

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use abaca_broker::protocol::{ErrorKind, Identity, RootIdentity};
use abaca_policy::{Leaf, Policy};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::failure::Failure;

/// How often a walk is begun again when a rename ran across it (the kernel then cannot be
/// sure that it stayed beneath). Someone who renames without end gets an error, not a hang.
const WALKS: usize = 64;

/// All roots of the policy.
pub struct Roots(BTreeMap<String, Root>);

/// One root as it was when the broker started.
pub struct Root {
    name: String,
    path: String,
    fd: OwnedFd,
    identity: Identity,
}

/// Where a path argument led.
pub struct Resolved {
    /// What it is, or for a new leaf its parent.
    pub fd: OwnedFd,
    /// The name to be made in `fd`.
    pub new: Option<String>,
    /// Which file `fd` is.
    pub identity: Identity,
}

impl Roots {
    /// Opens every root of the policy.
    ///
    /// # Errors
    /// When one is missing, not a directory, or behind a symbolic link.
    pub fn open(policy: &Policy) -> Result<Roots, Failure> {
        let open = |root: &abaca_policy::Root| {
            let (fd, identity) =
                open_root(&root.path, format_args!("the root {}, {}", root.name, root.path))?;
            let (name, path) = (root.name.clone(), root.path.clone());
            Ok((name.clone(), Root { name, path, fd, identity }))
        };
        policy.roots().map(open).collect::<Result<_, _>>().map(Roots)
    }

    /// The root by that name, still the one that was opened.
    ///
    /// # Errors
    /// When its path has come to lead to another directory.
    pub fn get(&self, name: &str) -> Result<&Root, Failure> {
        let root = self.0.get(name).ok_or_else(|| {
            Failure::new(ErrorKind::Changed, format!("there is no root {name:?}"))
        })?;
        let place = Place { root: name, components: &[] };
        let (_, now) = open_root(&root.path, place)?;
        if now != root.identity {
            let message = format!(
                "{place} is no longer the directory that the broker opened: it was replaced or \
                 something was mounted over it; restart the backend if that is right"
            );
            return Err(Failure::new(ErrorKind::Changed, message));
        }
        Ok(root)
    }

    /// What the broker says of its roots.
    pub fn identities(&self) -> Vec<RootIdentity> {
        let identity = |root: &Root| RootIdentity {
            name: root.name.clone(),
            path: root.path.clone(),
            device: root.identity.device,
            inode: root.identity.inode,
        };
        self.0.values().map(identity).collect()
    }
}

impl Root {
    /// The root's path with the components after it.
    pub fn path(&self, components: &[String]) -> String {
        [&self.path].into_iter().chain(components).map(String::as_str).collect::<Vec<_>>().join("/")
    }

    /// Follows `components` to what they name, without opening it for anything; a symbolic
    /// link at the end is found as itself.
    ///
    /// # Errors
    /// When there is nothing, or the way leads over a link or another file system.
    pub fn find(&self, components: &[String]) -> Result<(OwnedFd, Stat), Failure> {
        let place = Place { root: &self.name, components };
        let fd = if components.is_empty() {
            self.fd.try_clone().map_err(|error| Failure::new(ErrorKind::Io, error.to_string()))?
        } else {
            beneath(self.fd.as_fd(), components.join("/"), OFlags::PATH | OFlags::NOFOLLOW)
                .map_err(|errno| Failure::system(place, errno))?
        };
        let stat = rustix::fs::fstat(&fd).map_err(|errno| Failure::system(place, errno))?;
        Ok((fd, stat))
    }

    /// The directory that holds what `components` name, and its name there.
    ///
    /// # Errors
    /// As [`Root::find`]; and for the root itself, which has no place within itself.
    pub fn parent<'c>(&self, components: &'c [String]) -> Result<(OwnedFd, &'c str), Failure> {
        let Some((leaf, parents)) = components.split_last() else {
            let message = format!("<{}> is the root itself", self.name);
            return Err(Failure::new(ErrorKind::Invalid, message));
        };
        let (fd, stat) = self.find(parents)?;
        expect(&stat, FileType::Directory, Place { root: &self.name, components: parents })?;
        Ok((fd, leaf))
    }

    /// Resolves a path argument of a command.
    ///
    /// # Errors
    /// As [`Root::find`]; and when what is there is not what the rule's leaf says.
    pub fn resolve(&self, components: &[String], leaf: Leaf) -> Result<Resolved, Failure> {
        let place = Place { root: &self.name, components };
        let (fd, new) = match leaf {
            Leaf::New => {
                let (parent, name) = self.parent(components)?;
                must_be_free(parent.as_fd(), name, &place)?;
                (parent, Some(name.to_owned()))
            }
            Leaf::Dir | Leaf::File | Leaf::Root => {
                let (fd, stat) = self.find(components)?;
                let kind =
                    if leaf == Leaf::File { FileType::RegularFile } else { FileType::Directory };
                expect(&stat, kind, place)?;
                (fd, None)
            }
        };
        let stat = rustix::fs::fstat(&fd).map_err(|errno| Failure::system(place, errno))?;
        Ok(Resolved { identity: identity(&stat), fd, new })
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// How a place is called in messages: a guest learns no path of the host from them.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub root: &'a str,
    pub components: &'a [String],
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.root)?;
        self.components.iter().try_for_each(|component| write!(f, "/{component}"))
    }
}

/// Opens `path` beneath `directory`, following no link and entering no other mount.
///
/// # Errors
/// EXDEV for another mount, ELOOP for a link, EAGAIN for a tree that does not hold still,
/// and what openat2(2) says otherwise.
pub fn beneath(
    directory: BorrowedFd<'_>,
    path: impl rustix::path::Arg,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_XDEV;
    let path = path.into_c_str()?;
    for _ in 0..WALKS {
        let flags = flags | OFlags::CLOEXEC;
        match rustix::fs::openat2(directory, &*path, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            answer => return answer,
        }
    }
    Err(Errno::AGAIN)
}

/// Opens for use what was found by [`Root::find`]: this very file, whatever its name means by now.
///
/// # Errors
/// What open(2) says.
pub fn reopen(found: BorrowedFd<'_>, flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::open(by_descriptor(found), flags | OFlags::CLOEXEC, Mode::empty())
}

/// The name by which a system call that takes only names reaches an open file.
pub fn by_descriptor(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// Refuses what is not a `kind`, and says so in the words of the protocol.
///
/// # Errors
/// A link is `symbolic-link`; else `not-a-directory` or `not-a-file`.
pub fn expect(stat: &Stat, kind: FileType, place: Place<'_>) -> Result<(), Failure> {
    let found = FileType::from_raw_mode(stat.st_mode);
    if found == kind {
        return Ok(());
    }
    let (error, message) = match (found, kind) {
        (FileType::Symlink, _) => {
            (ErrorKind::SymbolicLink, "is a symbolic link, and none is followed")
        }
        (_, FileType::Directory) => (ErrorKind::NotADirectory, "is not a directory"),
        _ => (ErrorKind::NotAFile, "is not a regular file"),
    };
    Err(Failure::new(error, format!("{place} {message}")))
}

/// Refuses a name that is taken, by whatever.
///
/// # Errors
/// `already-exists`, or what the system says.
pub fn must_be_free(parent: BorrowedFd<'_>, name: &str, place: &Place<'_>) -> Result<(), Failure> {
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(()),
        Ok(_) => Err(Failure::new(ErrorKind::AlreadyExists, format!("{place} exists already"))),
        Err(errno) => Err(Failure::system(place, errno)),
    }
}

/// Which file it is.
pub fn identity(stat: &Stat) -> Identity {
    Identity { device: stat.st_dev, inode: stat.st_ino }
}

/// Opens the root at `path`, which messages call `called`: the operator sees the path when
/// the broker starts, a guest never does.
fn open_root(path: &str, called: impl fmt::Display) -> Result<(OwnedFd, Identity), Failure> {
    let changed = |what: &dyn fmt::Display, errno| Failure {
        kind: ErrorKind::Changed,
        ..Failure::system(what, errno)
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
        .map_err(|errno| {
            let advice = match errno {
                Errno::NOENT => " (make the directory, or correct roots.NAME.path in the policy)",
                Errno::LOOP => " (write the path without symbolic links)",
                _ => "",
            };
            changed(&format_args!("{called}{advice}"), errno)
        })?;
    let stat = rustix::fs::fstat(&fd).map_err(|errno| changed(&called, errno))?;
    Ok((fd, identity(&stat)))
}
