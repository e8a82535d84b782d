//! The walls around the compiler, built by itself before it reads a byte of a component. None
//! needs a privilege, and none is best effort: what this kernel cannot build ends the program.
//!
//! ```text
//! own session ─ descriptors 0 to 2 ─ no network (root) ─ no capabilities ─ no new privileges
//!   ─ Landlock, nothing granted ─ resource limits ─ dies with its parent ─ system calls
//! ```

use std::fmt::Display;

use abaca_compiler::Bounds;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};
use seccompiler::{SeccompAction, SeccompFilter, TargetArch};

use crate::kernel;

/// The first descriptor that is no stream.
const AFTER_STREAMS: u32 = 3;

/// What is needed of Landlock: as in the broker, version 6, Linux 6.12.
const RIGHTS: ABI = ABI::V6;

/// How much later than the signal that says so the kernel ends what computes too long.
const CPU_GRACE_SECONDS: u64 = 1;

/// The system calls that compiling makes: its streams, memory, its own end. Whatever is not here is
/// refused, and with it every way to a file, a socket, another process, another program.
const CALLS: &[i64] = &[
    // The streams.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_poll,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    // Locks, and time.
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    // Its own signals and its own end; to whom a signal goes is looked at by Landlock's scope.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Puts this process behind its walls, for good.
///
/// # Errors
/// Which wall cannot be built, and why.
pub fn build(bounds: &Bounds) -> Result<(), String> {
    rustix::process::setsid().map_err(wall("its own session"))?;
    kernel::close_from(AFTER_STREAMS).map_err(wall("its descriptors"))?;
    // An ordinary user may not; the list of system calls, which has no sockets, stands for all.
    let _ = kernel::leave_network();
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::clear_ambient_capability_set().map_err(wall("capabilities"))?;
    rustix::thread::set_capabilities(None, sets).map_err(wall("capabilities"))?;
    rustix::thread::set_no_new_privs(true).map_err(wall("no new privileges"))?;
    fence()?;
    limit(bounds).map_err(wall("resource limits"))?;
    // After the capabilities: a change of credentials may clear it.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(wall("its end with its parent"))?;
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if parent.and_then(|pid| u32::try_from(pid).ok()) != Some(bounds.parent) {
        return Err(format!("its parent is {parent:?} and should be {}", bounds.parent));
    }
    refuse_calls()
}

/// No file, no TCP, no signal outside, no abstract socket.
fn fence() -> Result<(), String> {
    let fence = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(RIGHTS))
        .and_then(|fence| fence.handle_access(AccessNet::from_all(RIGHTS)))
        .and_then(|fence| fence.scope(Scope::from_all(RIGHTS)))
        .and_then(Ruleset::create)
        .and_then(|fence| fence.restrict_self())
        .map_err(wall("Landlock, version 6 (Linux 6.12, with `landlock` among its lsm=)"))?;
    if fence.ruleset == RulesetStatus::FullyEnforced && fence.no_new_privs {
        return Ok(());
    }
    Err("the kernel enforces only part of Landlock".to_owned())
}

fn limit(bounds: &Bounds) -> Result<(), Errno> {
    let bound = |resource, current: u64, maximum: u64| {
        let most = getrlimit(resource).maximum.map_or(maximum, |now| now.min(maximum));
        setrlimit(resource, Rlimit { current: Some(current.min(most)), maximum: Some(most) })
    };
    bound(Resource::Core, 0, 0)?;
    bound(Resource::Fsize, 0, 0)?;
    bound(Resource::Nproc, 0, 0)?;
    bound(Resource::Nofile, AFTER_STREAMS.into(), AFTER_STREAMS.into())?;
    bound(Resource::As, bounds.memory_bytes, bounds.memory_bytes)?;
    // The signal tells this limit from a death by other hands.
    let last = bounds.cpu_seconds.saturating_add(CPU_GRACE_SECONDS);
    bound(Resource::Cpu, bounds.cpu_seconds, last)
}

fn refuse_calls() -> Result<(), String> {
    let calls = CALLS.iter().map(|call| (*call, Vec::new())).collect();
    let refused = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let list = SeccompFilter::new(calls, refused, SeccompAction::Allow, TargetArch::x86_64)
        .and_then(seccompiler::BpfProgram::try_from)
        .map_err(wall("the list of system calls"))?;
    seccompiler::apply_filter(&list).map_err(wall("the list of system calls"))
}

fn wall<E: Display>(what: &str) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {error}")
}
