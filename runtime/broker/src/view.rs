//! The view: a file system that is read-only but for a rule's own `write` roots, for commands that
//! may change modes, owners, times and other attributes.
//!
//! The fence does not cover attributes, and whoever owns a file decides about them; but nobody
//! changes any on a mount that is read-only. So the child of such a rule (`syscalls =
//! ["attributes"]`) enters a mount namespace of its own, where everything is, and finds all that
//! it is given there once more, because a descriptor from outside leads to the mounts outside:
//!
//! ```text
//! copy of the mounts, followed by none ─▶ hold the `write` roots ─▶ drop what the rule has no use
//!   for (so that it keeps no file system busy) ─▶ all else read-only ─▶ the roots in their places
//!   ─▶ path arguments, program, empty input: opened anew, and still the same files
//! ```
//! An ordinary user may do that in a user namespace only. It has no power there that it had not
//! outside: `confine` takes what it got.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use abaca_broker::protocol::{ErrorKind, Identity};
use abaca_policy::{CommandRule, SyscallGroup};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags};
use rustix::thread::CapabilitySet;

use crate::failure::Failure;
use crate::ground::Ground;
use crate::roots::identity;
use crate::{fence, kernel, mount_table};

/// What a command is given for input when there is none.
const NULL: &str = "/dev/null";

/// What one rule sees of the file system.
pub struct View {
    /// Where attributes may change.
    write: Vec<(String, Identity)>,
    /// What must be there at all, the above included.
    keep: Vec<String>,
    /// Where the program is.
    program: String,
}

impl View {
    /// The view for a rule, if it needs one.
    ///
    /// # Errors
    /// When a root is no longer what it was.
    pub fn of(rule: &CommandRule, ground: &Ground) -> Result<Option<View>, Failure> {
        if !rule.syscalls.contains(&SyscallGroup::Attributes) {
            return Ok(None);
        }
        let place = |name: &String| {
            let root = ground.roots.get(name)?;
            Ok((root.path(&[]), root.identity()))
        };
        let write = rule.write.iter().map(place).collect::<Result<Vec<_>, Failure>>()?;
        let read = rule.read.iter().map(place).collect::<Result<Vec<_>, Failure>>()?;
        let roots = write.iter().chain(&read).map(|(path, _)| path.clone());
        let keep = roots.chain(fence::system().map(str::to_owned)).collect();
        Ok(Some(View { write, keep, program: rule.program.clone() }))
    }

    /// Moves this process into the view, for good.
    ///
    /// # Errors
    /// `wall`, when it cannot be made here; `changed`, when a root is not what it was.
    pub fn enter(&self, powers: CapabilitySet) -> Result<(), Failure> {
        let own_right = powers.contains(CapabilitySet::SYS_ADMIN);
        if own_right {
            kernel::leave_mounts(true).map_err(wall)?;
        } else {
            become_nobody_else()?;
        }
        let top = rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        let top = top.map_err(wall)?;
        kernel::mounts::set_attributes_of_all(top.as_fd(), 0).map_err(wall)?;
        let held = self.write.iter().map(|(path, identity)| hold(path, *identity));
        let held = held.collect::<Result<Vec<_>, _>>()?;
        self.drop_the_rest().map_err(wall)?;
        let read_only = u64::from(MountAttrFlags::MOUNT_ATTR_RDONLY.bits());
        kernel::mounts::set_attributes_of_all(top.as_fd(), read_only).map_err(wall)?;
        for ((path, identity), tree) in self.write.iter().zip(held) {
            // It is the place that is covered, not what has come to be called so.
            let place = find(path, *identity)?;
            let flags =
                MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
            rustix::mount::move_mount(tree, "", place, "", flags).map_err(wall)?;
        }
        Ok(())
    }

    /// Takes away the mounts that the rule has no use for. One that does not go, such as an ordinary
    /// user's, stays, read-only.
    fn drop_the_rest(&self) -> Result<(), Errno> {
        for point in mount_table::points()?.iter().rev() {
            let needed = |kept: &String| is_within(kept, point) || is_within(point, kept);
            if !self.keep.iter().chain([&self.program]).any(needed) {
                let _ = rustix::mount::unmount(
                    point.as_str(),
                    UnmountFlags::DETACH | UnmountFlags::NOFOLLOW,
                );
            }
        }
        Ok(())
    }

    /// What is open at `outside`, opened at its `path` in this view.
    ///
    /// # Errors
    /// `changed`, when something else is there; a link is `symbolic-link`, nothing `not-found`.
    pub fn again(&self, path: &str, outside: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
        let stat = rustix::fs::fstat(outside).map_err(wall)?;
        find(path, identity(&stat))
    }

    /// The program, as [`View::again`].
    ///
    /// # Errors
    /// `changed`, when it is another one.
    pub fn program(&self, outside: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let fd = rustix::fs::open(self.program.as_str(), flags, Mode::empty()).map_err(wall)?;
        let which = |fd: BorrowedFd<'_>| rustix::fs::fstat(fd).map(|stat| identity(&stat));
        if which(fd.as_fd()).map_err(wall)? == which(outside).map_err(wall)? {
            return Ok(fd);
        }
        Err(Failure::new(ErrorKind::Changed, "the program was replaced"))
    }

    /// The empty input, if that is what `outside` is.
    ///
    /// # Errors
    /// `wall`, when it cannot be opened.
    pub fn input(&self, outside: BorrowedFd<'_>) -> Result<Option<OwnedFd>, Failure> {
        let stat = rustix::fs::fstat(outside).map_err(wall)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::CharacterDevice {
            return Ok(None);
        }
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        rustix::fs::open(NULL, flags, Mode::empty()).map(Some).map_err(wall)
    }
}

/// Enters a user namespace with a mount namespace in it, as the user and group that we are.
fn become_nobody_else() -> Result<(), Failure> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    if user.is_root() {
        let message = "the view of a command that changes attributes: root without the \
                       capability SYS_ADMIN cannot make a mount namespace";
        return Err(Failure::new(ErrorKind::Wall, message));
    }
    kernel::leave_mounts(false).map_err(wall)?;
    let (user, group) = (user.as_raw(), group.as_raw());
    // The kernel wants them in this order.
    tell("/proc/self/uid_map", &format!("{user} {user} 1")).map_err(wall)?;
    tell("/proc/self/setgroups", "deny").map_err(wall)?;
    tell("/proc/self/gid_map", &format!("{group} {group} 1")).map_err(wall)
}

fn tell(file: &str, text: &str) -> Result<(), Errno> {
    let file = rustix::fs::open(file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(file, text.as_bytes()).map(drop)
}

/// A copy of the mounts from a root on, as they are and standing nowhere.
fn hold(path: &str, which: Identity) -> Result<OwnedFd, Failure> {
    let root = find(path, which)?;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    rustix::mount::open_tree(root, "", flags).map_err(wall)
}

/// Opens what is at `path` if it is still the one.
fn find(path: &str, which: Identity) -> Result<OwnedFd, Failure> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS);
    // No place of the host is told to a guest.
    let what = "a place that was replaced while its command was starting";
    let fd = fd.map_err(|errno| Failure::system(what, errno))?;
    let stat = rustix::fs::fstat(&fd).map_err(wall)?;
    if identity(&stat) == which {
        return Ok(fd);
    }
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => ErrorKind::SymbolicLink,
        _ => ErrorKind::Changed,
    };
    Err(Failure::new(kind, format!("{what} is another one now")))
}

fn is_within(path: &str, directory: &str) -> bool {
    let rest = path.strip_prefix(directory.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn wall(errno: Errno) -> Failure {
    let what = "the view of a command that changes attributes";
    Failure { kind: ErrorKind::Wall, ..Failure::system(what, errno) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_within_whole_components() {
        for (path, directory) in [("/a/b", "/a"), ("/a", "/a"), ("/a", "/")] {
            assert!(is_within(path, directory), "{path} {directory}");
        }
        for (path, directory) in [("/ab", "/a"), ("/a", "/a/b"), ("/", "/a")] {
            assert!(!is_within(path, directory), "{path} {directory}");
        }
    }
}
