//! Why permitted work could not be done: an answer in the making.
//!
//! Denials are not failures: they come from the policy and are answered as they are.

use std::fmt::Display;

use abaca_broker::protocol::{ErrorKind, Outcome};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// What kind of failure, and what to tell people. It travels from a child to its hand as
/// JSON, and to the runtime as an [`Outcome::Error`].
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct Failure {
    pub kind: ErrorKind,
    pub message: String,
}

impl Failure {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Failure {
        Failure { kind, message: message.into() }
    }

    /// What the system said about `what`; the kind follows from the number.
    pub fn system(what: impl Display, errno: Errno) -> Failure {
        let kind = match errno {
            Errno::NOENT => ErrorKind::NotFound,
            Errno::EXIST => ErrorKind::AlreadyExists,
            Errno::NOTDIR => ErrorKind::NotADirectory,
            Errno::ISDIR => ErrorKind::NotAFile,
            Errno::NOTEMPTY => ErrorKind::NotEmpty,
            Errno::LOOP => ErrorKind::SymbolicLink,
            Errno::XDEV => ErrorKind::OtherDevice,
            Errno::ACCESS | Errno::PERM | Errno::ROFS => ErrorKind::NotPermitted,
            Errno::NOSPC | Errno::DQUOT => ErrorKind::NoSpace,
            Errno::FBIG => ErrorKind::TooLarge,
            _ => ErrorKind::Io,
        };
        Failure::new(kind, format!("{what}: {}", std::io::Error::from(errno)))
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Outcome {
        Outcome::Error { kind: failure.kind, message: failure.message }
    }
}
