//! All states that there are, with the contract's words for them, so that the tables of the tests
//! beside this file leave none out.

use abaca::Backend;
use abaca::types::{Replica, ReplicaSnapshot, ReplicaState, Share, ShareStatus, SnapshotStatus};

use crate::dummy::{pair, recorded};
use crate::support::{share, snapshot};

pub const REPLICA_STATES: [(ReplicaState, &str); 4] = [
    (ReplicaState::Active, "active"),
    (ReplicaState::InSync, "in-sync"),
    (ReplicaState::OutOfSync, "out-of-sync"),
    (ReplicaState::Error, "error"),
];

pub const SHARE_STATUSES: [(ShareStatus, &str); 17] = [
    (ShareStatus::Creating, "creating"),
    (ShareStatus::Available, "available"),
    (ShareStatus::Deleting, "deleting"),
    (ShareStatus::Error, "error"),
    (ShareStatus::ErrorDeleting, "error-deleting"),
    (ShareStatus::Managing, "managing"),
    (ShareStatus::ManageError, "manage-error"),
    (ShareStatus::Unmanaging, "unmanaging"),
    (ShareStatus::UnmanageError, "unmanage-error"),
    (ShareStatus::Extending, "extending"),
    (ShareStatus::ExtendingError, "extending-error"),
    (ShareStatus::Shrinking, "shrinking"),
    (ShareStatus::ShrinkingError, "shrinking-error"),
    (ShareStatus::ShrinkingPossibleDataLossError, "shrinking-possible-data-loss-error"),
    (ShareStatus::Migrating, "migrating"),
    (ShareStatus::ReplicationChange, "replication-change"),
    (ShareStatus::Inactive, "inactive"),
];

pub const SNAPSHOT_STATUSES: [(SnapshotStatus, &str); 10] = [
    (SnapshotStatus::Creating, "creating"),
    (SnapshotStatus::Available, "available"),
    (SnapshotStatus::Deleting, "deleting"),
    (SnapshotStatus::Deleted, "deleted"),
    (SnapshotStatus::Error, "error"),
    (SnapshotStatus::ErrorDeleting, "error-deleting"),
    (SnapshotStatus::Managing, "managing"),
    (SnapshotStatus::ManageError, "manage-error"),
    (SnapshotStatus::Unmanaging, "unmanaging"),
    (SnapshotStatus::UnmanageError, "unmanage-error"),
];

/// Every state of a replica with every status of its share; no state is none of a replica's.
pub fn every_replica() -> impl Iterator<Item = (Option<ReplicaState>, ShareStatus)> {
    let states = REPLICA_STATES.iter().map(|(state, _)| Some(*state)).chain([None]);
    states.flat_map(|state| SHARE_STATUSES.iter().map(move |(status, _)| (state, *status)))
}

/// A new replica of a share, in this state.
pub fn replica(replica_state: Option<ReplicaState>, status: ShareStatus) -> Replica {
    let share = Share { replica_state, status, ..share("replica", 1) };
    Replica { share, share_server: None }
}

/// The active replica of an available share.
pub fn active() -> Replica {
    replica(Some(ReplicaState::Active), ShareStatus::Available)
}

/// A new replica of a share, which the backend records in this state.
pub async fn recorded_replica(
    backend: &Backend,
    state: Option<ReplicaState>,
    status: ShareStatus,
) -> Replica {
    let one = replica(state, status);
    backend.ensure_share(&one.share, None).await.unwrap();
    Replica { share: recorded(backend, &one.share.id).await, share_server: None }
}

/// A new snapshot of a replica, in this state.
pub fn replica_snapshot(replica: &Replica, status: SnapshotStatus) -> ReplicaSnapshot {
    let mut snapshot = snapshot(&replica.share);
    snapshot.status = status;
    ReplicaSnapshot { snapshot, progress: 0 }
}

/// The replica, whose share tells the driver what to answer.
pub fn telling(replica: &Replica, answers: &[(&str, &str)]) -> Replica {
    let mut replica = replica.clone();
    replica.share.metadata = answers.iter().map(|(name, word)| pair(name, word)).collect();
    replica
}

#[test]
fn no_state_is_left_out() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit/driver/types.wit");
    let contract = std::fs::read_to_string(file).unwrap();
    let listed = |name: &str| -> Vec<String> {
        let (_, rest) = contract.split_once(&format!("enum {name} {{")).unwrap();
        let (words, _) = rest.split_once('}').unwrap();
        let words = words.split(',').map(|word| word.trim().to_owned());
        words.filter(|word| !word.is_empty()).collect()
    };
    assert_eq!(listed("replica-state"), REPLICA_STATES.map(|(_, word)| word));
    assert_eq!(listed("share-status"), SHARE_STATUSES.map(|(_, word)| word));
    assert_eq!(listed("snapshot-status"), SNAPSHOT_STATUSES.map(|(_, word)| word));
}
