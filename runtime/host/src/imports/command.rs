//! `abaca:host/command`: programs that the policy grants, run by the broker. The policy is
//! asked here, so that a refusal costs no message, and again in the broker, which trusts
//! nothing said here.

use abaca_broker::protocol::{self, Outcome, RequestKind, Status};
use abaca_policy::Denial;
use serde_json::{Value, json};

use super::files::failure;
use crate::call::Room;
use crate::contract::bindings::abaca::host::command::{
    CommandLine, ExitStatus, Host, Output, PipelineRequest, RunRequest,
};
use crate::contract::bindings::abaca::host::types::Error;
use crate::gate::{Crossing, Done, Gate, Powers, Refusal};

impl Host for Room {
    async fn run(&mut self, request: RunRequest) -> wasmtime::Result<Result<Output, Error>> {
        self.gate.cross(request).await
    }

    async fn pipeline(
        &mut self,
        request: PipelineRequest,
    ) -> wasmtime::Result<Result<Output, Error>> {
        self.gate.cross(request).await
    }
}

impl Crossing for RunRequest {
    const IMPORT: &'static str = "command.run";
    const PRIVILEGED: bool = true;
    type Answer = Output;

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![("asked", words(&self.command))]
    }

    fn permitted(&self, powers: &Powers) -> Result<Option<String>, Denial> {
        let grant = powers.policy.decide_command(&self.command.program, &self.command.args)?;
        Ok(Some(grant.rule.id.clone()))
    }

    async fn perform(self, gate: &mut Gate, powers: &Powers) -> Result<Done<Output>, Refusal> {
        let tries = if self.retry { tries(powers) } else { 1 };
        let mut attempt = 1;
        loop {
            let deadline_ms = milliseconds(gate, self.timeout_ms);
            let CommandLine { program, args } = self.command.clone();
            let kind = RequestKind::Command { program, args, deadline_ms };
            let mut done = run(powers, kind, self.stdin.as_deref()).await?;
            if matches!(done.answer.status, ExitStatus::Exited(0)) || attempt >= tries {
                done.facts.push(("attempts", attempt.into()));
                return Ok(done);
            }
            // The time of the request counts for each attempt, the call's for all of them.
            tokio::time::sleep(gate.remaining(Some(attempt * attempt * 1000))).await;
            attempt += 1;
        }
    }
}

impl Crossing for PipelineRequest {
    const IMPORT: &'static str = "command.pipeline";
    const PRIVILEGED: bool = true;
    type Answer = Output;

    fn facts(&self) -> Vec<(&'static str, Value)> {
        let stages: Vec<_> = self.stages.iter().map(|stage| words(stage).to_string()).collect();
        vec![("asked", stages.into())]
    }

    fn permitted(&self, powers: &Powers) -> Result<Option<String>, Denial> {
        let mut rules = Vec::new();
        for stage in &self.stages {
            let grant = powers.policy.decide_command(&stage.program, &stage.args)?;
            rules.push(grant.rule.id.clone());
        }
        Ok(Some(rules.join(" | ")))
    }

    async fn perform(self, gate: &mut Gate, powers: &Powers) -> Result<Done<Output>, Refusal> {
        let deadline_ms = milliseconds(gate, self.timeout_ms);
        let stages = self
            .stages
            .into_iter()
            .map(|CommandLine { program, args }| protocol::Stage { program, args })
            .collect();
        let kind = RequestKind::Pipeline { stages, deadline_ms };
        run(powers, kind, self.stdin.as_deref()).await
    }
}

async fn run(
    powers: &Powers,
    kind: RequestKind,
    stdin: Option<&[u8]>,
) -> Result<Done<Output>, Refusal> {
    let (outcome, mut body) = powers.broker.ask(kind, stdin.unwrap_or_default()).await?;
    let done = match outcome {
        Outcome::Done(done) => done,
        other => return Err(failure(other).into()),
    };
    let cut = usize::try_from(done.stdout_len).unwrap_or(usize::MAX).min(body.len());
    let stderr = body.split_off(cut);
    let facts = vec![
        ("stages", json!(done.stages)),
        ("status", json!(done.status)),
        ("stdout_bytes", done.stdout_len.into()),
        ("stderr_bytes", done.stderr_len.into()),
    ];
    let status = match done.status {
        Status::Exited(code) => ExitStatus::Exited(code),
        Status::Signalled(signal) => ExitStatus::Signalled(signal),
    };
    let answer = Output {
        status,
        stdout: body,
        stderr,
        stdout_truncated: done.stdout_truncated,
        stderr_truncated: done.stderr_truncated,
    };
    Ok(Done { answer, facts })
}

/// How often a command that may fail for the moment is tried. Upstream: `num_shell_tries`.
fn tries(powers: &Powers) -> u64 {
    let tries = powers.options.integer("num_shell_tries").unwrap_or(1);
    u64::try_from(tries).unwrap_or(1).max(1)
}

/// The program and its arguments, as the driver said them.
fn words(command: &CommandLine) -> Value {
    std::iter::once(&command.program).chain(&command.args).cloned().collect::<Vec<_>>().into()
}

/// What is left for the request, as the broker wants it. Rounded up: a broker whose time runs
/// out before the call's own would let the driver go on for a moment.
pub(super) fn milliseconds(gate: &Gate, asked: Option<u64>) -> u64 {
    u64::try_from(gate.remaining(asked).as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}
