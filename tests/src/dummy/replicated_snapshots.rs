//! Snapshots of shares that have replicas: an instance on each, and a record of each.

use std::slice::from_ref;

use abaca::Backend;
use abaca::types::{Replica, ReplicaSnapshot, Snapshot, SnapshotStatus};

use super::replicas::{active, beside};
use super::{assert_driver, assert_invalid, calls, dummy, kept};
use crate::support::{Ground, snapshot};

/// The instances of one new snapshot, on each replica.
fn instances(replicas: &[Replica]) -> Vec<ReplicaSnapshot> {
    let first = snapshot(&replicas[0].share);
    let of = |one: &Replica| {
        let snapshot_id = first.snapshot_id.clone();
        ReplicaSnapshot { snapshot: Snapshot { snapshot_id, ..snapshot(&one.share) }, progress: 0 }
    };
    replicas.iter().map(of).collect()
}

/// The instances with what is recorded of them; those that are gone stay out.
async fn current(backend: &Backend, instances: &[ReplicaSnapshot]) -> Vec<ReplicaSnapshot> {
    let mut found = Vec::new();
    for one in instances {
        let snapshot = kept(backend, &one.snapshot.id).await;
        found.extend(snapshot.map(|snapshot| ReplicaSnapshot { snapshot, ..one.clone() }));
    }
    found
}

fn statuses(instances: &[ReplicaSnapshot]) -> Vec<SnapshotStatus> {
    instances.iter().map(|one| one.snapshot.status).collect()
}

#[tokio::test]
async fn the_others_follow_the_active_one() {
    use SnapshotStatus::{Available, Creating, Deleted, Deleting};
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let first = active(&backend).await;
    let second = beside(&backend, &first).await;
    let replicas = [first, second.clone()];
    let wanted = instances(&replicas);
    let updates = backend.create_replicated_snapshot(&replicas, &wanted, None).await.unwrap();
    let told: Vec<_> = updates.iter().map(|one| (one.status, one.progress)).collect();
    assert_eq!(told, [(Available, Some(100)), (Creating, Some(0))]);
    let mut now = current(&backend, &wanted).await;
    assert_eq!(statuses(&now), [Available, Creating]);
    assert!(now[0].snapshot.provider_location.is_some());
    for (progress, status) in [(50, Creating), (100, Available)] {
        let answer = backend
            .update_replicated_snapshot(&replicas, &second, &now, &now[1], None)
            .await
            .unwrap();
        let update = answer.unwrap();
        assert_eq!((update.progress, update.status), (Some(progress), status));
        now = current(&backend, &wanted).await;
        assert_eq!(statuses(&now), [Available, status]);
        assert_eq!(now[1].snapshot.provider_location, update.provider_location);
    }
    let before = calls(&ground).len();
    let answer = backend.update_replicated_snapshot(&replicas, &second, &now, &now[1], None).await;
    assert_invalid!(answer);
    assert_eq!(calls(&ground).len(), before, "nothing is under way");

    let updates = backend.delete_replicated_snapshot(&replicas, &now, None).await.unwrap();
    let told: Vec<_> = updates.iter().map(|one| one.status).collect();
    assert_eq!(told, [Deleted, Deleting]);
    let now = current(&backend, &wanted).await;
    assert_eq!(statuses(&now), [Deleting]);
    // The second time the back end does not know it any more, which is what was wanted.
    for _ in 0..2 {
        let answer =
            backend.update_replicated_snapshot(&replicas, &second, &now, &now[0], None).await;
        let update = answer.unwrap().unwrap();
        assert_eq!((update.id.as_str(), update.status), (now[0].snapshot.id.as_str(), Deleted));
        assert!(backend.records().snapshots().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_fails_is_recorded_in_error() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let first = active(&backend).await;
    let second = beside(&backend, &first).await;
    let wanted = instances(&[first.clone(), second.clone()]);
    assert_invalid!(backend.create_replicated_snapshot(from_ref(&first), &[], None).await);
    // Without the active one there is nothing to take.
    let answer = backend.create_replicated_snapshot(from_ref(&second), &wanted, None).await;
    assert_driver!(answer, ReplicationFailed);
    let now = current(&backend, &wanted).await;
    assert_eq!(statuses(&now), [SnapshotStatus::Error; 2]);
    // One that is being made and that the back end does not know is in error, not gone.
    let all = [first, second.clone()];
    let mut one = instances(&all);
    backend.create_replicated_snapshot(&all, &one, None).await.unwrap();
    one.remove(0);
    let unknown = "update-replicated-snapshot:snapshot-resource-not-found";
    let answer = dummy(&ground, &[("dummy_fail", super::text(unknown))])
        .await
        .update_replicated_snapshot(&all, &second, &one, &one[0], None)
        .await;
    assert_driver!(answer, SnapshotResourceNotFound);
    assert_eq!(statuses(&current(&backend, &one).await), [SnapshotStatus::Error]);
    let fail = [("dummy_fail", super::text("delete-replicated-snapshot:backend-failed"))];
    let failing = dummy(&ground, &fail).await;
    let answer = failing.delete_replicated_snapshot(&all, &now, None).await;
    assert_driver!(answer, BackendFailed);
    let now = current(&backend, &wanted).await;
    assert_eq!(statuses(&now), [SnapshotStatus::ErrorDeleting; 2]);
    // What the driver does not know any more is gone.
    let gone = "delete-replicated-snapshot:snapshot-resource-not-found";
    let forgetful = dummy(&ground, &[("dummy_fail", super::text(gone))]).await;
    let updates = forgetful.delete_replicated_snapshot(&all, &now, None).await.unwrap();
    let told: Vec<_> = updates.iter().map(|one| (&one.id, one.status)).collect();
    let ids = now.iter().map(|one| (&one.snapshot.id, SnapshotStatus::Deleted));
    assert_eq!(told, ids.collect::<Vec<_>>());
    assert!(current(&backend, &wanted).await.is_empty());
}

#[tokio::test]
async fn an_old_copy_does_not_bring_back_what_is_gone() {
    use SnapshotStatus::{Creating, Deleted};
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let first = active(&backend).await;
    let second = beside(&backend, &first).await;
    let replicas = [first, second.clone()];
    let wanted = instances(&replicas);
    backend.create_replicated_snapshot(&replicas, &wanted, None).await.unwrap();
    let old = current(&backend, &wanted).await;
    assert_eq!(statuses(&old)[1], Creating);
    backend.delete_replicated_snapshot(&replicas, &old, None).await.unwrap();
    // It is being removed, and its copy says that it is being made.
    let answer = backend.update_replicated_snapshot(&replicas, &second, &old, &old[1], None).await;
    assert!(assert_invalid!(answer).contains("look again"));
    let now = current(&backend, &wanted).await;
    let answer = backend.update_replicated_snapshot(&replicas, &second, &now, &now[0], None).await;
    assert_eq!(answer.unwrap().unwrap().status, Deleted);
    // It is gone, and stays so where an old copy asks for it.
    let fail = [("dummy_fail", super::text("update-replicated-snapshot:backend-failed"))];
    let failing = dummy(&ground, &fail).await;
    let answer = failing.update_replicated_snapshot(&replicas, &second, &old, &old[1], None).await;
    assert_driver!(answer, BackendFailed);
    assert!(backend.records().snapshots().await.unwrap().is_empty());
    backend.delete_replicated_snapshot(&replicas, &old, None).await.unwrap();
    assert!(backend.records().snapshots().await.unwrap().is_empty());
}
