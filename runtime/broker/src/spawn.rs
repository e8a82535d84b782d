//! Starts one command: from a rebuilt argv and open descriptors to a running process.
//!
//! Called by `run`, in a hand. What the child does, and in this order:
//! ```text
//! fork ─ new session ─ streams ─ close on exec ─ view ─ path arguments to 100, 101 …
//!      ─ signals ─ umask, cwd ─ walls (confine) ─ dies with its hand ─ exec, or say why not and exit
//! ```
//! The reason comes back over a pipe that exec closes: its end without a word is success.

use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use abaca_broker::protocol::ErrorKind;
use rustix::fs::Mode;
use rustix::io::{Errno, FdFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use crate::confine::{self, Enclosure};
use crate::failure::Failure;
use crate::kernel::{self, Fork};
use crate::view::View;

/// All that a command finds in its environment. None of it is inherited.
const ENVIRONMENT: [&str; 3] =
    ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/nonexistent"];

/// Where the descriptors of path arguments begin, clear of those that tools open.
const ARGUMENTS_FROM: RawFd = 100;

/// The first descriptor that is no stream.
const AFTER_STREAMS: u32 = 3;

/// What a command makes is not for others, unless the tool says so.
const UMASK: Mode = Mode::from_bits_truncate(0o027);

/// The exit code of a child that could not become the program; the pipe says why.
const NOT_STARTED: u8 = 127;

/// A command that is ready to run.
pub struct Launch<'a> {
    pub program: BorrowedFd<'a>,
    /// What it sees of the file system, if not all of it.
    pub view: Option<&'a View>,
    /// The program's own name, the first word of its argv.
    pub name: &'a str,
    pub words: &'a [Word],
    pub stdin: BorrowedFd<'a>,
    pub stdout: BorrowedFd<'a>,
    pub stderr: BorrowedFd<'a>,
    pub walls: Enclosure<'a>,
}

/// One word of an argv.
pub enum Word {
    /// As it stands.
    Text(String),
    /// What is open at `fd`, or `new` in it; spelt when the child knows the number. It stands at
    /// `path`, if anywhere.
    Descriptor { fd: OwnedFd, path: Option<String>, tail: Tail },
    /// Several parts without gap.
    Joined(Vec<Word>),
}

/// What follows `/proc/self/fd/N`.
pub enum Tail {
    /// Nothing: a file.
    File,
    /// `/.`: a directory, also for tools that look at a link itself rather than through it.
    Directory,
    /// A name to be made in a directory.
    New(String),
}

/// A command that runs.
pub struct Child {
    pub pid: Pid,
    /// Readable when it has ended.
    pub pidfd: OwnedFd,
}

/// Starts a command. When this returns, it is running the program behind its walls.
///
/// # Errors
/// The child's own words when a wall could not be built or the program not executed.
pub fn launch(launch: Launch<'_>) -> Result<Child, Failure> {
    let failed = |errno| Failure::system("cannot start a process", errno);
    let (ear, mouth) = pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
    let hand = rustix::process::getpid();
    let pid = match kernel::fork().map_err(failed)? {
        Fork::Child => kernel::live(move || {
            drop(ear);
            let failure = become_program(launch, hand);
            // Nobody is left to tell if this fails; the code remains.
            if let Ok(words) = serde_json::to_vec(&failure) {
                let _ = File::from(mouth).write_all(&words);
            }
            NOT_STARTED
        }),
        Fork::Parent(pid) => pid,
    };
    drop(mouth);
    let mut words = Vec::new();
    let heard = File::from(ear).read_to_end(&mut words);
    if heard.is_ok() && words.is_empty() {
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).map_err(failed)?;
        return Ok(Child { pid, pidfd });
    }
    let _ = rustix::process::waitpid(Some(pid), WaitOptions::empty());
    Err(serde_json::from_slice(&words).unwrap_or_else(|_| {
        Failure::new(ErrorKind::Io, "a process ended before it became its program")
    }))
}

/// The child's part. It returns only when it failed.
fn become_program(launch: Launch<'_>, hand: Pid) -> Failure {
    match prepare(launch, hand) {
        Ok(Ready { program, argv, environment }) => {
            let errno = kernel::exec(program.as_fd(), &argv, &environment);
            let failure = Failure::system("cannot execute the program", errno);
            match errno {
                Errno::TOOBIG | Errno::NOMEM | Errno::AGAIN => failure,
                // Of the program or what it needs to be loaded, not of a path argument.
                _ => Failure { kind: ErrorKind::Changed, ..failure },
            }
        }
        Err(failure) => failure,
    }
}

/// What exec needs.
struct Ready {
    program: OwnedFd,
    argv: Vec<CString>,
    environment: Vec<CString>,
}

fn prepare(launch: Launch<'_>, hand: Pid) -> Result<Ready, Failure> {
    let failed = |errno: Errno| Failure::system("cannot prepare a process", errno);
    rustix::process::setsid().map_err(failed)?;
    rustix::stdio::dup2_stdin(launch.stdin).map_err(failed)?;
    // This also lets go of the lock that the hand holds there (see `main`).
    rustix::stdio::dup2_stdout(launch.stdout).map_err(failed)?;
    rustix::stdio::dup2_stderr(launch.stderr).map_err(failed)?;
    kernel::close_on_exec(AFTER_STREAMS).map_err(failed)?;
    // Before it becomes somebody else in any way.
    let powers = confine::powers()?;
    let program = match launch.view {
        Some(view) => {
            view.enter(powers)?;
            if let Some(input) = view.input(launch.stdin)? {
                rustix::stdio::dup2_stdin(input).map_err(failed)?;
            }
            view.program(launch.program)?
        }
        None => launch
            .program
            .try_clone_to_owned()
            .map_err(|error| failed(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?,
    };
    let (words, kept) = spell(launch.words, launch.view)?;
    let argv = strings([launch.name.to_owned()].into_iter().chain(words))?;
    let environment = strings(ENVIRONMENT.map(str::to_owned))?;
    kernel::default_signals();
    rustix::process::umask(UMASK);
    rustix::process::chdir("/").map_err(failed)?;
    confine::enter(launch.walls, powers)?;
    // After the walls: a change of credentials may clear it.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed)?;
    if rustix::process::getppid() != Some(hand) {
        return Err(Failure::new(ErrorKind::Io, "the hand ended while a command was starting"));
    }
    // They stay open for the program; this process ends or is replaced.
    kept.into_iter().for_each(std::mem::forget);
    Ok(Ready { program, argv, environment })
}

/// Gives each path argument its descriptor and writes the words.
fn spell(words: &[Word], view: Option<&View>) -> Result<(Vec<String>, Vec<OwnedFd>), Failure> {
    let mut kept = Vec::new();
    let spelt = words.iter().map(|word| spell_one(word, view, &mut kept));
    let spelt = spelt.collect::<Result<_, _>>()?;
    Ok((spelt, kept))
}

fn spell_one(word: &Word, view: Option<&View>, kept: &mut Vec<OwnedFd>) -> Result<String, Failure> {
    let failed = |errno: Errno| Failure::system("cannot prepare a process", errno);
    Ok(match word {
        Word::Text(text) => text.clone(),
        Word::Joined(parts) => {
            parts.iter().map(|part| spell_one(part, view, kept)).collect::<Result<_, _>>()?
        }
        Word::Descriptor { fd, path, tail } => {
            let again = match (view, path) {
                (Some(view), Some(path)) => Some(view.again(path, fd.as_fd())?),
                _ => None,
            };
            let fd = again.as_ref().unwrap_or(fd);
            let fd = rustix::io::fcntl_dupfd_cloexec(fd, ARGUMENTS_FROM).map_err(failed)?;
            rustix::io::fcntl_setfd(&fd, FdFlags::empty()).map_err(failed)?;
            let number = fd.as_raw_fd();
            kept.push(fd);
            match tail {
                Tail::File => format!("/proc/self/fd/{number}"),
                Tail::Directory => format!("/proc/self/fd/{number}/."),
                Tail::New(name) => format!("/proc/self/fd/{number}/{name}"),
            }
        }
    })
}

fn strings(words: impl IntoIterator<Item = String>) -> Result<Vec<CString>, Failure> {
    let string = |word| {
        CString::new(word)
            .map_err(|_| Failure::new(ErrorKind::Invalid, "a word of an argv holds a NUL"))
    };
    words.into_iter().map(string).collect()
}
