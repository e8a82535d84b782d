//! The `abaca` command: parses its line, does it, and answers with an exit code. What can be
//! asked is in `cli`; each noun has its own file; `service` opens what they work on.
//!
//! It is a small share service over the library, for operators and for trying drivers: no
//! daemon, no users, no scheduler. All it knows is in `abaca.toml` and in the records.

mod access;
mod backend;
mod cli;
mod driver;
mod failure;
mod found;
mod interruption;
mod logging;
mod naming;
mod options;
mod output;
mod policy;
mod service;
mod share;
mod snapshot;

use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command};
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::service::Service;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return failure::usage(&error),
    };
    let output = Output { json: cli.global.json };
    match logging::start(cli.global.verbose).and_then(|()| run(cli, output)) {
        Ok(code) => code,
        Err(failure) => failure.report(output.json),
    }
}

/// Runs the command until it is done or the user gives up. A command that is given up is
/// dropped: the broker ends what it had started, and the records say that it was interrupted.
fn run(cli: Cli, output: Output) -> Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("the async runtime does not start")?;
    let interruption = interruption::of(&cli.command);
    let done = runtime.block_on(async {
        tokio::select! {
            done = Box::pin(command(cli, output)) => done,
            Ok(()) = tokio::signal::ctrl_c() => Err(Failure::Interrupted(interruption)),
        }
    });
    // Compiling cannot be stopped half way, and nobody waits for it any more.
    runtime.shutdown_background();
    done
}

async fn command(cli: Cli, output: Output) -> Result<ExitCode> {
    let global = cli.global;
    match cli.command {
        Command::Driver(command) => driver::run(command, output).await?,
        Command::Policy(command) => return policy::run(command, &global, output),
        Command::Backend(command) => {
            let verbose = global.verbose > 0;
            backend::run(command, verbose, &Service::open(&global)?, output).await?;
        }
        Command::Share(command) => share::run(command, &Service::open(&global)?, output).await?,
        Command::Snapshot(command) => {
            snapshot::run(command, &Service::open(&global)?, output).await?;
        }
        Command::Access(command) => access::run(command, &Service::open(&global)?, output).await?,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "abaca", &mut script);
            output::write(&script)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
