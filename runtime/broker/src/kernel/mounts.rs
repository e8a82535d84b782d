//! Mounts and loop devices, by the calls that rustix lacks. As everywhere in `kernel`, each
//! function is the call and nothing more; `mounts` decides.

use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

use super::last_error;

/// Of linux/loop.h.
const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4C82;
const LOOP_CONFIGURE: libc::Ioctl = 0x4C0A;
const LOOP_GET_STATUS64: libc::Ioctl = 0x4C05;
const LO_FLAGS_READ_ONLY: u32 = 1;
const LO_FLAGS_AUTOCLEAR: u32 = 4;

/// `struct loop_info64`
#[repr(C)]
struct LoopInfo {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config`
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    info: LoopInfo,
    reserved: [u64; 8],
}

impl LoopInfo {
    const NONE: LoopInfo = LoopInfo {
        device: 0,
        inode: 0,
        rdevice: 0,
        offset: 0,
        size_limit: 0,
        number: 0,
        encrypt_type: 0,
        encrypt_key_size: 0,
        flags: 0,
        file_name: [0; 64],
        crypt_name: [0; 64],
        encrypt_key: [0; 32],
        init: [0; 2],
    };
}

/// `struct mount_attr`
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// The number of a loop device that nothing is attached to. Another may take it first.
///
/// # Errors
/// What ioctl(2) says.
pub fn free(control: BorrowedFd<'_>) -> Result<u32, Errno> {
    // SAFETY: takes nothing and answers a number.
    let number = unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE) };
    u32::try_from(number).map_err(|_| last_error())
}

/// Attaches a file to a loop device, until the device's last user is gone.
///
/// # Errors
/// BUSY when it has a file already, and what ioctl(2) says otherwise.
pub fn attach(device: BorrowedFd<'_>, file: BorrowedFd<'_>, read_only: bool) -> Result<(), Errno> {
    let flags = LO_FLAGS_AUTOCLEAR | if read_only { LO_FLAGS_READ_ONLY } else { 0 };
    let config = LoopConfig {
        fd: file.as_raw_fd().cast_unsigned(),
        block_size: 0,
        info: LoopInfo { flags, ..LoopInfo::NONE },
        reserved: [0; 8],
    };
    // SAFETY: the kernel reads this structure, which lives until the call returns.
    match unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE, &raw const config) } {
        0 => Ok(()),
        _ => Err(last_error()),
    }
}

/// Device and inode of the file that is attached to a loop device.
///
/// # Errors
/// NXIO when there is none, NOTTY for another kind of device.
pub fn attached(device: BorrowedFd<'_>) -> Result<(u64, u64), Errno> {
    let mut info = LoopInfo::NONE;
    // SAFETY: the kernel writes this structure, which is as large as it expects.
    match unsafe { libc::ioctl(device.as_raw_fd(), LOOP_GET_STATUS64, &raw mut info) } {
        0 => Ok((info.device, info.inode)),
        _ => Err(last_error()),
    }
}

/// Gives a mount that stands nowhere yet these attributes, and makes it one that no other mount
/// follows.
///
/// # Errors
/// What `mount_setattr(2)` says.
pub fn set_attributes(mount: BorrowedFd<'_>, set: u64, clear: u64) -> Result<(), Errno> {
    change(mount, 0, set, clear)
}

/// As [`set_attributes`], of a mount and of all that stand on it.
///
/// # Errors
/// What `mount_setattr(2)` says.
pub fn set_attributes_of_all(top: BorrowedFd<'_>, set: u64) -> Result<(), Errno> {
    change(top, libc::AT_RECURSIVE, set, 0)
}

fn change(mount: BorrowedFd<'_>, flags: i32, set: u64, clear: u64) -> Result<(), Errno> {
    let attributes = MountAttr { set, clear, propagation: libc::MS_PRIVATE, user_namespace: 0 };
    // SAFETY: the path is a C string, and the kernel reads as many bytes as it is told there are.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | flags,
            &raw const attributes,
            size_of::<MountAttr>(),
        )
    };
    if answer == 0 { Ok(()) } else { Err(last_error()) }
}
