//! `abaca-broker`: the privileged hand of one backend.
//!
//! A small program without threads, started by the runtime (or by an operator who gives it
//! more privilege) with one end of a socket. It loads the policy itself and believes nothing
//! that the runtime says about it; who asks is whoever holds the other end. It holds no
//! state: when the socket ends, everything it started ends.
//!
//! ```text
//! runtime ═socket═ main loop ─fork─▶ hand ─fork─▶ command        command: behind its walls
//!                  (dispatch)  │      │  └ adopts what detaches itself, kills it all at the end
//!                              │      └ reads control: its end means stop
//!                              ├─fork─▶ hand ─fork─▶ command │ command     a pipeline
//!                              └─fork─▶ hand                               a verb on files or mounts
//!
//! runtime dies ─▶ socket ends ─▶ main loop lets go ─▶ controls end ─▶ hands kill their trees
//! main loop dies ───────────────────────────────────▶ controls end ─▶ hands kill their trees
//! hand dies ─▶ its command dies with it; what is below falls to the main loop, which kills it
//! ```
//! Standard output is the runtime's: an open file with a lock on it, which the broker and its
//! hands keep as descriptor 1 and neither write nor replace, and no command gets. Whoever can
//! take the lock knows that all of them are gone, and their commands with them.
//!
//! Modules, outermost first: `dispatch` (the loop), `peer` (the socket), `job` (may it?),
//! `running` and `hand` (the two sides of one hand), `run`, `pipes`, `secrets`, `spawn`, `confine`, `control_groups`,
//! `users`, `fence`, `network`, `syscalls`, `tree` (commands), `files` and `mounts` (verbs),
//! `ground`, `roots`, `mount_table`, `programs` (what all stand on),
//! `kernel` (system calls without a safe wrapper). `trying` is for `--try-walls` only.
//!
//! Exit codes: 0 when the runtime is gone, 2 for a mistake of the operator or a broken protocol.

mod arguments;
mod confine;
mod control_groups;
mod dispatch;
mod failure;
mod fence;
mod files;
mod ground;
mod hand;
mod job;
mod kernel;
mod mount_table;
mod mounts;
mod network;
mod options;
mod parked;
mod peer;
mod pipes;
mod programs;
mod roots;
mod run;
mod running;
mod secrets;
mod spawn;
mod syscalls;
mod tree;
mod trying;
mod users;
mod view;
mod watch;

use std::os::fd::{OwnedFd, RawFd};
use std::process::ExitCode;

use abaca_broker::protocol::{ErrorKind, Outcome, UNASKED, Wall};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::failure::Failure;
use crate::ground::Ground;
use crate::options::{Asked, Options, STANDARD_INPUT};
use crate::peer::Peer;

/// The exit code for what an operator or the runtime did wrong.
const MISTAKE: u8 = 2;

fn main() -> ExitCode {
    let options = match Options::read(std::env::args_os().skip(1)) {
        Ok(Asked::Serve(options)) => options,
        Ok(Asked::TryWalls { alone }) => {
            println!("{}", trying::report(alone));
            return ExitCode::SUCCESS;
        }
        Ok(Asked::TryProcesses) => {
            println!("{}", trying::report_one(Wall::Watch));
            return ExitCode::SUCCESS;
        }
        Ok(Asked::TryMemory) => {
            println!("{}", trying::report_one(Wall::Memory));
            return ExitCode::SUCCESS;
        }
        Ok(Asked::Text(text)) => {
            println!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("abaca-broker: {message}");
            return ExitCode::from(MISTAKE);
        }
    };
    match serve(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("abaca-broker: {failure}");
            ExitCode::from(MISTAKE)
        }
    }
}

fn serve(options: &Options) -> Result<(), Failure> {
    kernel::keep_no_large_memory();
    let system = |errno| {
        let what = format!("the socket by descriptor {}", options.socket);
        Failure::system(what, errno)
    };
    let socket = inherited(options.socket).map_err(system)?;
    let kind = rustix::net::sockopt::socket_type(&socket).map_err(system)?;
    if kind != rustix::net::SocketType::STREAM {
        let message = format!("the descriptor {} is not a stream socket", options.socket);
        return Err(Failure::new(ErrorKind::Invalid, message));
    }
    let mut peer = Peer::new(socket).map_err(system)?;
    let ground = prepare().and_then(|()| Ground::load(&options.policy));
    match ground {
        Ok(ground) => dispatch::serve(&ground, peer),
        Err(failure) => {
            peer.answer(UNASKED, Outcome::Failed { message: failure.to_string() });
            let _ = peer.flush();
            Err(failure)
        }
    }
}

/// Takes over the socket. Where it is standard input, that becomes empty.
fn inherited(number: RawFd) -> Result<OwnedFd, Errno> {
    if number != STANDARD_INPUT {
        return kernel::inherited(number);
    }
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 0)?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(null)?;
    Ok(socket)
}

/// Makes this process the one that everything it starts falls back to.
fn prepare() -> Result<(), Failure> {
    let failed = |errno| Failure::system("cannot become the head of a tree", errno);
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(failed)
}
