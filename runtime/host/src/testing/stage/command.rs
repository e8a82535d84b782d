//! The interfaces `command` and `ssh` of a stage: programs of the host and of remotes as the scripts
//! say, alone, again after a failure, or joined by pipes. Called by `world`.

use abaca_broker::protocol::STAGES_MAX;

use super::script::Printed;
use super::storage::denied;
use super::world::World;
use crate::contract::bindings::abaca::host::command::{
    CommandLine, ExitStatus, Output, PipelineRequest, RunRequest,
};
use crate::contract::bindings::abaca::host::ssh;
use crate::contract::bindings::abaca::host::types::Error as HostError;

/// Runs one program.
pub(super) fn run(world: &mut World, request: &RunRequest) -> Result<Output, HostError> {
    granted(world, &request.command)?;
    let tries = if request.retry { world.tries() } else { 1 };
    let mut attempt: u64 = 1;
    loop {
        let output = start(world, None, &request.command)?;
        if output.status == ExitStatus::Exited(0) || attempt >= tries {
            return Ok(output);
        }
        world.advance(std::time::Duration::from_secs(attempt.saturating_mul(attempt)));
        attempt = attempt.saturating_add(1);
    }
}

/// Runs programs joined by pipes.
pub(super) fn pipeline(world: &mut World, request: &PipelineRequest) -> Result<Output, HostError> {
    if request.stages.is_empty() || request.stages.len() > STAGES_MAX {
        return Err(HostError::Invalid(format!("a pipeline has 1 to {STAGES_MAX} stages")));
    }
    for line in &request.stages {
        granted(world, line)?;
    }
    let lines: Vec<_> = request.stages.iter().map(words).collect();
    if let Some(whole) = scripted(world, None, &lines.join(&"|".to_owned())) {
        return Ok(whole);
    }
    let mut whole = printed(Printed { exits: 0, stdout: String::new(), stderr: String::new() });
    for line in &request.stages {
        let next = start(world, None, line)?;
        whole.stdout = next.stdout;
        whole.stderr.extend(next.stderr);
        // How the last one that failed ended.
        if next.status != ExitStatus::Exited(0) {
            whole.status = next.status;
        }
    }
    Ok(whole)
}

/// Runs one program on a remote. What the manifest needs is granted, since no policy can say it yet.
pub(super) fn remote(world: &mut World, request: ssh::RunRequest) -> Result<Output, HostError> {
    let ssh::RunRequest { remote, program, args, .. } = request;
    if !world.remotes.contains(&remote) {
        return Err(denied(format!(
            "no remote `{remote}` is granted: the manifest has no [needs.remotes.{remote}]"
        )));
    }
    start(world, Some(&remote), &CommandLine { program, args })
}

fn granted(world: &World, line: &CommandLine) -> Result<(), HostError> {
    let grant = world.policy.decide_command(&line.program, &line.args)?;
    world.uses(&grant.rule.id);
    Ok(())
}

fn start(world: &mut World, remote: Option<&str>, line: &CommandLine) -> Result<Output, HostError> {
    let words = words(line);
    if let Some(found) = scripted(world, remote, &words) {
        return Ok(found);
    }
    let words = words.join(" ");
    let (words, with) = match remote {
        Some(remote) => {
            (format!("{remote}: {words}"), format!("`when` and `remote = \"{remote}\"`"))
        }
        None => (words, "`when`".to_owned()),
    };
    world.unanswered.push(words.clone());
    Err(denied(format!(
        "the stage has no answer for `{words}`: add a [[command]] with {with} to its script"
    )))
}

fn words(line: &CommandLine) -> Vec<String> {
    std::iter::once(&line.program).chain(&line.args).cloned().collect()
}

/// How these words end by the first script that has them.
fn scripted(world: &mut World, remote: Option<&str>, words: &[String]) -> Option<Output> {
    let World { scripts, storage, pool, .. } = world;
    scripts.iter().find_map(|script| script.run(remote, words, storage, pool)).map(printed)
}

fn printed(Printed { exits, stdout, stderr }: Printed) -> Output {
    Output {
        status: ExitStatus::Exited(exits),
        stdout: stdout.into_bytes(),
        stderr: stderr.into_bytes(),
        stdout_truncated: false,
        stderr_truncated: false,
    }
}
