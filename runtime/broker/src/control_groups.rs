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
//!                                                        └─ abaca-broker-PID: one hand's commands
//! ```
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
use rustix::fs::{Access, AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

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

/// How the names of our groups begin; the number of the process that made it follows.
const PREFIX: &str = "abaca-broker-";

/// What hierarchies are mounted where.
const MOUNTS: &str = "/proc/self/mountinfo";

/// In which group of each hierarchy the broker is.
const OWN: &str = "/proc/self/cgroup";

/// The hierarchies with limits for us.
pub struct ControlGroups(Vec<Hierarchy>);

struct Hierarchy {
    /// The broker's own group.
    own: OwnedFd,
    limits: Vec<(&'static str, &'static str, Wall)>,
}

/// The group of one hand's commands, while it is held.
pub struct ControlGroup<'a> {
    hierarchies: &'a [Hierarchy],
    name: String,
}

impl ControlGroups {
    /// Looks for limits by making a group, and removing it; removes what earlier brokers left.
    pub fn prepare() -> ControlGroups {
        let mounts = read(MOUNTS);
        let own = read(OWN);
        let usable = mounts.lines().filter_map(|line| Hierarchy::find(line, &own));
        ControlGroups(usable.collect())
    }

    /// The walls that there are limits for.
    pub fn walls(&self) -> impl Iterator<Item = Wall> {
        let made =
            |wall: &Wall| self.0.iter().any(|one| one.limits.iter().any(|limit| limit.2 == *wall));
        [Wall::Processes, Wall::Memory].into_iter().filter(made)
    }

    /// Makes the group for the commands of this hand; with less memory than others, if that is said.
    ///
    /// # Errors
    /// `wall`, when what could be made at the start cannot be made now.
    pub fn make(&self, memory: Option<u64>) -> Result<ControlGroup<'_>, Failure> {
        let memory = memory.map(|bytes| bytes.to_string());
        let group = ControlGroup { hierarchies: &self.0, name: name(rustix::process::getpid()) };
        for hierarchy in &self.0 {
            make(&hierarchy.own, &group.name).map_err(wall)?;
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
        drop(ControlGroup { hierarchies: &self.0, name: name(hand) });
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
    fn find(mount: &str, own: &str) -> Option<Hierarchy> {
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
            return Hierarchy::with_limits(own);
        }
        sweep(&own);
        if divide(&own) {
            return Hierarchy::with_limits(own);
        }
        let (above, _) = beneath.rsplit_once('/')?;
        let above = open(above)?;
        divide(&above).then(|| Hierarchy::with_limits(above)).flatten()
    }

    /// The hierarchy whose group `own` is, if groups beneath that have limits for us.
    fn with_limits(own: OwnedFd) -> Option<Hierarchy> {
        sweep(&own);
        let name = name(rustix::process::getpid());
        make(&own, &name).ok()?;
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
fn divide(group: &OwnedFd) -> bool {
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
                let name = name(rustix::process::getpid());
                let moved =
                    make(group, &name).and_then(|()| write(group, &name, "cgroup.procs", "0"));
                moved.is_ok() && add().is_ok()
            }
            Err(_) => has("cgroup.subtree_control", controller),
        };
    }
    divided
}

/// Removes the groups of brokers that are gone, which were killed before they could do it. One
/// that holds a process is in use, whoever made it, and the kernel keeps it.
fn sweep(own: &OwnedFd) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let entries = roots::reopen(own.as_fd(), flags).and_then(Dir::new);
    for entry in entries.into_iter().flatten().flatten() {
        let name = entry.file_name();
        let maker = name.to_str().ok().and_then(|name| name.strip_prefix(PREFIX));
        let maker = maker.and_then(|number| number.parse().ok()).and_then(Pid::from_raw);
        if maker.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH)) {
            // What cannot be removed is in nobody's way.
            let _ = rustix::fs::unlinkat(own, name, AtFlags::REMOVEDIR);
        }
    }
}

/// Makes a group. One of that name was left by a process that had our number and is gone.
fn make(own: &OwnedFd, name: &str) -> Result<(), Errno> {
    match rustix::fs::mkdirat(own, name, Mode::RWXU) {
        Err(Errno::EXIST) => Ok(()),
        made => made,
    }
}

fn name(process: Pid) -> String {
    format!("{PREFIX}{process}")
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
