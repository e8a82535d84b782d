//! The walls around a command: what it may open, what of root's power it keeps, how much it
//! may use.
//!
//! [`Walls`] are prepared once, when the broker starts; [`Walls::fence`] makes the file
//! system's part for one rule; [`enter`] is called by the child, last before it becomes the
//! program. Nothing here is best effort: a wall that cannot be built is an error of kind
//! `wall`, and the command does not run.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use abaca_broker::protocol::{ErrorKind, Wall};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::failure::Failure;
use crate::kernel;

/// What the broker needs of Landlock: version 3 for truncation, 4 for TCP, 5 for devices, 6
/// for signals and abstract sockets. Without the last, a command that runs as root could
/// kill the broker.
const LANDLOCK_NEEDED: u32 = 6;

/// The rights of that version.
const RIGHTS: ABI = ABI::V6;

/// The most descriptors of a command: tools for storage need a handful.
const DESCRIPTORS_MAX: u64 = 256;

/// The most address space of a command, in bytes: many times what tools for storage map, and
/// little enough that one which runs wild is ended by it and not by the machine's last page.
const MEMORY_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// Capabilities are bits of a u64.
const CAPABILITY_BITS: u32 = u64::BITS;

/// The walls around every command that ran.
pub const EVERY_WALL: [Wall; 9] = [
    Wall::Session,
    Wall::Descriptors,
    Wall::Environment,
    Wall::Limits,
    Wall::NoNewPrivileges,
    Wall::Capabilities,
    Wall::Files,
    Wall::Tcp,
    Wall::Scope,
];

/// What every program needs of the system, and may do there. No file of /etc that holds a
/// secret, and none that makes a program run another.
const SYSTEM: &[(&str, Use)] = &[
    ("/usr", Use::Run),
    ("/bin", Use::Run),
    ("/sbin", Use::Run),
    ("/lib", Use::Run),
    ("/lib64", Use::Run),
    ("/etc/ld.so.cache", Use::Read),
    ("/etc/ld.so.conf", Use::Read),
    ("/etc/ld.so.conf.d", Use::Read),
    ("/etc/passwd", Use::Read),
    ("/etc/group", Use::Read),
    ("/etc/nsswitch.conf", Use::Read),
    ("/etc/localtime", Use::Read),
    ("/dev/null", Use::ReadWrite),
    ("/dev/zero", Use::Read),
    ("/dev/urandom", Use::Read),
    ("/proc", Use::Read),
];

/// What a place is open for.
#[derive(Clone, Copy)]
enum Use {
    Read,
    Run,
    ReadWrite,
    /// All but executing: nothing beneath a root is ever a program.
    Change,
}

/// What can be built on this machine, and the system's places held open.
pub struct Walls {
    system: Vec<(OwnedFd, Use)>,
    landlock: u32,
}

impl Walls {
    /// Looks at the kernel and opens the system's places.
    ///
    /// # Errors
    /// When a place is there and cannot be opened.
    pub fn prepare() -> Result<Walls, Failure> {
        let mut system = Vec::new();
        for (path, usage) in SYSTEM {
            match rustix::fs::open(*path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
                Ok(fd) => system.push((fd, *usage)),
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(Failure::system(path, errno)),
            }
        }
        Ok(Walls { system, landlock: kernel::landlock_abi() })
    }

    /// The kernel's version of Landlock.
    pub fn landlock(&self) -> u32 {
        self.landlock
    }

    /// The walls that can be built on this machine. Where one is missing, no command runs.
    pub fn available(&self) -> Vec<Wall> {
        let fenced = self.landlock >= LANDLOCK_NEEDED;
        let fence = [Wall::Files, Wall::Tcp, Wall::Scope];
        EVERY_WALL.into_iter().filter(|wall| fenced || !fence.contains(wall)).collect()
    }

    /// The fence for one command: the system's places, its program, and its rule's roots.
    ///
    /// # Errors
    /// `wall`, when the kernel cannot build it.
    pub fn fence(
        &self,
        program: BorrowedFd<'_>,
        read: &[BorrowedFd<'_>],
        write: &[BorrowedFd<'_>],
    ) -> Result<RulesetCreated, Failure> {
        if self.landlock < LANDLOCK_NEEDED {
            let message = format!(
                "commands are fenced in with Landlock, version {LANDLOCK_NEEDED} or later (Linux \
                 6.12, with `landlock` among the lsm= of its command line); this kernel has {}",
                match self.landlock {
                    0 => "none".to_owned(),
                    version => format!("version {version}"),
                }
            );
            return Err(Failure::new(ErrorKind::Wall, message));
        }
        let mut fence = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(RIGHTS))
            .and_then(|fence| fence.handle_access(AccessNet::from_all(RIGHTS)))
            .and_then(|fence| fence.scope(Scope::from_all(RIGHTS)))
            .and_then(Ruleset::create)
            .map_err(wall)?;
        let system = self.system.iter().map(|(fd, usage)| (fd.as_fd(), *usage));
        let read = read.iter().map(|fd| (*fd, Use::Read));
        let write = write.iter().map(|fd| (*fd, Use::Change));
        for (fd, usage) in system.chain([(program, Use::Run)]).chain(read).chain(write) {
            let place = PathBeneath::new(fd, rights(fd, usage)?);
            fence = fence.add_rule(place).map_err(wall)?;
        }
        Ok(fence)
    }
}

/// Puts this process behind its walls: limits, no new privileges, capabilities, fence. Only
/// exec may follow.
///
/// # Errors
/// `wall`, when one of them cannot be built.
pub fn enter(
    fence: RulesetCreated,
    capabilities: &[&'static str],
    cpu: Duration,
) -> Result<(), Failure> {
    limit(cpu).map_err(|errno| system("resource limits", errno))?;
    rustix::thread::set_no_new_privs(true).map_err(|errno| system("no new privileges", errno))?;
    keep_capabilities(capabilities).map_err(|errno| system("capabilities", errno))?;
    let status = fence.restrict_self().map_err(wall)?;
    if status.ruleset != RulesetStatus::FullyEnforced || !status.no_new_privs {
        return Err(Failure::new(ErrorKind::Wall, "the kernel enforces only part of the fence"));
    }
    Ok(())
}

fn rights(fd: BorrowedFd<'_>, usage: Use) -> Result<BitFlags<AccessFs>, Failure> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let rights = match usage {
        Use::Read => read,
        Use::Run => read | AccessFs::Execute,
        Use::ReadWrite => read | AccessFs::WriteFile | AccessFs::Truncate,
        Use::Change => AccessFs::from_all(RIGHTS) & !BitFlags::from(AccessFs::Execute),
    };
    let stat = rustix::fs::fstat(fd).map_err(|errno| system("the fence", errno))?;
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => rights,
        _ => rights & AccessFs::from_file(RIGHTS),
    })
}

fn limit(cpu: Duration) -> Result<(), Errno> {
    // Rounded up and one more: the deadline, not the limit, is what ends a command that
    // computes; the limit ends what somehow escaped the deadline.
    let started = u64::from(cpu.subsec_nanos() > 0);
    let seconds = cpu.as_secs().saturating_add(started + 1);
    lower(Resource::Core, 0)?;
    lower(Resource::Nofile, DESCRIPTORS_MAX)?;
    lower(Resource::As, MEMORY_MAX)?;
    lower(Resource::Cpu, seconds)
}

/// Bounds a resource of this process for good; a bound that is lower already stays.
///
/// # Errors
/// What setrlimit(2) says.
pub fn lower(resource: Resource, most: u64) -> Result<(), Errno> {
    let most = getrlimit(resource).maximum.map_or(most, |now| now.min(most));
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
}

/// Gives up every capability but those of `names` that this process has.
fn keep_capabilities(names: &[&str]) -> Result<(), Errno> {
    let wanted: CapabilitySet =
        names.iter().filter_map(|name| CapabilitySet::from_name(name)).collect();
    let mine = rustix::thread::capabilities(None)?.permitted;
    let keep = wanted & mine;
    // Without this capability the bounding set cannot change; then no_new_privs alone sees
    // to it that exec adds nothing to the sets below.
    if mine.contains(CapabilitySet::SETPCAP) {
        for one in each_capability() {
            match rustix::thread::capability_is_in_bounding_set(one) {
                Ok(true) if !keep.contains(one) => {
                    rustix::thread::remove_capability_from_bounding_set(one)?;
                }
                Ok(_) => {}
                // The kernel knows no more of them.
                Err(Errno::INVAL) => break,
                Err(errno) => return Err(errno),
            }
        }
    }
    rustix::thread::clear_ambient_capability_set()?;
    let sets = CapabilitySets { effective: keep, permitted: keep, inheritable: keep };
    rustix::thread::set_capabilities(None, sets)?;
    for one in each_capability().filter(|one| keep.contains(*one)) {
        rustix::thread::configure_capability_in_ambient_set(one, true)?;
    }
    Ok(())
}

/// Each by itself, those included that have no name here yet.
fn each_capability() -> impl Iterator<Item = CapabilitySet> {
    (0..CAPABILITY_BITS).map(|bit| CapabilitySet::from_bits_retain(1 << bit))
}

fn wall(error: impl std::fmt::Display) -> Failure {
    Failure::new(ErrorKind::Wall, format!("the fence cannot be built: {error}"))
}

fn system(what: &str, errno: Errno) -> Failure {
    Failure { kind: ErrorKind::Wall, ..Failure::system(what, errno) }
}
