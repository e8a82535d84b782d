//! Tries the walls from inside: does what each of them is there to prevent, and tells what came
//! of it. It is a command like any other, run behind the walls by a broker whose policy names the
//! broker's own program; outside of them it tells the truth as well: that nothing stands.
//!
//! Called by `main` for `--try-walls`; `abaca doctor` reads what it prints. It changes nothing:
//! what is tried has no effect where it is not prevented.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::thread;
use std::time::Duration;

use abaca_broker::protocol::{TRIED_MEMORY, TriedWall, Wall};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, RawDir};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType};
use rustix::process::{Resource, getppid, getrlimit, test_kill_process};

use crate::kernel;

/// What is tried of each wall.
const ATTEMPTS: [(Wall, &str, Attempt); 14] = [
    (Wall::Session, "to reach a terminal, in whose session is it", session),
    (Wall::Descriptors, "to find an open descriptor but its three streams", descriptors),
    (Wall::Environment, "to find an environment variable of somebody else", environment),
    (Wall::Limits, "to open 1,000 descriptors, to map 8 GiB, to leave a core file", limits),
    (Wall::NoNewPrivileges, "to gain by a set-uid program", no_new_privileges),
    (Wall::Capabilities, "to find a capability in any of its sets", capabilities),
    (Wall::Files, "to list the directory /, to make a file in /tmp", files),
    (Wall::Attributes, "to remove from / an attribute that it does not have", attributes),
    (Wall::Tcp, "to connect to 127.0.0.1 by TCP", tcp),
    (Wall::Scope, "to signal the process that started it", scope),
    (Wall::Network, "to reach 127.0.0.1 by UDP", network),
    (Wall::Sockets, "to make a socket for UDP", sockets),
    (Wall::Processes, "to start 1,100 threads", processes),
    (Wall::Syscalls, "to ask for a keyring", system_calls),
];

/// What is tried by a command of its own, for it is ended by what it tries.
const ALONE: [(Wall, &str, Attempt); 2] = [
    (Wall::Memory, "to fill 128 MiB where its group has 64", memory),
    (Wall::Watch, "to start 1,100 threads", watched),
];

/// How long what is started waits to be counted, and ended: many times as long as between two looks.
const COUNTED: Duration = Duration::from_secs(2);

/// Answers what prevented it, or what it got.
type Attempt = fn() -> Result<String, String>;

/// The variables of a command.
const VARIABLES: [&str; 3] = ["PATH", "LC_ALL", "HOME"];

/// More than a command may have open, and more than it may map in bytes.
const DESCRIPTORS: usize = 1_000;
const MAPPED: usize = 8 << 30;

/// More than a command may start, and the memory of each for its stack.
const THREADS: usize = 1_100;
const STACK: usize = 64 << 10;

/// Room for the names in a directory, in bytes; `/proc/self/fd` has a few.
const NAMES: usize = 4096;

/// A port that needs no listener: refused by a peer is reached.
const DISCARD: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9);

/// What came of every attempt, as JSON; `alone`, without the one that would have it ended.
pub fn report(alone: bool) -> String {
    let attempts = ATTEMPTS.into_iter().filter(|(wall, ..)| !alone || *wall != Wall::Processes);
    let tried = attempts.map(|(wall, tried, attempt)| came(wall, tried, attempt));
    serde_json::to_string(&tried.collect::<Vec<_>>()).unwrap_or_default()
}

/// The same of one that is tried alone. Whoever has run it knows that it was prevented where it did not
/// come so far.
pub fn report_one(wall: Wall) -> String {
    let attempts = ALONE.into_iter().filter(|(one, ..)| *one == wall);
    let tried = attempts.map(|(wall, tried, attempt)| came(wall, tried, attempt));
    serde_json::to_string(&tried.collect::<Vec<_>>()).unwrap_or_default()
}

fn came(wall: Wall, tried: &str, attempt: Attempt) -> TriedWall {
    let came = attempt();
    let stands = came.is_ok();
    let got = came.unwrap_or_else(|got| got);
    TriedWall { wall, tried: tried.to_owned(), got, stands }
}

fn session() -> Result<String, String> {
    let own = kernel::leads_its_session();
    let terminal = refused(open("/dev/tty", OFlags::RDWR), "a terminal")?;
    if own {
        Ok(format!("a session of its own; {terminal}"))
    } else {
        Err("it is in the session of somebody else".to_owned())
    }
}

fn descriptors() -> Result<String, String> {
    let directory = open("/proc/self/fd", OFlags::RDONLY).map_err(|errno| errno.to_string())?;
    let mut names = [const { std::mem::MaybeUninit::uninit() }; NAMES];
    let mut entries = RawDir::new(directory, &mut names);
    let mut found = 0_usize;
    while let Some(Ok(entry)) = entries.next() {
        let name = entry.file_name().to_string_lossy();
        found += usize::from(name.parse::<u32>().is_ok_and(|number| number > 2));
    }
    // One is the directory itself.
    match found {
        1 => Ok("none".to_owned()),
        more => Err(format!("{more} descriptors")),
    }
}

fn environment() -> Result<String, String> {
    let mut foreign = std::env::vars_os().filter_map(|(name, _)| {
        let name = name.to_string_lossy().into_owned();
        (!VARIABLES.contains(&name.as_str())).then_some(name)
    });
    foreign.next().map_or_else(|| Ok("none".to_owned()), Err)
}

fn limits() -> Result<String, String> {
    let opened: Vec<OwnedFd> =
        (0..DESCRIPTORS).map_while(|_| open("/dev/null", OFlags::RDONLY).ok()).collect();
    if opened.len() == DESCRIPTORS {
        return Err(format!("{DESCRIPTORS} descriptors"));
    }
    let count = opened.len();
    drop(opened);
    let mut mapped: Vec<u8> = Vec::new();
    if mapped.try_reserve_exact(MAPPED).is_ok() {
        return Err("8 GiB of address space".to_owned());
    }
    if getrlimit(Resource::Core).maximum != Some(0) {
        return Err("a core file may be left".to_owned());
    }
    Ok(format!("no more than {count} descriptors, no memory, no core file"))
}

fn no_new_privileges() -> Result<String, String> {
    match rustix::thread::no_new_privs() {
        Ok(true) => Ok("the kernel will not let it".to_owned()),
        Ok(false) => Err("the kernel would let it".to_owned()),
        Err(errno) => Err(errno.to_string()),
    }
}

fn capabilities() -> Result<String, String> {
    let sets = rustix::thread::capabilities(None).map_err(|errno| errno.to_string())?;
    let all = sets.effective | sets.permitted | sets.inheritable;
    if all.is_empty() { Ok("none".to_owned()) } else { Err(format!("{all:?}")) }
}

fn files() -> Result<String, String> {
    let listed = refused(open("/", OFlags::RDONLY | OFlags::DIRECTORY), "a list of /")?;
    // Nothing is left where it succeeds: the file has no name.
    let made = rustix::fs::openat(CWD, "/tmp", OFlags::TMPFILE | OFlags::RDWR, Mode::RUSR);
    refused(made, "a file in /tmp")?;
    Ok(listed)
}

fn attributes() -> Result<String, String> {
    match rustix::fs::removexattr("/", "user.abaca") {
        Err(errno @ (Errno::PERM | Errno::ROFS)) => Ok(errno.to_string()),
        Err(other) => Err(format!("an answer of the file system: {other}")),
        Ok(()) => Err("it is removed".to_owned()),
    }
}

fn tcp() -> Result<String, String> {
    refused(connect(SocketType::STREAM), "a connection")
}

fn scope() -> Result<String, String> {
    let Some(parent) = getppid() else { return Err("it has no parent".to_owned()) };
    refused(test_kill_process(parent), "it may")
}

fn network() -> Result<String, String> {
    refused(connect(SocketType::DGRAM), "a way")
}

fn sockets() -> Result<String, String> {
    refused(rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None), "a socket")
}

fn processes() -> Result<String, String> {
    let start = |_| thread::Builder::new().stack_size(STACK).spawn(thread::park).err();
    // They end with this process.
    match (0..THREADS).find_map(|at| start(at).map(|error| (at, error))) {
        Some((at, error)) => Ok(format!("{at} of them, then: {error}")),
        None => Err("all of them".to_owned()),
    }
}

/// Touches each page: what is only promised takes no memory.
fn memory() -> Result<String, String> {
    let most = usize::try_from(TRIED_MEMORY.saturating_mul(2)).unwrap_or(usize::MAX);
    let mut filled: Vec<u8> = Vec::new();
    if let Err(error) = filled.try_reserve_exact(most) {
        return Ok(error.to_string());
    }
    filled.resize(most, 1);
    Err(format!("{} bytes", black_box(&filled).len()))
}

fn watched() -> Result<String, String> {
    let came = processes();
    thread::park_timeout(COUNTED);
    came
}

fn system_calls() -> Result<String, String> {
    match kernel::ask_for_keyring() {
        Errno::PERM => Ok(Errno::PERM.to_string()),
        other => Err(format!("an answer of the kernel: {other}")),
    }
}

fn open(path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty())
}

fn connect(kind: SocketType) -> Result<(), Errno> {
    let socket = rustix::net::socket(AddressFamily::INET, kind, None)?;
    match rustix::net::connect(&socket, &DISCARD) {
        // Whoever refuses was reached.
        Err(Errno::CONNREFUSED) => Ok(()),
        other => other,
    }
}

/// What prevented it; else what it would have got.
fn refused<T>(came: Result<T, Errno>, got: &str) -> Result<String, String> {
    match came {
        Err(errno) => Ok(errno.to_string()),
        Ok(_) => Err(got.to_owned()),
    }
}
