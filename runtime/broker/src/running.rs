//! A hand as the main loop sees it: a process, its pipe, and how long it still has.
//!
//! ```text
//! Working ──deadline──▶ Overdue ──▶ Killed ──▶ Stuck      (each after the one before had
//!    └─────cancel─────▶ Cancelled ─────┘                   its time; any may end instead)
//! ```
//! A stuck hand hangs in the kernel. It was answered for, and keeps its place among the
//! hands: a backend whose storage hangs must not collect them without end.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use abaca_broker::protocol::{BODY_MAX, ErrorKind, HEADER_MAX, Outcome};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions};

use crate::failure::Failure;
use crate::ground::Ground;
use crate::hand;
use crate::job::{Job, Work};
use crate::kernel::{self, Fork};
use crate::tree::{self, KILL_LIMIT};

/// How long a hand may take, beyond what killing takes, to say what became of its command.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How much is read from a hand at once.
const PIECE: usize = 64 * 1024;

/// The longest frame, and so the most that a hand writes.
const FRAME_MAX: usize = HEADER_MAX + BODY_MAX + 8;

/// Where a hand is on its way to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Working,
    Overdue,
    Cancelled,
    Killed,
    Stuck,
}

/// One hand.
pub struct Running {
    pub id: u64,
    pub pid: Pid,
    /// Where its answer comes from; ends when the hand does.
    pub pipe: OwnedFd,
    /// When to press it next.
    pub due: Option<Instant>,
    /// Closed to let go of it. Nobody writes to it.
    control: Option<OwnedFd>,
    rule: String,
    commands: bool,
    frame: Vec<u8>,
    stage: Stage,
    /// Whether time or the runtime ended it, when it is killed.
    outcome: Outcome,
}

impl Running {
    /// Forks a hand for `job`. `others` are the hands there are: the new one, being a copy
    /// of this process, must let go of their controls, or theirs would outlive us.
    ///
    /// # Errors
    /// When there is no process or descriptor to be had.
    pub fn start(
        ground: &Ground,
        job: Job<'_>,
        others: &mut Vec<Running>,
    ) -> Result<Running, Failure> {
        let failed = |errno| Failure::system("cannot start a hand", errno);
        let (control_of_hand, control) = pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
        let (pipe, answer) = pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
        let (id, rule) = (job.id, job.work.rule());
        let now = Instant::now();
        let (commands, due) = match &job.work {
            // It minds its own deadline; we mind that it does.
            Work::Commands(commands) => {
                let deadline = job.deadline.min(now + commands.timeout());
                (true, deadline + KILL_LIMIT + LAST_WORDS)
            }
            Work::Files(_) => (false, job.deadline),
        };
        let main = rustix::process::getpid();
        let pid = match kernel::fork().map_err(failed)? {
            Fork::Child => kernel::live(move || {
                drop(control);
                drop(pipe);
                others.clear();
                hand::work(ground, job, &control_of_hand, answer, main)
            }),
            Fork::Parent(pid) => pid,
        };
        let outcome = Outcome::Deadline { rule: rule.clone() };
        let hand = Running {
            id,
            pid,
            pipe,
            due: Some(due),
            control: Some(control),
            rule,
            commands,
            frame: Vec::new(),
            stage: Stage::Working,
            outcome,
        };
        let flags = rustix::fs::fcntl_getfl(&hand.pipe).map_err(failed)?;
        rustix::fs::fcntl_setfl(&hand.pipe, flags | OFlags::NONBLOCK).map_err(failed)?;
        Ok(hand)
    }

    /// Whether its request has its answer already, so that nothing more may be said.
    pub fn is_answered(&self) -> bool {
        self.stage == Stage::Stuck
    }

    /// Ends its work because of `stage`: time or the runtime's will.
    pub fn let_go(&mut self, stage: Stage, now: Instant) {
        if self.stage != Stage::Working {
            return;
        }
        self.stage = stage;
        if stage == Stage::Cancelled {
            self.outcome = Outcome::Cancelled { rule: self.rule.clone() };
        }
        self.control = None;
        if self.commands {
            self.due = Some(now + KILL_LIMIT + LAST_WORDS);
        } else {
            self.kill();
            self.due = Some(now + LAST_WORDS);
        }
    }

    /// Does the next harder thing, its time being over. An outcome is the answer to give now.
    pub fn press(&mut self, now: Instant) -> Option<Outcome> {
        match self.stage {
            Stage::Working => self.let_go(Stage::Overdue, now),
            Stage::Overdue | Stage::Cancelled => {
                self.kill();
                self.stage = Stage::Killed;
                self.due = Some(now + LAST_WORDS);
            }
            Stage::Killed | Stage::Stuck => {
                let first = self.stage == Stage::Killed;
                self.stage = Stage::Stuck;
                self.due = None;
                let message = format!("{}: killed, but it hangs in the kernel", self.rule);
                return first.then(|| Failure::new(ErrorKind::Io, message).into());
            }
        }
        None
    }

    /// Reads what it has written; true when it has ended.
    pub fn read(&mut self) -> bool {
        let mut piece = [0; PIECE];
        loop {
            match rustix::io::read(&self.pipe, &mut piece) {
                Ok(0) => return true,
                Ok(count) => {
                    self.frame.extend(piece.iter().take(count));
                    if self.frame.len() > FRAME_MAX {
                        // It would block on its pipe while we wait for its end.
                        self.kill();
                        return true;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return false,
                Err(_) => return true,
            }
        }
    }

    /// Reaps it: its frame if it wrote one to the end, else the words for what happened.
    /// `others` are the hands that go on.
    ///
    /// # Errors
    /// The outcome to answer instead of a frame.
    pub fn bury(mut self, others: &HashSet<Pid>) -> Result<Vec<u8>, Outcome> {
        let status = rustix::process::waitpid(Some(self.pid), WaitOptions::empty());
        if let Ok(Some((_, status))) = status
            && status.exit_status() == Some(i32::from(hand::ANSWERED))
        {
            return Ok(std::mem::take(&mut self.frame));
        }
        // What it was running is ours now.
        tree::fell(others).map_err(Outcome::from)?;
        match self.stage {
            Stage::Working => {
                let message = format!("{}: the process that did the work was killed", self.rule);
                Err(Failure::new(ErrorKind::Io, message).into())
            }
            _ => Err(self.outcome),
        }
    }

    fn kill(&self) {
        // It is our child and not reaped: the number is its own.
        let _ = rustix::process::kill_process(self.pid, Signal::KILL);
    }
}
