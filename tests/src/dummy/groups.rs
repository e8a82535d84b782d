//! Consistency groups, their snapshots, and groups that are made of them.

use abaca::Backend;
use abaca::types::{
    Cgsnapshot, CgsnapshotMember, ConsistencyGroup, ConsistencyGroupStatus, Error as DriverError,
    Share, ShareStatus, SnapshotStatus,
};

use super::{assert_driver, assert_invalid, calls, dummy, group, made, recorded};
use crate::support::{Ground, share};

/// A share of two GiB that is to be a member.
pub fn member_of(group: &str, display_name: &str) -> Share {
    Share { consistency_group_id: Some(group.to_owned()), ..share(display_name, 2) }
}

/// A snapshot of a group of these shares, as a service describes it.
pub fn cgsnapshot(id: &str, group: &str, shares: &[Share]) -> Cgsnapshot {
    let member = |share: &Share| CgsnapshotMember {
        id: format!("{id}-of-{}", share.id),
        share: share.clone(),
        size: share.size,
        protocol: share.protocol,
        status: SnapshotStatus::Creating,
        provider_location: None,
    };
    Cgsnapshot {
        id: id.to_owned(),
        consistency_group_id: group.to_owned(),
        name: None,
        description: None,
        project_id: "project".to_owned(),
        status: ConsistencyGroupStatus::Creating,
        members: shares.iter().map(member).collect(),
    }
}

async fn group_status(backend: &Backend, id: &str) -> Option<ConsistencyGroupStatus> {
    let all = backend.records().consistency_groups().await.unwrap().into_iter();
    all.map(|one| one.consistency_group).find(|one| one.id == id).map(|one| one.status)
}

async fn taken(backend: &Backend, id: &str) -> Option<Cgsnapshot> {
    let all = backend.records().cgsnapshots().await.unwrap().into_iter();
    all.map(|one| one.cgsnapshot).find(|one| one.id == id)
}

/// The group `g` with two members, as they are recorded.
async fn grouped(backend: &Backend) -> Vec<Share> {
    backend.create_consistency_group(&group("g", &[]), None).await.unwrap();
    assert_eq!(group_status(backend, "g").await, Some(ConsistencyGroupStatus::Available));
    let mut shares = Vec::new();
    for name in ["one", "two"] {
        shares.push(made(backend, &member_of("g", name)).await);
    }
    shares
}

#[tokio::test]
async fn a_group_is_kept_copied_and_removed() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let shares = grouped(&backend).await;
    let wanted = cgsnapshot("c", "g", &shares);
    let updates = backend.create_cgsnapshot(&wanted, None).await.unwrap();
    assert_eq!(updates.len(), 2);
    let kept = taken(&backend, "c").await.unwrap();
    assert_eq!(kept.status, ConsistencyGroupStatus::Available);
    for ((member, update), share) in kept.members.iter().zip(&updates).zip(&shares) {
        assert_eq!((&member.id, &member.share.id), (&update.id, &share.id));
        let location = member.provider_location.as_ref().unwrap();
        assert_eq!(Some(location), update.provider_location.as_ref());
        assert!(location.starts_with(&format!("{}@", share.name)), "{location}");
    }
    // The snapshots of its members keep the driver from removing the shares.
    assert_driver!(backend.delete_share(&shares[0], None).await, ShareIsBusy);
    assert_eq!(recorded(&backend, &shares[0].id).await.status, ShareStatus::ErrorDeleting);

    // A second group begins with the content of the first one.
    let mut copies = Vec::new();
    for member in &kept.members {
        let source_cgsnapshot_member_id = Some(member.id.clone());
        copies.push(Share { source_cgsnapshot_member_id, ..member_of("h", "copy") });
    }
    let copied = group("h", &copies);
    let updates =
        backend.create_consistency_group_from_cgsnapshot(&copied, &kept, None).await.unwrap();
    assert_eq!(group_status(&backend, "h").await, Some(ConsistencyGroupStatus::Available));
    for (copy, update) in copies.iter().zip(&updates) {
        let record = recorded(&backend, &copy.id).await;
        assert_eq!((&update.id, record.status), (&copy.id, ShareStatus::Available));
        assert_eq!(record.export_locations, update.export_locations);
        assert!(record.export_locations[0].path.ends_with(&copy.name), "{record:?}");
        assert_eq!(backend.ensure_share(&record, None).await.unwrap(), update.export_locations);
    }

    // Members go first, whatever the service believes.
    let before = calls(&ground).len();
    assert_invalid!(backend.delete_consistency_group(&copied, None).await);
    let forgotten = group("h", &[]);
    let refused = assert_invalid!(backend.delete_consistency_group(&forgotten, None).await);
    assert!(refused.contains("2 members"), "{refused}");
    assert_eq!(calls(&ground).len(), before);
    assert_eq!(group_status(&backend, "h").await, Some(ConsistencyGroupStatus::Available));

    backend.delete_cgsnapshot(&kept, None).await.unwrap();
    assert!(backend.records().cgsnapshots().await.unwrap().is_empty());
    for one in shares.iter().chain(&copies) {
        backend.delete_share(one, None).await.unwrap();
    }
    for id in ["g", "h"] {
        backend.delete_consistency_group(&group(id, &[]), None).await.unwrap();
        assert_eq!(group_status(&backend, id).await, None);
    }
    assert!(backend.records().shares().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_fails_is_recorded_in_error() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let shares = grouped(&backend).await;
    let stranger = made(&backend, &share("stranger", 1)).await;
    let wanted = cgsnapshot("c", "g", &[shares[0].clone(), stranger]);
    assert_driver!(backend.create_cgsnapshot(&wanted, None).await, InvalidShare);
    assert_eq!(taken(&backend, "c").await.unwrap().status, ConsistencyGroupStatus::Error);
    // Nothing was taken: the member could be removed.
    backend.delete_share(&shares[0], None).await.unwrap();

    let source = cgsnapshot("d", "g", &shares[1..]);
    backend.create_cgsnapshot(&source, None).await.unwrap();
    let orphan = member_of("h", "orphan");
    let copied = group("h", std::slice::from_ref(&orphan));
    let answer = backend.create_consistency_group_from_cgsnapshot(&copied, &source, None).await;
    assert_driver!(answer, InvalidShare);
    assert_eq!(group_status(&backend, "h").await, Some(ConsistencyGroupStatus::Error));
    assert_eq!(recorded(&backend, &orphan.id).await.status, ShareStatus::Error);

    // What the driver does not know any more is gone.
    let gone = [("dummy_fail", super::text("delete-cgsnapshot:snapshot-resource-not-found"))];
    let forgetful = dummy(&ground, &gone).await;
    forgetful.delete_cgsnapshot(&taken(&backend, "c").await.unwrap(), None).await.unwrap();
    assert_eq!(taken(&backend, "c").await, None);
    backend.delete_share(&recorded(&backend, &orphan.id).await, None).await.unwrap();
    let gone = [("dummy_fail", super::text("delete-consistency-group:share-resource-not-found"))];
    let forgetful = dummy(&ground, &gone).await;
    forgetful.delete_consistency_group(&group("h", &[]), None).await.unwrap();
    assert_eq!(group_status(&backend, "h").await, None);

    let fail = [("dummy_fail", super::text("delete-cgsnapshot:share-snapshot-is-busy"))];
    let failing = dummy(&ground, &fail).await;
    assert_driver!(failing.delete_cgsnapshot(&source, None).await, ShareSnapshotIsBusy);
    assert_eq!(taken(&backend, "d").await.unwrap().status, ConsistencyGroupStatus::ErrorDeleting);
    let fail = [("dummy_fail", super::text("create-consistency-group:backend-failed=full"))];
    let failing = dummy(&ground, &fail).await;
    let answer = failing.create_consistency_group(&group("i", &[]), None).await;
    assert!(matches!(answer, Err(abaca::Error::Driver(DriverError::BackendFailed(_)))));
    assert_eq!(group_status(&backend, "i").await, Some(ConsistencyGroupStatus::Error));
    let records = backend.records().consistency_groups().await.unwrap();
    let record = records.iter().find(|one| one.consistency_group.id == "i").unwrap();
    assert!(record.message.as_ref().unwrap().contains("full"), "{record:?}");
}

#[tokio::test]
async fn an_old_copy_does_not_change_what_is_recorded() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let shares = grouped(&backend).await;
    let wanted = cgsnapshot("c", "g", &shares);
    backend.create_cgsnapshot(&wanted, None).await.unwrap();
    let kept = taken(&backend, "c").await.unwrap();
    assert!(kept.members[0].provider_location.is_some());
    // The service's copy is from before: it does not know where the members are kept.
    let fail = [("dummy_fail", super::text("delete-cgsnapshot:backend-failed"))];
    let failing = dummy(&ground, &fail).await;
    assert_driver!(failing.delete_cgsnapshot(&wanted, None).await, BackendFailed);
    let now = taken(&backend, "c").await.unwrap();
    assert_eq!((now.status, now.members), (ConsistencyGroupStatus::ErrorDeleting, kept.members));
    backend.delete_cgsnapshot(&wanted, None).await.unwrap();
    for one in &shares {
        backend.delete_share(one, None).await.unwrap();
    }
    let fail = [("dummy_fail", super::text("delete-consistency-group:backend-failed"))];
    let failing = dummy(&ground, &fail).await;
    let copy = ConsistencyGroup { project_id: "another".to_owned(), ..group("g", &[]) };
    assert_driver!(failing.delete_consistency_group(&copy, None).await, BackendFailed);
    let now = backend.records().consistency_groups().await.unwrap().remove(0).consistency_group;
    let wanted =
        ConsistencyGroup { status: ConsistencyGroupStatus::ErrorDeleting, ..group("g", &[]) };
    assert_eq!(now, wanted);
}
