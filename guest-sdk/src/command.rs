//! Running programs of the host, through `abaca:host/command`.
//!
//! Called by drivers. A program that fails is an error here, unless its exit code
//! was [allowed](Command::allow). There is no shell, and what runs is rebuilt from
//! the operator's rule.
//!
//! ```no_run
//! # fn copy() -> abaca_sdk::Result<()> {
//! use abaca_sdk::{Root, command::Command};
//!
//! Command::new("cp")
//!     .args(["--archive", "--no-target-directory", "--"])
//!     .arg(Root("shares").join("share-1"))
//!     .arg(Root("snapshots").join("snapshot-1"))
//!     .output()?;
//! # Ok(())
//! # }
//! ```

use core::fmt::Display;
use core::time::Duration;

use crate::imports::command as host;
use crate::imports::command::{CommandLine, PipelineRequest, RunRequest};
use crate::{CommandFailure, Error, Result};

pub use host::{ExitStatus, Output};

/// How much of a failed program's standard error an [`Error::CommandFailed`]
/// carries, in bytes; the contract's number.
pub const STDERR_MAX: usize = 4096;

/// One program to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    line: CommandLine,
    stdin: Option<Vec<u8>>,
    timeout: Option<Duration>,
    retry: bool,
    allowed: Allowed,
}

/// Which endings are success.
#[derive(Clone, Debug, PartialEq)]
enum Allowed {
    Codes(Vec<i32>),
    Any,
}

impl Allowed {
    /// All that this and the other allow.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Codes(mut codes), Self::Codes(others)) => {
                codes.extend(others);
                Self::Codes(codes)
            }
            _ => Self::Any,
        }
    }

    fn includes(&self, status: &ExitStatus) -> bool {
        match (self, status) {
            (Self::Any, _) => true,
            (Self::Codes(codes), ExitStatus::Exited(code)) => codes.contains(code),
            (Self::Codes(_), ExitStatus::Signalled(_)) => false,
        }
    }

    fn check(&self, program: String, output: Output) -> Result<Output> {
        if self.includes(&output.status) {
            return Ok(output);
        }
        let (code, stderr) = (output.code(), tail(&output.stderr));
        Err(Error::CommandFailed(CommandFailure { program, code, stderr }))
    }
}

impl Command {
    /// The program of this file name, never a path, for example `cp`.
    #[must_use]
    pub fn new(program: &str) -> Self {
        Self {
            line: CommandLine { program: program.to_owned(), args: Vec::new() },
            stdin: None,
            timeout: None,
            retry: false,
            allowed: Allowed::Codes(vec![0]),
        }
    }

    /// Adds an argument: text, a number or a [`Path`](crate::Path).
    #[must_use]
    pub fn arg(mut self, arg: impl Display) -> Self {
        self.line.args.push(arg.to_string());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Display>) -> Self {
        self.line.args.extend(args.into_iter().map(|arg| arg.to_string()));
        self
    }

    /// Tries again when it fails, as often as the option `num_shell_tries` says; the host waits
    /// the square of the attempt in seconds before each next one. Upstream: `_try_execute`.
    #[must_use]
    pub fn retry(mut self) -> Self {
        self.retry = true;
        self
    }

    /// What it reads from standard input; without this, nothing.
    #[must_use]
    pub fn stdin(mut self, stdin: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(stdin.into());
        self
    }

    /// How long it may take; the rule's own limit and the call's deadline hold too.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Counts this exit code as success too.
    #[must_use]
    pub fn allow(mut self, code: i32) -> Self {
        self.allowed = self.allowed.or(Allowed::Codes(vec![code]));
        self
    }

    /// Counts every ending as success, a signal too; [`Output::status`] says which.
    #[must_use]
    pub fn allow_any(mut self) -> Self {
        self.allowed = Allowed::Any;
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// [`Error::CommandFailed`] when it ended with a code that is not allowed or by
    /// a signal, [`Error::Denied`] when no rule fits, [`Error::Deadline`] when time
    /// ran out.
    pub fn output(self) -> Result<Output> {
        let program = self.line.program.clone();
        let output = host::run(&RunRequest {
            command: self.line,
            stdin: self.stdin,
            timeout_ms: self.timeout.map(milliseconds),
            retry: self.retry,
        })?;
        self.allowed.check(program, output)
    }
}

/// Runs a program with these arguments to its end.
///
/// # Errors
/// As [`Command::output`].
pub fn run(program: &str, args: impl IntoIterator<Item = impl Display>) -> Result<Output> {
    Command::new(program).args(args).output()
}

/// Runs programs side by side; what each writes, the next one reads. The first
/// one's standard input, the shortest time limit and all allowed exit codes hold
/// for the whole.
///
/// # Errors
/// As [`Command::output`], for the last program that failed.
pub fn pipeline(commands: impl IntoIterator<Item = Command>) -> Result<Output> {
    let mut commands: Vec<Command> = commands.into_iter().collect();
    let request = PipelineRequest {
        stdin: commands.first_mut().and_then(|first| first.stdin.take()),
        timeout_ms: commands.iter().filter_map(|command| command.timeout).min().map(milliseconds),
        stages: commands.iter().map(|command| command.line.clone()).collect(),
    };
    let programs: Vec<&str> =
        commands.iter().map(|command| command.line.program.as_str()).collect();
    let program = programs.join(" | ");
    let allowed = commands
        .into_iter()
        .map(|command| command.allowed)
        .fold(Allowed::Codes(Vec::new()), Allowed::or);
    let output = host::pipeline(&request)?;
    allowed.check(program, output)
}

impl Output {
    /// Standard output as text.
    ///
    /// # Errors
    /// [`Error::BackendFailed`] when it is not UTF-8 or was cut at the rule's
    /// limit: half an answer must not pass for a whole one.
    pub fn stdout_text(&self) -> Result<&str> {
        if self.stdout_truncated {
            return Err(Error::BackendFailed(format!(
                "a program wrote more than the policy lets it: {} bytes and more; raise \
                 `stdout-max` of its rule",
                self.stdout.len()
            )));
        }
        core::str::from_utf8(&self.stdout).map_err(|error| {
            Error::BackendFailed(format!("a program's output is not UTF-8: {error}"))
        })
    }

    /// The exit code; none when a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        match self.status {
            ExitStatus::Exited(code) => Some(code),
            ExitStatus::Signalled(_) => None,
        }
    }
}

/// The output of a program that ended with code 0, else an error with its complaint.
pub(crate) fn succeeded(program: String, output: Output) -> Result<Output> {
    Allowed::Codes(vec![0]).check(program, output)
}

/// Milliseconds, as many as fit.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The end of a complaint; its end is where programs say what went wrong.
fn tail(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let start = text.ceil_char_boundary(text.len().saturating_sub(STDERR_MAX));
    text.get(start..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(status: ExitStatus, stdout: &[u8], stderr: &[u8]) -> Output {
        Output {
            status,
            stdout: stdout.to_vec(),
            stderr: stderr.to_vec(),
            stdout_truncated: false,
            stderr_truncated: false,
        }
    }

    #[test]
    fn arguments_are_texts_numbers_and_paths() {
        let command = Command::new("cp").args(["--", "a"]).arg(7).arg(crate::Root("r").join("x"));
        assert_eq!(command.line.args, ["--", "a", "7", "r:x"]);
    }

    #[test]
    fn only_allowed_codes_are_success() {
        let ended = |code| output(ExitStatus::Exited(code), b"", b"why");
        let zero = Command::new("p").allowed;
        let five = Command::new("p").allow(5).allowed;
        assert!(zero.includes(&ended(0).status) && five.includes(&ended(0).status));
        assert!(!zero.includes(&ended(5).status) && five.includes(&ended(5).status));
        let error = zero.check("p".into(), ended(5)).unwrap_err();
        assert_eq!(error.text(), "`p` ended with code 5: why");

        let killed = output(ExitStatus::Signalled(9), b"", b"");
        let error = Allowed::Codes(vec![0, 9]).check("p".into(), killed.clone()).unwrap_err();
        assert!(matches!(error, Error::CommandFailed(CommandFailure { code: None, .. })));
        assert!(Allowed::Any.check("p".into(), killed).is_ok());
    }

    #[test]
    fn complaints_are_bounded_whatever_the_bytes() {
        assert_eq!(tail(b"short"), "short");
        for byte in [b'x', 0xff, 0xc3] {
            let text = tail(&[byte; 3 * STDERR_MAX]);
            assert!(text.len() <= STDERR_MAX && text.len() > STDERR_MAX - 4);
        }
        assert!(tail("é".repeat(STDERR_MAX).as_bytes()).len() <= STDERR_MAX);
    }

    #[test]
    fn half_an_answer_is_none() {
        let mut cut = output(ExitStatus::Exited(0), b"12", b"");
        assert_eq!(cut.stdout_text(), Ok("12"));
        cut.stdout_truncated = true;
        assert!(cut.stdout_text().is_err());
        assert!(output(ExitStatus::Exited(0), b"\xff", b"").stdout_text().is_err());
    }
}
