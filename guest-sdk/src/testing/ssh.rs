//! The interface `ssh` of a test's host: programs of remotes run as `script` says. Called by
//! `asking`.

use super::Host;
use super::asking::{Context, Request};
use super::command::words;
use crate::HostError;
use crate::imports::command::{CommandLine, Output};
use crate::imports::ssh::RunRequest;

impl Request for RunRequest {
    const NAME: &'static str = "ssh.run";
    type Answer = Output;

    fn words(&self) -> String {
        format!("{}: {}", self.remote, words(&line(self)))
    }

    fn answer(&self, host: &Host, _: &Context) -> Result<Output, HostError> {
        host.start(Some(&self.remote), &line(self), self.stdin.as_deref())
    }
}

fn line(request: &RunRequest) -> CommandLine {
    CommandLine { program: request.program.clone(), args: request.args.clone() }
}
