//! The interface `command` of a test's host: programs run as `script` says, alone, again after a
//! failure, or joined by pipes. Called by `asking`.

use std::time::Duration;

use super::Host;
use super::asking::{Context, Request};
use crate::HostError;
use crate::imports::command::{CommandLine, ExitStatus, Output, PipelineRequest, RunRequest};
use crate::imports::config::Value;

/// The most stages of a pipeline: the contract's.
const STAGES: usize = 8;

/// How often a command is tried that may fail for the moment, when the operator says nothing.
const TRIES: u64 = 3;

impl Request for RunRequest {
    const NAME: &'static str = "command.run";
    type Answer = Output;

    fn words(&self) -> String {
        words(&self.command)
    }

    fn answer(&self, host: &Host, _: &Context) -> Result<Output, HostError> {
        let tries = if self.retry { tries(host) } else { 1 };
        let mut attempt: u64 = 1;
        loop {
            let output = host.start(None, &self.command, self.stdin.as_deref())?;
            if output.status == ExitStatus::Exited(0) || attempt >= tries {
                return Ok(output);
            }
            host.advance(Duration::from_secs(attempt.saturating_mul(attempt)));
            attempt = attempt.saturating_add(1);
        }
    }
}

impl Request for PipelineRequest {
    const NAME: &'static str = "command.pipeline";
    type Answer = Output;

    fn words(&self) -> String {
        self.stages.iter().map(words).collect::<Vec<_>>().join(" | ")
    }

    fn answer(&self, host: &Host, _: &Context) -> Result<Output, HostError> {
        let count = self.stages.len();
        let Some((first, others)) = self.stages.split_first().filter(|_| count <= STAGES) else {
            return Err(HostError::Invalid(format!("a pipeline has 1 to {STAGES} stages")));
        };
        let mut whole = host.start(None, first, self.stdin.as_deref())?;
        for stage in others {
            let next = host.start(None, stage, Some(&whole.stdout))?;
            whole.stdout = next.stdout;
            whole.stdout_truncated = next.stdout_truncated;
            whole.stderr.extend(next.stderr);
            whole.stderr_truncated |= next.stderr_truncated;
            // How the last one that failed ended.
            if next.status != ExitStatus::Exited(0) {
                whole.status = next.status;
            }
        }
        Ok(whole)
    }
}

fn tries(host: &Host) -> u64 {
    match host.world().options.get("num_shell_tries") {
        Some(Some(Value::Integer(tries))) => u64::try_from(tries).unwrap_or(1),
        _ => TRIES,
    }
}

/// A command line as people write it; what it is made of, a test of `asked` sees well enough.
pub(super) fn words(line: &CommandLine) -> String {
    let words = std::iter::once(&line.program).chain(&line.args);
    words.map(String::as_str).collect::<Vec<_>>().join(" ")
}
