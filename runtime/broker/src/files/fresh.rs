//! A file in the making: without a name until it is whole and on the disk.
//!
//! Who may write to its directory must neither foresee its name nor put something else in
//! its place. Where the file system can, it has no name at all (`O_TMPFILE`) before the one it
//! is for; to replace a file it takes a random one for the moment of the rename. Elsewhere it
//! has a random name from the beginning. Dropped before it is published, it is gone.
//!
//! A hand that is killed in between leaves the random name behind, `.abaca-` and 32 digits.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use abaca_broker::protocol::ErrorKind;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::failure::Failure;
use crate::roots::{Place, by_descriptor, identity, reopen};

/// What a file is made with until its bits are set.
const PRIVATE: Mode = Mode::from_bits_truncate(0o600);

/// How many random bytes make a name that nobody guesses.
const NAME_BYTES: usize = 16;

/// The file, and where it is to go.
pub struct Fresh<'a> {
    pub file: File,
    /// The random name, while it has one.
    name: Option<String>,
    parent: OwnedFd,
    place: Place<'a>,
}

impl<'a> Fresh<'a> {
    /// Makes an empty file in `parent`.
    ///
    /// # Errors
    /// When there is no space or right to.
    pub fn create(parent: OwnedFd, place: Place<'a>) -> Result<Fresh<'a>, Failure> {
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        match rustix::fs::openat(&parent, ".", flags, PRIVATE) {
            Ok(fd) => Ok(Fresh { file: File::from(fd), name: None, parent, place }),
            Err(Errno::OPNOTSUPP) => Fresh::named(parent, place),
            Err(errno) => Err(Failure::system(place, errno)),
        }
    }

    /// The same on a file system that has no files without names.
    fn named(parent: OwnedFd, place: Place<'a>) -> Result<Fresh<'a>, Failure> {
        let failed = |errno| Failure::system(place, errno);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW;
        let name = random_name().map_err(failed)?;
        let fd = rustix::fs::openat(&parent, &name, flags | OFlags::CLOEXEC, PRIVATE);
        let file = File::from(fd.map_err(failed)?);
        Ok(Fresh { file, name: Some(name), parent, place })
    }

    /// Gives it to an owner, as far as we have the right to; else it stays ours.
    ///
    /// # Errors
    /// What the system says but for a missing right.
    pub fn give(&self, user: Uid, group: Gid) -> Result<(), Failure> {
        match rustix::fs::fchown(&self.file, Some(user), Some(group)) {
            Ok(()) | Err(Errno::PERM) => Ok(()),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    /// Gives it its bits and its name `leaf`, durably. Without `replace` the name must be
    /// free; with it, whatever file has the name loses it.
    ///
    /// # Errors
    /// `already-exists`, or what the system says.
    pub fn publish(mut self, leaf: &str, mode: Mode, replace: bool) -> Result<(), Failure> {
        rustix::fs::fchmod(&self.file, mode).map_err(|errno| self.failed(errno))?;
        rustix::fs::fsync(&self.file).map_err(|errno| self.failed(errno))?;
        if self.name.is_none() {
            match self.link(leaf) {
                Err(Errno::EXIST) if replace => {
                    let name = random_name().map_err(|errno| self.failed(errno))?;
                    self.link(&name).map_err(|errno| self.failed(errno))?;
                    self.name = Some(name);
                }
                answer => answer.map_err(|errno| self.failed(errno))?,
            }
        }
        if let Some(name) = &self.name {
            if !self.is_ours(name) {
                let message = format!("{}: its new contents were moved away", self.place);
                return Err(Failure::new(ErrorKind::Io, message));
            }
            let flags = if replace { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
            rustix::fs::renameat_with(&self.parent, name, &self.parent, leaf, flags)
                .map_err(|errno| self.failed(errno))?;
            self.name = None;
        }
        settle(self.parent.as_fd()).map_err(|errno| self.failed(errno))
    }

    /// Gives the file, which has no name, a name that is free.
    fn link(&self, name: &str) -> Result<(), Errno> {
        let file = by_descriptor(self.file.as_fd());
        rustix::fs::linkat(CWD, file, &self.parent, name, AtFlags::SYMLINK_FOLLOW)
    }

    /// Whether `name` still means this file: others may move it as they like.
    fn is_ours(&self, name: &str) -> bool {
        let named = rustix::fs::statat(&self.parent, name, AtFlags::SYMLINK_NOFOLLOW);
        match (named, rustix::fs::fstat(&self.file)) {
            (Ok(named), Ok(ours)) => identity(&named) == identity(&ours),
            _ => false,
        }
    }

    fn failed(&self, errno: Errno) -> Failure {
        Failure::system(self.place, errno)
    }
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name.as_ref().filter(|name| self.is_ours(name)) {
            let _ = rustix::fs::unlinkat(&self.parent, name, AtFlags::empty());
        }
    }
}

fn random_name() -> Result<String, Errno> {
    let mut bytes = [0; NAME_BYTES];
    // As few bytes as these come at once and whole.
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(format!(".abaca-{:032x}", u128::from_ne_bytes(bytes)))
}

/// Brings what happened in a directory to the disk.
pub fn settle(directory: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::fs::fsync(reopen(directory, OFlags::RDONLY | OFlags::DIRECTORY)?)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "looks at what was made")]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    const PLACE: Place<'static> = Place { root: "shares", components: &[] };
    const MODE: Mode = Mode::from_bits_truncate(0o640);

    fn open(path: &std::path::Path) -> OwnedFd {
        File::open(path).unwrap().into()
    }

    fn names(path: &std::path::Path) -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn there_is_nothing_to_see_before_it_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let mut fresh = Fresh::create(open(directory.path()), PLACE).unwrap();
        fresh.file.write_all(b"new").unwrap();
        assert_eq!(names(directory.path()), Vec::<String>::new());
        fs::write(directory.path().join("a"), "old").unwrap();
        fresh.publish("a", MODE, true).unwrap();
        assert_eq!(names(directory.path()), ["a"]);
        assert_eq!(fs::read_to_string(directory.path().join("a")).unwrap(), "new");
    }

    #[test]
    fn a_name_of_its_own_is_random_and_goes_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let make = || Fresh::named(open(directory.path()), PLACE).unwrap();
        let (one, other) = (make(), make());
        assert_ne!(one.name, other.name);
        drop(other);
        assert_eq!(names(directory.path()), [one.name.clone().unwrap()]);
        one.publish("a", MODE, false).unwrap();
        let failure = make().publish("a", MODE, false).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::AlreadyExists);
        assert_eq!(names(directory.path()), ["a"]);
    }

    #[test]
    fn what_was_put_in_its_place_is_neither_published_nor_removed() {
        let directory = tempfile::tempdir().unwrap();
        let fresh = Fresh::named(open(directory.path()), PLACE).unwrap();
        let taken = directory.path().join(fresh.name.clone().unwrap());
        fs::rename(&taken, directory.path().join("moved")).unwrap();
        fs::write(&taken, "a stranger's").unwrap();
        assert!(fresh.publish("a", MODE, true).is_err());
        assert!(!directory.path().join("a").exists());
        assert_eq!(fs::read_to_string(taken).unwrap(), "a stranger's");
    }
}
