//! `abaca policy`: whether a policy is right, what it grants, and why. It decides nothing
//! itself: the answers are those of the policy crate, which the broker asks as well.

mod check;
mod diff;
mod explain;
mod learn;
mod lint;
mod requests;
mod simulate;
mod walls;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use abaca::policy::Policy;
use abaca::read_policy;

pub use self::diff::changes;
use crate::cli::{Global, PolicyCommand};
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::service::Service;

/// The exit code when what was asked is denied: the same as for any refusal.
const DENIED: u8 = 2;

/// The exit code when a policy asks for more than another.
const ASKS_MORE: u8 = 2;

/// The exit code when a filter is, or may be, as good as root.
const ROOT_EQUIVALENT: u8 = 2;

/// The exit code when a policy decides otherwise than it was decided.
const DECIDES_OTHERWISE: u8 = 2;

/// Does what was asked; answers the exit code.
///
/// # Errors
/// When there is no such policy, or it is wrong.
pub fn run(command: PolicyCommand, global: &Global, output: Output) -> Result<ExitCode> {
    match command {
        PolicyCommand::Check { file } => {
            check::check(&read_policy(&file)?, output)?;
            Ok(ExitCode::SUCCESS)
        }
        PolicyCommand::Explain { policy, content, argv } => {
            explain::explain(&find(&policy, global)?, &argv, content.as_deref(), output)
        }
        PolicyCommand::Diff { old, new } => {
            diff::diff(&find(&old, global)?, &find(&new, global)?, output)
        }
        PolicyCommand::Learn { policy, audits } => learn::learn(&policy, audits, global, output),
        PolicyCommand::Simulate { policy, audits } => {
            simulate::simulate(policy.as_deref(), audits, global, output)
        }
        PolicyCommand::Lint { file } => lint::lint(&file, output),
    }
}

/// The policy of a file, of a backend, or of the backend that has a driver of this name.
fn find(wanted: &str, global: &Global) -> Result<Policy> {
    Ok(read_policy(&find_file(wanted, global)?)?)
}

/// The file of such a policy.
fn find_file(wanted: &str, global: &Global) -> Result<PathBuf> {
    if Path::new(wanted).is_file() {
        return Ok(PathBuf::from(wanted));
    }
    let service = Service::open(global)?;
    if let Some(entry) = service.entries().find(|entry| entry.name == wanted) {
        return Ok(service.active(entry)?.policy);
    }
    let mut unreadable = None;
    for entry in service.entries() {
        let active = service.active(entry);
        match active.and_then(|active| Ok((read_policy(&active.policy)?, active.policy))) {
            Ok((policy, file)) if policy.driver() == wanted => return Ok(file),
            Ok(_) => {}
            Err(error) => unreadable = Some(error),
        }
    }
    // The one that is meant may be the one that is wrong.
    Err(unreadable.unwrap_or_else(|| {
        Failure::refused(
            format!("`{wanted}` is neither a backend, nor the driver of one, nor a file"),
            "`abaca backend list` shows the backends",
        )
    }))
}
