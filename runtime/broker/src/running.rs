//! A hand as the main loop sees it: a process, its pipe, and how long it still has.
//!
//! ```text
//! Working ──deadline──▶ Overdue ──▶ Killed ──▶ Stuck      (each after the one before had
//!    └─────cancel─────▶ Cancelled ─────┘                   its time; any may end instead)
//! ```
//! Whatever the stage, when the process has ended: its frame is the answer, or else it is
//! dying: what it left running fell to the main loop, which strikes at it between other work
//! until nothing is left or [`KILL_LIMIT`] is over. Nothing here waits.
//!
//! A stuck hand hangs in the kernel. It was answered for, and keeps its place among the
//! hands: a backend whose storage hangs must not collect them without end.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use abaca_broker::protocol::{BODY_MAX, ErrorKind, HEADER_MAX, Outcome};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, WaitStatus};

use crate::failure::Failure;
use crate::ground::Ground;
use crate::hand;
use crate::job::{Job, Work};
use crate::kernel::{self, Fork};
use crate::parked::Parked;
use crate::tree::{self, KILL_LIMIT};

/// How long a hand may take, beyond what killing takes, to say what became of its command.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Between two strikes at what a dead hand left running.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

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
    /// The process itself: readable when it has ended, and nobody else's when it is reaped.
    process: OwnedFd,
    /// Where its answer comes from.
    pipe: OwnedFd,
    /// Nothing more comes from the pipe.
    read: bool,
    /// How its process ended; then it is reaped.
    ended: Option<WaitStatus>,
    /// Until when what it left running is struck at.
    dying: Option<Instant>,
    /// When to press it next.
    pub due: Option<Instant>,
    /// Closed to let go of it. Nobody writes to it.
    control: Option<OwnedFd>,
    rule: String,
    commands: bool,
    frame: Parked,
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
        let flags = rustix::fs::fcntl_getfl(&pipe).map_err(failed)?;
        rustix::fs::fcntl_setfl(&pipe, flags | OFlags::NONBLOCK).map_err(failed)?;
        let (id, rule) = (job.id, job.work.rule());
        let now = Instant::now();
        let (commands, due) = match &job.work {
            // It minds its own deadline; we mind that it does.
            Work::Commands(commands) => {
                let deadline = job.deadline.min(now + commands.timeout());
                (true, deadline + KILL_LIMIT + LAST_WORDS)
            }
            Work::Files(_) | Work::Mounts(_) => (false, job.deadline),
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
        let process = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => process,
            Err(errno) => {
                // One that runs commands sees the end of its control and cleans up.
                if !commands {
                    let _ = rustix::process::kill_process(pid, Signal::KILL);
                }
                return Err(failed(errno));
            }
        };
        let outcome = Outcome::Deadline { rule: rule.clone() };
        Ok(Running {
            id,
            pid,
            process,
            pipe,
            read: false,
            ended: None,
            dying: None,
            due: Some(due),
            control: Some(control),
            rule,
            commands,
            frame: Parked::default(),
            stage: Stage::Working,
            outcome,
        })
    }

    /// What to wait for: its end, and while there is `room`, what it writes.
    pub fn watched(&self, room: bool) -> impl Iterator<Item = PollFd<'_>> {
        let process = self.lives().then_some(&self.process);
        let pipe = (room && !self.read).then_some(&self.pipe);
        process.into_iter().chain(pipe).map(|fd| PollFd::new(fd, PollFlags::IN))
    }

    /// Whether its process is there: not reaped, so that its number is its own.
    pub fn lives(&self) -> bool {
        self.ended.is_none()
    }

    /// Notes that its process was reaped.
    pub fn ended(&mut self, status: WaitStatus) {
        self.ended = Some(status);
        self.due = None;
    }

    /// Whether its request has its answer already, so that nothing more may be said.
    pub fn is_answered(&self) -> bool {
        self.stage == Stage::Stuck
    }

    /// Ends its work because of `stage`: time or the runtime's will.
    pub fn let_go(&mut self, stage: Stage, now: Instant) {
        if self.stage != Stage::Working || !self.lives() {
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
        if !self.lives() {
            return None;
        }
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

    /// Reads what it has written until now. Of one that has ended that is all: a child of
    /// it may hold the pipe open, but only the hand itself writes.
    pub fn read(&mut self) {
        let mut piece = [0; PIECE];
        while !self.read {
            match rustix::io::read(&self.pipe, &mut piece) {
                Ok(count) if count > 0 => {
                    self.frame.push(piece.get(..count).unwrap_or_default());
                    if self.frame.len() > FRAME_MAX {
                        self.kill();
                        self.read = true;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.lives() => return,
                Ok(_) | Err(_) => self.read = true,
            }
        }
    }

    /// What to answer, now that it is over; `None` while it is not. That is its frame, if it
    /// wrote one to the end, else the words for what happened. `others` are the hands that live.
    pub fn over(&mut self, now: Instant, others: &HashSet<Pid>) -> Option<Result<Parked, Outcome>> {
        let status = self.ended.filter(|_| self.read)?;
        let code = status.exit_status().and_then(|code| u8::try_from(code).ok());
        if code == Some(hand::ANSWERED) {
            return Some(Ok(std::mem::take(&mut self.frame)));
        }
        if self.commands && code != Some(hand::NO_ANSWER) {
            // What it was running is ours now.
            let limit = *self.dying.get_or_insert(now + KILL_LIMIT);
            let left = tree::strike(others);
            if left > 0 && now < limit {
                self.due = Some(now + LOOK_AGAIN);
                return None;
            }
            if left > 0 && code != Some(hand::LEFT_SOME) {
                return Some(Err(tree::hang(left).into()));
            }
        }
        if code == Some(hand::LEFT_SOME) {
            // That they do not end is its answer.
            return Some(Ok(std::mem::take(&mut self.frame)));
        }
        Some(Err(match self.stage {
            Stage::Working => {
                let message = format!("{}: the process that did the work was killed", self.rule);
                Failure::new(ErrorKind::Io, message).into()
            }
            _ => self.outcome.clone(),
        }))
    }

    fn kill(&self) {
        // It may be gone, which is what we want.
        let _ = rustix::process::pidfd_send_signal(&self.process, Signal::KILL);
    }
}
