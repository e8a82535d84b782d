//! Snapshots of shares that have replicas: in both pools, of one moment, before and after a
//! promotion.

use std::fs;

use abaca::types::{
    Replica, ReplicaSnapshot, ReplicaSnapshotPair, ReplicaState, Share, Snapshot, SnapshotStatus,
};

use super::replication::update;
use super::two::{Two, assert_same, change, furnish, now, replicated};
use crate::support::{share, snapshot};

/// The instances of one new snapshot, on both replicas.
fn instances(replicas: &[Replica; 2]) -> [ReplicaSnapshot; 2] {
    let snapshot_id = snapshot(&replicas[0].share).snapshot_id;
    [&replicas[0], &replicas[1]].map(|one| {
        let snapshot_id = snapshot_id.clone();
        ReplicaSnapshot { snapshot: Snapshot { snapshot_id, ..snapshot(&one.share) }, progress: 0 }
    })
}

/// As they are recorded.
async fn recorded(two: &Two, instances: &[ReplicaSnapshot; 2]) -> [ReplicaSnapshot; 2] {
    let all = two.backend().records().snapshots().await.unwrap();
    let of = |one: &ReplicaSnapshot| {
        let record = all.iter().find(|record| record.snapshot.id == one.snapshot.id).unwrap();
        ReplicaSnapshot { snapshot: record.snapshot.clone(), progress: 0 }
    };
    [of(&instances[0]), of(&instances[1])]
}

/// A snapshot comes to both pools, with the share and before it, and survives a promotion.
pub async fn in_both_pools(two: &Two) {
    let backend = two.backend();
    let replicas = replicated(two).await;
    let [one, _] = two.places(&replicas[0].share);
    furnish(&one);
    // Taken before anything has been sent.
    let monday = instances(&replicas);
    let updates = backend.create_replicated_snapshot(&replicas, &monday, None).await.unwrap();
    let statuses: Vec<_> = updates.iter().map(|update| update.status).collect();
    assert_eq!(statuses, [SnapshotStatus::Available, SnapshotStatus::Creating]);
    let [here, there] = two.roots("snapshots");
    let at = |snapshots: &[ReplicaSnapshot; 2]| {
        (here.join(&snapshots[0].snapshot.name), there.join(&snapshots[1].snapshot.name))
    };
    let (kept, brought) = at(&monday);
    assert!(kept.is_dir() && !brought.exists());
    change(&one);
    let monday = recorded(two, &monday).await;
    for times in 0..2 {
        if times == 1 {
            // Whoever asks again is told the same.
            assert_same(&kept, &brought);
            break;
        }
        let answer = backend
            .update_replicated_snapshot(&replicas, &replicas[1], &monday, &monday[1], None)
            .await
            .unwrap();
        assert_eq!(answer.unwrap().status, SnapshotStatus::Available);
    }
    assert_eq!(two.copies().map(|copies| copies.len()), [1, 1], "only what the next one needs");

    // One that the other replica does not have yet comes with its update.
    let tuesday = instances(&replicas);
    backend.create_replicated_snapshot(&replicas, &tuesday, None).await.unwrap();
    fs::write(one.join("after"), "after").unwrap();
    let tuesday = recorded(two, &tuesday).await;
    let pairs = [&monday, &tuesday].map(|both| ReplicaSnapshotPair {
        active_replica_snapshot: both[0].clone(),
        share_replica_snapshot: both[1].clone(),
    });
    let state =
        backend.update_replica_state(&replicas, &replicas[1], &[], &pairs, None).await.unwrap();
    assert_eq!(state, Some(ReplicaState::InSync));
    let (kept, brought) = at(&tuesday);
    assert_same(&kept, &brought);
    assert!(!brought.join("after").exists());

    let answer = backend
        .update_replicated_snapshot(&replicas, &replicas[1], &tuesday, &tuesday[1], None)
        .await
        .unwrap();
    assert_eq!(answer.unwrap().status, SnapshotStatus::Available);
    let tuesday = recorded(two, &tuesday).await;

    // Promoted, they are its snapshots: shares are made of them.
    let replicas = now(two, &replicas).await;
    backend.promote_replica(&replicas, &replicas[1], &[], None).await.unwrap();
    let clone = Share { pool: Some("second".into()), ..share("clone", 1) };
    backend.create_share_from_snapshot(&clone, &tuesday[1].snapshot, None).await.unwrap();
    let [_, cloned] = two.places(&clone);
    assert_eq!(
        fs::read(cloned.join("sub/file")).unwrap(),
        fs::read(brought.join("sub/file")).unwrap()
    );
    let replicas = now(two, &replicas).await;
    assert_eq!(update(two, &replicas, 0).await, Some(ReplicaState::InSync));

    // One of the second pool comes back to the first.
    let wednesday = instances(&replicas);
    backend.create_replicated_snapshot(&replicas, &wednesday, None).await.unwrap();
    let wednesday = recorded(two, &wednesday).await;
    let answer = backend
        .update_replicated_snapshot(&replicas, &replicas[0], &wednesday, &wednesday[0], None)
        .await
        .unwrap();
    assert_eq!(answer.unwrap().status, SnapshotStatus::Available);
    let (brought, kept) = at(&wednesday);
    assert_same(&kept, &brought);

    for snapshots in [&monday, &tuesday] {
        let updates = backend.delete_replicated_snapshot(&replicas, snapshots, None).await.unwrap();
        assert!(updates.iter().all(|update| update.status == SnapshotStatus::Deleted));
    }
    // A replica goes with its own.
    let own = [wednesday[0].clone()];
    backend.delete_replica(&replicas, &own, &replicas[0], None).await.unwrap();
    assert!(!brought.exists() && kept.exists());
    backend.delete_snapshot(&wednesday[1].snapshot, None).await.unwrap();
    backend.delete_share(&clone, None).await.unwrap();
    backend.delete_share(&replicas[1].share, None).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_is_on_all_replicas() {
    let Some(two) = Two::new("snapshots of replicas").await else { return };
    in_both_pools(&two).await;
    two.assert_bare().await;
}
