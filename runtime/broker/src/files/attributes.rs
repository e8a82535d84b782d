//! Permission bits and owners: set on a descriptor, so that the file that was found is the
//! one that changes. Landlock knows neither, which is why they are verbs and not commands.

use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, Mode};
use rustix::process::{Gid, Uid};

use super::Target;
use crate::failure::Failure;
use crate::job::SET_GROUP;
use crate::roots::by_descriptor;
use abaca_broker::protocol::ErrorKind;

/// Sets permission bits.
///
/// # Errors
/// When there is nothing, a link, no right to, or set-group for what is no directory.
pub fn set_mode(at: Target<'_>, mode: u32) -> Result<(), Failure> {
    let (fd, stat) = at.root.find(at.components)?;
    refuse_link(&at, stat.st_mode)?;
    // An open file never becomes a directory, so this look holds until the change.
    let directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    if mode & SET_GROUP != 0 && !directory {
        let message = format!("{} is no directory, and only those are set-group", at.place);
        return Err(Failure::new(ErrorKind::Invalid, message));
    }
    rustix::fs::chmod(by_descriptor(fd.as_fd()), Mode::from_raw_mode(mode))
        .map_err(|errno| at.failed(errno))
}

/// Sets owner and group. As always, that clears set-user and set-group bits.
///
/// # Errors
/// When there is nothing, a link, or no right to.
pub fn set_owner(at: Target<'_>, uid: Option<u32>, gid: Option<u32>) -> Result<(), Failure> {
    let (fd, stat) = at.root.find(at.components)?;
    refuse_link(&at, stat.st_mode)?;
    let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
    rustix::fs::chownat(&fd, "", uid, gid, AtFlags::EMPTY_PATH).map_err(|errno| at.failed(errno))
}

fn refuse_link(at: &Target<'_>, mode: u32) -> Result<(), Failure> {
    if FileType::from_raw_mode(mode) != FileType::Symlink {
        return Ok(());
    }
    let message = format!("{} is a symbolic link, and none is followed", at.place);
    Err(Failure::new(ErrorKind::SymbolicLink, message))
}
