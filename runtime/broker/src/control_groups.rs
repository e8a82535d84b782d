//! Bounds on a command with everything it starts, which limits of single processes are not.
//!
//! Each hand that runs commands makes a control group beneath the broker's own, in every
//! hierarchy that offers a limit there; the commands enter it before anything else. What can be
//! had is found out once, by trying, and hello says it: an ordinary user, and a service without
//! delegated controllers, have none; there, `watch` counts instead. Both versions are used, and
//! mixtures of them. Of version 2, a group that divides its controllers holds no process itself:
//! the broker goes into one beneath its own, and where that is not enough, because who started it
//! is there too, it divides the group above, if that is delegated as well:
//!
//! ```text
//! service (delegated: Delegate=, DelegateSubgroup=main) ─┬─ main: the runtime, the broker
//!                                                        └─ abaca-broker-NS-PID: one hand's commands
//! ```
//! Brokers in different namespaces of processes may share a group: hands of two then have one
//! number, and to each the other's do not exist. So the namespace is in the name (NS), and whether
//! a group is in use says not a number but a lock: whoever made a group holds one on its directory,
//! which the kernel gives back when the last of its processes has ended.
//!
//! Killing is `tree`'s, everywhere alike; where the kernel kills whole groups, that comes first.
//!
//! ```text
//! prepare (main) ─▶ make (hand) ─▶ enter (command) … all ended ─▶ drop (hand): removed
//!                                            hand killed ─▶ remove (main loop)
//!                                     broker killed as well ─▶ sweep (the next broker)
//! ```

use std::fmt::Display;
use std::os::fd::{AsFd, OwnedFd};

use abaca_broker::protocol::{ErrorKind, Wall};
use rustix::fs::{Access, AtFlags, Dir, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Pid;

use crate::failure::Failure;
use crate::roots;

/// What may be bounded: the file, what is written to it, and the wall that makes.
const LIMITS: [(&str, &str, Wall); 4] = [
    // Threads count. Tools that repair or compress start some for each processor.
    ("pids.max", "1024", Wall::Processes),
    // All processes together may have what one alone may (`confine`), cached files included.
    ("memory.max", MEMORY, Wall::Memory),
    ("memory.limit_in_bytes", MEMORY, Wall::Memory),
    // Version 2 counts by itself what is swapped out: without this, that would have no bound.
    ("memory.swap.max", "0", Wall::Memory),
];

/// The files that say how much memory there is.
const MEMORY_FILES: [&str; 2] = ["memory.max", "memory.limit_in_bytes"];

/// In bytes.
const MEMORY: &str = "4294967296";

/// Whose hierarchies of version 1 have one of the files.
const CONTROLLERS: [&str; 2] = ["pids", "memory"];

/// How the names of our groups begin; the numbers of its maker's namespace and of it follow.
const PREFIX: &str = "abaca-broker-";

/// Which namespace the numbers of processes belong to.
const NAMESPACE: &str = "/proc/self/ns/pid";

/// How often a group is made anew that another broker took for a leftover, at the worst possible
/// moment each time.
const ATTEMPTS: usize = 100;

/// What hierarchies are mounted where.
const MOUNTS: &str = "/proc/self/mountinfo";

/// In which group of each hierarchy the broker is.
const OWN: &str = "/proc/self/cgroup";

/// The hierarchies with limits for us.
pub struct ControlGroups {
    hierarchies: Vec<Hierarchy>,
    names: Names,
}

/// What groups are called.
struct Names {
    namespace: u64,
}

struct Hierarchy {
    /// The broker's own group.
    own: OwnedFd,
    limits: Vec<(&'static str, &'static str, Wall)>,
}

/// The group of one hand's commands, while it is held.
pub struct ControlGroup<'a> {
    hierarchies: &'a [Hierarchy],
    name: String,
    /// What keeps other brokers from removing it.
    held: Vec<OwnedFd>,
}

impl ControlGroups {
    /// Looks for limits by making a group, and removing it; removes what earlier brokers left.
    pub fn prepare() -> ControlGroups {
        let mounts = read(MOUNTS);
        let own = read(OWN);
        let names = Names::prepare();
        let usable = mounts.lines().filter_map(|line| Hierarchy::find(line, &own, &names));
        ControlGroups { hierarchies: usable.collect(), names }
    }

    /// The walls that there are limits for.
    pub fn walls(&self) -> impl Iterator<Item = Wall> {
        let limits = || self.hierarchies.iter().flat_map(|one| &one.limits);
        let made = move |wall: &Wall| limits().any(|limit| limit.2 == *wall);
        [Wall::Processes, Wall::Memory].into_iter().filter(made)
    }

    /// Makes the group for the commands of this hand; with less memory than others, if that is said.
    ///
    /// # Errors
    /// `wall`, when what could be made at the start cannot be made now.
    pub fn make(&self, memory: Option<u64>) -> Result<ControlGroup<'_>, Failure> {
        let memory = memory.map(|bytes| bytes.to_string());
        let mut group = self.group(rustix::process::getpid());
        for hierarchy in &self.hierarchies {
            group.held.push(make(&hierarchy.own, &group.name).map_err(wall)?);
            for (file, most, _) in &hierarchy.limits {
                let most = match &memory {
                    Some(memory) if MEMORY_FILES.contains(file) => memory,
                    _ => *most,
                };
                write(&hierarchy.own, &group.name, file, most).map_err(wall)?;
            }
        }
        Ok(group)
    }

    /// Whether all processes of a command together are bounded in number by a group.
    pub fn bound_processes(&self) -> bool {
        self.walls().any(|wall| wall == Wall::Processes)
    }

    /// Removes what a hand that was killed left, if it left something.
    pub fn remove(&self, hand: Pid) {
        drop(self.group(hand));
    }

    fn group(&self, hand: Pid) -> ControlGroup<'_> {
        let name = self.names.of(hand);
        ControlGroup { hierarchies: &self.hierarchies, name, held: Vec::new() }
    }
}

impl Names {
    fn prepare() -> Names {
        // It is there wherever `/proc` is, and without that there are no hierarchies either.
        Names { namespace: rustix::fs::stat(NAMESPACE).map(|found| found.st_ino).unwrap_or(0) }
    }

    fn of(&self, process: Pid) -> String {
        format!("{PREFIX}{}-{process}", self.namespace)
    }
}

impl ControlGroup<'_> {
    /// Kills all that is in the group, where the kernel does that (version 2).
    pub fn kill(&self) {
        for hierarchy in self.hierarchies {
            // There is no such file elsewhere; `tree` does it in any case.
            let _ = write(&hierarchy.own, &self.name, "cgroup.kill", "1");
        }
    }

    /// Puts this process into the group.
    ///
    /// # Errors
    /// `wall`, when it does not get in.
    pub fn enter(&self) -> Result<(), Failure> {
        for hierarchy in self.hierarchies {
            // 0 is whoever writes it.
            write(&hierarchy.own, &self.name, "cgroup.procs", "0").map_err(wall)?;
        }
        Ok(())
    }
}

impl Drop for ControlGroup<'_> {
    fn drop(&mut self) {
        for hierarchy in self.hierarchies {
            // A process that hangs in the kernel keeps it; the next broker's hands do not mind.
            let _ = rustix::fs::unlinkat(&hierarchy.own, &self.name, AtFlags::REMOVEDIR);
        }
    }
}

impl Hierarchy {
    /// The hierarchy that a line of [`MOUNTS`] is about, if it has limits for us.
    fn find(mount: &str, own: &str, names: &Names) -> Option<Hierarchy> {
        let (place, kind) = mount.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, point) = (place.next()?, place.next()?);
        let mut kind = kind.split(' ');
        let controller = match kind.next()? {
            "cgroup2" => "",
            "cgroup" => kind.nth(1)?.split(',').find(|option| CONTROLLERS.contains(option))?,
            _ => return None,
        };
        let mine = own.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            controllers.split(',').any(|name| name == controller).then_some(path)
        })?;
        // Of a part of the hierarchy, the mount shows what is beneath its root.
        let beneath = if root == "/" { mine } else { mine.strip_prefix(root)? };
        let open = |beneath: &str| {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            rustix::fs::open(format!("{point}{beneath}"), flags, Mode::empty()).ok()
        };
        let own = open(beneath)?;
        if !controller.is_empty() {
            return Hierarchy::with_limits(own, names);
        }
        sweep(&own);
        if divide(&own, names) {
            return Hierarchy::with_limits(own, names);
        }
        let (above, _) = beneath.rsplit_once('/')?;
        let above = open(above)?;
        divide(&above, names).then(|| Hierarchy::with_limits(above, names)).flatten()
    }

    /// The hierarchy whose group `own` is, if groups beneath that have limits for us.
    fn with_limits(own: OwnedFd, names: &Names) -> Option<Hierarchy> {
        sweep(&own);
        let name = names.of(rustix::process::getpid());
        let _held = make(&own, &name).ok()?;
        let offered = |file: &str| {
            let path = format!("{name}/{file}");
            rustix::fs::accessat(&own, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
        };
        let limits: Vec<_> = LIMITS.into_iter().filter(|limit| offered(limit.0)).collect();
        match rustix::fs::unlinkat(&own, &name, AtFlags::REMOVEDIR) {
            // Of version 2, it may be where this process is now.
            Ok(()) | Err(Errno::BUSY) if !limits.is_empty() => Some(Hierarchy { own, limits }),
            _ => None,
        }
    }
}

/// Lets the groups beneath one of version 2 have the controllers that it has. False if it has none
/// of ours, or may not, or holds other processes than this one.
fn divide(group: &OwnedFd, names: &Names) -> bool {
    let has = |file: &str, controller: &str| {
        let text = roots::beneath(group.as_fd(), file, OFlags::RDONLY).and_then(|file| {
            let mut text = vec![0; 1024];
            let length = rustix::io::read(file, &mut text)?;
            text.truncate(length);
            Ok(text)
        });
        let text = String::from_utf8(text.unwrap_or_default()).unwrap_or_default();
        text.split_whitespace().any(|one| one == controller)
    };
    let mut divided = false;
    for controller in CONTROLLERS.iter().filter(|one| has("cgroup.controllers", one)) {
        let add = || write(group, ".", "cgroup.subtree_control", &format!("+{controller}"));
        divided |= match add() {
            Ok(()) => true,
            Err(Errno::BUSY) => {
                let name = names.of(rustix::process::getpid());
                // Held until a process in it keeps it.
                let moved =
                    make(group, &name).and_then(|_held| write(group, &name, "cgroup.procs", "0"));
                moved.is_ok() && add().is_ok()
            }
            Err(_) => has("cgroup.subtree_control", controller),
        };
    }
    divided
}

/// Removes the groups that nobody holds: of brokers that were killed before they could do it. One
/// that holds a process is in use, whoever made it, and the kernel keeps it.
fn sweep(own: &OwnedFd) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let entries = roots::reopen(own.as_fd(), flags).and_then(Dir::new);
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !name.to_str().is_ok_and(is_ours) {
            continue;
        }
        // What cannot be removed is in nobody's way.
        let _ = hold(own, name, FlockOperation::NonBlockingLockExclusive)
            .and_then(|_held| rustix::fs::unlinkat(own, name, AtFlags::REMOVEDIR));
    }
}

/// Whether a group is called as those that [`Names`] names.
fn is_ours(name: &str) -> bool {
    let numbers = name.strip_prefix(PREFIX).and_then(|numbers| numbers.split_once('-'));
    let is_number = |text: &str| text.parse::<u64>().is_ok();
    numbers.is_some_and(|(namespace, process)| is_number(namespace) && is_number(process))
}

/// Makes a group and holds it. One of that name was left by a process that had our number and is
/// gone.
fn make(own: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    for _ in 0..ATTEMPTS {
        match rustix::fs::mkdirat(own, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        // Shared, because one hierarchy may be mounted twice. It waits for a broker that found the
        // group before this lock was there, and is about to remove it.
        match hold(own, name, FlockOperation::LockShared) {
            Err(Errno::NOENT) => {}
            held => return held,
        }
    }
    Err(Errno::BUSY)
}

/// Locks the directory that has this name, and still has it then.
fn hold<N: rustix::path::Arg + Copy>(
    own: &OwnedFd,
    name: N,
    lock: FlockOperation,
) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let group = rustix::fs::openat(own, name, flags, Mode::empty())?;
    rustix::fs::flock(&group, lock)?;
    let held = rustix::fs::fstat(&group)?;
    let named = rustix::fs::statat(own, name, AtFlags::SYMLINK_NOFOLLOW)?;
    match (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino) {
        true => Ok(group),
        false => Err(Errno::NOENT),
    }
}

fn write(own: &OwnedFd, name: &str, file: &str, text: &str) -> Result<(), Errno> {
    let path = format!("{name}/{file}");
    let file = rustix::fs::openat(own, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(file, text.as_bytes()).map(drop)
}

#[expect(clippy::disallowed_methods, reason = "what the kernel says of control groups")]
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn wall(error: impl Display) -> Failure {
    Failure::new(ErrorKind::Wall, format!("the control group of a command: {error}"))
}
