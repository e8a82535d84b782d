//! Which statuses a driver can answer of the snapshots of replicas, how far they can be, and in
//! which they are asked after.

use abaca::types::{Replica, ReplicaSnapshotUpdate, SnapshotStatus};
use abaca::{Backend, Error};

use super::states::{SNAPSHOT_STATUSES, active, replica_snapshot, telling};
use super::{calls, obedient};
use crate::dummy::{assert_invalid, kept};
use crate::support::Ground;

/// The three calls that answer the status of a snapshot.
const CALLS: [&str; 3] =
    ["create_replicated_snapshot", "delete_replicated_snapshot", "update_replicated_snapshot"];

/// Asks one of the calls about a new snapshot of this replica, and what is recorded of it then.
async fn ask(
    backend: &Backend,
    call: &str,
    replica: &Replica,
) -> (Result<Option<ReplicaSnapshotUpdate>, Error>, Option<SnapshotStatus>) {
    let one = replica_snapshot(replica, SnapshotStatus::Creating);
    let (all, snapshots) = (std::slice::from_ref(replica), std::slice::from_ref(&one));
    if call != CALLS[0] {
        // It is being made, and the driver has said nothing of it.
        let silent = telling(replica, &[]);
        backend.create_replicated_snapshot(&[silent], snapshots, None).await.unwrap();
    }
    let answer = match call {
        "create_replicated_snapshot" => backend
            .create_replicated_snapshot(all, snapshots, None)
            .await
            .map(|mut updates| updates.pop()),
        "delete_replicated_snapshot" => backend
            .delete_replicated_snapshot(all, snapshots, None)
            .await
            .map(|mut updates| updates.pop()),
        _ => backend.update_replicated_snapshot(all, replica, snapshots, &one, None).await,
    };
    (answer, kept(backend, &one.snapshot.id).await.map(|snapshot| snapshot.status))
}

async fn assert_takes_every_status(call: &str, unsaid: SnapshotStatus) {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    for (status, word) in SNAPSHOT_STATUSES {
        let replica = telling(&active(), &[("snapshot_status", word)]);
        let (answer, recorded) = ask(&backend, call, &replica).await;
        assert_eq!(answer.unwrap().unwrap().status, status);
        let wanted = (status != SnapshotStatus::Deleted).then_some(status);
        assert_eq!(recorded, wanted, "what is deleted has no record");
    }
    let (answer, recorded) = ask(&backend, call, &active()).await;
    assert_eq!((answer.unwrap(), recorded), (None, Some(unsaid)));
}

#[tokio::test]
async fn create_replicated_snapshot_takes_every_status() {
    assert_takes_every_status(CALLS[0], SnapshotStatus::Creating).await;
}

#[tokio::test]
async fn delete_replicated_snapshot_takes_every_status() {
    assert_takes_every_status(CALLS[1], SnapshotStatus::Deleting).await;
}

#[tokio::test]
async fn update_replicated_snapshot_takes_every_status() {
    assert_takes_every_status(CALLS[2], SnapshotStatus::Creating).await;
}

#[tokio::test]
async fn update_replicated_snapshot_asks_while_one_is_made_or_removed() {
    use SnapshotStatus::{Creating, Deleting};
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    let replica = active();
    let all = std::slice::from_ref(&replica);
    for (status, _) in SNAPSHOT_STATUSES {
        let one = replica_snapshot(&replica, status);
        let snapshots = std::slice::from_ref(&one);
        let before = calls(&ground, "obedient");
        let answer = backend.update_replicated_snapshot(all, &replica, snapshots, &one, None).await;
        if matches!(status, Creating | Deleting) {
            assert_eq!(answer.unwrap(), None, "{status:?}");
        } else {
            assert_invalid!(answer);
            assert_eq!(calls(&ground, "obedient"), before, "{status:?}");
        }
    }
}

#[tokio::test]
async fn update_replicated_snapshot_and_its_like_are_done_to_100_percent_at_most() {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    for call in CALLS {
        for progress in [0_u8, 1, 50, 99, 100, 101, 102, 255] {
            let word = progress.to_string();
            let answers = [("snapshot_status", "available"), ("progress", word.as_str())];
            let (answer, recorded) = ask(&backend, call, &telling(&active(), &answers)).await;
            if progress <= 100 {
                assert_eq!(answer.unwrap().unwrap().progress, Some(progress));
                assert_eq!(recorded, Some(SnapshotStatus::Available));
            } else {
                assert!(matches!(answer, Err(Error::Contract { .. })), "{call} {progress}");
                let in_error = [SnapshotStatus::Error, SnapshotStatus::ErrorDeleting];
                assert!(in_error.contains(&recorded.unwrap()), "{recorded:?}");
            }
        }
    }
}
