//! The system calls that have no safe wrapper: the only `unsafe` of this crate. Each function is
//! the call and nothing more; `walls` decides the order.
#![allow(unsafe_code)]

use rustix::io::Errno;
use rustix::process::{Pid, Signal};

/// Closes every descriptor from `first` on.
///
/// # Errors
/// What close_range(2) says.
pub fn close_from(first: u32) -> Result<(), Errno> {
    // SAFETY: main calls this before anything here has opened a descriptor: nobody owns one.
    match unsafe { libc::close_range(first, u32::MAX, 0) } {
        0 => Ok(()),
        _ => Err(last_error()),
    }
}

/// Moves this process into a new network namespace, in which there is no network.
///
/// # Errors
/// What unshare(2) says: not permitted, too many of them, none in this kernel.
pub fn leave_network() -> Result<(), Errno> {
    // SAFETY: takes a number only; there is no other thread.
    match unsafe { libc::unshare(libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(last_error()),
    }
}

/// Sends a signal to the first thread of a process.
///
/// # Errors
/// What tgkill(2) says.
pub fn signal_thread(process: Pid, signal: Signal) -> Result<(), Errno> {
    let (process, signal) = (process.as_raw_pid(), signal.as_raw());
    // SAFETY: takes numbers only.
    match unsafe { libc::syscall(libc::SYS_tgkill, process, process, signal) } {
        0 => Ok(()),
        _ => Err(last_error()),
    }
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
