//! Replicas: made, brought into sync, promoted and removed.

use std::slice::from_ref;

use abaca::Backend;
use abaca::types::{
    AccessLevel, AccessRulesStatus, Replica, ReplicaSnapshot, ReplicaState, Share, ShareStatus,
};

use super::{
    assert_busy, assert_driver, assert_invalid, calls, dummy, failing, ip, message, recorded,
};
use crate::support::{Ground, rule, share, snapshot, until};

pub fn replica(share: &Share) -> Replica {
    Replica { share: share.clone(), share_server: None }
}

/// The active replica of a share, as it is recorded.
pub async fn active(backend: &Backend) -> Replica {
    let one = Share { replica_state: Some(ReplicaState::Active), ..share("one", 1) };
    backend.create_share(&one, None).await.unwrap();
    replica(&recorded(backend, &one.id).await)
}

/// Another replica of the same share, not made yet.
pub fn another(active: &Replica) -> Replica {
    let share_id = active.share.share_id.clone();
    replica(&Share { share_id, ..share("one", 1) })
}

/// A replica beside the active one, as it is recorded.
pub async fn beside(backend: &Backend, active: &Replica) -> Replica {
    let new = another(active);
    let all = [active.clone(), new.clone()];
    backend.create_replica(&all, &new, &[], &[], None).await.unwrap();
    replica(&recorded(backend, &new.share.id).await)
}

#[tokio::test]
async fn a_replica_becomes_the_active_one() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let first = active(&backend).await;
    let new = another(&first);
    let rules = [ip("192.0.2.7", AccessLevel::Rw)];
    let all = [first.clone(), new.clone()];
    let update = backend.create_replica(&all, &new, &rules, &[], None).await.unwrap().unwrap();
    assert_eq!(update.replica_state, Some(ReplicaState::OutOfSync));
    let second = recorded(&backend, &new.share.id).await;
    assert_eq!(second.status, ShareStatus::Available);
    assert_eq!(second.replica_state, Some(ReplicaState::OutOfSync));
    assert_eq!(second.access_rules_status, AccessRulesStatus::Active);
    assert_eq!(second.export_locations, update.export_locations);

    // It comes nearer each time it is asked, and stays in sync then.
    let second = replica(&second);
    let all = [first.clone(), second.clone()];
    for wanted in [ReplicaState::OutOfSync, ReplicaState::InSync, ReplicaState::InSync] {
        let answer = backend.update_replica_state(&all, &second, &rules, &[], None).await;
        assert_eq!(answer.unwrap(), Some(wanted));
        let record = recorded(&backend, &second.share.id).await;
        assert_eq!((record.replica_state, record.status), (Some(wanted), ShareStatus::Available));
    }
    let second = replica(&recorded(&backend, &second.share.id).await);
    let all = [first.clone(), second.clone()];
    let updates = backend.promote_replica(&all, &second, &rules, None).await.unwrap();
    let states: Vec<_> = updates.iter().map(|one| (&one.id, one.replica_state)).collect();
    assert_eq!(
        states,
        [
            (&second.share.id, Some(ReplicaState::Active)),
            (&first.share.id, Some(ReplicaState::OutOfSync)),
        ]
    );
    for (id, state) in states {
        let record = recorded(&backend, id).await;
        assert_eq!((record.replica_state, record.status), (state, ShareStatus::Available));
    }

    // What was active can go now; what is, cannot.
    let first = replica(&recorded(&backend, &first.share.id).await);
    let second = replica(&recorded(&backend, &second.share.id).await);
    let all = [first.clone(), second.clone()];
    let before = calls(&ground).len();
    assert_invalid!(backend.delete_replica(&all, &[], &second, None).await);
    assert_invalid!(backend.promote_replica(&all, &second, &[], None).await);
    assert_invalid!(backend.update_replica_state(&all, &second, &[], &[], None).await);
    assert_eq!(calls(&ground).len(), before, "the driver was not asked");
    backend.delete_replica(&all, &[], &first, None).await.unwrap();
    let left = backend.records().shares().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].share.id, second.share.id);
    assert_driver!(backend.ensure_share(&first.share, None).await, ShareResourceNotFound);
}

#[tokio::test]
async fn a_replica_is_made_of_an_available_active_one() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let first = active(&backend).await;
    let new = another(&first);
    let mut broken = first.clone();
    broken.share.status = ShareStatus::Error;
    for all in [vec![], vec![new.clone()], vec![broken, new.clone()]] {
        assert_invalid!(backend.create_replica(&all, &new, &[], &[], None).await);
    }
    for status in [ShareStatus::Creating, ShareStatus::Deleting, ShareStatus::Extending] {
        let moving = replica(&Share { status, ..new.share.clone() });
        let all = [first.clone(), moving.clone()];
        assert_invalid!(backend.update_replica_state(&all, &moving, &[], &[], None).await);
    }
    assert!(backend.records().share(&new.share.id).await.unwrap().is_none());
    // A rule that cannot be applied does not keep it from being one.
    let all = [first, new.clone()];
    let foreign = rule("somebody", AccessLevel::Ro);
    backend.create_replica(&all, &new, from_ref(&foreign), &[], None).await.unwrap();
    let record = recorded(&backend, &new.share.id).await;
    assert_eq!(record.access_rules_status, AccessRulesStatus::Error);
    assert_eq!(record.status, ShareStatus::Available);
}

#[tokio::test]
async fn what_fails_is_recorded_in_error() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let first = active(&backend).await;
    let new = another(&first);
    let broken = replica(&failing(&new.share, "create-replica:replication-failed=no link"));
    let all = [first.clone(), broken.clone()];
    let answer = backend.create_replica(&all, &broken, &[], &[], None).await;
    assert_eq!(assert_driver!(answer, ReplicationFailed), "no link");
    let record = recorded(&backend, &new.share.id).await;
    assert_eq!(
        (record.status, record.replica_state, record.access_rules_status),
        (ShareStatus::Error, Some(ReplicaState::Error), AccessRulesStatus::Error)
    );
    assert!(message(&backend, &new.share.id).await.contains("no link"));

    let second = beside(&backend, &first).await;
    let failing = |request| replica(&failing(&second.share, request));
    let broken = failing("promote-replica:replication-failed");
    let all = [first.clone(), broken.clone()];
    assert_driver!(backend.promote_replica(&all, &broken, &[], None).await, ReplicationFailed);
    for (id, state) in
        [(&first.share.id, ReplicaState::Active), (&second.share.id, ReplicaState::OutOfSync)]
    {
        let record = recorded(&backend, id).await;
        assert_eq!((record.status, record.replica_state), (ShareStatus::Error, Some(state)));
    }
    let broken = failing("update-replica-state:backend-failed");
    let answer = backend.update_replica_state(&all, &broken, &[], &[], None).await;
    assert_driver!(answer, BackendFailed);
    let record = recorded(&backend, &second.share.id).await;
    assert_eq!(record.replica_state, Some(ReplicaState::Error));
    let broken = failing("delete-replica:backend-failed");
    assert_driver!(backend.delete_replica(&all, &[], &broken, None).await, BackendFailed);
    let record = recorded(&backend, &second.share.id).await;
    assert_eq!(record.status, ShareStatus::ErrorDeleting);
    // What the driver does not know any more is gone, with its snapshots.
    let taken = snapshot(&second.share);
    backend.create_snapshot(&taken, None).await.unwrap();
    let instances = [ReplicaSnapshot { snapshot: taken, progress: 100 }];
    let gone = failing("delete-replica:share-resource-not-found");
    backend.delete_replica(&all, &instances, &gone, None).await.unwrap();
    assert!(backend.records().share(&second.share.id).await.unwrap().is_none());
    assert!(backend.records().snapshots().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_old_copy_does_not_say_which_replica_is_active() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let first = active(&backend).await;
    let second = beside(&backend, &first).await;
    let all = [first.clone(), second.clone()];
    backend.promote_replica(&all, &second, &[], None).await.unwrap();
    // In these copies the one that clients write to now still follows.
    let before = calls(&ground).len();
    let new = another(&first);
    let with_new = [first.clone(), second.clone(), new.clone()];
    for refused in [
        assert_invalid!(backend.delete_replica(&all, &[], &second, None).await),
        assert_invalid!(backend.delete_replica(&[], &[], &second, None).await),
        assert_invalid!(backend.promote_replica(&all, &second, &[], None).await),
        assert_invalid!(backend.update_replica_state(&all, &second, &[], &[], None).await),
        assert_invalid!(backend.create_replica(&with_new, &new, &[], &[], None).await),
    ] {
        assert!(refused.contains("since it was looked at"), "{refused}");
    }
    assert_eq!(calls(&ground).len(), before, "the driver was not asked");
    let now = recorded(&backend, &second.share.id).await;
    assert_eq!(
        (now.replica_state, now.status),
        (Some(ReplicaState::Active), ShareStatus::Available)
    );
    assert!(backend.records().share(&new.share.id).await.unwrap().is_none());
    // With what is recorded the other one goes.
    let first = replica(&recorded(&backend, &first.share.id).await);
    backend.delete_replica(&[first.clone(), replica(&now)], &[], &first, None).await.unwrap();
}

#[tokio::test]
async fn an_update_leaves_the_active_one_to_its_users() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let first = active(&backend).await;
    let second = beside(&backend, &first).await;
    let third = beside(&backend, &first).await;
    let slow = Share { metadata: vec![super::pair("sleep_ms", "600000")], ..second.share.clone() };
    let all = [first.clone(), second.clone(), third.clone()];
    let updating = tokio::spawn({
        let (backend, all, slow) = (backend.clone(), all.clone(), replica(&slow));
        async move { backend.update_replica_state(&all, &slow, &[], &[], None).await }
    });
    until("the driver updates it", || {
        calls(&ground).last().is_some_and(|last| last == "update-replica-state")
    })
    .await;
    let rules = [ip("192.0.2.7", AccessLevel::Rw)];
    backend.update_access(&first.share, &rules, &rules, &[], None).await.unwrap();
    backend.extend_share(&first.share, 2, None).await.unwrap();
    // Another call about the replicas of this share waits for its turn.
    assert_busy!(backend.update_replica_state(&all, &third, &[], &[], None).await);
    assert_busy!(backend.delete_replica(&all, &[], &third, None).await);
    assert_busy!(backend.promote_replica(&all, &third, &[], None).await);
    updating.abort();
}

/// Replicas that all can be written to.
#[tokio::test]
async fn writable_replicas_are_active_and_all_but_the_last_can_go() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[("dummy_replication_type", super::text("writable"))]).await;
    let first = active(&backend).await;
    let second = beside(&backend, &first).await;
    let states = (second.share.status, second.share.replica_state);
    assert_eq!(states, (ShareStatus::Available, Some(ReplicaState::Active)));
    let all = [first.clone(), second.clone()];
    let before = calls(&ground).len();
    // There is nothing to promote and nothing to catch up with.
    assert_invalid!(backend.promote_replica(&all, &second, &[], None).await);
    assert_invalid!(backend.update_replica_state(&all, &second, &[], &[], None).await);
    assert_eq!(calls(&ground).len(), before);
    backend.delete_replica(&all, &[], &first, None).await.unwrap();
    assert_invalid!(backend.delete_replica(from_ref(&second), &[], &second, None).await);
    // What the caller's list says of one that has gone does not help.
    let refused = assert_invalid!(backend.delete_replica(&all, &[], &second, None).await);
    assert!(refused.contains("the last active one"), "{refused}");
    assert_eq!(recorded(&backend, &second.share.id).await, second.share);
}
