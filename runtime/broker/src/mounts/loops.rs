//! Loop devices: an image file as a block device, for as long as something uses it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use abaca_broker::protocol::{ErrorKind, Identity};
use rustix::fs::{Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::failure::Failure;
use crate::kernel::mounts as kernel;
use crate::roots;

/// Who gives out numbers of loop devices.
const CONTROL: &str = "/dev/loop-control";

/// The devices themselves. The directory is root's.
const DEVICES: &str = "/dev/loop";

/// Where the kernel lists all block devices.
const BLOCK_DEVICES: &str = "/sys/block";

/// How often a device is asked for when others take the free ones first.
const TRIES: usize = 64;

/// A loop device with an image. When it is dropped, and nothing is mounted of it, the kernel
/// takes the image off.
pub struct Attached {
    /// Held until the mount holds it.
    _device: OwnedFd,
    pub path: String,
}

/// Attaches the file that was found by `image`. The device keeps our lock on the file with it:
/// nobody mounts an image twice, unless only to read it.
///
/// # Errors
/// `busy` when it is attached to a device already, and what the system says.
pub fn attach(image: BorrowedFd<'_>, read_only: bool) -> Result<Attached, Failure> {
    let failed = |errno| Failure::system("a loop device", errno);
    let (mode, lock) = match read_only {
        true => (OFlags::RDONLY, FlockOperation::NonBlockingLockShared),
        false => (OFlags::RDWR, FlockOperation::NonBlockingLockExclusive),
    };
    let unusable = |errno| Failure::system("the image", errno);
    let file = roots::reopen(image, mode).map_err(unusable)?;
    rustix::fs::flock(&file, lock).map_err(|errno| match errno {
        Errno::WOULDBLOCK => Failure::new(ErrorKind::Busy, "the image is mounted elsewhere"),
        errno => unusable(errno),
    })?;
    let control = open(CONTROL, OFlags::RDWR).map_err(failed)?;
    for _ in 0..TRIES {
        let path = format!("{DEVICES}{}", kernel::free(control.as_fd()).map_err(failed)?);
        let device = open(&path, OFlags::RDWR).map_err(failed)?;
        let stat = rustix::fs::fstat(&device).map_err(failed)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::BlockDevice {
            let message = format!("{path} is no block device");
            return Err(Failure::new(ErrorKind::Wall, message));
        }
        match kernel::attach(device.as_fd(), file.as_fd(), read_only) {
            Ok(()) => return Ok(Attached { _device: device, path }),
            Err(Errno::BUSY) => {}
            Err(errno) => return Err(failed(errno)),
        }
    }
    Err(Failure::new(ErrorKind::Busy, "no loop device was to be had; ask again"))
}

/// The loop device that an image is attached to already, held; none if there is none any more.
///
/// # Errors
/// When it cannot be looked.
pub fn attached(image: Identity) -> Result<Option<Attached>, Failure> {
    let failed = |errno| Failure::system("the loop devices", errno);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let all = rustix::fs::open(BLOCK_DEVICES, flags, Mode::empty()).map_err(failed)?;
    for entry in Dir::read_from(all).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_str().ok();
        let Some(number) = name.and_then(|name| name.strip_prefix("loop")) else {
            continue;
        };
        let path = format!("{DEVICES}{number}");
        // Held first, so that it is still this image's when it has been looked at.
        let Ok(device) = open(&path, OFlags::RDWR) else { continue };
        if kernel::attached(device.as_fd()) == Ok((image.device, image.inode)) {
            return Ok(Some(Attached { _device: device, path }));
        }
    }
    Ok(None)
}

/// Which file the loop device at `path` shows; none if it is none, or shows none.
pub fn image_of(path: &str) -> Option<Identity> {
    if !path.starts_with(DEVICES) {
        return None;
    }
    let device = open(path, OFlags::RDONLY).ok()?;
    let (device, inode) = kernel::attached(device.as_fd()).ok()?;
    Some(Identity { device, inode })
}

fn open(path: &str, mode: OFlags) -> Result<OwnedFd, Errno> {
    let flags = mode | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    rustix::fs::open(path, flags, Mode::empty())
}
