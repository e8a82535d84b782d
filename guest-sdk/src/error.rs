//! How the host's refusals become a driver's errors, and what an error says.
//!
//! Called by `?` in drivers and by the other rooms. The cases themselves are WIT:
//! `wit/driver/types.wit` and `wit/host/types.wit`.

pub use crate::bindings::abaca::host::types::Error as HostError;
use crate::{CommandFailure, CreateError, Denial, Error, ExportLocation, Pair, SetupError};

/// What a driver's function answers. Functions that make a share answer
/// [`CreateError`] instead, `setup_server` answers [`SetupError`]; `?` converts.
pub type Result<T, E = Error> = core::result::Result<T, E>;

impl Error {
    /// What it says, as one sentence for people, without the case's name.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Unsupported(text)
            | Self::InvalidShare(text)
            | Self::InvalidSnapshot(text)
            | Self::InvalidShareAccess(text)
            | Self::InvalidShareAccessLevel(text)
            | Self::ShareAccessExists(text)
            | Self::ShareResourceNotFound(text)
            | Self::ShareIsBusy(text)
            | Self::SnapshotResourceNotFound(text)
            | Self::ShareSnapshotIsBusy(text)
            | Self::ShareShrinkingPossibleDataLoss(text)
            | Self::ManageInvalidShare(text)
            | Self::ManageTypeMismatch(text)
            | Self::ManageInvalidSnapshot(text)
            | Self::UnmanageInvalidShare(text)
            | Self::UnmanageInvalidSnapshot(text)
            | Self::ShareServerFailed(text)
            | Self::NetworkBadConfiguration(text)
            | Self::ReplicationFailed(text)
            | Self::MigrationFailed(text)
            | Self::BadConfiguration(text)
            | Self::BackendFailed(text)
            | Self::Deadline(text)
            | Self::Other(text) => text.clone(),
            Self::CommandFailed(CommandFailure { program, code: Some(code), stderr }) => {
                format!("`{program}` ended with code {code}: {}", stderr.trim())
            }
            Self::CommandFailed(CommandFailure { program, code: None, stderr }) => {
                format!("`{program}` was ended by a signal: {}", stderr.trim())
            }
            Self::Denied(Denial { rule: Some(rule), reason }) => {
                format!("the policy refuses, by rule `{rule}`: {reason}")
            }
            Self::Denied(Denial { rule: None, reason }) => format!("the policy refuses: {reason}"),
        }
    }
}

/// A refusal stays a refusal, a deadline a deadline, and a full file system is the
/// back end's fault. The rest is `Other`: a driver that expects to find nothing, or
/// something, looks at the [`HostError`] before it converts.
impl From<HostError> for Error {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Denied(denial) => {
                Self::Denied(Denial { rule: denial.rule, reason: denial.reason })
            }
            HostError::Deadline(text) => Self::Deadline(text),
            HostError::NoSpace(text) => Self::BackendFailed(format!("no room left: {text}")),
            HostError::Invalid(text) => Self::Other(format!("the request was invalid: {text}")),
            HostError::NotFound(text) => Self::Other(format!("not found: {text}")),
            HostError::AlreadyExists(text) => Self::Other(format!("already there: {text}")),
            HostError::NotEmpty(text) => Self::Other(format!("not empty: {text}")),
            HostError::Busy(text) => Self::Other(format!("in use: {text}")),
            HostError::Conflict(text) => Self::Other(format!("changed meanwhile: {text}")),
            HostError::Limit(text) => Self::Other(format!("a limit was reached: {text}")),
            HostError::Failed(text) => Self::Other(text),
        }
    }
}

impl CreateError {
    /// The error, with the locations that exist already, so that a later delete
    /// finds them.
    #[must_use]
    pub fn with_locations(error: impl Into<Error>, export_locations: Vec<ExportLocation>) -> Self {
        Self { error: error.into(), export_locations }
    }
}

impl<E: Into<Error>> From<E> for CreateError {
    fn from(error: E) -> Self {
        Self::with_locations(error, Vec::new())
    }
}

impl SetupError {
    /// The error, with the server's details that are known already.
    #[must_use]
    pub fn with_details(error: impl Into<Error>, server_details: Vec<Pair>) -> Self {
        Self { error: error.into(), server_details }
    }
}

impl<E: Into<Error>> From<E> for SetupError {
    fn from(error: E) -> Self {
        Self::with_details(error, Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::abaca::host::types::Denial as HostDenial;

    #[test]
    fn a_refusal_keeps_its_rule() {
        let host =
            HostError::Denied(HostDenial { rule: Some("clone".into()), reason: "no".into() });
        let error = Error::from(host);
        assert_eq!(error.text(), "the policy refuses, by rule `clone`: no");
        assert!(matches!(error, Error::Denied(Denial { rule: Some(_), .. })));
    }

    #[test]
    fn a_full_file_system_is_the_back_ends_fault() {
        let error = Error::from(HostError::NoSpace("shares".into()));
        assert_eq!(error, Error::BackendFailed("no room left: shares".into()));
    }

    #[test]
    fn question_marks_reach_create_errors() {
        fn create() -> Result<(), CreateError> {
            Err(HostError::Deadline("30 s".into()))?
        }
        let error = create().unwrap_err();
        assert_eq!(error.error, Error::Deadline("30 s".into()));
        assert!(error.export_locations.is_empty());
    }
}
