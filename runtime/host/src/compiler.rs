//! The runtime's end of `abaca-compiler`: one process for each component, given its bytes, bounded
//! in what it may take, killed and reaped whenever nobody waits for it any more. The runtime's own
//! process never compiles. Called by `driver::compiling`, for bytes that passed the scan.
//!
//! ```text
//! start ─▶ all bytes, then the end ─▶ all of its answer ─▶ how did it end? ─▶ code, or why not
//!   └─ the wall time is over, or the asker has gone away: killed, and still waited for
//! ```

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use abaca_compiler::{Bounds, NOT_READY, PROGRAM, REFUSED};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::limits::Limits;
use crate::text::{MESSAGE_BYTES, printable};

/// How much is read of what a compiler complains of.
const COMPLAINT_BYTES: u64 = 16 * 1024;

/// How Rust's own allocator says that there is no memory, before it aborts.
const NO_MEMORY: &str = "memory allocation of ";

/// Why a component has no compiled code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The component is no driver as far as the scan or the engine is concerned.
    #[error("{0}")]
    Refused(String),
    /// `compile_cpu`.
    #[error("compiling it took more than {} s of computing", .0.as_secs())]
    Cpu(Duration),
    /// `compile_wall`.
    #[error("compiling it took longer than {} s", .0.as_secs())]
    Wall(Duration),
    /// `compile_memory_bytes`.
    #[error("compiling it needed more than {0} bytes of memory")]
    Memory(u64),
    /// `compiled_bytes`.
    #[error("compiled it is larger than {0} bytes")]
    Size(u64),
    /// The compiler is not there, cannot build its walls, or ended of itself.
    #[error("the compiler {0}")]
    Compiler(String),
}

/// Has a component compiled. Dropping the future ends the compiler.
///
/// # Errors
/// Which bound it exceeded, or what the engine or the compiler says.
pub(crate) async fn compile(
    program: &Path,
    limits: &Limits,
    component: Vec<u8>,
) -> Result<Vec<u8>, CompileError> {
    let leash = Leash::default();
    let conversation = {
        let (leash, program, limits) = (leash.clone(), program.to_owned(), limits.clone());
        // The compiler dies with the thread that started it: this one lives until it has ended.
        move || converse(&program, &limits, &component, &leash)
    };
    // Whoever drops this future drops this, too.
    let _end = Pulling(&leash);
    let mut conversation = tokio::task::spawn_blocking(conversation);
    let answer = match tokio::time::timeout(limits.compile_wall, &mut conversation).await {
        Ok(answer) => answer,
        Err(_) => {
            leash.pull();
            // It is waited for: when this is told, nothing of it is left.
            let _ = conversation.await;
            return Err(CompileError::Wall(limits.compile_wall));
        }
    };
    answer.unwrap_or_else(|error| Err(CompileError::Compiler(format!("was not heard: {error}"))))
}

/// Starts a compiler, gives it the component, and hears it to its end.
fn converse(
    program: &Path,
    limits: &Limits,
    component: &[u8],
    leash: &Leash,
) -> Result<Vec<u8>, CompileError> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        CompileError::Compiler(format!("{} {what}: {error}", program.display()))
    };
    let bounds = Bounds {
        parent: std::process::id(),
        cpu_seconds: limits.compile_cpu.as_secs().max(1),
        memory_bytes: limits.compile_memory_bytes,
    };
    #[expect(clippy::disallowed_methods, reason = "the one place that starts the compiler")]
    let mut child = Command::new(program)
        .args(bounds.arguments())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed("cannot be started", &error))?;
    let held = leash.hold(&child);
    let heard = exchange(&mut child, component, limits.compiled_bytes);
    if held.is_err() || !matches!(heard, Ok(Heard { whole: true, .. })) {
        // It has nothing more to say that is of use. One that has ended already stays so.
        let _ = child.kill();
    }
    let ended = child.wait();
    leash.release();
    held.map_err(|error| failed("cannot be held", &error))?;
    let heard = heard.map_err(|error| failed("cannot be heard", &error))?;
    if !heard.whole {
        return Err(CompileError::Size(limits.compiled_bytes));
    }
    let ended = ended.map_err(|error| failed("cannot be waited for", &error))?;
    told(program, limits, ended, heard)
}

/// What a compiler has said.
struct Heard {
    answer: Vec<u8>,
    /// Whether the answer is no longer than it may be.
    whole: bool,
    complaint: String,
}

/// It reads everything before it answers anything, and complains in a few lines: so one of us is
/// always listening.
fn exchange(child: &mut Child, component: &[u8], most: u64) -> std::io::Result<Heard> {
    // Of a compiler that ended early more is told by how it ended.
    let send = |mut stdin: ChildStdin| stdin.write_all(component);
    let _ = child.stdin.take().map(send);
    let mut answer = Vec::new();
    if let Some(stdout) = &mut child.stdout {
        // One byte more than is allowed shows that there are too many.
        stdout.take(most.saturating_add(1)).read_to_end(&mut answer)?;
    }
    let whole = answer.len() as u64 <= most;
    let mut complaint = Vec::new();
    if let (true, Some(stderr)) = (whole, &mut child.stderr) {
        stderr.take(COMPLAINT_BYTES).read_to_end(&mut complaint)?;
    }
    Ok(Heard { answer, whole, complaint: String::from_utf8_lossy(&complaint).into_owned() })
}

/// What the ending means.
fn told(
    program: &Path,
    limits: &Limits,
    ended: ExitStatus,
    heard: Heard,
) -> Result<Vec<u8>, CompileError> {
    let words = || printable(&String::from_utf8_lossy(&heard.answer), MESSAGE_BYTES);
    let signal = ended.signal().and_then(Signal::from_named_raw);
    Err(match (ended.code(), signal) {
        (Some(0), _) => return Ok(heard.answer),
        (Some(code), _) if code == i32::from(REFUSED) => {
            CompileError::Refused(format!("it cannot be compiled: {}", words()))
        }
        (Some(code), _) if code == i32::from(NOT_READY) => CompileError::Compiler(format!(
            "{} refuses to work here: {}",
            program.display(),
            words()
        )),
        (_, Some(Signal::XCPU)) => CompileError::Cpu(limits.compile_cpu),
        _ if heard.complaint.contains(NO_MEMORY) => {
            CompileError::Memory(limits.compile_memory_bytes)
        }
        _ => {
            let complaint = printable(&heard.complaint, MESSAGE_BYTES);
            let way = format!("{} ended before it was done", program.display());
            CompileError::Compiler(format!("{way} ({ended}) {complaint}").trim_end().to_owned())
        }
    })
}

/// What a compiler that runs in one thread can be ended by from another.
#[derive(Clone, Debug, Default)]
struct Leash(Arc<Mutex<End>>);

#[derive(Debug, Default)]
enum End {
    /// Nothing runs that could be ended.
    #[default]
    Loose,
    /// A process runs.
    Held(OwnedFd),
    /// Whatever runs, or will run, is to be ended.
    Pulled,
}

impl Leash {
    /// From now on this process can be ended; at once, if that was asked for already.
    fn hold(&self, child: &Child) -> rustix::io::Result<()> {
        let pid = Pid::from_child(child);
        let held = pidfd_open(pid, PidfdFlags::empty())?;
        let mut end = self.end();
        if matches!(*end, End::Pulled) {
            return pidfd_send_signal(held, Signal::KILL);
        }
        *end = End::Held(held);
        Ok(())
    }

    /// The process has ended and was waited for.
    fn release(&self) {
        *self.end() = End::Loose;
    }

    fn pull(&self) {
        let before = std::mem::replace(&mut *self.end(), End::Pulled);
        if let End::Held(held) = before {
            // One that has just ended need not be.
            let _ = pidfd_send_signal(held, Signal::KILL);
        }
    }

    fn end(&self) -> MutexGuard<'_, End> {
        // It is set in one go: a holder that panicked has left it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the compiler when nobody waits for it any more.
struct Pulling<'a>(&'a Leash);

impl Drop for Pulling<'_> {
    fn drop(&mut self) {
        self.0.pull();
    }
}

/// Where the compiler is: what the embedder said, or beside the running program.
///
/// # Errors
/// When neither is a file.
pub(crate) fn locate(given: Option<&Path>) -> Result<PathBuf, CompileError> {
    let failed =
        |error: std::io::Error| CompileError::Compiler(format!("cannot be found: {error}"));
    let candidate = match given {
        Some(path) => path.to_owned(),
        None => std::env::current_exe().map_err(failed)?.with_file_name(PROGRAM),
    };
    if !candidate.is_file() {
        return Err(CompileError::Compiler(format!("is not at {}", candidate.display())));
    }
    // It is started in another directory.
    candidate.canonicalize().map_err(failed)
}
