//! The wall between commands and the network.
//!
//! A network namespace without a single address is made once, when the broker starts, and each
//! command joins it, unless its rule says `network = true`: making one for every command would
//! cost milliseconds. Making and joining need root's power over the system; where the broker
//! lacks it, `syscalls` refuses the sockets themselves instead. (An ordinary user could
//! make the namespace within a user namespace. We do not: there, files of others seem to belong
//! to nobody, and what a tool copies or reports would depend on which wall stands.)

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use abaca_broker::protocol::{ErrorKind, Wall};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::failure::Failure;
use crate::kernel;

/// The namespace that whoever opens this is in.
const OWN: &str = "/proc/self/ns/net";

/// What keeps commands from the network on this machine.
pub enum Network {
    /// They join this namespace, where there is none.
    Empty(OwnedFd),
    /// They get no socket that could reach it.
    Refused,
}

impl Network {
    /// Makes the namespace, if that is possible here, and comes back from it.
    ///
    /// # Errors
    /// `wall`, when the way back is barred.
    pub fn prepare() -> Result<Network, Failure> {
        let open = || rustix::fs::open(OWN, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let own = open().map_err(wall)?;
        // Whatever the reason: the other wall keeps out as much.
        if kernel::leave_network().is_err() {
            return Ok(Network::Refused);
        }
        let empty = open().map_err(wall);
        join(own.as_fd())?;
        empty.map(Network::Empty)
    }

    /// Which wall it is.
    pub fn wall(&self) -> Wall {
        match self {
            Network::Empty(_) => Wall::Network,
            Network::Refused => Wall::Sockets,
        }
    }

    /// Where a command goes that has no grant, if there is such a place.
    pub fn empty(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Network::Empty(namespace) => Some(namespace.as_fd()),
            Network::Refused => None,
        }
    }
}

/// Moves this process into a network namespace.
///
/// # Errors
/// `wall`, when it may not.
pub fn join(namespace: BorrowedFd<'_>) -> Result<(), Failure> {
    move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network)).map_err(wall)
}

fn wall(errno: Errno) -> Failure {
    Failure { kind: ErrorKind::Wall, ..Failure::system("the empty network", errno) }
}
