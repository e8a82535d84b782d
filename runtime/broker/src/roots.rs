//! The roots, held open, and every way from them to what lies beneath.
//!
//! A path is walked by `openat2` from the root's descriptor: no `..`, no symbolic link, no
//! other mount but one that a mount rule grants at just that place, with what the rule forces;
//! whatever happens to the tree meanwhile. Nobody else in the broker turns a guest's words into
//! a file. It decides nothing: the policy has granted the path before.

mod walking;

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use abaca_broker::protocol::{ErrorKind, Identity, RootIdentity};
use abaca_policy::{Leaf, MountRule, Policy};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::failure::Failure;
use crate::mount_table::{self, Mark};

pub use self::walking::{beneath, by_descriptor, reopen, same_mount, top};

/// What a file system is called that the system does not tell: no rule's word for one.
const UNKNOWN: &str = "an unknown file system";

/// The permission bits that let a group or everybody change a directory.
const OTHERS_WRITE: u32 = 0o022;

/// All roots of the policy.
pub struct Roots(BTreeMap<String, Root>);

/// One root as it was when the broker started.
pub struct Root {
    name: String,
    path: String,
    fd: OwnedFd,
    identity: Identity,
    /// Which mount it lies in, and how that is mounted.
    mark: Mark,
    filesystem: String,
    /// The rules that may mount something beneath it.
    mounts: Vec<MountRule>,
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
    /// When one is missing, not a directory, behind a symbolic link, or on another kind of mount
    /// than the policy says.
    pub fn open(policy: &Policy) -> Result<Roots, Failure> {
        let open = |root: &abaca_policy::Root| {
            let called = format!("the root {}, {}", root.name, root.path);
            let missing = match &root.filesystem {
                Some(_) => "mount the file system, or make the directory, or correct",
                None => MISSING,
            };
            let (fd, identity, mark) = open_root(&root.path, &called, missing)?;
            let filesystem = match mount_table::row(&fd) {
                Ok(row) => row.filesystem,
                // Of a process whose root is a directory, the table lacks what that lies on.
                Err(Errno::NOENT) => UNKNOWN.to_owned(),
                Err(errno) => return Err(Failure::system(&called, errno)),
            };
            check_mount(root, &called, mark, &filesystem)?;
            let (name, path) = (root.name.clone(), root.path.clone());
            let mounts = policy.mounts().iter().filter(|rule| rule.place_root() == root.name);
            let mounts = mounts.cloned().collect();
            Ok((name.clone(), Root { name, path, fd, identity, mark, filesystem, mounts }))
        };
        policy.roots().map(open).collect::<Result<_, _>>().map(Roots)
    }

    /// The root by that name, still the one that was opened.
    ///
    /// # Errors
    /// When its path has come to lead to another directory, or its mount was changed.
    pub fn get(&self, name: &str) -> Result<&Root, Failure> {
        let root = self.0.get(name).ok_or_else(|| {
            Failure::new(ErrorKind::Changed, format!("there is no root {name:?}"))
        })?;
        let place = Place { root: name, components: &[] };
        let (_, now, mark) = open_root(&root.path, place, MISSING)?;
        let changed = |what: &str| {
            let message = format!("{place} {what}; restart the backend if that is right");
            Err(Failure::new(ErrorKind::Changed, message))
        };
        if (now, mark.mount) != (root.identity, root.mark.mount) {
            return changed(
                "is no longer the directory that the broker opened: it was replaced or something \
                 was mounted over it",
            );
        }
        if mark.flags != root.mark.flags {
            return changed("is mounted with other options than when the broker started");
        }
        Ok(root)
    }

    /// The root that is this directory, if one is.
    pub fn name_of(&self, directory: Identity) -> Option<&str> {
        self.0.values().find(|root| root.identity == directory).map(|root| root.name.as_str())
    }

    /// What the broker says of its roots.
    pub fn identities(&self) -> Vec<RootIdentity> {
        let identity = |root: &Root| RootIdentity {
            name: root.name.clone(),
            path: root.path.clone(),
            device: root.identity.device,
            inode: root.identity.inode,
            filesystem: root.filesystem.clone(),
            mount_options: mount_table::words(root.mark.flags).map(str::to_owned).collect(),
        };
        self.0.values().map(identity).collect()
    }
}

impl Root {
    /// The root's path with the components after it.
    pub fn path(&self, components: &[String]) -> String {
        [&self.path].into_iter().chain(components).map(String::as_str).collect::<Vec<_>>().join("/")
    }

    /// Which directory it is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Follows `components` to what they name, without opening it for anything; a symbolic
    /// link at the end is found as itself.
    ///
    /// # Errors
    /// When there is nothing, or the way leads over a link or into a mount that no rule grants.
    pub fn find(&self, components: &[String]) -> Result<(OwnedFd, Stat), Failure> {
        let place = Place { root: &self.name, components };
        let fd = if components.is_empty() {
            self.fd.try_clone().map_err(|error| Failure::new(ErrorKind::Io, error.to_string()))?
        } else {
            match beneath(self.fd.as_fd(), components.join("/"), OFlags::PATH | OFlags::NOFOLLOW) {
                Err(Errno::XDEV) => self.find_in_mount(components)?,
                found => found.map_err(|errno| Failure::system(place, errno))?,
            }
        };
        let stat = rustix::fs::fstat(&fd).map_err(|errno| Failure::system(place, errno))?;
        Ok((fd, stat))
    }

    /// As [`Root::find`], where the way leads into a mount: it must stand at a place of a mount
    /// rule, with what that rule forces. Of two mounts on one way, no rule has the second.
    fn find_in_mount(&self, components: &[String]) -> Result<OwnedFd, Failure> {
        let rule_of = |length: usize| {
            let (place, rest) = components.split_at_checked(length)?;
            let rule = self.mounts.iter().find(|rule| rule.holds(&self.name, place))?;
            Some((place, rest, rule))
        };
        let whole = Place { root: &self.name, components };
        let (at, rest, rule) = (1..=components.len())
            .find_map(rule_of)
            .ok_or_else(|| Failure::system(whole, Errno::XDEV))?;
        let place = Place { root: &self.name, components: at };
        let failed = |errno| Failure::system(place, errno);
        let (parent, leaf) = self.parent(at)?;
        let top = top(parent.as_fd(), leaf).map_err(failed)?;
        expect_forced(top.as_fd(), rule, place)?;
        if rest.is_empty() {
            return Ok(top);
        }
        beneath(top.as_fd(), rest.join("/"), OFlags::PATH | OFlags::NOFOLLOW)
            .map_err(|errno| Failure::system(whole, errno))
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

    /// Refuses a path that somebody else could change while a program follows it: every directory on
    /// the way, from the root to the one that holds the leaf, must belong to root or to `user`, and
    /// be writable by nobody else.
    ///
    /// # Errors
    /// `not-permitted`, which names the directory; else as [`Root::find`].
    pub fn expect_kept(&self, components: &[String], user: u32) -> Result<(), Failure> {
        for (length, _) in components.iter().enumerate() {
            let above = components.get(..length).unwrap_or_default();
            let (_, stat) = self.find(above)?;
            let (owner, mode) = (stat.st_uid, stat.st_mode & 0o7777);
            if (owner == 0 || owner == user) && mode & OTHERS_WRITE == 0 {
                continue;
            }
            let place = Place { root: &self.name, components: above };
            let message = format!(
                "{place} may be changed by others (user {owner}, mode {mode:04o}), so that a path \
                 through it may come to mean something else; chmod go-w, or pass a descriptor"
            );
            return Err(Failure::new(ErrorKind::NotPermitted, message));
        }
        Ok(())
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

/// Refuses a mount without the options that its rule forces: the rule has not made it.
///
/// # Errors
/// `other-device`, which names the option.
pub fn expect_forced(
    top: BorrowedFd<'_>,
    rule: &MountRule,
    place: Place<'_>,
) -> Result<(), Failure> {
    let mark = mount_table::mark(top).map_err(|errno| Failure::system(place, errno))?;
    let Some(missing) = mount_table::missing(mark.flags, rule.forced()) else { return Ok(()) };
    let message = format!(
        "{place}: what is mounted there lacks {missing}, which the rule {} forces",
        rule.id
    );
    Err(Failure::new(ErrorKind::OtherDevice, message))
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

/// What to do where a root is missing.
const MISSING: &str = "make the directory, or correct";

/// Opens the root at `path`, which messages call `called`: the operator sees the path when
/// the broker starts, a guest never does. `missing` is what to do where there is none.
fn open_root(
    path: &str,
    called: impl fmt::Display,
    missing: &str,
) -> Result<(OwnedFd, Identity, Mark), Failure> {
    let changed = |what: &dyn fmt::Display, errno| Failure {
        kind: ErrorKind::Changed,
        ..Failure::system(what, errno)
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
        .map_err(|errno| {
            let advice = match errno {
                Errno::NOENT => format!(" ({missing} roots.NAME.path in the policy)"),
                Errno::LOOP => " (write the path without symbolic links)".to_owned(),
                _ => String::new(),
            };
            changed(&format_args!("{called}{advice}"), errno)
        })?;
    let stat = rustix::fs::fstat(&fd).map_err(|errno| changed(&called, errno))?;
    let mark = mount_table::mark(&fd).map_err(|errno| changed(&called, errno))?;
    Ok((fd, identity(&stat), mark))
}

/// Refuses a root whose mount is not what the policy says.
fn check_mount(
    root: &abaca_policy::Root,
    called: &str,
    mark: Mark,
    filesystem: &str,
) -> Result<(), Failure> {
    let name = &root.name;
    let refuse = |why: String| Err(Failure::new(ErrorKind::Changed, format!("{called} {why}")));
    if let Some(wanted) = root.filesystem.as_ref().filter(|wanted| *wanted != filesystem) {
        return refuse(format!(
            "is on {filesystem}, and the policy says {wanted} (mount the right file system there, \
             or correct roots.{name}.filesystem in the policy)"
        ));
    }
    let wanted = root.mount_options.iter().copied();
    if let Some(missing) = mount_table::missing(mark.flags, wanted) {
        return refuse(format!(
            "is mounted without {missing}, and the policy wants it (mount it with {missing}, or \
             correct roots.{name}.mount-options in the policy)"
        ));
    }
    Ok(())
}
