//! The main loop: requests in, hands out, answers back. One thread, and nothing in it waits
//! for anything but `poll`.
//!
//! ```text
//!              ┌─ denied, over a limit ──────────────────────────▶ answer
//! request ─▶ job ─▶ queue ─▶ hand forked ─▶ it ends ─▶ its frame, or our words
//!                     │            │  deadline, cancel: let go of it (files, mounts: kill it)
//!                     │            └─ still there later: kill it ─▶ still there: say so
//!                     └─ deadline, cancel ───────────────────────▶ answer
//! socket ends ─▶ let go of every hand ─▶ wait ─▶ kill what is left ─▶ return
//! ```
//! The hands keep their copy of the socket on purpose: the runtime sees its end only when
//! the last of them is gone.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use abaca_broker::protocol::{ErrorKind, Frame, Outcome, Request, RequestKind, Stage, UNASKED};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::WaitOptions;

use crate::failure::Failure;
use crate::ground::Ground;
use crate::job::{self, Job, Work};
use crate::peer::{Heard, Peer};
use crate::running::{Running, Stage as Life};
use crate::tree;

/// The most hands at once. Each is a process or two and up to one answer of memory; storage
/// tools take locks and gain nothing from more.
const HANDS_MAX: usize = 16;

/// The most requests that wait for a hand.
const QUEUE_MAX: usize = 256;

/// The most bytes that those carry together.
const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long the hands have to end when the runtime is gone: what killing takes, and more.
const FAREWELL: Duration = Duration::from_secs(8);

/// Serves one runtime until it is gone.
///
/// # Errors
/// When the runtime breaks the protocol or the system fails the broker itself. Either way no
/// hand is left.
pub fn serve(ground: &Ground, peer: Peer) -> Result<(), Failure> {
    let mut dispatch = Dispatch { ground, peer, queue: VecDeque::new(), hands: Vec::new() };
    dispatch.peer.answer(UNASKED, Outcome::Hello(Box::new(ground.hello())));
    let end = dispatch.turn_until_gone();
    if let Err(failure) = &end {
        dispatch.peer.answer(UNASKED, Outcome::Failed { message: failure.to_string() });
        let _ = dispatch.peer.flush();
    }
    dispatch.shut_down();
    end
}

struct Dispatch<'p> {
    ground: &'p Ground,
    peer: Peer,
    queue: VecDeque<Job<'p>>,
    hands: Vec<Running>,
}

impl Dispatch<'_> {
    fn turn_until_gone(&mut self) -> Result<(), Failure> {
        loop {
            self.start_waiting();
            let peer = self.wait(self.nearest())?;
            if peer.intersects(PollFlags::HUP | PollFlags::ERR) {
                return Ok(());
            }
            if peer.contains(PollFlags::IN) {
                if let Heard::End = self.peer.read() {
                    return Ok(());
                }
                while let Some(frame) = self.peer.next_request().map_err(broken)? {
                    self.take(frame)?;
                }
            }
            self.collect();
            self.expire(Instant::now());
            if let Heard::End = self.peer.flush() {
                return Ok(());
            }
        }
    }

    /// Waits for the socket, a hand or `until`; answers what happened to the socket.
    fn wait(&self, until: Option<Instant>) -> Result<PollFlags, Failure> {
        let mut watched = vec![self.peer.watched()];
        let room = self.peer.has_room();
        watched.extend(self.hands.iter().flat_map(|hand| hand.watched(room)));
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut watched, left.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Failure::system("poll", errno)),
        }
        Ok(watched.first().map_or(PollFlags::empty(), PollFd::revents))
    }

    /// Decides on a request and puts it in the queue, or answers it.
    fn take(&mut self, frame: Frame<Request>) -> Result<(), Failure> {
        let Frame { header: Request { id, kind }, body } = frame;
        let now = Instant::now();
        let policy = &self.ground.policy;
        let (work, deadline_ms) = match kind {
            RequestKind::Cancel { target } => {
                self.cancel(target, now);
                return Ok(());
            }
            RequestKind::Command { program, args, secrets, deadline_ms } => {
                let stages = [Stage { program, args }];
                (job::commands(policy, &stages, &secrets, body).map(Work::Commands), deadline_ms)
            }
            RequestKind::Pipeline { stages, secrets, deadline_ms } => {
                (job::commands(policy, &stages, &secrets, body).map(Work::Commands), deadline_ms)
            }
            RequestKind::Files { request, deadline_ms } => {
                let stream = if request.has_stream() { self.peer.next_stream() } else { None };
                (job::files(policy, request, body, stream).map(Work::Files), deadline_ms)
            }
            RequestKind::Mounts { request, deadline_ms } => {
                (job::mounts(policy, request, &body).map(Work::Mounts), deadline_ms)
            }
        };
        let unanswered = self.hands.iter().any(|hand| hand.id == id && !hand.is_answered())
            || self.queue.iter().any(|job| job.id == id);
        if id == UNASKED || unanswered {
            let message = format!("the request's id {id} is reserved or not answered yet");
            return Err(Failure::new(ErrorKind::Invalid, message));
        }
        let waiting: usize = self.queue.iter().map(|job| job.work.bytes()).sum();
        match work {
            Err(outcome) => self.peer.answer(id, outcome),
            Ok(work)
                if self.queue.len() >= QUEUE_MAX || waiting + work.bytes() > QUEUE_BYTES_MAX =>
            {
                let message = format!("{} requests wait already; ask again", self.queue.len());
                self.peer.answer(id, Failure::new(ErrorKind::Limit, message).into());
            }
            Ok(work) => {
                let deadline = job::deadline(now, deadline_ms);
                self.queue.push_back(Job { id, work, deadline });
            }
        }
        Ok(())
    }

    fn cancel(&mut self, target: u64, now: Instant) {
        if let Some(at) = self.queue.iter().position(|job| job.id == target) {
            if let Some(job) = self.queue.remove(at) {
                self.peer.answer(target, Outcome::Cancelled { rule: job.work.rule() });
            }
        } else if let Some(hand) =
            self.hands.iter_mut().find(|hand| hand.id == target && !hand.is_answered())
        {
            hand.let_go(Life::Cancelled, now);
        }
    }

    fn start_waiting(&mut self) {
        while self.hands.len() < HANDS_MAX
            && let Some(job) = self.queue.pop_front()
        {
            let id = job.id;
            match Running::start(self.ground, job, &mut self.hands) {
                Ok(hand) => self.hands.push(hand),
                Err(failure) => self.peer.answer(id, failure.into()),
            }
        }
    }

    /// Takes in what hands have written, and parts from those that are over.
    fn collect(&mut self) {
        self.reap();
        if self.peer.has_room() {
            self.hands.iter_mut().for_each(Running::read);
        }
        let now = Instant::now();
        let others = self.hands.iter().filter(|hand| hand.lives()).map(|hand| hand.pid).collect();
        let mut index = 0;
        while let Some(hand) = self.hands.get_mut(index) {
            let Some(words) = hand.over(now, &others) else {
                index += 1;
                continue;
            };
            let hand = self.hands.swap_remove(index);
            self.ground.walls.groups().remove(hand.pid);
            match words {
                _ if hand.is_answered() => {}
                Ok(frame) => self.peer.relay(frame),
                Err(outcome) => self.peer.answer(hand.id, outcome),
            }
        }
    }

    /// Reaps whatever has ended: hands, and what fell to us from dead ones.
    fn reap(&mut self) {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            if let Some(hand) = self.hands.iter_mut().find(|hand| hand.lives() && hand.pid == pid) {
                hand.ended(status);
            }
        }
    }

    /// Ends what is out of time.
    fn expire(&mut self, now: Instant) {
        let queue = std::mem::take(&mut self.queue);
        let (late, waiting): (VecDeque<_>, VecDeque<_>) =
            queue.into_iter().partition(|job| job.deadline <= now);
        self.queue = waiting;
        for job in late {
            self.peer.answer(job.id, Outcome::Deadline { rule: job.work.rule() });
        }
        for hand in self.hands.iter_mut().filter(|hand| hand.due.is_some_and(|due| due <= now)) {
            if let Some(outcome) = hand.press(now) {
                self.peer.answer(hand.id, outcome);
            }
        }
    }

    fn nearest(&self) -> Option<Instant> {
        let queued = self.queue.iter().map(|job| job.deadline);
        self.hands.iter().filter_map(|hand| hand.due).chain(queued).min()
    }

    fn shut_down(&mut self) {
        self.queue.clear();
        let start = Instant::now();
        for hand in &mut self.hands {
            hand.let_go(Life::Cancelled, start);
        }
        while !self.hands.is_empty() && start.elapsed() < FAREWELL {
            let mut watched: Vec<_> =
                self.hands.iter().flat_map(|hand| hand.watched(true)).collect();
            let left = Timespec::try_from(FAREWELL.saturating_sub(start.elapsed())).ok();
            let _ = poll(&mut watched, left.as_ref());
            drop(watched);
            self.reap();
            // Or they would block on their pipes.
            self.hands.iter_mut().for_each(Running::read);
            self.hands.retain(Running::lives);
        }
        // What hands did not end, and the hands that did not.
        let _ = tree::fell(&HashSet::new());
    }
}

fn broken(error: abaca_broker::protocol::ProtocolError) -> Failure {
    Failure::new(ErrorKind::Invalid, format!("the runtime breaks the protocol: {error}"))
}
