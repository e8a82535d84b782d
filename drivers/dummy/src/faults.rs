//! Errors on request, so that whoever tests a caller can see each of them come through.
//! Called by `call`, with the option `dummy_fail` or a share's metadata.
//!
//! A request is `CASE`, `METHOD:CASE` or `METHOD:CASE=TEXT`, in the contract's words:
//! `create-share:backend-failed=the disks are full`.

use abaca_sdk::{CommandFailure, Denial, Error, Result};

/// Makes an error of a text.
type Make = fn(String) -> Error;

/// Every case of the contract's error.
const CASES: [(&str, Make); 26] = [
    ("unsupported", Error::Unsupported),
    ("invalid-share", Error::InvalidShare),
    ("invalid-snapshot", Error::InvalidSnapshot),
    ("invalid-share-access", Error::InvalidShareAccess),
    ("invalid-share-access-level", Error::InvalidShareAccessLevel),
    ("share-access-exists", Error::ShareAccessExists),
    ("share-resource-not-found", Error::ShareResourceNotFound),
    ("share-is-busy", Error::ShareIsBusy),
    ("snapshot-resource-not-found", Error::SnapshotResourceNotFound),
    ("share-snapshot-is-busy", Error::ShareSnapshotIsBusy),
    ("share-shrinking-possible-data-loss", Error::ShareShrinkingPossibleDataLoss),
    ("manage-invalid-share", Error::ManageInvalidShare),
    ("manage-type-mismatch", Error::ManageTypeMismatch),
    ("manage-invalid-snapshot", Error::ManageInvalidSnapshot),
    ("unmanage-invalid-share", Error::UnmanageInvalidShare),
    ("unmanage-invalid-snapshot", Error::UnmanageInvalidSnapshot),
    ("share-server-failed", Error::ShareServerFailed),
    ("network-bad-configuration", Error::NetworkBadConfiguration),
    ("replication-failed", Error::ReplicationFailed),
    ("migration-failed", Error::MigrationFailed),
    ("bad-configuration", Error::BadConfiguration),
    ("backend-failed", Error::BackendFailed),
    ("command-failed", command_failed),
    ("denied", denied),
    ("deadline", Error::Deadline),
    ("other", Error::Other),
];

fn command_failed(stderr: String) -> Error {
    Error::CommandFailed(CommandFailure { program: "dummy".to_owned(), code: Some(1), stderr })
}

fn denied(reason: String) -> Error {
    Error::Denied(Denial { rule: Some("dummy".to_owned()), reason })
}

/// The error that a request asks of a method; none if it asks another method.
///
/// # Errors
/// [`Error::BadConfiguration`] for a case that the contract does not have.
pub fn requested(request: &str, method: &str) -> Result<Option<Error>> {
    let (target, text) = match request.split_once('=') {
        Some((target, text)) => (target, text.to_owned()),
        None => (request, format!("`{method}` fails because it was asked to")),
    };
    let (asked, case) = match target.split_once(':') {
        Some((asked, case)) => (Some(asked), case),
        None => (None, target),
    };
    let make = CASES.iter().find(|(name, _)| *name == case).map(|(_, make)| make);
    let make = make.ok_or_else(|| unknown(case))?;
    Ok(asked.is_none_or(|asked| asked == method).then(|| make(text)))
}

fn unknown(case: &str) -> Error {
    let cases = CASES.map(|(name, _)| name).join(", ");
    Error::BadConfiguration(format!("`{case}` is no error to fail with; write one of {cases}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_case_comes_as_asked_and_with_its_text() {
        for (name, _) in CASES {
            let error = requested(&format!("m:{name}=a:b=c"), "m").unwrap().unwrap();
            assert!(error.text().ends_with("a:b=c"), "{name}");
            // The generated name of a case is its WIT name in another spelling.
            let debug = format!("{error:?}").to_lowercase();
            assert!(debug.contains(&name.replace('-', "")), "{name}: {debug}");
        }
    }

    #[test]
    fn only_the_method_asked_fails() {
        assert_eq!(requested("create-share:other", "delete-share"), Ok(None));
        assert!(matches!(requested("create-share:other", "create-share"), Ok(Some(_))));
        assert!(matches!(requested("other", "delete-share"), Ok(Some(Error::Other(_)))));
    }

    #[test]
    fn unknown_cases_are_named_with_the_known() {
        for request in ["", "m:", "m:Other", "others"] {
            let error = requested(request, "m").unwrap_err();
            assert!(matches!(&error, Error::BadConfiguration(text) if text.contains("denied")));
        }
    }
}
