//! Tries what the walls forbid, one line for each attempt: what was tried, and what the kernel
//! said. For whoever doubts that they stand on this machine. Nothing is compiled then.

use std::fmt::Write;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType};
use rustix::process::{Pid, Signal};

use crate::kernel;

/// Tries each, and says what came of it: `NAME refused: WORDS`, or `NAME possible`.
pub fn attempts() -> String {
    let socket = |family| rustix::net::socket(family, SocketType::STREAM, None).map(drop);
    let open = |path: &str| {
        rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map(drop)
    };
    #[expect(clippy::disallowed_methods, reason = "it is to be refused")]
    let program = std::process::Command::new("/usr/bin/true").spawn();
    let program = program.map(drop).map_err(|error| Errno::from_io_error(&error));
    let parent = rustix::process::getppid();
    let signal = |send: fn(Pid, Signal) -> Result<(), Errno>| {
        parent.map_or(Err(Errno::SRCH), |parent| send(parent, Signal::CONT))
    };
    let attempts = [
        ("inet", socket(AddressFamily::INET)),
        ("inet6", socket(AddressFamily::INET6)),
        ("netlink", socket(AddressFamily::NETLINK)),
        ("unix", socket(AddressFamily::UNIX)),
        ("file", open("/etc/passwd")),
        ("directory", open("/")),
        ("program", program.map_err(|errno| errno.unwrap_or(Errno::IO))),
        ("signal", signal(rustix::process::kill_process)),
        // The call by which it would end itself: only the fence looks at to whom it goes.
        ("thread", signal(kernel::signal_thread)),
    ];
    let mut told = String::new();
    for (name, answer) in attempts {
        // Writing to a text does not fail.
        let _ = match answer {
            Err(errno) => writeln!(told, "{name} refused: {errno}"),
            Ok(()) => writeln!(told, "{name} possible"),
        };
    }
    told
}
