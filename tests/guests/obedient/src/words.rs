//! The contract's words for states, as texts. Reading only; called by `told`.

use abaca_sdk::{ReplicaState, SnapshotStatus};

/// The state of this name.
pub fn replica_state(word: &str) -> Option<ReplicaState> {
    Some(match word {
        "active" => ReplicaState::Active,
        "in-sync" => ReplicaState::InSync,
        "out-of-sync" => ReplicaState::OutOfSync,
        "error" => ReplicaState::Error,
        _ => return None,
    })
}

/// The status of this name.
pub fn snapshot_status(word: &str) -> Option<SnapshotStatus> {
    Some(match word {
        "creating" => SnapshotStatus::Creating,
        "available" => SnapshotStatus::Available,
        "deleting" => SnapshotStatus::Deleting,
        "deleted" => SnapshotStatus::Deleted,
        "error" => SnapshotStatus::Error,
        "error-deleting" => SnapshotStatus::ErrorDeleting,
        "managing" => SnapshotStatus::Managing,
        "manage-error" => SnapshotStatus::ManageError,
        "unmanaging" => SnapshotStatus::Unmanaging,
        "unmanage-error" => SnapshotStatus::UnmanageError,
        _ => return None,
    })
}
