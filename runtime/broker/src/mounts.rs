//! Mounts granted things at granted places, and unmounts them, in a hand.
//!
//! What is mounted is made first, standing nowhere (`making`), looked at, and only then attached
//! to the very directory that was found beneath its root; nothing is done by a host path that a
//! guest could turn, and no program is started. Then it is looked for again: whoever moved the
//! directory meanwhile, or mounted there at the same time, finds it gone.
//!
//! ```text
//! place ─▶ something there? ─the same─▶ done        ─another─▶ already-exists
//!   ▲          └─no─▶ make ─▶ forced flags? ─▶ attach ─▶ found again at its place ─▶ done
//!   └─── detach ◀──── it lies on what another made meanwhile ◀┤
//!        detach ◀──── its place leads elsewhere ◀─────────────┘
//! ```

mod loops;
mod making;
mod standing;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use abaca_broker::protocol::{ErrorKind, Identity};
use abaca_policy::{GuestPath, MountGrant, MountRule};
use rustix::event::{PollFd, Timespec, poll};
use rustix::fs::FileType;
use rustix::io::Errno;
use rustix::mount::{MoveMountFlags, UnmountFlags};
use rustix::thread::CapabilitySet;

use crate::failure::Failure;
use crate::ground::Ground;
use crate::job::Mounts;
use crate::mount_table::{self, Row};
use crate::roots::{self, Place, Root};

/// How often it is begun again because others mount at the same place.
const TRIES: usize = 64;

/// Between two tries, where others have to finish first.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// What came of it.
pub struct Performed {
    /// The directory that the mount stands on.
    pub resolved: Identity,
    /// Whether anything had to be done.
    pub changed: bool,
}

/// Does what was permitted.
///
/// # Errors
/// `already-exists` when something else is mounted there, `busy` when what is there is in use,
/// `not-permitted` for a broker that may not mount. Nothing has changed then.
pub fn perform(ground: &Ground, mounts: &Mounts<'_>) -> Result<Performed, Failure> {
    may_mount()?;
    match mounts {
        Mounts::Mount(grant) => mount(ground, grant),
        Mounts::Unmount { place, rule } => unmount(ground, place, rule),
    }
}

fn may_mount() -> Result<(), Failure> {
    let mine = rustix::thread::capabilities(None)
        .map_err(|errno| Failure::system("capabilities", errno))?;
    if mine.effective.contains(CapabilitySet::SYS_ADMIN) {
        return Ok(());
    }
    let message = "mounting takes root's power over the system (CAP_SYS_ADMIN), which the broker \
                   does not have; run Abaca as root";
    Err(Failure::new(ErrorKind::NotPermitted, message))
}

/// The directory where something may be mounted.
struct Spot<'a> {
    place: Place<'a>,
    parent: OwnedFd,
    leaf: &'a str,
    /// What is there now: the directory itself, or what is mounted on it.
    top: OwnedFd,
    identity: Identity,
    is_mounted: bool,
}

impl<'a> Spot<'a> {
    fn find(root: &'a Root, place: &'a GuestPath) -> Result<Spot<'a>, Failure> {
        let (parent, leaf) = root.parent(&place.components)?;
        let place = Place { root: &place.root, components: &place.components };
        let failed = |errno| Failure::system(place, errno);
        let top = roots::top(parent.as_fd(), leaf).map_err(failed)?;
        let stat = rustix::fs::fstat(&top).map_err(failed)?;
        roots::expect(&stat, FileType::Directory, place)?;
        let is_mounted = !roots::same_mount(parent.as_fd(), top.as_fd()).map_err(failed)?;
        Ok(Spot { place, parent, leaf, top, identity: roots::identity(&stat), is_mounted })
    }

    /// What the table says of the mount that is there; none for one that lies on another, or
    /// has gone by now. Such are there for a moment, when several mount at one place.
    fn row(&self) -> Result<Option<Row>, Failure> {
        let under = mount_table::in_table(&self.parent).map_err(|errno| self.failed(errno))?;
        match mount_table::row(&self.top) {
            Ok(row) => Ok(Some(row).filter(|row| row.parent == under)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    fn failed(&self, errno: Errno) -> Failure {
        Failure::system(self.place, errno)
    }
}

fn mount(ground: &Ground, grant: &MountGrant<'_>) -> Result<Performed, Failure> {
    let root = ground.roots.get(&grant.place.root)?;
    let source = making::Source::find(ground, &grant.source)?;
    for _ in 0..TRIES {
        let spot = Spot::find(root, &grant.place)?;
        if spot.is_mounted {
            if let Some(row) = spot.row()? {
                standing::expect_same(&spot, &row, grant, &source)?;
                return Ok(Performed { resolved: spot.identity, changed: false });
            }
            pause();
            continue;
        }
        let made = source.make(&spot, grant)?;
        attach(&spot, grant.rule, made.as_fd())?;
        match found_again(root, grant, &spot, made.as_fd())? {
            Found::There => return Ok(Performed { resolved: spot.identity, changed: true }),
            Found::OnAnother => detach(&spot, made.as_fd())?,
            Found::Elsewhere => {
                detach(&spot, made.as_fd())?;
                let message = format!("{} was moved at the same moment; ask again", spot.place);
                return Err(Failure::new(ErrorKind::Changed, message));
            }
        }
    }
    let place = Place { root: &grant.place.root, components: &grant.place.components };
    Err(Failure::new(ErrorKind::Busy, format!("{place}: others mount there; ask later")))
}

/// Puts the mount on the directory that was found, if it has what the rule forces.
fn attach(spot: &Spot<'_>, rule: &MountRule, made: BorrowedFd<'_>) -> Result<(), Failure> {
    let mark = mount_table::mark(made).map_err(|errno| spot.failed(errno))?;
    if let Some(missing) = mount_table::missing(mark.flags, rule.forced()) {
        let message = format!("{}: the kernel did not give its mount {missing}", spot.place);
        return Err(Failure::new(ErrorKind::Wall, message));
    }
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(made, "", &spot.top, "", flags).map_err(|errno| spot.failed(errno))
}

/// Takes the mount away from wherever it is. What others put on top of it meanwhile, which the
/// kernel takes away first, they make again.
fn detach(spot: &Spot<'_>, made: BorrowedFd<'_>) -> Result<(), Failure> {
    for _ in 0..TRIES {
        match mount_table::row(made) {
            Ok(_) => {}
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(spot.failed(errno)),
        }
        match rustix::mount::unmount(roots::by_descriptor(made), UnmountFlags::DETACH) {
            // The latter: it is nowhere any more.
            Ok(()) | Err(Errno::INVAL) => {}
            Err(errno) => return Err(spot.failed(errno)),
        }
    }
    let message = format!("{}: others mount there again and again", spot.place);
    Err(Failure::new(ErrorKind::Busy, message))
}

/// Lets others finish what they do at the same place.
fn pause() {
    // It may be cut short.
    let _ = poll(&mut [] as &mut [PollFd<'_>], Some(&PAUSE));
}

/// Where a mount turned out to be that was just attached.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// On the directory that its place leads to, whoever else put something on top of it.
    There,
    /// On a mount that somebody else made at the same moment, which came first.
    OnAnother,
    /// Its place leads somewhere else by now.
    Elsewhere,
}

fn found_again(
    root: &Root,
    grant: &MountGrant<'_>,
    spot: &Spot<'_>,
    made: BorrowedFd<'_>,
) -> Result<Found, Failure> {
    let failed = |errno| spot.failed(errno);
    let under = mount_table::in_table(&spot.parent).map_err(failed)?;
    let mine = mount_table::in_table(made).map_err(failed)?;
    for _ in 0..TRIES {
        match mount_table::row(made) {
            Ok(row) if row.parent == under => {}
            Ok(_) | Err(Errno::NOENT) => return Ok(Found::OnAnother),
            Err(errno) => return Err(failed(errno)),
        }
        let Ok(now) = Spot::find(root, &grant.place) else { return Ok(Found::Elsewhere) };
        match mount_table::stands_on(&now.top, mine) {
            Ok(true) => return Ok(Found::There),
            Ok(false) => return Ok(Found::Elsewhere),
            // What was on top went while we looked.
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed(errno)),
        }
    }
    Ok(Found::Elsewhere)
}

fn unmount(ground: &Ground, place: &GuestPath, rule: &MountRule) -> Result<Performed, Failure> {
    let root = ground.roots.get(&place.root)?;
    let Spot { place, parent, leaf, top, identity, is_mounted } = Spot::find(root, place)?;
    if !is_mounted {
        return Ok(Performed { resolved: identity, changed: false });
    }
    roots::expect_forced(top.as_fd(), rule, place)?;
    // It would be in use, by us.
    drop(top);
    let failed = |errno| match errno {
        Errno::BUSY => {
            let message = format!("{place} is in use: a process works there, or within it");
            Failure::new(ErrorKind::Busy, message)
        }
        errno => Failure::system(place, errno),
    };
    // The name alone, in the directory that was found: a link that took its place is refused.
    rustix::process::fchdir(&parent).map_err(failed)?;
    rustix::mount::unmount(leaf, UnmountFlags::NOFOLLOW).map_err(failed)?;
    Ok(Performed { resolved: identity, changed: true })
}
