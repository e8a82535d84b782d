//! One step of a walk: from a directory's descriptor to what lies beneath it, by `openat2`.
//!
//! Every way into a root goes through here; which ways there are, `roots` knows.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::mount_table;

/// How often a walk is begun again when a rename ran across it (the kernel then cannot be
/// sure that it stayed beneath). Someone who renames without end gets an error, not a hang.
const WALKS: usize = 64;

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
    walk(directory, path, flags, ResolveFlags::NO_XDEV)
}

/// What stands on top at the name `leaf` of `directory`: the file itself, or what is mounted
/// there. Which of them, [`same_mount`] tells.
///
/// # Errors
/// As [`beneath`], but for mounts.
pub fn top(directory: BorrowedFd<'_>, leaf: &str) -> Result<OwnedFd, Errno> {
    walk(directory, leaf, OFlags::PATH | OFlags::NOFOLLOW, ResolveFlags::empty())
}

/// Whether two descriptors lie in the same mount.
///
/// # Errors
/// What the system says.
pub fn same_mount(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(mount_table::unique(one)? == mount_table::unique(other)?)
}

fn walk(
    directory: BorrowedFd<'_>,
    path: impl rustix::path::Arg,
    flags: OFlags,
    more: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    let resolve =
        more | ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
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
