//! Making, removing and finding shares: once, again, and after a fault.

use abaca_sdk::testing::{self, Host, share};
use abaca_sdk::{Clones, Error, HostError, ShareProtocol, Shares};

use super::{host, host_with_share, one, only, promised};
use crate::Directory;

fn create() -> Result<Vec<abaca_sdk::ExportLocation>, abaca_sdk::CreateError> {
    Directory::create_share(one(), None)
}

fn delete() -> Result<(), Error> {
    Directory::delete_share(one(), None)
}

/// Nothing of any share is left.
fn is_bare(host: &Host) -> bool {
    host.names("shares:").is_empty() && host.state().is_empty()
}

#[test]
fn a_share_is_a_directory_and_a_promise() {
    let host = host();
    let locations = host.run(create).unwrap();
    let paths: Vec<&str> = locations.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["/srv/shares/share-1"]);
    assert_eq!(host.mode("shares:share-1"), Some(0o700));
    assert_eq!(promised(&host), only(2));
}

#[test]
fn a_repeated_create_keeps_what_is_there() {
    let host = host_with_share();
    assert_eq!(host.run(create).unwrap().len(), 1);
    assert_eq!(host.contents("shares:share-1/file").unwrap(), b"content");
    assert_eq!(promised(&host), only(2));
}

#[test]
fn the_operators_mode_is_the_directorys() {
    let host = host().option("directory_mode", "0711");
    host.run(create).unwrap();
    assert_eq!(host.mode("shares:share-1"), Some(0o711));
}

#[test]
fn a_deleted_share_leaves_nothing_and_is_deleted_again() {
    let host = host_with_share();
    host.run(delete).unwrap();
    assert!(is_bare(&host), "{host:?}");
    host.run(delete).unwrap();
    assert!(is_bare(&host), "{host:?}");
}

#[test]
fn what_another_made_is_neither_taken_nor_removed() {
    let host = host().put("shares:share-1/theirs", "x");
    let error = host.run(create).unwrap_err();
    assert!(matches!(error.error, Error::BackendFailed(_)), "{error:?}");
    assert!(host.run(delete).is_err());
    assert_eq!(host.contents("shares:share-1/theirs").unwrap(), b"x");
    assert_eq!(host.state(), []);
}

#[test]
fn no_more_is_promised_than_there_is() {
    let host = host_with_share();
    let create = |name: &'static str, size| {
        host.run(move || Directory::create_share(share(name, size), None))
    };
    let error = create("share-2", 9).unwrap_err();
    assert!(matches!(&error.error, Error::BackendFailed(text) if text.contains("no room")));
    assert!(!host.is_there("shares:share-2"));
    create("share-2", 8).unwrap();
    assert!(create("share-3", 1).is_err());
}

#[test]
fn a_full_file_system_is_told_as_such() {
    let host = host();
    host.fail("files.make-dir", HostError::NoSpace("shares".into()));
    let error = host.run(create).unwrap_err();
    assert_eq!(error.error, Error::BackendFailed("no room left: shares".into()));
    assert_eq!(host.faults_to_come(), Vec::<String>::new());
}

#[test]
fn another_call_that_promises_meanwhile_is_no_trouble() {
    let host = host();
    host.fail("state.apply", HostError::Conflict("moved on".into()));
    host.run(create).unwrap();
    assert_eq!(promised(&host), only(2));
}

#[test]
fn a_share_of_another_protocol_is_refused_before_anything_is_done() {
    let host = host();
    let cifs = || {
        Directory::create_share(abaca_sdk::Share { protocol: ShareProtocol::Cifs, ..one() }, None)
    };
    assert!(matches!(host.run(cifs).unwrap_err().error, Error::InvalidShare(_)));
    assert!(is_bare(&host));
}

#[test]
fn ensuring_finds_it_or_says_that_it_is_gone() {
    let host = host_with_share();
    let ensure = || Directory::ensure_share(one(), None);
    assert_eq!(host.run(ensure).unwrap().len(), 1);
    host.take("shares:share-1");
    assert!(matches!(host.run(ensure), Err(Error::ShareResourceNotFound(_))));
}

#[test]
fn names_that_climb_out_or_look_like_half_a_copy_are_refused() {
    for name in ["../etc", "a/../..", "..", "share-1.partial"] {
        let host = host();
        let error = host.run(|| Directory::create_share(share(name, 1), None));
        assert!(error.is_err(), "{name}");
        assert!(is_bare(&host), "{name}");
    }
}

#[test]
fn create_survives_every_fault() {
    testing::survives(host, create, |host, fault| {
        assert!(host.is_dir("shares:share-1"), "{fault}");
        assert_eq!(host.names("shares:"), ["share-1"], "{fault}");
        assert_eq!(promised(host), only(2), "{fault}");
    });
}

#[test]
fn create_never_claims_what_failed() {
    for fault in host().faults_of(create) {
        let host = host();
        if let Some(Ok(_)) = host.run_with(&fault, create) {
            panic!("success in spite of {fault}");
        }
        // Whatever is on the storage is accounted for.
        assert!(!host.is_there("shares:share-1") || promised(&host) == only(2), "{fault}");
        // And can be removed.
        host.run(delete).unwrap_or_else(|error| panic!("{fault}: {error:?}"));
        assert!(is_bare(&host), "{fault}");
    }
}

#[test]
fn delete_survives_every_fault() {
    testing::survives(host_with_share, delete, |host, fault| assert!(is_bare(host), "{fault}"));
}

#[test]
fn a_clone_has_what_the_snapshot_has() {
    let host = super::snapshots::host_with_snapshot().option("directory_mode", "0711");
    host.put("shares:share-1/file", "changed");
    host.run(clone_share).unwrap();
    assert_eq!(host.contents("shares:share-2/file").unwrap(), b"content");
    assert_eq!(host.mode("shares:share-2"), Some(0o711));
    assert_eq!(host.state_of("share-2-id", "size").as_deref(), Some("3"));
    host.run(clone_share).unwrap();
    assert_eq!(host.names("shares:"), ["share-1", "share-2"]);
}

#[test]
fn a_clone_survives_every_fault() {
    testing::survives(super::snapshots::host_with_snapshot, clone_share, |host, fault| {
        assert_eq!(
            host.contents("shares:share-2/file").as_deref(),
            Some(&b"content"[..]),
            "{fault}"
        );
        assert_eq!(host.names("shares:"), ["share-1", "share-2"], "{fault}");
    });
}

fn clone_share() -> Result<Vec<abaca_sdk::ExportLocation>, abaca_sdk::CreateError> {
    let snapshot = testing::snapshot("snapshot-1", &one());
    Directory::create_share_from_snapshot(share("share-2", 3), snapshot, None)
}
