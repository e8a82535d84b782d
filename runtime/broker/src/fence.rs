//! The fence: which files a command may reach, no TCP unless it may use the network, no signal
//! outside. Landlock.
//!
//! A [`Fence`] is prepared once, when the broker starts; [`Fence::around`] makes the kernel's
//! rule set for one command, which `confine` puts up in the child. It is required whole: what
//! the kernel cannot enforce is an error of kind `wall`, and the command does not run.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use abaca_broker::protocol::{ErrorKind, Wall};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::failure::Failure;
use crate::kernel;

/// What the broker needs of Landlock: version 3 for truncation, 4 for TCP, 5 for devices, 6
/// for signals and abstract sockets. Without the last, a command that runs as root could
/// kill the broker.
const LANDLOCK_NEEDED: u32 = 6;

/// The rights of that version.
const RIGHTS: ABI = ABI::V6;

/// The walls that it makes.
pub const WALLS: [Wall; 3] = [Wall::Files, Wall::Tcp, Wall::Scope];

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
pub struct Fence {
    system: Vec<(OwnedFd, Use)>,
    landlock: u32,
}

impl Fence {
    /// Looks at the kernel and opens the system's places.
    ///
    /// # Errors
    /// When a place is there and cannot be opened.
    pub fn prepare() -> Result<Fence, Failure> {
        let mut system = Vec::new();
        for (path, usage) in SYSTEM {
            match rustix::fs::open(*path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
                Ok(fd) => system.push((fd, *usage)),
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(Failure::system(path, errno)),
            }
        }
        Ok(Fence { system, landlock: kernel::landlock_abi() })
    }

    /// The kernel's version of Landlock.
    pub fn landlock(&self) -> u32 {
        self.landlock
    }

    /// Whether it can be put up on this machine.
    pub fn is_possible(&self) -> bool {
        self.landlock >= LANDLOCK_NEEDED
    }

    /// The fence for one command: the system's places, its program, and its rule's roots; TCP
    /// with the `network` only.
    ///
    /// # Errors
    /// `wall`, when the kernel cannot build it.
    pub fn around(
        &self,
        program: BorrowedFd<'_>,
        read: &[BorrowedFd<'_>],
        write: &[BorrowedFd<'_>],
        network: bool,
    ) -> Result<RulesetCreated, Failure> {
        if !self.is_possible() {
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
            .and_then(|fence| match network {
                true => Ok(fence),
                false => fence.handle_access(AccessNet::from_all(RIGHTS)),
            })
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

/// The system's places, to be used in some way.
pub fn system() -> impl Iterator<Item = &'static str> {
    SYSTEM.iter().map(|(path, _)| *path)
}

/// Puts the fence around this process, for good.
///
/// # Errors
/// `wall`, when the kernel does not enforce all of it.
pub fn close(fence: RulesetCreated) -> Result<(), Failure> {
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
    let stat = rustix::fs::fstat(fd).map_err(wall)?;
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => rights,
        _ => rights & AccessFs::from_file(RIGHTS),
    })
}

fn wall(error: impl std::fmt::Display) -> Failure {
    Failure::new(ErrorKind::Wall, format!("the fence cannot be built: {error}"))
}
