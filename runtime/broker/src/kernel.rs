//! The system calls that have no safe wrapper: the only `unsafe` of this crate.
//!
//! Each function is the call and nothing more; what is done with it, and in which order, is
//! for `dispatch`, `spawn` and `main`. The process has one thread for all its life, which is
//! what makes a child free to allocate and to run any code between fork and exec.
#![allow(unsafe_code)]

pub mod mounts;

use std::ffi::{CString, c_char};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use rustix::io::Errno;
use rustix::process::Pid;

/// The exit code of a child that panicked, as Rust's own.
const PANICKED: u8 = 101;

/// The highest signal number of Linux.
const LAST_SIGNAL: i32 = 64;

/// The size of the kernel's signal set, in bytes.
const SIGNAL_SET: usize = 8;

/// In which of the two processes a fork returned.
pub enum Fork {
    /// In the new one. It must end in [`live`], so that it never returns to its parent's work.
    Child,
    /// In the old one, with the number of the new.
    Parent(Pid),
}

/// Makes a copy of this process.
///
/// # Errors
/// What fork(2) says: no memory, too many processes.
pub fn fork() -> Result<Fork, Errno> {
    // SAFETY: there is no other thread whose locks could be held in the copy.
    match unsafe { libc::fork() } {
        0 => Ok(Fork::Child),
        pid => Pid::from_raw(pid).filter(|_| pid > 0).map(Fork::Parent).ok_or_else(last_error),
    }
}

/// The whole life of a child: does `work` and ends with its code. Nothing of the parent's
/// stack is unwound or dropped.
pub fn live(work: impl FnOnce() -> u8) -> ! {
    let code = catch_unwind(AssertUnwindSafe(work)).unwrap_or(PANICKED);
    // SAFETY: ends the process; it touches no memory.
    unsafe { libc::_exit(i32::from(code)) }
}

/// Whether this process leads its session.
///
/// Where the leader is outside of this process's namespace of processes the kernel names it 0,
/// which a wrapper that takes every answer for a process would not survive.
pub fn leads_its_session() -> bool {
    // SAFETY: it takes a number and touches no memory.
    unsafe { libc::getsid(0) == libc::getpid() }
}

/// Becomes the program open at `program`. Returns only when that fails.
pub fn exec(program: BorrowedFd<'_>, argv: &[CString], environment: &[CString]) -> Errno {
    let pointers = |words: &[CString]| -> Vec<*const c_char> {
        words.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect()
    };
    let (argv, environment) = (pointers(argv), pointers(environment));
    // SAFETY: the path is a C string; both arrays end with a null pointer and point to
    // strings that the caller's slices keep alive.
    unsafe {
        libc::execveat(
            program.as_raw_fd(),
            c"".as_ptr(),
            argv.as_ptr().cast(),
            environment.as_ptr().cast(),
            libc::AT_EMPTY_PATH,
        );
    }
    last_error()
}

/// Gives every signal its default action and blocks none: both survive exec, and neither
/// what Rust's runtime set (SIGPIPE) nor what our own parent set is a command's concern.
pub fn default_signals() {
    // The kernel's `struct sigaction`, all zero: SIG_DFL, no flags, nothing blocked.
    let default = [0_u64; 4];
    for signal in 1..=LAST_SIGNAL {
        // SAFETY: the kernel reads no more than these bytes, and writes nothing. The C
        // library's own call would refuse the two signals that it keeps to itself.
        unsafe {
            let none = ptr::null_mut::<u8>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), none, SIGNAL_SET);
        }
    }
    // SAFETY: an all-zero set is a valid one, emptied properly before use; the old mask is
    // not asked for.
    unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// Marks every descriptor from `first` on to be closed by exec.
///
/// # Errors
/// What close_range(2) says.
pub fn close_on_exec(first: u32) -> Result<(), Errno> {
    // SAFETY: only flags change; no descriptor is closed under an owner.
    let flags = libc::CLOSE_RANGE_CLOEXEC.cast_signed();
    match unsafe { libc::close_range(first, u32::MAX, flags) } {
        0 => Ok(()),
        _ => Err(last_error()),
    }
}

/// Takes over a descriptor that our parent left open for us.
///
/// # Errors
/// When none is open by that number.
pub fn inherited(number: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: asks about a number; nothing is read or written.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(last_error());
    }
    // SAFETY: it is open, and main calls this once, before anything else opened a
    // descriptor: nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// The kernel's version of Landlock; 0 where there is none.
pub fn landlock_abi() -> u32 {
    /// LANDLOCK_CREATE_RULESET_VERSION
    const VERSION: u32 = 1;
    // SAFETY: with this flag the call takes no attributes and only answers a number.
    let answer = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, ptr::null::<u8>(), 0_usize, VERSION)
    };
    u32::try_from(answer).unwrap_or(0)
}

/// Moves this process into a new network namespace.
///
/// # Errors
/// What unshare(2) says: not permitted, too many of them, none in this kernel.
pub fn leave_network() -> Result<(), Errno> {
    unshare(libc::CLONE_NEWNET)
}

/// Moves this process into a new mount namespace, a copy of the one that it was in; where it is
/// not its `own_right`, within a new user namespace, in which it has every power over the former.
///
/// # Errors
/// What unshare(2) says.
pub fn leave_mounts(own_right: bool) -> Result<(), Errno> {
    unshare(libc::CLONE_NEWNS | if own_right { 0 } else { libc::CLONE_NEWUSER })
}

fn unshare(what: i32) -> Result<(), Errno> {
    // SAFETY: takes a number only; the descriptors stay shared with nobody.
    match unsafe { libc::unshare(what) } {
        0 => Ok(()),
        _ => Err(last_error()),
    }
}

/// Gives large pieces of memory back to the system whenever they are freed: the allocator would
/// else keep as much as was ever needed at once, and every fork copy its tables.
pub fn keep_no_large_memory() {
    const LARGE: i32 = 128 * 1024;
    // SAFETY: takes numbers only; there is no other thread that allocates.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE);
    }
}

/// Whether the kernel can refuse system calls by a list.
pub fn has_seccomp() -> bool {
    let action = libc::SECCOMP_RET_ERRNO;
    // SAFETY: reads the number it is given a pointer to, and writes nothing.
    let answer = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action)
    };
    answer == 0
}

/// Asks for the keyring of this process, which anybody may, and answers the kernel's error: that
/// there is none, unless the system call is refused.
pub fn ask_for_keyring() -> Errno {
    // SAFETY: with this command the call takes numbers only, and makes nothing.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            libc::KEYCTL_GET_KEYRING_ID,
            libc::KEY_SPEC_PROCESS_KEYRING,
            0,
        )
    };
    if answer < 0 { last_error() } else { Errno::EXIST }
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
