//! Every error that a driver can answer comes to the caller as it was said, with whose fault it
//! was; and what means that there is nothing to remove is success.

use abaca::types::{CommandFailure, Denial, Error as DriverError, ShareStatus};
use abaca::{Blame, Error};

use super::{assert_driver, dummy, failing, made, message, recorded, text};
use crate::support::{Ground, share, snapshot};

pub type Make = fn(String) -> DriverError;

fn command_failed(stderr: String) -> DriverError {
    DriverError::CommandFailed(CommandFailure { program: "dummy".into(), code: Some(1), stderr })
}

fn denied(reason: String) -> DriverError {
    DriverError::Denied(Denial { rule: Some("dummy".into()), reason })
}

/// Every case of the contract, and whose fault it is.
pub const CASES: [(&str, Make, Blame); 26] = [
    ("unsupported", DriverError::Unsupported, Blame::Operator),
    ("invalid-share", DriverError::InvalidShare, Blame::Operator),
    ("invalid-snapshot", DriverError::InvalidSnapshot, Blame::Operator),
    ("invalid-share-access", DriverError::InvalidShareAccess, Blame::Operator),
    ("invalid-share-access-level", DriverError::InvalidShareAccessLevel, Blame::Operator),
    ("share-access-exists", DriverError::ShareAccessExists, Blame::Operator),
    ("share-resource-not-found", DriverError::ShareResourceNotFound, Blame::Operator),
    ("share-is-busy", DriverError::ShareIsBusy, Blame::Operator),
    ("snapshot-resource-not-found", DriverError::SnapshotResourceNotFound, Blame::Operator),
    ("share-snapshot-is-busy", DriverError::ShareSnapshotIsBusy, Blame::Operator),
    (
        "share-shrinking-possible-data-loss",
        DriverError::ShareShrinkingPossibleDataLoss,
        Blame::Operator,
    ),
    ("manage-invalid-share", DriverError::ManageInvalidShare, Blame::Operator),
    ("manage-type-mismatch", DriverError::ManageTypeMismatch, Blame::Operator),
    ("manage-invalid-snapshot", DriverError::ManageInvalidSnapshot, Blame::Operator),
    ("unmanage-invalid-share", DriverError::UnmanageInvalidShare, Blame::Operator),
    ("unmanage-invalid-snapshot", DriverError::UnmanageInvalidSnapshot, Blame::Operator),
    ("share-server-failed", DriverError::ShareServerFailed, Blame::Driver),
    ("network-bad-configuration", DriverError::NetworkBadConfiguration, Blame::Operator),
    ("replication-failed", DriverError::ReplicationFailed, Blame::Driver),
    ("migration-failed", DriverError::MigrationFailed, Blame::Driver),
    ("bad-configuration", DriverError::BadConfiguration, Blame::Operator),
    ("backend-failed", DriverError::BackendFailed, Blame::Backend),
    ("command-failed", command_failed, Blame::Backend),
    ("denied", denied, Blame::Operator),
    ("deadline", DriverError::Deadline, Blame::Backend),
    ("other", DriverError::Other, Blame::Driver),
];

#[tokio::test]
async fn every_error_comes_as_it_was_said() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let one = made(&backend, &share("one", 1)).await;
    // Every case by several methods, in which none of them means anything but that it failed.
    let methods = ["ensure-share", "get-pool", "migration-get-info", "migration-get-driver-info"];
    for ((name, make, blame), method) in
        CASES.into_iter().flat_map(|case| methods.map(|method| (case, method)))
    {
        let said = format!("what {name} says to {method}: ü=\"1\"");
        let asking = failing(&one, &format!("{method}:{name}={said}"));
        let answer = match method {
            "ensure-share" => backend.ensure_share(&asking, None).await.map(drop),
            "get-pool" => backend.get_pool(&asking).await.map(drop),
            "migration-get-info" => backend.migration_get_info(&asking, None).await.map(drop),
            _ => backend.migration_get_driver_info(&asking, None).await.map(drop),
        };
        let error = answer.unwrap_err();
        assert_eq!(error.blame(), blame, "{name}");
        assert!(error.to_string().contains(&said), "{name}: {error}");
        let line = ground.audit("dummy").pop().unwrap();
        assert_eq!((&line["event"], &line["outcome"]), (&"call-end".into(), &"failed".into()));
        assert_eq!(line["blame"], blame.to_string(), "{name}");
        match error {
            Error::Driver(answered) => assert_eq!(answered, make(said)),
            other => panic!("{name}: {other:?}"),
        }
    }
    assert_eq!(recorded(&backend, &one.id).await, one, "asking changed nothing");
}

/// The contract has no case that is not tried here.
#[test]
fn no_error_is_left_out() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit/driver/types.wit");
    let contract = std::fs::read_to_string(file).unwrap();
    let body = contract.split_once("variant error {").unwrap().1.split_once("\n    }").unwrap().0;
    let lines = body.lines().map(str::trim).filter(|line| !line.starts_with("///"));
    let names: Vec<_> = lines.filter_map(|line| Some(line.split_once('(')?.0)).collect();
    assert_eq!(names, CASES.map(|(name, ..)| name));
}

#[tokio::test]
async fn a_failed_create_says_what_there_is() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let one = failing(&share("one", 1), "create-share:backend-failed=half done");
    match backend.create_share(&one, None).await {
        Err(error @ Error::Create(_)) => {
            assert_eq!(error.blame(), Blame::Backend);
            assert!(error.to_string().contains("half done"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let record = recorded(&backend, &one.id).await;
    assert_eq!(record.status, ShareStatus::Error);
    assert_eq!(record.export_locations.len(), 2, "a later removal finds what is there");
    assert!(message(&backend, &one.id).await.contains("half done"));
    backend.delete_share(&record, None).await.unwrap();
    assert!(backend.records().shares().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_removed() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let one = made(&backend, &share("one", 1)).await;
    let taken = snapshot(&one);
    backend.create_snapshot(&taken, None).await.unwrap();
    let gone = [("dummy_fail", text("delete-snapshot:snapshot-resource-not-found"))];
    dummy(&ground, &gone).await.delete_snapshot(&taken, None).await.unwrap();
    assert!(backend.records().snapshots().await.unwrap().is_empty());
    let another = made(&backend, &share("another", 1)).await;
    let gone = failing(&another, "delete-share:share-resource-not-found");
    backend.delete_share(&gone, None).await.unwrap();
    let left = backend.records().shares().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].share.id, one.id);

    // Any other error is one.
    let busy = [("dummy_fail", text("delete-share:snapshot-resource-not-found"))];
    let answer = dummy(&ground, &busy).await.delete_share(&one, None).await;
    assert_driver!(answer, SnapshotResourceNotFound);
    assert_eq!(recorded(&backend, &one.id).await.status, ShareStatus::ErrorDeleting);
}
