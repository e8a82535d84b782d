//! The `abaca` command: parses its line, does it, and answers with an exit code. What can be
//! asked is in `cli`; each noun has its own file; `service` opens what they work on.
//!
//! It is a small share service over the library, for operators and for trying drivers: no
//! daemon, no users, no scheduler. All it knows is in `abaca.toml` and in the records.

mod access;
mod answers;
mod audit;
mod backend;
mod cgsnapshot;
mod cli;
mod consistency_group;
mod doctor;
mod door;
mod driver;
mod failure;
mod found;
mod interruption;
mod logging;
mod migration;
mod naming;
mod options;
mod output;
mod owned;
mod policy;
mod recorded;
mod replay;
mod replica;
mod service;
mod share;
mod share_server;
mod snapshot;
mod test;

use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command};
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::service::Service;

fn main() -> ExitCode {
    let cli = match Cli::try_parse().and_then(Cli::recorded) {
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
    let record = cli.global.record.clone();
    // A service is told to stop, and stops when it is done.
    let serves = matches!(cli.command, Command::Serve(_));
    let done = runtime.block_on(async {
        tokio::select! {
            done = Box::pin(command(cli, output)) => done,
            Ok(()) = tokio::signal::ctrl_c(), if !serves => Err(Failure::Interrupted(interruption)),
        }
    });
    // Compiling cannot be stopped half way, and nobody waits for it any more.
    runtime.shutdown_background();
    if let (Ok(_), Some(file)) = (&done, record.filter(|file| !file.exists())) {
        let file = output::plain(&file.display().to_string());
        output::complain(&format!("nothing was recorded into {file}: this calls no driver\n"));
    }
    done
}

async fn command(cli: Cli, output: Output) -> Result<ExitCode> {
    let global = cli.global;
    let open = || Service::open(&global);
    let verbose = global.verbose > 0;
    match cli.command {
        Command::Driver(command) => driver::run(command, &global, output).await?,
        Command::Policy(command) => return policy::run(command, &global, output),
        Command::Backend(command) => backend::run(command, verbose, &open()?, output).await?,
        Command::Audit(command) => return audit::run(command, &open()?, output).await,
        Command::Owned(command) => owned::run(command, &open()?, output).await?,
        Command::Share(command) => Box::pin(share::run(command, &open()?, output)).await?,
        Command::Snapshot(command) => Box::pin(snapshot::run(command, &open()?, output)).await?,
        Command::Access(command) => access::run(command, &open()?, output).await?,
        Command::ShareServer(command) => {
            Box::pin(share_server::run(command, verbose, &open()?, output)).await?;
        }
        Command::ConsistencyGroup(command) => {
            Box::pin(consistency_group::run(command, &open()?, output)).await?;
        }
        Command::Cgsnapshot(command) => cgsnapshot::run(command, &open()?, output).await?,
        Command::Replica(command) => Box::pin(replica::run(command, &open()?, output)).await?,
        Command::Migration(command) => Box::pin(migration::run(command, &open()?, output)).await?,
        Command::Record(asked) => {
            let unexpected = anyhow::anyhow!("{} is recorded by nobody", asked.output.display());
            return Err(unexpected.into());
        }
        Command::Replay(asked) => return replay::run(asked, output).await,
        Command::Test(asked) => return test::run(*asked, &global, output).await,
        Command::Doctor(asked) => return doctor::run(asked, &global, output).await,
        Command::Serve(asked) => door::serve(&asked, open()?, output).await?,
        Command::Call(asked) => door::call(asked, &global, output).await?,
        Command::Schema(asked) => door::describe(&asked)?,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "abaca", &mut script);
            output::write(&script)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
