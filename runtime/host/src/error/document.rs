//! An error as JSON: what a service on the other side of the door, and the CLI's `--json`, are
//! told. A driver's own error is in it unchanged, case and value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Blame, Error};
use crate::compiler::CompileError;
use crate::types::{self, ExportLocation, Pairs};

/// What kind of failure it was; the variants of [`Error`], with what a driver answers as one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// A file could not be read.
    Read,
    /// A file could not be written.
    Write,
    /// The configuration is wrong.
    Configuration,
    /// The policy is wrong.
    Policy,
    /// An option does not do.
    Option,
    /// Driver, policy and configuration do not fit together.
    Mismatch,
    /// What would run is not what the operator has approved.
    Unapproved,
    /// The file is no driver that can be loaded.
    Component,
    /// The driver does not offer what was asked.
    NotOffered,
    /// The request makes no sense as things are.
    Invalid,
    /// The driver answered an error: see `driver`.
    Driver,
    /// The driver broke the contract.
    Contract,
    /// The driver crashed.
    Trap,
    /// A limit was used up.
    Limit,
    /// The call's time ran out.
    Deadline,
    /// The backend is in quarantine.
    Quarantined,
    /// The backend is disabled.
    Disabled,
    /// The broker cannot be used.
    Broker,
    /// The records cannot be used.
    State,
    /// The audit cannot be written.
    Audit,
    /// The engine or the machine failed.
    Runtime,
    /// The request is not as the schema says.
    Request,
    /// The request was cancelled, or its service stopped.
    Cancelled,
    /// Too much is asked for at once, or something else is under way on the same thing: ask again.
    Busy,
}

/// An [`Error`] as data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorDocument {
    /// What happened, for people.
    pub message: String,
    /// What kind of failure it was.
    pub kind: ErrorKind,
    /// Who can mend it.
    pub blame: Blame,
    /// What to do, for people; empty where the message says all.
    #[serde(default)]
    pub advice: String,
    /// What the driver answered, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<types::Error>,
    /// Where there is something of a share that could not be made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub export_locations: Vec<ExportLocation>,
    /// What there is of a share server that could not be set up.
    #[serde(default, skip_serializing_if = "Pairs::is_empty")]
    pub server_details: Pairs,
    /// When a call is let in again, in seconds since the epoch, where the backend is in quarantine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try: Option<u64>,
}

impl From<&Error> for ErrorDocument {
    fn from(error: &Error) -> Self {
        let mut document = Self {
            message: error.to_string(),
            kind: kind(error),
            blame: error.blame(),
            advice: error.advice().to_owned(),
            driver: None,
            export_locations: Vec::new(),
            server_details: Pairs::default(),
            next_try: None,
        };
        match error {
            Error::Driver(error) => document.driver = Some(error.clone()),
            Error::Create(answer) => {
                document.driver = Some(answer.error.clone());
                document.export_locations.clone_from(&answer.export_locations);
            }
            Error::Setup(answer) => {
                document.driver = Some(answer.error.clone());
                document.server_details = Pairs(answer.server_details.clone());
            }
            Error::Quarantined { standing, .. } => document.next_try = standing.next_try,
            _ => {}
        }
        document
    }
}

fn kind(error: &Error) -> ErrorKind {
    match error {
        Error::Read { .. } => ErrorKind::Read,
        Error::Write { .. } => ErrorKind::Write,
        Error::Configuration(_) => ErrorKind::Configuration,
        Error::Transcript(_) => ErrorKind::Invalid,
        Error::Policy(_) => ErrorKind::Policy,
        Error::Option { .. } => ErrorKind::Option,
        Error::Mismatch(_) => ErrorKind::Mismatch,
        Error::Unapproved { .. } => ErrorKind::Unapproved,
        Error::Compile { error: CompileError::Compiler(_), .. } => ErrorKind::Runtime,
        Error::Component { .. } | Error::Compile { .. } => ErrorKind::Component,
        Error::NotOffered { .. } => ErrorKind::NotOffered,
        Error::Invalid(_) => ErrorKind::Invalid,
        Error::Busy(_) => ErrorKind::Busy,
        Error::Driver(_) | Error::Create(_) | Error::Setup(_) => ErrorKind::Driver,
        Error::Contract { .. } => ErrorKind::Contract,
        Error::Trap { .. } => ErrorKind::Trap,
        Error::Limit { .. } => ErrorKind::Limit,
        Error::Deadline { .. } => ErrorKind::Deadline,
        Error::Quarantined { .. } => ErrorKind::Quarantined,
        Error::Disabled { .. } => ErrorKind::Disabled,
        Error::Broker(_) => ErrorKind::Broker,
        Error::State { .. } => ErrorKind::State,
        Error::Audit { .. } => ErrorKind::Audit,
        Error::Panic { .. } | Error::Runtime(_) => ErrorKind::Runtime,
    }
}
