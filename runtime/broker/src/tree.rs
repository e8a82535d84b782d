//! Ends processes as trees: everything below this process, however it detached itself.
//!
//! A hand and the main loop are subreapers, so whatever loses its parent becomes their child:
//! no session, group or double fork hides from here. It needs no right but that to signal
//! one's own descendants. Called by `run` when a command is over and by `dispatch` for what
//! a dead hand left behind: by `running` round for round, because the main loop never waits.
//!
//! ```text
//! find all below ─▶ stop each ─▶ any new? ─yes─▶ again          (a stopped tree cannot fork)
//!                                   └─no──▶ kill each ─▶ reap ─▶ none left? ─no─▶ again
//! ```

#![expect(clippy::disallowed_methods, reason = "reads /proc, to find its descendants")]

use std::collections::HashSet;
use std::fs;
use std::time::{Duration, Instant};

use abaca_broker::protocol::ErrorKind;
use rustix::event::{PollFd, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use crate::failure::Failure;

/// How long killing may take. A killed process that is still there then hangs in the kernel,
/// on a device or a server that does not answer, and nothing can be done about it.
pub const KILL_LIMIT: Duration = Duration::from_secs(5);

/// Between two looks whether the killed are gone; they usually are at once.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// The bytes of a page, as /proc counts memory.
const PAGE: u64 = 4096;

/// How often a tree is searched for processes not stopped yet, before the killing begins.
const SEARCHES: usize = 64;

/// Makes sure that the kernel tells the children of a process.
///
/// # Errors
/// `wall`: without that, no tree could be ended.
pub fn check() -> Result<(), Failure> {
    let me = rustix::process::getpid();
    fs::read(format!("/proc/{me}/task/{me}/children")).map(drop).map_err(|error| {
        let message = format!(
            "the broker finds the processes it must kill in /proc/PID/task/TID/children, which \
             needs /proc mounted and CONFIG_PROC_CHILDREN: {error}"
        );
        Failure::new(ErrorKind::Wall, message)
    })
}

/// Kills and reaps everything below this process, except the children `spared` and what is
/// below them.
///
/// # Errors
/// When something is still there after [`KILL_LIMIT`].
pub fn fell(spared: &HashSet<Pid>) -> Result<(), Failure> {
    let start = Instant::now();
    loop {
        let left = strike(spared);
        if left == 0 {
            return Ok(());
        }
        if start.elapsed() > KILL_LIMIT {
            return Err(hang(left));
        }
        let _ = poll(&mut [] as &mut [PollFd<'_>], Some(&PAUSE));
    }
}

/// One round of [`fell`], which waits for nothing; answers how many are still there.
pub fn strike(spared: &HashSet<Pid>) -> usize {
    let me = rustix::process::getpid();
    let tree = stop_all(me, spared);
    for pid in tree.iter().filter(|pid| **pid != me) {
        signal(*pid, Signal::KILL, &tree);
    }
    for pid in tree.iter().filter(|pid| **pid != me) {
        // Those that are not our children are reaped in a later round, when they are.
        let _ = rustix::process::waitpid(Some(*pid), WaitOptions::NOHANG);
    }
    below(me, spared).len()
}

/// Whether anything is left below this process.
pub fn is_left() -> bool {
    !below(rustix::process::getpid(), &HashSet::new()).is_empty()
}

/// How many processes and threads there are below this process, and how many bytes of memory they
/// have; what several share is counted for each.
pub fn size() -> (usize, u64) {
    let of = |pid: Pid| {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
        let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        let pages =
            statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
        (tasks, pages.unwrap_or(0).saturating_mul(PAGE))
    };
    let all = below(rustix::process::getpid(), &HashSet::new()).into_iter().map(of);
    all.fold((0, 0), |(tasks, bytes), (more, memory)| (tasks + more, bytes.saturating_add(memory)))
}

/// What to say of `left` processes that were killed and are there after [`KILL_LIMIT`].
pub fn hang(left: usize) -> Failure {
    let message = format!("{left} killed processes do not end: they hang in the kernel");
    Failure::new(ErrorKind::Io, message)
}

/// Stops the whole tree below `me`; answers `me` and all that were found.
fn stop_all(me: Pid, spared: &HashSet<Pid>) -> HashSet<Pid> {
    let mut known = HashSet::from([me]);
    for _ in 0..SEARCHES {
        let new: Vec<Pid> =
            below(me, spared).into_iter().filter(|pid| !known.contains(pid)).collect();
        if new.is_empty() {
            break;
        }
        known.extend(&new);
        for pid in new {
            signal(pid, Signal::STOP, &known);
        }
    }
    known
}

/// Sends a signal to `pid` if it is a child of one of `parents`.
///
/// The number may belong to another process since we read it: the descriptor pins whoever
/// has it now, and only then do we look whose child that is.
fn signal(pid: Pid, signal: Signal, parents: &HashSet<Pid>) {
    let Ok(pinned) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else {
        return;
    };
    if parent(pid).is_some_and(|parent| parents.contains(&parent)) {
        // It may be gone, which is what we want.
        let _ = rustix::process::pidfd_send_signal(&pinned, signal);
    }
}

/// Everything below `root`, outermost first.
fn below(root: Pid, spared: &HashSet<Pid>) -> Vec<Pid> {
    let mut found: Vec<Pid> =
        children(root).into_iter().filter(|pid| !spared.contains(pid)).collect();
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        for child in children(pid) {
            // A process that moved while we looked is not looked at twice.
            if !found.contains(&child) {
                found.push(child);
            }
        }
        next += 1;
    }
    found
}

/// The children of all threads of a process, zombies included. What ends while we look has
/// none any more: they are found below their next parent in the next round.
fn children(pid: Pid) -> Vec<Pid> {
    let mut found = Vec::new();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    for task in tasks {
        let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(text.split_ascii_whitespace().filter_map(number));
    }
    found
}

/// The parent of a process, from the fourth word of its stat: the second, its name, is in
/// parentheses and may hold anything.
fn parent(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    number(after_name.split_ascii_whitespace().nth(1)?)
}

fn number(text: &str) -> Option<Pid> {
    text.parse().ok().and_then(Pid::from_raw)
}
