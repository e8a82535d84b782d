//! Records are not overwritten by callers who know less: by an old picture of a share, by another
//! thing of the same identifier, or by a repetition that fails. And what is over is not told.

use std::slice::from_ref;

use abaca::types::{
    AccessLevel, AccessRulesStatus, Cgsnapshot, ConsistencyGroupStatus, ShareStatus, SnapshotStatus,
};

use super::access::{NO_SETS, asked, in_force};
use super::replicas::{active, beside, replica};
use super::{
    assert_driver, assert_invalid, calls, dummy, failing, group, ip, kept, made, message, recorded,
    text,
};
use crate::support::{Ground, share, snapshot};

#[tokio::test]
async fn ensuring_an_old_picture_of_a_share_changes_nothing() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let old = made(&backend, &share("one", 1)).await;
    backend.extend_share(&old, 7, None).await.unwrap();
    assert!(assert_invalid!(backend.ensure_share(&old, None).await).contains("changed"));
    let now = recorded(&backend, &old.id).await;
    assert_eq!(now.size, 7);
    // What the caller does not know of it stays too.
    let rule = ip("192.0.2.7", AccessLevel::Rw);
    let broken = failing(&now, "update-access:backend-failed");
    assert_driver!(
        backend.update_access(&broken, from_ref(&rule), from_ref(&rule), &[], None).await,
        BackendFailed
    );
    backend.ensure_share(&now, None).await.unwrap();
    let after = recorded(&backend, &old.id).await;
    assert_eq!(after.access_rules_status, AccessRulesStatus::Error);
}

#[tokio::test]
async fn a_replica_is_not_made_over_another_share() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let first = active(&backend).await;
    let other = made(&backend, &share("other", 1)).await;
    let before = calls(&ground).len();
    for taken in [first.clone(), replica(&other)] {
        let all = [first.clone(), taken.clone()];
        let answer = backend.create_replica(&all, &taken, &[], &[], None).await;
        assert!(assert_invalid!(answer).contains("identifier"));
    }
    assert_eq!(calls(&ground).len(), before, "the driver was not asked");
    assert_eq!(recorded(&backend, &first.share.id).await, first.share);
    assert_eq!(recorded(&backend, &other.id).await, other);
}

#[tokio::test]
async fn a_repetition_that_fails_leaves_what_there_is() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let one = made(&backend, &share("one", 1)).await;
    let broken = failing(&one, "create-share:backend-failed=no answer");
    assert!(backend.create_share(&broken, None).await.is_err());
    assert_eq!(recorded(&backend, &one.id).await, one);
    assert!(message(&backend, &one.id).await.contains("no answer"));

    let taken = snapshot(&one);
    backend.create_snapshot(&taken, None).await.unwrap();
    let was = kept(&backend, &taken.id).await;
    let all_fail = |method: &str| [("dummy_fail", text(&format!("{method}:backend-failed")))];
    let failing = dummy(&ground, &all_fail("create-snapshot")).await;
    assert_driver!(failing.create_snapshot(&taken, None).await, BackendFailed);
    assert_eq!(kept(&backend, &taken.id).await, was);
    assert_eq!(was.unwrap().status, SnapshotStatus::Available);
    // One of another share is another one.
    let mut foreign = taken.clone();
    foreign.share_instance_id = "another".to_owned();
    assert_invalid!(backend.create_snapshot(&foreign, None).await);

    let team = group("team", &[]);
    backend.create_consistency_group(&team, None).await.unwrap();
    let failing = dummy(&ground, &all_fail("create-consistency-group")).await;
    assert_driver!(failing.create_consistency_group(&team, None).await, BackendFailed);
    let groups = backend.records().consistency_groups().await.unwrap();
    assert_eq!(groups[0].consistency_group.status, ConsistencyGroupStatus::Available);

    let friday = Cgsnapshot {
        id: "friday".to_owned(),
        consistency_group_id: team.id.clone(),
        name: None,
        description: None,
        project_id: team.project_id.clone(),
        status: ConsistencyGroupStatus::Available,
        members: Vec::new(),
    };
    backend.create_cgsnapshot(&friday, None).await.unwrap();
    let failing = dummy(&ground, &all_fail("create-cgsnapshot")).await;
    assert_driver!(failing.create_cgsnapshot(&friday, None).await, BackendFailed);
    let taken = backend.records().cgsnapshots().await.unwrap();
    assert_eq!(taken[0].cgsnapshot.status, ConsistencyGroupStatus::Available);
}

#[tokio::test]
async fn after_an_error_every_rule_is_applied_whatever_changes() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    for how in ["", NO_SETS] {
        let plain = made(&backend, &share("one", 1)).await;
        let before = asked(&ground).len();
        let one = if how.is_empty() { plain.clone() } else { failing(&plain, how) };
        let rules = [ip("192.0.2.7", AccessLevel::Rw), ip("192.0.2.8", AccessLevel::Ro)];
        let broken = failing(&plain, "update-access:backend-failed");
        let answer = backend.update_access(&broken, &rules[..1], &rules[..1], &[], None).await;
        assert_driver!(answer, BackendFailed);
        assert_eq!(in_force(&backend, &plain).await, "0");
        backend.update_access(&one, &rules, &rules[1..], &[], None).await.unwrap();
        assert_eq!(in_force(&backend, &plain).await, "2", "also the one that failed");
        let record = recorded(&backend, &plain.id).await;
        assert_eq!(record.access_rules_status, AccessRulesStatus::Active);

        // One that was to go and did not goes with the next change, whatever that is.
        let answer = backend.update_access(&broken, &rules[..1], &[], &rules[1..], None).await;
        assert_driver!(answer, BackendFailed);
        assert_eq!(in_force(&backend, &plain).await, "2");
        let new = ip("192.0.2.9", AccessLevel::Rw);
        let wanted = [rules[0].clone(), new.clone()];
        backend.update_access(&one, &wanted, from_ref(&new), &[], None).await.unwrap();
        assert_eq!(in_force(&backend, &plain).await, "2");
        assert_eq!(backend.records().access_rules(&plain.id).await.unwrap(), wanted);
        assert!(asked(&ground).len() > before);
    }
    // So it is for one rule at a time.
    let plain = made(&backend, &share("two", 1)).await;
    let rules = [ip("192.0.2.7", AccessLevel::Rw), ip("192.0.2.8", AccessLevel::Ro)];
    let broken = failing(&plain, "allow-access:backend-failed");
    assert_driver!(backend.allow_access(&broken, &rules[0], None).await, BackendFailed);
    backend.allow_access(&plain, &rules[1], None).await.unwrap();
    assert_eq!(in_force(&backend, &plain).await, "2");
}

#[tokio::test]
async fn what_went_wrong_with_rules_is_over_when_they_are_in_force() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let one = made(&backend, &share("one", 1)).await;
    let rule = ip("192.0.2.7", AccessLevel::Rw);
    let broken = failing(&one, "update-access:backend-failed=no answer");
    let answer = backend.update_access(&broken, from_ref(&rule), from_ref(&rule), &[], None).await;
    assert_driver!(answer, BackendFailed);
    assert!(message(&backend, &one.id).await.contains("no answer"));
    backend.update_access(&one, &[], &[], from_ref(&rule), None).await.unwrap();
    assert_eq!(message(&backend, &one.id).await, "");
    // What went wrong with the share itself is not over with that.
    let broken = failing(&one, "extend-share:backend-failed=too large");
    assert_driver!(backend.extend_share(&broken, 5, None).await, BackendFailed);
    backend.update_access(&one, from_ref(&rule), from_ref(&rule), &[], None).await.unwrap();
    assert!(message(&backend, &one.id).await.contains("too large"));
}

#[tokio::test]
async fn rules_are_those_of_a_recorded_share() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let one = share("one", 1);
    let rule = ip("192.0.2.7", AccessLevel::Rw);
    let answer = backend.update_access(&one, from_ref(&rule), from_ref(&rule), &[], None).await;
    assert!(assert_invalid!(answer).contains("not recorded"));
    assert_invalid!(backend.allow_access(&one, &rule, None).await);
    assert_invalid!(backend.deny_access(&one, &rule, None).await);
    assert!(calls(&ground).is_empty(), "the driver was not asked");
    backend.create_share(&one, None).await.unwrap();
    assert!(backend.records().access_rules(&one.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_replica_that_follows_again_is_available() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let first = active(&backend).await;
    let second = beside(&backend, &first).await;
    let third = beside(&backend, &first).await;
    let broken = replica(&failing(&second.share, "promote-replica:replication-failed"));
    let all = [first.clone(), broken.clone(), third.clone()];
    assert_driver!(backend.promote_replica(&all, &broken, &[], None).await, ReplicationFailed);
    let third = replica(&recorded(&backend, &third.share.id).await);
    assert_eq!(third.share.status, ShareStatus::Error);
    let all = [first, second, third.clone()];
    backend.update_replica_state(&all, &third, &[], &[], None).await.unwrap();
    let record = backend.records().share(&third.share.id).await.unwrap().unwrap();
    assert_eq!(record.share.status, ShareStatus::Available);
    assert_eq!(record.message, None);
}
