//! One hand: the process that does one piece of permitted work and answers it.
//!
//! It is a copy of the broker, made by `dispatch` for one request, and it knows what the
//! broker knew. It writes one response frame to its pipe and ends with 0; any other end
//! means that there is no answer, and that the main loop must find the words.
//!
//! ```text
//! commands: leads its own session, adopts what detaches itself, watches `control`:
//!           its end (let go, or the main loop is dead) ─▶ kill the tree ─▶ end with 1
//! files, mounts: blocks in the file system, so it watches nothing: it dies by SIGKILL, from
//!           the main loop or with it; a mount that is not attached yet dies with it
//! ```

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::time::Instant;

use abaca_broker::protocol::{Outcome, Response, encode};
use rustix::fs::Mode;
use rustix::process::{Pid, Resource, Signal};

use crate::confine;
use crate::failure::Failure;
use crate::ground::Ground;
use crate::job::{Job, Work};
use crate::run::{self, Ran};
use crate::tree;

/// The code of a hand that wrote its answer.
pub const ANSWERED: u8 = 0;

/// The code of a hand that wrote its answer, and could not end all that it was running.
pub const LEFT_SOME: u8 = 2;

/// The code of a hand that has none, and has left no process behind.
pub const NO_ANSWER: u8 = 1;

/// The most address space of a hand that works on files, in bytes: what it was copied from
/// (some hundred megabytes when queue and answers are full), the largest answer twice, and
/// as much again. A tree that asks for more was made to.
const MEMORY_MAX: u64 = 1024 * 1024 * 1024;

/// What files are made with: nobody else's, until their permission bits are set.
const UMASK: Mode = Mode::from_bits_truncate(0o077);

/// The whole life of a hand; returns its exit code. `main` is the process it works for.
pub fn work(ground: &Ground, job: Job<'_>, control: &OwnedFd, answer: OwnedFd, main: Pid) -> u8 {
    let commands = matches!(job.work, Work::Commands(_));
    let ran = match job.work {
        Work::Commands(commands) => {
            adopt().and_then(|()| run::run(ground, commands, job.deadline, control))
        }
        Work::Files(files) => {
            let start = Instant::now();
            block(main).and_then(|()| crate::files::perform(ground, files)).map(|done| {
                let duration_ms = run::milliseconds(start.elapsed());
                let rules = done.rules;
                let (resolved, reply) = (done.resolved, done.reply);
                Ran::Answer(Outcome::Files { rules, resolved, reply, duration_ms }, done.body)
            })
        }
        Work::Mounts(mounts) => {
            let start = Instant::now();
            block(main).and_then(|()| crate::mounts::perform(ground, &mounts)).map(|done| {
                let duration_ms = run::milliseconds(start.elapsed());
                let rule = mounts.rule().to_owned();
                let (resolved, changed) = (done.resolved, done.changed);
                let outcome = Outcome::Mounts { rule, resolved, changed, duration_ms };
                Ran::Answer(outcome, Vec::new())
            })
        }
    };
    let (result, body) = match ran {
        Ok(Ran::Answer(result, body)) => (result, body),
        Ok(Ran::Dropped) => return NO_ANSWER,
        Err(failure) => (failure.into(), Vec::new()),
    };
    let written = encode(&Response { id: job.id, result }, &body)
        .is_ok_and(|frame| File::from(answer).write_all(&frame).is_ok());
    match written {
        true if commands && tree::is_left() => LEFT_SOME,
        true => ANSWERED,
        false => NO_ANSWER,
    }
}

fn adopt() -> Result<(), Failure> {
    let failed = |errno| Failure::system("cannot become the head of a tree", errno);
    rustix::process::setsid().map_err(failed)?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(failed)
}

/// Prepares for work that blocks in the kernel.
fn block(main: Pid) -> Result<(), Failure> {
    die_with(main)?;
    bound()
}

fn bound() -> Result<(), Failure> {
    confine::lower(Resource::As, MEMORY_MAX)
        .map_err(|errno| Failure::system("cannot be bound in memory", errno))
}

fn die_with(main: Pid) -> Result<(), Failure> {
    let failed = |errno| Failure::system("cannot be tied to the broker's life", errno);
    rustix::process::umask(UMASK);
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed)?;
    // If it died just before, the signal will not come; end as it would have.
    if rustix::process::getppid() == Some(main) {
        return Ok(());
    }
    Err(failed(rustix::io::Errno::SRCH))
}
