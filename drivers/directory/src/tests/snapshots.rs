//! Snapshots: whole, shut, and never half a one under a whole one's name.

use abaca_sdk::testing::{self, Answer, Host, snapshot};
use abaca_sdk::{Error, Snapshot, SnapshotUpdate, Snapshots, files};

use super::{host_with_share, one};
use crate::Directory;
use crate::places::SHARES;

/// A host with a share and a snapshot of it.
pub(super) fn host_with_snapshot() -> Host {
    let host = host_with_share();
    host.run(create).unwrap();
    host
}

fn taken() -> Snapshot {
    snapshot("snapshot-1", &one())
}

fn create() -> Result<SnapshotUpdate, Error> {
    Directory::create_snapshot(taken(), None)
}

fn delete() -> Result<(), Error> {
    Directory::delete_snapshot(taken(), None)
}

#[test]
fn a_snapshot_is_a_copy_that_no_client_looks_into() {
    let host = host_with_share();
    // A share that everybody looks into.
    host.run(|| files::set_mode(&SHARES.join("share-1"), 0o777)).unwrap();
    host.run(create).unwrap();
    host.put("shares:share-1/file", "changed");
    assert_eq!(host.contents("snapshots:snapshot-1/file").unwrap(), b"content");
    assert_eq!(host.mode("snapshots:snapshot-1"), Some(0o700));
    assert_eq!(host.names("snapshots:"), ["snapshot-1"]);
}

#[test]
fn a_repeated_snapshot_keeps_the_first() {
    let host = host_with_snapshot();
    host.put("shares:share-1/file", "changed");
    host.run(create).unwrap();
    assert_eq!(host.contents("snapshots:snapshot-1/file").unwrap(), b"content");
}

#[test]
fn what_an_unfinished_copy_left_is_no_snapshot() {
    let host = host_with_share();
    host.put("snapshots:snapshot-1.partial/half", "h");
    host.run(create).unwrap();
    assert_eq!(host.names("snapshots:"), ["snapshot-1"]);
    assert_eq!(host.names("snapshots:snapshot-1"), ["file"]);
}

#[test]
fn a_copy_that_fails_is_told_and_leaves_no_snapshot() {
    let host = super::host_whose_cp(|cp| {
        cp.host().put(&format!("{}/half", cp.word("to")), "h");
        Answer::exit(1, "cp: error writing: No space left on device")
    });
    host.put("shares:share-1/file", "content");
    let error = host.run(create).unwrap_err();
    assert!(matches!(error, Error::CommandFailed(_)), "{error:?}");
    assert!(!host.is_there("snapshots:snapshot-1"));
    // The next call, or the deletion, clears it away.
    host.run(delete).unwrap();
    assert_eq!(host.names("snapshots:"), Vec::<String>::new());
}

#[test]
fn a_deleted_snapshot_is_gone_and_is_deleted_again() {
    let host = host_with_snapshot();
    host.run(delete).unwrap();
    assert_eq!(host.names("snapshots:"), Vec::<String>::new());
    host.run(delete).unwrap();
    assert_eq!(host.names("shares:share-1"), ["file"]);
}

#[test]
fn create_survives_every_fault() {
    testing::survives(host_with_share, create, |host, fault| {
        assert_eq!(host.names("snapshots:"), ["snapshot-1"], "{fault}");
        assert_eq!(host.names("snapshots:snapshot-1"), ["file"], "{fault}");
        assert_eq!(host.mode("snapshots:snapshot-1"), Some(0o700), "{fault}");
    });
}

#[test]
fn delete_survives_every_fault() {
    testing::survives(host_with_snapshot, delete, |host, fault| {
        assert_eq!(host.names("snapshots:"), Vec::<String>::new(), "{fault}");
    });
}
