//! In which states a replica can be made, removed, promoted and asked after, and which states a
//! driver can answer.

use abaca::Backend;
use abaca::types::{AccessRulesStatus, Replica, ReplicaState, ShareStatus, SnapshotStatus};

use super::states::{
    REPLICA_STATES, active, every_replica, recorded_replica, replica, replica_snapshot, telling,
};
use super::{calls, obedient};
use crate::dummy::{assert_invalid, kept, recorded};
use crate::support::Ground;

/// Statuses in which something is being done with a share. Upstream: `TRANSITIONAL_STATUSES`.
const TRANSITIONAL: [ShareStatus; 6] = [
    ShareStatus::Creating,
    ShareStatus::Deleting,
    ShareStatus::Managing,
    ShareStatus::Unmanaging,
    ShareStatus::Extending,
    ShareStatus::Shrinking,
];

async fn states(backend: &Backend, replica: &Replica) -> (ShareStatus, Option<ReplicaState>) {
    let share = recorded(backend, &replica.share.id).await;
    (share.status, share.replica_state)
}

/// What the record says where a driver has answered a state to a promotion: one in error is no longer
/// available.
fn available_in(state: ReplicaState) -> (ShareStatus, Option<ReplicaState>) {
    match state {
        ReplicaState::Error => (ShareStatus::Error, Some(state)),
        _ => (ShareStatus::Available, Some(state)),
    }
}

#[tokio::test]
async fn create_replica_wants_an_active_one_that_is_available() {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    for (state, status) in every_replica() {
        let (other, new) = (replica(state, status), replica(None, ShareStatus::Creating));
        let all = [other, new.clone()];
        let answer = backend.create_replica(&all, &new, &[], &[], None).await;
        let made = backend.records().share(&new.share.id).await.unwrap();
        if (state, status) == (Some(ReplicaState::Active), ShareStatus::Available) {
            answer.unwrap();
            assert!(made.is_some());
        } else {
            assert_invalid!(answer);
            assert!(made.is_none(), "{state:?} {status:?}");
        }
    }
    assert_eq!(calls(&ground, "obedient"), 1);
}

#[tokio::test]
async fn create_replica_takes_every_state() {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    let first = active();
    for (state, word) in REPLICA_STATES {
        let new = telling(&replica(None, ShareStatus::Creating), &[("replica_state", word)]);
        let all = [first.clone(), new.clone()];
        let update = backend.create_replica(&all, &new, &[], &[], None).await.unwrap();
        assert_eq!(update.unwrap().replica_state, Some(state));
        // Whatever its state, it was made.
        assert_eq!(states(&backend, &new).await, (ShareStatus::Available, Some(state)));
    }
    // Without a state it is still being made.
    let new = replica(None, ShareStatus::Creating);
    let all = [first, new.clone()];
    assert_eq!(backend.create_replica(&all, &new, &[], &[], None).await.unwrap(), None);
    let wanted = (ShareStatus::Creating, Some(ReplicaState::OutOfSync));
    assert_eq!(states(&backend, &new).await, wanted);
    let rules = recorded(&backend, &new.share.id).await.access_rules_status;
    assert_eq!(rules, AccessRulesStatus::Active);
}

#[tokio::test]
async fn delete_replica_refuses_the_last_active_one_only() {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    for (state, status) in every_replica() {
        for another_is_active in [false, true] {
            let one = recorded_replica(&backend, state, status).await;
            let mut all = vec![one.clone()];
            if another_is_active {
                let state = Some(ReplicaState::Active);
                all.push(recorded_replica(&backend, state, ShareStatus::Available).await);
            }
            let before = calls(&ground, "obedient");
            let answer = backend.delete_replica(&all, &[], &one, None).await;
            if state == Some(ReplicaState::Active) && !another_is_active {
                assert_invalid!(answer);
                assert_eq!(states(&backend, &one).await, (status, state));
                assert_eq!(calls(&ground, "obedient"), before);
            } else {
                answer.unwrap();
                assert_eq!(backend.records().share(&one.share.id).await.unwrap(), None);
            }
        }
    }
}

#[tokio::test]
async fn promote_replica_refuses_the_active_one_only() {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    for (state, status) in every_replica() {
        let was_active = Some(ReplicaState::Active);
        let first = recorded_replica(&backend, was_active, ShareStatus::Available).await;
        let one = recorded_replica(&backend, state, status).await;
        let all = [first.clone(), one.clone()];
        let before = calls(&ground, "obedient");
        let answer = backend.promote_replica(&all, &one, &[], None).await;
        if state == was_active {
            assert_invalid!(answer);
            assert_eq!(states(&backend, &one).await, (status, state));
            assert_eq!(calls(&ground, "obedient"), before);
        } else {
            // A driver that says nothing has done what was asked.
            assert_eq!(answer.unwrap().len(), 2);
            assert_eq!(states(&backend, &one).await, (ShareStatus::Available, was_active));
            let out_of_sync = Some(ReplicaState::OutOfSync);
            assert_eq!(states(&backend, &first).await, (ShareStatus::Available, out_of_sync));
        }
    }
}

#[tokio::test]
async fn promote_replica_wants_an_active_one_to_replace() {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    let one = replica(Some(ReplicaState::InSync), ShareStatus::Available);
    for (state, status) in every_replica() {
        let all = [replica(state, status), one.clone()];
        let answer = backend.promote_replica(&all, &one, &[], None).await;
        if state == Some(ReplicaState::Active) {
            answer.unwrap();
        } else {
            assert!(assert_invalid!(answer).contains("no active replica"), "{state:?}");
        }
    }
    assert_eq!(calls(&ground, "obedient"), every_replica().count() / 5);
}

#[tokio::test]
async fn promote_replica_takes_every_state() {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    for (state, word) in REPLICA_STATES {
        for (other_state, other_word) in REPLICA_STATES {
            let first =
                recorded_replica(&backend, Some(ReplicaState::Active), ShareStatus::Available);
            let first = telling(&first.await, &[("replica_state", other_word)]);
            let one =
                recorded_replica(&backend, Some(ReplicaState::InSync), ShareStatus::Available);
            let one = telling(&one.await, &[("replica_state", word)]);
            let all = [first.clone(), one.clone()];
            let updates = backend.promote_replica(&all, &one, &[], None).await.unwrap();
            assert_eq!(updates.len(), 2);
            assert_eq!(states(&backend, &one).await, available_in(state));
            assert_eq!(states(&backend, &first).await, available_in(other_state));
        }
    }
}

#[tokio::test]
async fn promote_replica_ends_snapshots_that_are_under_way() {
    use SnapshotStatus::{Available, Creating, Error};
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    let first =
        recorded_replica(&backend, Some(ReplicaState::Active), ShareStatus::Available).await;
    let one = recorded_replica(&backend, Some(ReplicaState::InSync), ShareStatus::Available).await;
    let mut snapshots = Vec::new();
    for (replica, word) in [
        (&first, "creating"),
        (&one, "creating"),
        (&one, "deleting"),
        (&one, "available"),
        (&one, "error"),
    ] {
        let all = [telling(replica, &[("snapshot_status", word)])];
        let taken = [replica_snapshot(replica, Creating)];
        backend.create_replicated_snapshot(&all, &taken, None).await.unwrap();
        snapshots.extend(taken);
    }
    backend.promote_replica(&[first, one.clone()], &one, &[], None).await.unwrap();
    let mut statuses = Vec::new();
    for one in &snapshots {
        statuses.push(kept(&backend, &one.snapshot.id).await.unwrap().status);
    }
    assert_eq!(statuses, [Creating, Error, Error, Available, Error]);
}

#[tokio::test]
async fn update_replica_state_asks_where_nothing_is_under_way() {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    for (state, status) in every_replica() {
        let one = recorded_replica(&backend, state, status).await;
        let all = [active(), one.clone()];
        let before = calls(&ground, "obedient");
        let answer = backend.update_replica_state(&all, &one, &[], &[], None).await;
        if state == Some(ReplicaState::Active) || TRANSITIONAL.contains(&status) {
            assert_invalid!(answer);
            assert_eq!(calls(&ground, "obedient"), before, "{state:?} {status:?}");
        } else {
            assert_eq!(answer.unwrap(), None);
        }
        assert_eq!(states(&backend, &one).await, (status, state), "nothing was said of it");
    }
}

/// What is recorded decides, not what a copy of it says.
#[tokio::test]
async fn update_replica_state_looks_at_the_record() {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    for (state, status) in every_replica() {
        let one = recorded_replica(&backend, state, status).await;
        let mut copy = one.clone();
        copy.share.status = ShareStatus::Available;
        copy.share.replica_state = Some(ReplicaState::InSync);
        let all = [active(), copy.clone()];
        let before = calls(&ground, "obedient");
        let answer = backend.update_replica_state(&all, &copy, &[], &[], None).await;
        let follows = !matches!(state, Some(ReplicaState::Active) | None);
        if follows && !TRANSITIONAL.contains(&status) {
            assert_eq!(answer.unwrap(), None);
        } else {
            assert_invalid!(answer);
            assert_eq!(calls(&ground, "obedient"), before, "{state:?} {status:?}");
        }
        assert_eq!(states(&backend, &one).await, (status, state));
    }
}

#[tokio::test]
async fn update_replica_state_takes_every_state_and_ignores_active() {
    let ground = Ground::new();
    let backend = obedient(&ground).await;
    let before = Some(ReplicaState::OutOfSync);
    for (state, word) in REPLICA_STATES {
        let one = recorded_replica(&backend, before, ShareStatus::Available).await;
        let one = telling(&one, &[("replica_state", word)]);
        let all = [active(), one.clone()];
        let answer = backend.update_replica_state(&all, &one, &[], &[], None).await;
        if state == ReplicaState::Active {
            // A replica becomes active by being promoted, or is from the beginning.
            assert_eq!(answer.unwrap(), None);
            assert_eq!(states(&backend, &one).await, (ShareStatus::Available, before));
        } else {
            // The share's own status is another matter: the replica may come back.
            assert_eq!(answer.unwrap(), Some(state));
            assert_eq!(states(&backend, &one).await, (ShareStatus::Available, Some(state)));
        }
    }
}
