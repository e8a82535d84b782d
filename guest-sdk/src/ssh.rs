//! Running programs on remotes that the policy names, through `abaca:host/ssh`.
//! Called by drivers, who know a remote's name and neither address nor credentials.

use core::fmt::Display;

use crate::command::{Output, succeeded};
use crate::imports::ssh as host;
use crate::{HostError, Result};

pub use host::RunRequest;

/// Runs a program there to its end, without standard input and within the rule's
/// own time.
///
/// # Errors
/// [`Error::CommandFailed`](crate::Error::CommandFailed) unless it ends with code 0,
/// and what the host answers.
pub fn run(
    remote: &str,
    program: &str,
    args: impl IntoIterator<Item = impl Display>,
) -> Result<Output> {
    let output = send(&RunRequest {
        remote: remote.to_owned(),
        program: program.to_owned(),
        args: args.into_iter().map(|arg| arg.to_string()).collect(),
        stdin: None,
        timeout_ms: None,
    })?;
    succeeded(program.to_owned(), output)
}

/// Runs a program there as the request says; a program that fails is an answer.
///
/// # Errors
/// What the host answers.
pub fn send(request: &RunRequest) -> Result<Output, HostError> {
    host::run(request)
}
