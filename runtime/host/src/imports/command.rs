//! `abaca:host/command`: programs that the policy grants, run by the broker. The policy is
//! asked here, so that a refusal costs no message, and again in the broker, which trusts
//! nothing said here.

use std::collections::BTreeSet;
use std::time::Instant;

use abaca_broker::protocol::{self, Outcome, RequestKind, Status};
use abaca_policy::{Claim, Denial};
use serde_json::{Value, json};
use tracing::Instrument;
use zeroize::Zeroizing;

use super::files::failure;
use crate::call::Room;
use crate::contract::bindings::abaca::host::command::{
    CommandLine, ExitStatus, Host, Output, PipelineRequest, RunRequest,
};
use crate::contract::bindings::abaca::host::types::Error;
use crate::gate::{
    Claims, Crossing, Done, Ended, Examined, Gate, Make, Need, Powers, Refusal, Taken, examine,
    look,
};

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
    const COMMAND: bool = true;
    type Answer = Output;

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![("asked", words(&self.command))]
    }

    fn permitted(&self, powers: &Powers) -> Result<Option<String>, Denial> {
        let grant = powers.policy.decide_command(&self.command.program, &self.command.args)?;
        Ok(Some(grant.rule.id.clone()))
    }

    fn granted(&self, _: &Gate, powers: &Powers) -> Vec<(&'static str, Value)> {
        granted(powers, std::slice::from_ref(&self.command), self.stdin.as_deref())
    }

    fn claims(&self, powers: &Powers) -> Result<Claims, Denial> {
        claims(std::slice::from_ref(&self.command), powers)
    }

    fn ended(result: &Result<Done<Output>, Refusal>) -> Ended {
        ended(result)
    }

    async fn perform(self, gate: &mut Gate, powers: &Powers) -> Result<Done<Output>, Refusal> {
        let tries = if self.retry { tries(powers) } else { 1 };
        let mut attempt = 1;
        loop {
            let (secrets, body) =
                body(std::slice::from_ref(&self.command), powers, &self.stdin).await?;
            let CommandLine { program, args } = self.command.clone();
            let kind = |deadline_ms| RequestKind::Command { program, args, secrets, deadline_ms };
            let mut done = run(gate, powers, self.timeout_ms, kind, &body).await?;
            if matches!(done.answer.status, ExitStatus::Exited(0)) || attempt >= tries {
                done.facts.push(("attempts", attempt.into()));
                return Ok(done);
            }
            // Nothing runs meanwhile, so others may. The time of the request counts for each attempt,
            // the call's for all of them.
            gate.place = None;
            tokio::time::sleep(gate.remaining(Some(attempt * attempt * 1000))).await;
            gate.place = Some(gate.place(powers, &self.command.program).await??);
            if !is_as_before(powers, &self.command).await? {
                done.facts.push(("attempts", attempt.into()));
                return Ok(done);
            }
            attempt += 1;
        }
    }
}

impl Crossing for PipelineRequest {
    const IMPORT: &'static str = "command.pipeline";
    const PRIVILEGED: bool = true;
    const COMMAND: bool = true;
    type Answer = Output;

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![("asked", self.stages.iter().map(words).collect::<Vec<_>>().into())]
    }

    fn permitted(&self, powers: &Powers) -> Result<Option<String>, Denial> {
        let mut rules = Vec::new();
        for stage in &self.stages {
            let grant = powers.policy.decide_command(&stage.program, &stage.args)?;
            rules.push(grant.rule.id.clone());
        }
        Ok(Some(rules.join(" | ")))
    }

    fn granted(&self, _: &Gate, powers: &Powers) -> Vec<(&'static str, Value)> {
        granted(powers, &self.stages, self.stdin.as_deref())
    }

    fn claims(&self, powers: &Powers) -> Result<Claims, Denial> {
        claims(&self.stages, powers)
    }

    fn ended(result: &Result<Done<Output>, Refusal>) -> Ended {
        ended(result)
    }

    async fn perform(self, gate: &mut Gate, powers: &Powers) -> Result<Done<Output>, Refusal> {
        let (secrets, body) = body(&self.stages, powers, &self.stdin).await?;
        let stages = self
            .stages
            .into_iter()
            .map(|CommandLine { program, args }| protocol::Stage { program, args })
            .collect();
        let kind = |deadline_ms| RequestKind::Pipeline { stages, secrets, deadline_ms };
        run(gate, powers, self.timeout_ms, kind, &body).await
    }
}

/// Whether a command that failed may be tried again: what it needs is the backend's own still, which the
/// name alone would not say, and nothing is where it makes something.
async fn is_as_before(powers: &Powers, command: &CommandLine) -> Result<bool, Refusal> {
    let claims = claims(std::slice::from_ref(command), powers).map_err(Error::from)?;
    for need in claims.needs {
        match examine(powers, &need.object).await {
            // What it removes is in its own hands.
            Ok(Examined::There | Examined::InHands) => {}
            Ok(Examined::Missing | Examined::Maybe | Examined::Nobodys) => return Ok(false),
            Err(refused) => return Err(refused.into()),
        }
    }
    for make in claims.makes {
        if look(powers, &make.object).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What the commands have to do with things that backends make.
fn claims(commands: &[CommandLine], powers: &Powers) -> Result<Claims, Denial> {
    let mut claims = Claims::default();
    for CommandLine { program, args } in commands {
        let grant = powers.policy.decide_command(program, args)?;
        for claim in grant.claims {
            let rule = grant.rule.id.clone();
            match claim {
                Claim::Makes(object) => {
                    claims.makes.push(Make { rule, object, taken: Taken::Exists });
                }
                Claim::Needs(object) => {
                    claims.ends.extend(grant.rule.removes.then(|| object.clone()));
                    claims.needs.push(Need { rule, object });
                }
            }
        }
    }
    Ok(claims)
}

/// A program says by its exit code alone what it did.
fn ended(result: &Result<Done<Output>, Refusal>) -> Ended {
    match result {
        Ok(Done { answer: Output { status: ExitStatus::Exited(0), .. }, .. }) => Ended::Done,
        // Nothing was started: somebody else was first at the place.
        Err(Refusal::Answer(Error::Denied(_) | Error::AlreadyExists(_))) => Ended::Refused,
        _ => Ended::Unclear,
    }
}

/// The secrets that the commands' rules pass on, and the body of the request: their values, and
/// then standard input.
async fn body(
    commands: &[CommandLine],
    powers: &Powers,
    stdin: &Option<Vec<u8>>,
) -> Result<(Vec<protocol::Secret>, Zeroizing<Vec<u8>>), Refusal> {
    let mut options = BTreeSet::new();
    for CommandLine { program, args } in commands {
        let grant = powers.policy.decide_command(program, args).map_err(Error::from)?;
        options.extend(grant.secrets().into_iter().map(|secret| secret.option.clone()));
    }
    let (mut secrets, mut values) = (Vec::new(), Vec::new());
    for option in options {
        let value = powers.options.secret(&option).await.map_err(|error| {
            // Where the value is kept is the operator's to know.
            tracing::error!(%error, "a secret cannot be passed on");
            Error::Failed(format!("the secret option `{option}` has no value that can be read"))
        })?;
        let bytes = u32::try_from(value.len()).unwrap_or(u32::MAX);
        values.push(value);
        secrets.push(protocol::Secret { option, bytes });
    }
    let stdin = stdin.as_deref().unwrap_or_default();
    // Room for all from the beginning: what grows leaves copies of secrets behind.
    let length = values.iter().map(|value| value.len()).sum::<usize>() + stdin.len();
    let mut body = Zeroizing::new(Vec::with_capacity(length));
    for part in values.iter().map(|value| value.as_slice()).chain([stdin]) {
        body.extend_from_slice(part);
    }
    Ok((secrets, body))
}

async fn run(
    gate: &Gate,
    powers: &Powers,
    timeout_ms: Option<u64>,
    kind: impl FnOnce(u64) -> RequestKind,
    body: &[u8],
) -> Result<Done<Output>, Refusal> {
    let kind = kind(milliseconds(gate, timeout_ms));
    let (outcome, mut body) = timed(powers, kind, body).await?;
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
        ("truncated", (done.stdout_truncated || done.stderr_truncated).into()),
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

/// Asks the broker, and tells the trace and the metrics how long that took.
async fn timed(
    powers: &Powers,
    kind: RequestKind,
    body: &[u8],
) -> crate::error::Result<(Outcome, Vec<u8>)> {
    // Only what a rule names comes here: the names of its programs.
    let programs = match &kind {
        RequestKind::Command { program, .. } => program.clone(),
        RequestKind::Pipeline { stages, .. } => {
            stages.iter().map(|stage| &*stage.program).collect::<Vec<_>>().join(" | ")
        }
        _ => String::new(),
    };
    let span = tracing::debug_span!(target: "abaca::gate", "command", programs);
    let began = Instant::now();
    let answer = powers.broker.ask(kind, body).instrument(span).await;
    powers.metrics.commanded(began.elapsed());
    answer
}

/// What each command line becomes by its rule: the values of the holes, and what will run, with
/// paths as `<root>/name` and secrets by their names. The broker does the same, and says in the end
/// what it was.
fn granted(
    powers: &Powers,
    lines: &[CommandLine],
    stdin: Option<&[u8]>,
) -> Vec<(&'static str, Value)> {
    let stage = |line: &CommandLine| {
        let grant = powers.policy.decide_command(&line.program, &line.args).ok()?;
        let argv: Vec<_> = std::iter::once(line.program.clone())
            .chain(grant.argv.iter().map(ToString::to_string))
            .collect();
        let (rule, program) = (&grant.rule.id, &grant.rule.program);
        Some(json!({ "rule": rule, "program": program, "argv": argv, "values": grant.values }))
    };
    let stages: Vec<_> = lines.iter().filter_map(stage).collect();
    vec![("granted", stages.into()), ("stdin_bytes", stdin.map_or(0, <[u8]>::len).into())]
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
