//! The host in memory that drivers' own tests run on, through the SDK's public functions: each
//! room answers as its WIT file and the runtime say. What drivers make of it, their own crates
//! test.

mod calls;
mod command;
mod files;
mod mounts;
mod rooms;

use abaca_sdk::{HostError, Path, Root};

/// The root that most tests have.
const SHARES: Root = Root("shares");

/// A place, as `a/b`.
fn at(path: &str) -> Path {
    Path { root: "shares".to_owned(), path: path.to_owned() }
}

/// The case of an error, without its text.
fn case<T>(answer: Result<T, HostError>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(HostError::Denied(_)) => "denied",
        Err(HostError::Invalid(_)) => "invalid",
        Err(HostError::NotFound(_)) => "not-found",
        Err(HostError::AlreadyExists(_)) => "already-exists",
        Err(HostError::NotEmpty(_)) => "not-empty",
        Err(HostError::Busy(_)) => "busy",
        Err(HostError::Conflict(_)) => "conflict",
        Err(HostError::Limit(_)) => "limit",
        Err(HostError::NoSpace(_)) => "no-space",
        Err(HostError::Deadline(_)) => "deadline",
        Err(HostError::Failed(_)) => "failed",
    }
}
