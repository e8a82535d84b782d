//! Runs a command or a pipeline to its end, in a hand.
//!
//! ```text
//! body ─▶ stdin │ stage 1 │ stage 2 │ … │ stdout ─▶ kept up to the rule's cap, then discarded
//!                    └─ stderr ─ each ─▶ kept likewise
//!
//! running ─▶ all stages ended ─▶ kill what they left behind ─▶ read the rest ─▶ report
//!     └────▶ the deadline, or the main loop let go ─▶ kill everything ─▶ say so
//! ```
//! It decides nothing: the grants say what runs, `spawn` starts it, `tree` ends it.

use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use abaca_broker::protocol::{
    CONTENTS_MAX, Done, ErrorKind, Identity, Outcome, StageReport, Status, Wall,
};
use abaca_policy::{Argument, CommandGrant, SyscallGroup};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{WaitOptions, WaitStatus};

use crate::control_groups::ControlGroup;
use crate::failure::Failure;
use crate::ground::Ground;
use crate::job::Commands;
use crate::pipes::{Feed, Keep};
use crate::secrets::Secrets;
use crate::spawn::{self, Child, Launch};
use crate::view::View;
use crate::{arguments, programs, tree, watch};

/// How the run of a command ended.
pub enum Ran {
    /// There is this to answer, with this body.
    Answer(Outcome, Vec<u8>),
    /// The main loop let go: nobody wants an answer.
    Dropped,
}

/// Runs `commands` until `deadline`, or until `control` comes to its end.
///
/// # Errors
/// When a path, a program or a wall is not as it must be; nothing is left running.
pub fn run(
    ground: &Ground,
    commands: Commands<'_>,
    deadline: Instant,
    control: &OwnedFd,
) -> Result<Ran, Failure> {
    let start = Instant::now();
    let deadline = deadline.min(start + commands.timeout());
    let rule = commands.grants.first().map(|grant| grant.rule.id.clone()).unwrap_or_default();
    let group = ground.walls.groups().make(commands.tried_memory())?;
    let mut run = match start_all(ground, &group, commands) {
        Ok(run) => run,
        Err(failure) => {
            // Stages before the one that failed are running already.
            tree::fell(&HashSet::new())?;
            return Err(failure);
        }
    };
    let watched = watch::wall(ground.walls.groups()).is_some();
    let end = run.attend(deadline, control, watched);
    group.kill();
    tree::fell(&HashSet::new())?;
    Ok(match end? {
        End::Dropped => Ran::Dropped,
        End::Deadline => Ran::Answer(Outcome::Deadline { rule }, Vec::new()),
        End::Ended => {
            let (done, body) = run.report(start.elapsed())?;
            Ran::Answer(Outcome::Done(Box::new(done)), body)
        }
    })
}

enum End {
    Ended,
    Deadline,
    Dropped,
}

struct Run {
    stages: Vec<Running>,
    secrets: Secrets,
    stdin: Feed,
    stdout: Keep,
}

struct Running {
    child: Child,
    ended: Option<Status>,
    stderr: Keep,
    report: Prepared,
}

/// What can be said of a stage before it runs.
struct Prepared {
    rule: String,
    argv: Vec<String>,
    resolved: Vec<Identity>,
    walls: Vec<Wall>,
    user: Option<u32>,
}

fn start_all(
    ground: &Ground,
    group: &ControlGroup<'_>,
    commands: Commands<'_>,
) -> Result<Run, Failure> {
    let (mut input, stdin) = if commands.stdin.len() == 0 {
        let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
        (null.map_err(plumbing)?, Feed::nothing())
    } else {
        let (read, write) = pipe()?;
        (read, Feed::new(write, commands.stdin.take()).map_err(plumbing)?)
    };
    let mut stages = Vec::new();
    for grant in &commands.grants {
        let (next, output) = pipe()?;
        stages.push(start_one(ground, group, grant, &commands.secrets, &input, &output)?);
        input = next;
    }
    let cap = commands.grants.last().map_or(0, |grant| grant.rule.stdout_max);
    let stdout = Keep::new(input, cap).map_err(plumbing)?;
    Ok(Run { stages, secrets: commands.secrets, stdin, stdout })
}

fn start_one(
    ground: &Ground,
    group: &ControlGroup<'_>,
    grant: &CommandGrant<'_>,
    secrets: &Secrets,
    stdin: &OwnedFd,
    stdout: &OwnedFd,
) -> Result<Running, Failure> {
    let rule = grant.rule;
    let program = programs::open(rule, ground.user, &ground.roots)?;
    let (words, resolved) = arguments::words(ground, secrets, &grant.argv)?;
    let (mut read, mut write) = (Vec::new(), Vec::new());
    // Btrfs's own requests are about the whole file system, whose top `send` opens.
    let is_whole = rule.syscalls.contains(&SyscallGroup::Subvolumes);
    for name in &rule.read {
        let root = ground.roots.get(name)?.as_fd();
        match arguments::named(name, &grant.argv, &words).filter(|_| !is_whole) {
            Some(places) => read.extend(places),
            None => read.push(root),
        }
    }
    for name in &rule.write {
        write.push(ground.roots.get(name)?.as_fd());
    }
    let walls = ground.walls.around(rule, group, program.as_fd(), &read, &write)?;
    let view = View::of(rule, ground)?;
    let (errors, stderr) = pipe()?;
    let child = spawn::launch(Launch {
        program: program.as_fd(),
        view: view.as_ref(),
        name: rule.program_name(),
        words: &words,
        stdin: stdin.as_fd(),
        stdout: stdout.as_fd(),
        stderr: stderr.as_fd(),
        walls,
    })?;
    let arguments = grant.argv.iter().map(Argument::to_string);
    let argv = [rule.program_name().to_owned()].into_iter().chain(arguments).collect();
    let report = Prepared {
        rule: rule.id.clone(),
        argv,
        resolved,
        walls: ground.walls.standing(rule.network),
        user: ground.walls.user(rule),
    };
    let stderr = Keep::new(errors, rule.stderr_max).map_err(plumbing)?;
    Ok(Running { child, ended: None, stderr, report })
}

impl Run {
    /// Moves bytes until every stage has ended or the run is over for another reason.
    fn attend(
        &mut self,
        deadline: Instant,
        control: &OwnedFd,
        watched: bool,
    ) -> Result<End, Failure> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(End::Deadline);
            }
            if watched {
                watch::look()?;
            }
            let pause = if watched { left.min(watch::PAUSE) } else { left };
            if self.wait(pause, control)? {
                return Ok(End::Dropped);
            }
            self.stdin.push();
            self.stdout.pull_piece();
            for stage in &mut self.stages {
                stage.stderr.pull_piece();
                stage.look()?;
            }
            if self.stages.iter().all(|stage| stage.ended.is_some()) {
                return Ok(End::Ended);
            }
        }
    }

    /// Waits until there is something to do; true when `control` came to its end.
    fn wait(&self, left: Duration, control: &OwnedFd) -> Result<bool, Failure> {
        let mut watched = vec![PollFd::new(control, PollFlags::IN)];
        watched.extend(self.stdin.fd().map(|fd| PollFd::new(fd, PollFlags::OUT)));
        watched.extend(self.stdout.fd().map(|fd| PollFd::new(fd, PollFlags::IN)));
        for stage in &self.stages {
            watched.extend(stage.stderr.fd().map(|fd| PollFd::new(fd, PollFlags::IN)));
            if stage.ended.is_none() {
                watched.push(PollFd::new(&stage.child.pidfd, PollFlags::IN));
            }
        }
        match poll(&mut watched, Timespec::try_from(left).ok().as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(plumbing(errno)),
        }
        Ok(watched.first().is_some_and(|control| !control.revents().is_empty()))
    }

    fn report(mut self, duration: Duration) -> Result<(Done, Vec<u8>), Failure> {
        self.stdout.pull_rest();
        let (stdout, stdout_truncated, most) = self.stdout.kept();
        let mut body = self.secrets.redacted(stdout, stdout_truncated, most);
        let stdout_len = body.len() as u64;
        let mut stages = Vec::new();
        let mut stderr_truncated = false;
        for mut stage in self.stages {
            stage.stderr.pull_rest();
            let (stderr, truncated, most) = stage.stderr.kept();
            body.extend(self.secrets.redacted(stderr, truncated, most));
            stderr_truncated |= truncated;
            let Prepared { rule, argv, resolved, walls, user } = stage.report;
            let status = stage.ended.ok_or_else(|| {
                Failure::new(ErrorKind::Io, "a stage was reported before it ended")
            })?;
            stages.push(StageReport { rule, argv, resolved, walls, user, status });
        }
        // Each rule keeps within one answer; the stages of a pipeline together may not.
        let most = usize::try_from(CONTENTS_MAX).unwrap_or(usize::MAX);
        stderr_truncated |= body.len() > most;
        body.truncate(most);
        let failed = stages.iter().rev().find(|stage| stage.status != Status::Exited(0));
        let status = failed.map_or(Status::Exited(0), |stage| stage.status);
        let done = Done {
            stages,
            status,
            stdout_len,
            stderr_len: body.len() as u64 - stdout_len,
            stdout_truncated,
            stderr_truncated,
            duration_ms: milliseconds(duration),
        };
        Ok((done, body))
    }
}

impl Running {
    /// Notes how it ended, if it has.
    fn look(&mut self) -> Result<(), Failure> {
        if self.ended.is_some() {
            return Ok(());
        }
        match rustix::process::waitpid(Some(self.child.pid), WaitOptions::NOHANG) {
            Ok(Some((_, status))) => self.ended = status_of(status),
            Ok(None) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Failure::system("waiting for a command", errno)),
        }
        Ok(())
    }
}

fn status_of(status: WaitStatus) -> Option<Status> {
    let exited = status.exit_status().map(Status::Exited);
    exited.or_else(|| status.terminating_signal().map(Status::Signalled))
}

/// Milliseconds for an answer.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn pipe() -> Result<(OwnedFd, OwnedFd), Failure> {
    pipe_with(PipeFlags::CLOEXEC).map_err(plumbing)
}

fn plumbing(errno: Errno) -> Failure {
    // No place of a guest, so neither `not-found` nor what else is said of places.
    Failure { kind: ErrorKind::Io, ..Failure::system("the pipes of a command", errno) }
}
