//! What a driver answered in error, for people: whose fault it was and what it says. Used by `Error`.

use super::Blame;
use crate::types;

/// Who can mend what a driver complains about.
pub(super) fn driver_blame(error: &types::Error) -> Blame {
    use types::Error as E;
    match error {
        E::CommandFailed(_) | E::BackendFailed(_) | E::Deadline(_) => Blame::Backend,
        E::Other(_) | E::ShareServerFailed(_) | E::ReplicationFailed(_) | E::MigrationFailed(_) => {
            Blame::Driver
        }
        E::Unsupported(_)
        | E::InvalidShare(_)
        | E::InvalidSnapshot(_)
        | E::InvalidShareAccess(_)
        | E::InvalidShareAccessLevel(_)
        | E::ShareAccessExists(_)
        | E::ShareResourceNotFound(_)
        | E::ShareIsBusy(_)
        | E::SnapshotResourceNotFound(_)
        | E::ShareSnapshotIsBusy(_)
        | E::ShareShrinkingPossibleDataLoss(_)
        | E::ManageInvalidShare(_)
        | E::ManageTypeMismatch(_)
        | E::ManageInvalidSnapshot(_)
        | E::UnmanageInvalidShare(_)
        | E::UnmanageInvalidSnapshot(_)
        | E::NetworkBadConfiguration(_)
        | E::BadConfiguration(_)
        | E::Denied(_) => Blame::Operator,
    }
}

/// The case's name as in WIT, and its text made safe for a terminal.
pub(super) fn driver_text(error: &types::Error) -> String {
    use types::Error as E;
    let (case, text) = match error {
        E::Unsupported(text) => ("unsupported", text.clone()),
        E::InvalidShare(text) => ("invalid share", text.clone()),
        E::InvalidSnapshot(text) => ("invalid snapshot", text.clone()),
        E::InvalidShareAccess(text) => ("invalid access rule", text.clone()),
        E::InvalidShareAccessLevel(text) => ("invalid access level", text.clone()),
        E::ShareAccessExists(text) => ("the access rule exists", text.clone()),
        E::ShareResourceNotFound(text) => ("no such share on the back end", text.clone()),
        E::ShareIsBusy(text) => ("the share is busy", text.clone()),
        E::SnapshotResourceNotFound(text) => ("no such snapshot on the back end", text.clone()),
        E::ShareSnapshotIsBusy(text) => ("the snapshot is busy", text.clone()),
        E::ShareShrinkingPossibleDataLoss(text) => {
            ("shrinking would lose data, so nothing was changed", text.clone())
        }
        E::ManageInvalidShare(text) => ("not fit to be taken over", text.clone()),
        E::ManageTypeMismatch(text) => ("does not fit the share type", text.clone()),
        E::ManageInvalidSnapshot(text) => ("snapshot not fit to be taken over", text.clone()),
        E::UnmanageInvalidShare(text) => ("cannot be let go", text.clone()),
        E::UnmanageInvalidSnapshot(text) => ("snapshot cannot be let go", text.clone()),
        E::ShareServerFailed(text) => ("share server failed", text.clone()),
        E::NetworkBadConfiguration(text) => ("the network does not fit", text.clone()),
        E::ReplicationFailed(text) => ("replication failed", text.clone()),
        E::MigrationFailed(text) => ("migration failed", text.clone()),
        E::BadConfiguration(text) => ("bad configuration", text.clone()),
        E::BackendFailed(text) => ("the storage failed", text.clone()),
        E::CommandFailed(failure) => (
            "a command failed",
            match failure.code {
                Some(code) => {
                    format!("{} ended with code {code}: {}", failure.program, failure.stderr)
                }
                None => format!("{} was killed: {}", failure.program, failure.stderr),
            },
        ),
        E::Denied(denial) => (
            "the policy does not allow it",
            match &denial.rule {
                Some(rule) => format!("{} (nearest rule: {rule})", denial.reason),
                None => denial.reason.clone(),
            },
        ),
        E::Deadline(text) => ("time ran out", text.clone()),
        E::Other(text) => ("the driver failed", text.clone()),
    };
    let text = crate::text::printable(text.trim(), crate::text::MESSAGE_BYTES);
    if text.is_empty() { case.to_owned() } else { format!("{case}: {text}") }
}
