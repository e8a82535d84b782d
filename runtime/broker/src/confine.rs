//! The walls around a command: whom it runs as, what it may open, what it may ask of the kernel,
//! what of root's power it keeps, how much it may use.
//!
//! [`Walls`] are prepared once, when the broker starts; [`Walls::around`] collects what belongs
//! to one command; [`enter`] is called by the child, last before it becomes the program.
//! Nothing here is best effort: a wall that cannot be built is an error of kind `wall`, and the
//! command does not run.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use abaca_broker::protocol::{ErrorKind, Wall};
use abaca_policy::{CommandRule, Policy};
use landlock::RulesetCreated;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};
use seccompiler::sock_filter;

use crate::control_groups::{ControlGroup, ControlGroups};
use crate::failure::Failure;
use crate::fence::{self, Fence};
use crate::kernel;
use crate::network::{self, Network};
use crate::syscalls::{self, Lists};
use crate::users::{self, Ids, Users};
use crate::watch;

/// The most descriptors of a command: tools for storage need a handful.
const DESCRIPTORS_MAX: u64 = 256;

/// The most address space of a command, in bytes: many times what tools for storage map, and
/// little enough that one which runs wild is ended by it and not by the machine's last page.
const MEMORY_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// The most signals that wait for a command, timers included: all processes of a user share one number
/// of them, which is some ten thousands.
const SIGNALS_MAX: u64 = 1024;

/// Capabilities are bits of a u64.
const CAPABILITY_BITS: u32 = u64::BITS;

/// The walls around every command that ran, whatever its rule.
const EVERY_WALL: [Wall; 10] = [
    Wall::Session,
    Wall::Descriptors,
    Wall::Environment,
    Wall::Limits,
    Wall::NoNewPrivileges,
    Wall::Capabilities,
    Wall::Files,
    Wall::Attributes,
    Wall::Scope,
    Wall::Syscalls,
];

/// What can be built on this machine, for the rules of one policy.
pub struct Walls {
    fence: Fence,
    network: Network,
    lists: Lists,
    groups: ControlGroups,
    users: Users,
}

/// The walls of one command, to be entered.
pub struct Enclosure<'a> {
    group: &'a ControlGroup<'a>,
    /// Where it has no network.
    nowhere: Option<BorrowedFd<'a>>,
    fence: RulesetCreated,
    list: &'a [sock_filter],
    /// Whom it becomes, if its rule says so.
    user: Option<Ids>,
    capabilities: &'a [&'static str],
    /// How long it may compute.
    cpu: Duration,
}

impl Walls {
    /// Looks at the kernel and prepares what does not depend on a command.
    ///
    /// # Errors
    /// When a place of the system is there and cannot be opened, a rule's list of system calls
    /// cannot be made, or there is no such user as a rule names.
    pub fn prepare(policy: &Policy) -> Result<Walls, Failure> {
        let network = Network::prepare()?;
        let lists = Lists::new(policy, &network)?;
        let (fence, groups) = (Fence::prepare()?, ControlGroups::prepare());
        Ok(Walls { fence, network, lists, groups, users: Users::find(policy)? })
    }

    /// The kernel's version of Landlock.
    pub fn landlock(&self) -> u32 {
        self.fence.landlock()
    }

    /// The walls that can be built on this machine. Where one is missing, no command runs.
    pub fn available(&self) -> Vec<Wall> {
        let mut walls = self.standing(false);
        walls.retain(|wall| self.fence.is_possible() || !fence::WALLS.contains(wall));
        let of_lists = [Wall::Syscalls, Wall::Attributes];
        walls.retain(|wall| kernel::has_seccomp() || !of_lists.contains(wall));
        walls
    }

    /// The walls that stand around a command, with or without a grant of the network.
    pub fn standing(&self, network: bool) -> Vec<Wall> {
        let mut walls = EVERY_WALL.to_vec();
        if !network {
            walls.extend([Wall::Tcp, self.network.wall()]);
        }
        walls.extend(self.groups.walls().chain(watch::wall(&self.groups)));
        walls
    }

    /// The number of the user whom commands of a rule become; none if they stay as they are.
    pub fn user(&self, rule: &CommandRule) -> Option<u32> {
        self.users.of(rule).map(|ids| ids.uid())
    }

    /// What bounds the commands of a hand with all that they start.
    pub fn groups(&self) -> &ControlGroups {
        &self.groups
    }

    /// The walls for one command: of its rule, its program, and its rule's roots.
    ///
    /// # Errors
    /// `wall`, when the kernel cannot build one of them.
    pub fn around<'a>(
        &'a self,
        rule: &'a CommandRule,
        group: &'a ControlGroup<'a>,
        program: BorrowedFd<'_>,
        read: &[BorrowedFd<'_>],
        write: &[BorrowedFd<'_>],
    ) -> Result<Enclosure<'a>, Failure> {
        Ok(Enclosure {
            group,
            nowhere: self.network.empty().filter(|_| !rule.network),
            fence: self.fence.around(program, read, write, rule.network)?,
            list: self.lists.of(rule)?,
            user: self.users.of(rule),
            capabilities: &rule.caps,
            cpu: rule.timeout,
        })
    }
}

/// The capabilities that this process has: no command keeps another one.
///
/// # Errors
/// `wall`, when the kernel does not say.
pub fn powers() -> Result<CapabilitySet, Failure> {
    let sets = rustix::thread::capabilities(None).map_err(|errno| system("capabilities", errno))?;
    Ok(sets.permitted)
}

/// Puts this process, which had these `powers` when it began, behind its walls: control group, network, limits, no new privileges, user, capabilities,
/// fence, system calls. Only what exec needs may follow.
///
/// # Errors
/// `wall`, when one of them cannot be built.
pub fn enter(walls: Enclosure<'_>, powers: CapabilitySet) -> Result<(), Failure> {
    // While it still has the right to.
    walls.group.enter()?;
    walls.nowhere.map_or(Ok(()), network::join)?;
    limit(walls.cpu).map_err(|errno| system("resource limits", errno))?;
    go_first();
    rustix::thread::set_no_new_privs(true).map_err(|errno| system("no new privileges", errno))?;
    keep_capabilities(walls.capabilities, powers, walls.user)
        .map_err(|errno| system("user and capabilities", errno))?;
    fence::close(walls.fence)?;
    syscalls::refuse(walls.list)
}

fn limit(cpu: Duration) -> Result<(), Errno> {
    // Rounded up and one more: the deadline, not the limit, is what ends a command that
    // computes; the limit ends what somehow escaped the deadline.
    let started = u64::from(cpu.subsec_nanos() > 0);
    let seconds = cpu.as_secs().saturating_add(started + 1);
    lower(Resource::Core, 0)?;
    lower(Resource::Nofile, DESCRIPTORS_MAX)?;
    lower(Resource::As, MEMORY_MAX)?;
    lower(Resource::Sigpending, SIGNALS_MAX)?;
    lower(Resource::Cpu, seconds)
}

/// Where a whole machine has no memory left, its kernel ends commands before whoever runs them for all
/// backends. No rule relies on it: where it cannot be said, the kernel chooses as it does.
fn go_first() {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let said = rustix::fs::open("/proc/self/oom_score_adj", flags, Mode::empty());
    let _ = said.and_then(|file| rustix::io::write(&file, b"1000"));
}

/// Bounds a resource of this process for good; a bound that is lower already stays.
///
/// # Errors
/// What setrlimit(2) says.
pub fn lower(resource: Resource, most: u64) -> Result<(), Errno> {
    let most = getrlimit(resource).maximum.map_or(most, |now| now.min(most));
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
}

/// Gives up every capability but those of `names` that this process had, and becomes `user`.
fn keep_capabilities(
    names: &[&str],
    powers: CapabilitySet,
    user: Option<Ids>,
) -> Result<(), Errno> {
    let wanted: CapabilitySet =
        names.iter().filter_map(|name| CapabilitySet::from_name(name)).collect();
    let mine = rustix::thread::capabilities(None)?.permitted;
    let keep = wanted & powers;
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
    // Which takes two of those that go, and leaves in effect none of those that stay.
    user.map_or(Ok(()), users::change)?;
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

fn system(what: &str, errno: Errno) -> Failure {
    Failure { kind: ErrorKind::Wall, ..Failure::system(what, errno) }
}
