//! Taking over shares and snapshots that were not made here, and letting them go.

use abaca::types::{ExportLocation, Share, ShareStatus, Snapshot, SnapshotStatus};

use super::{
    assert_driver, assert_invalid, calls, dummy, failing, kept, made, message, pair, recorded,
};
use crate::support::{Ground, share, snapshot};

/// A share that is on the back end under a path, as a service describes what it wants.
fn at(path: &str) -> Share {
    let location =
        ExportLocation { path: path.to_owned(), is_admin_only: false, metadata: Vec::new() };
    Share { export_locations: vec![location], ..share("found", 0) }
}

#[tokio::test]
async fn a_share_is_taken_over_and_let_go() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let found = at("192.0.2.1:/shares/old");
    let managed = backend.manage_existing(&found, &[pair("size", "7")]).await.unwrap();
    assert_eq!((managed.size, managed.export_locations.len()), (7, 2));
    let record = recorded(&backend, &found.id).await;
    assert_eq!((record.size, record.status), (7, ShareStatus::Available));
    assert_eq!(record.export_locations, managed.export_locations);
    assert!(record.launched_at.is_some());
    assert_eq!(backend.get_pool(&record).await.unwrap().as_deref(), Some("alpha"));

    // A snapshot keeps it from being let go.
    let taken = snapshot(&record);
    backend.create_snapshot(&taken, None).await.unwrap();
    assert_invalid!(backend.unmanage(&record).await);
    assert_eq!(recorded(&backend, &found.id).await.status, ShareStatus::Available);
    backend.delete_snapshot(&taken, None).await.unwrap();

    // A failure is recorded, and can be repeated without.
    let answer = backend.unmanage(&failing(&record, "unmanage:unmanage-invalid-share=no")).await;
    assert_eq!(assert_driver!(answer, UnmanageInvalidShare), "no");
    assert_eq!(recorded(&backend, &found.id).await.status, ShareStatus::UnmanageError);
    assert!(message(&backend, &found.id).await.contains("cannot be let go: no"));
    backend.unmanage(&record).await.unwrap();
    assert!(backend.records().shares().await.unwrap().is_empty());
    // It is nobody's now, and so can be taken over once more.
    backend.manage_existing(&found, &[]).await.unwrap();
    assert_eq!(recorded(&backend, &found.id).await.size, 1);
}

#[tokio::test]
async fn what_does_not_fit_is_not_taken_over() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let foreign = at("192.0.2.9:/shares/old");
    assert_driver!(backend.manage_existing(&foreign, &[]).await, ManageInvalidShare);
    assert_eq!(recorded(&backend, &foreign.id).await.status, ShareStatus::ManageError);
    assert!(message(&backend, &foreign.id).await.contains("192.0.2.9:/shares/old"));
    let mut typed = at("192.0.2.1:/shares/old");
    typed.extra_specs.push(pair("storage_protocol", "CIFS"));
    assert_driver!(backend.manage_existing(&typed, &[]).await, ManageTypeMismatch);
    assert_eq!(recorded(&backend, &typed.id).await.status, ShareStatus::ManageError);
    let before = calls(&ground).len();
    let mut twice = at("192.0.2.1:/shares/old");
    twice.export_locations.push(twice.export_locations[0].clone());
    assert_invalid!(backend.manage_existing(&twice, &[]).await);
    assert_invalid!(backend.manage_existing(&share("nowhere", 1), &[]).await);
    assert_eq!(calls(&ground).len(), before);
    assert!(backend.records().share(&twice.id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_snapshot_is_taken_over_and_let_go() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let one = made(&backend, &share("one", 3)).await;
    let found = |name: &str| Snapshot {
        provider_location: Some(format!("{}@{name}", one.name)),
        ..snapshot(&one)
    };
    // The size is the share's where the driver knows none.
    let (monday, tuesday) = (found("monday"), found("tuesday"));
    let managed = backend.manage_existing_snapshot(&monday, &one, &[]).await.unwrap();
    assert_eq!((managed.size, &managed.provider_location), (None, &monday.provider_location));
    let size = [pair("size", "2")];
    let managed = backend.manage_existing_snapshot(&tuesday, &one, &size).await.unwrap();
    assert_eq!(managed.size, Some(2));
    for (id, size) in [(&monday.id, 3), (&tuesday.id, 2)] {
        let record = kept(&backend, id).await.unwrap();
        assert_eq!((record.size, record.status), (size, SnapshotStatus::Available));
    }

    // The same one, and one of another share, are none of ours to take.
    let again = found("monday");
    let answer = backend.manage_existing_snapshot(&again, &one, &[]).await;
    assert!(assert_driver!(answer, ManageInvalidSnapshot).contains(&monday.id));
    assert_eq!(kept(&backend, &again.id).await.unwrap().status, SnapshotStatus::ManageError);
    let nowhere = snapshot(&one);
    assert_invalid!(backend.manage_existing_snapshot(&nowhere, &one, &[]).await);
    assert_eq!(kept(&backend, &nowhere.id).await, None);

    for one in [&monday, &tuesday] {
        backend.unmanage_snapshot(one).await.unwrap();
        assert_eq!(kept(&backend, &one.id).await, None);
    }
    backend.manage_existing_snapshot(&again, &one, &[]).await.unwrap();
    assert_eq!(kept(&backend, &again.id).await.unwrap().status, SnapshotStatus::Available);

    let fail = [("dummy_fail", super::text("unmanage-snapshot:unmanage-invalid-snapshot"))];
    let backend = dummy(&ground, &fail).await;
    assert_driver!(backend.unmanage_snapshot(&again).await, UnmanageInvalidSnapshot);
    assert_eq!(kept(&backend, &again.id).await.unwrap().status, SnapshotStatus::UnmanageError);
}
