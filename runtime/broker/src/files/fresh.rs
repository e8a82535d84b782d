//! A file in the making: under a name of its own in the directory it is for, until it is
//! whole and on the disk. Dropped before that, it is removed.
//!
//! A hand that is killed in between leaves the name behind, `.abaca-PID-N`.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::failure::Failure;
use crate::roots::{Place, reopen};

/// How many names are tried: others than the first are taken only by what was killed.
const NAMES: u32 = 100;

/// What a file is made with until its bits are set.
const PRIVATE: Mode = Mode::from_bits_truncate(0o600);

/// The file, and where it is to go.
pub struct Fresh<'a> {
    pub file: File,
    name: String,
    parent: OwnedFd,
    place: Place<'a>,
}

impl<'a> Fresh<'a> {
    /// Makes an empty file in `parent`.
    ///
    /// # Errors
    /// When there is no space or right to.
    pub fn create(parent: OwnedFd, place: Place<'a>) -> Result<Fresh<'a>, Failure> {
        let pid = rustix::process::getpid();
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW;
        for number in 0..NAMES {
            let name = format!(".abaca-{pid}-{number}");
            match rustix::fs::openat(&parent, &name, flags | OFlags::CLOEXEC, PRIVATE) {
                Ok(fd) => return Ok(Fresh { file: File::from(fd), name, parent, place }),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(Failure::system(place, errno)),
            }
        }
        Err(Failure::system(place, Errno::EXIST))
    }

    /// Gives it its bits and its name `leaf`, durably. Without `replace` the name must be
    /// free; with it, whatever file has the name loses it.
    ///
    /// # Errors
    /// `already-exists`, or what the system says.
    pub fn publish(self, leaf: &str, mode: Mode, replace: bool) -> Result<(), Failure> {
        let flags = if replace { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        let publish = || -> Result<(), Errno> {
            rustix::fs::fchmod(&self.file, mode)?;
            rustix::fs::fsync(&self.file)?;
            rustix::fs::renameat_with(&self.parent, &self.name, &self.parent, leaf, flags)?;
            settle(self.parent.as_fd())
        };
        publish().map_err(|errno| Failure::system(self.place, errno))
    }
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        // After `publish` the name is gone and this does nothing.
        let _ = rustix::fs::unlinkat(&self.parent, &self.name, AtFlags::empty());
    }
}

/// Brings what happened in a directory to the disk.
pub fn settle(directory: BorrowedFd<'_>) -> Result<(), Errno> {
    let found = directory.try_clone_to_owned().map_err(|_| Errno::MFILE)?;
    rustix::fs::fsync(reopen(&found, OFlags::RDONLY | OFlags::DIRECTORY)?)
}
