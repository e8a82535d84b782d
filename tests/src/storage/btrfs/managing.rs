//! Subvolumes and snapshots that were there before: taken over, used, and let go.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use abaca::policy::Container;
use abaca::types::{Error as DriverError, ExportLocation, Share, Snapshot};

use super::{Home, MIB, driver_error, faults, reserve, run, text};
use crate::support::{share, snapshot};

/// A client that is not root.
const CLIENT: u32 = 4711;

/// A share that is to be taken over.
fn found_at(home: &Home, name: &str) -> Share {
    let path = text(&home.shares().join(name)).to_owned();
    let location = ExportLocation { path, is_admin_only: false, metadata: Vec::new() };
    Share { export_locations: vec![location], ..share(name, 0) }
}

async fn hand_over(home: &Home, root: &str, name: &str) {
    home.backend.add_owned(&Container::Root(root.to_owned()), name).await.unwrap();
}

fn make(path: &Path) {
    run("btrfs", &["subvolume", "create", text(path)]);
}

/// A subvolume and a snapshot of it become a share and its snapshot, and are removed as such.
pub async fn taken_over(home: &Home) {
    let (old, monday) = (home.shares().join("Alice.data"), home.snapshots().join("Monday_1"));
    make(&old);
    fs::write(old.join("file"), "alice's").unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o700)).unwrap();
    chown(&old, Some(CLIENT), Some(CLIENT)).unwrap();
    run("btrfs", &["subvolume", "snapshot", "-r", text(&old), text(&monday)]);
    hand_over(home, "shares", "Alice.data").await;
    hand_over(home, "snapshots", "Monday_1").await;

    let wanted = found_at(home, "Alice.data");
    let managed = home.backend.manage_existing(&wanted, &[]).await.unwrap();
    let directory = home.shares().join(&wanted.name);
    assert_eq!((managed.size, managed.export_locations[0].path.as_str()), (1, text(&directory)));
    assert!(!old.exists());
    assert_eq!(fs::read_to_string(directory.join("file")).unwrap(), "alice's");
    assert_eq!(fs::metadata(&directory).unwrap().uid(), CLIENT);
    reserve(&directory, "too much", 1100).unwrap_err();
    let current = home.recorded(&wanted).await;
    assert_eq!(current.size, 1);

    let before = Snapshot { provider_location: Some("Monday_1".into()), ..snapshot(&current) };
    let managed = home.backend.manage_existing_snapshot(&before, &current, &[]).await.unwrap();
    assert_eq!((managed.size, managed.provider_location), (None, Some(before.name.clone())));
    assert!(!monday.exists() && home.snapshots().join(&before.name).is_dir());

    // It is the client's own, and is kept, cloned and resized all the same.
    let after = snapshot(&current);
    home.backend.create_snapshot(&after, None).await.unwrap();
    let clone = share("clone", 1);
    home.backend.create_share_from_snapshot(&clone, &before, None).await.unwrap();
    let cloned = home.shares().join(&clone.name).join("file");
    assert_eq!(fs::read_to_string(cloned).unwrap(), "alice's");
    faults::cut_short(home, &before).await;
    home.backend.extend_share(&current, 2, None).await.unwrap();
    for snapshot in [&before, &after] {
        home.backend.delete_snapshot(snapshot, None).await.unwrap();
    }
    for share in [&wanted, &clone] {
        home.backend.delete_share(share, None).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_there_before_is_taken_over() {
    let Some(home) = Home::new("subvolumes that are taken over").await else { return };
    taken_over(&home).await;
    home.assert_bare().await;
}

#[tokio::test]
async fn what_is_let_go_stays_and_is_taken_over_again() {
    let Some(home) = Home::new("shares that are let go").await else { return };
    let one = share("one", 2);
    let (current, directory) = home.made(&one).await;
    fs::write(directory.join("file"), "kept").unwrap();
    let taken = snapshot(&current);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    home.backend.unmanage_snapshot(&taken).await.unwrap();
    home.backend.unmanage(&current).await.unwrap();
    assert!(home.backend.records().shares().await.unwrap().is_empty());
    assert_eq!(fs::read_to_string(directory.join("file")).unwrap(), "kept");

    // It keeps the size of its limit.
    let again = found_at(&home, &one.name);
    let managed = home.backend.manage_existing(&again, &[]).await.unwrap();
    assert_eq!(managed.size, 2);
    let current = home.recorded(&again).await;
    let kept = Snapshot { provider_location: Some(taken.name.clone()), ..snapshot(&current) };
    home.backend.manage_existing_snapshot(&kept, &current, &[]).await.unwrap();
    home.backend.delete_snapshot(&kept, None).await.unwrap();
    home.backend.delete_share(&again, None).await.unwrap();
    home.assert_bare().await;
}

#[tokio::test]
async fn a_snapshot_of_a_share_that_has_shrunk_keeps_its_size() {
    let Some(home) = Home::new("a snapshot of a larger share").await else { return };
    let one = share("one", 2);
    let (current, directory) = home.made(&one).await;
    reserve(&directory, "reserved", 1500).unwrap();
    let kept = home.snapshots().join("large");
    run("btrfs", &["subvolume", "snapshot", "-r", text(&directory), text(&kept)]);
    hand_over(&home, "snapshots", "large").await;
    fs::remove_file(directory.join("reserved")).unwrap();
    home.backend.shrink_share(&current, 1, None).await.unwrap();
    let current = home.recorded(&one).await;
    let wanted = Snapshot { provider_location: Some("large".into()), ..snapshot(&current) };
    let managed = home.backend.manage_existing_snapshot(&wanted, &current, &[]).await.unwrap();
    assert_eq!(managed.size, Some(2));
}

#[tokio::test]
async fn what_is_not_fit_is_not_taken_over_and_not_touched() {
    let Some(home) = Home::new("what is not fit to be taken over").await else { return };
    let (one, _) = home.made(&share("one", 1)).await;
    let place = |name: &str| home.shares().join(name);
    for name in ["strange", "full"] {
        make(&place(name));
    }
    reserve(&place("full"), "reserved", 1500).unwrap();
    fs::create_dir(place("directory")).unwrap();
    run("btrfs", &["subvolume", "snapshot", "-r", text(&place("full")), text(&place("read-only"))]);
    for name in ["full", "directory", "read-only"] {
        hand_over(&home, "shares", name).await;
    }
    let small = [("size".to_owned(), "1".to_owned())];
    let odd = [("size".to_owned(), "much".to_owned())];
    let misspelt = [("sise".to_owned(), "2".to_owned())];
    for (name, options, why) in [
        ("missing", &[][..], "not there"),
        ("directory", &[], "cannot be taken over"),
        ("read-only", &[], "read-only"),
        ("full", &small, "more than 1 GiB"),
        ("full", &odd, "`much`"),
        ("full", &misspelt, "`sise`"),
        (&one.name, &[], "already"),
        ("../outside", &[], "no export location"),
        ("", &[], "no export location"),
    ] {
        let wanted = found_at(&home, name);
        let error = driver_error(home.backend.manage_existing(&wanted, options).await);
        let DriverError::ManageInvalidShare(text) = error else { panic!("{name}: {error:?}") };
        assert!(text.contains(why), "{name}: {text}");
        assert!(!place(&wanted.name).exists());
    }
    // What nobody has handed over is not even looked at.
    let wanted = found_at(&home, "strange");
    let error = driver_error(home.backend.manage_existing(&wanted, &[]).await);
    assert!(matches!(error, DriverError::Denied(_)), "{error:?}");
    for name in ["strange", "full", "directory", "read-only"] {
        assert!(place(name).is_dir(), "{name}");
    }
    // Rounded up from what it holds, where nothing is said.
    let wanted = found_at(&home, "full");
    assert_eq!(home.backend.manage_existing(&wanted, &[]).await.unwrap().size, 2);
    assert_eq!(fs::metadata(place(&wanted.name).join("reserved")).unwrap().len(), 1500 * MIB);

    // A snapshot of another share, one that can be written to, and none.
    let kept = |name: &str| home.snapshots().join(name);
    run("btrfs", &["subvolume", "snapshot", "-r", text(&place("strange")), text(&kept("other"))]);
    run("btrfs", &["subvolume", "snapshot", text(&place(&one.name)), text(&kept("writable"))]);
    for name in ["other", "writable"] {
        hand_over(&home, "snapshots", name).await;
    }
    for (name, why) in [
        ("other", "no snapshot of this share"),
        ("writable", "can be written to"),
        ("missing", "not there"),
        ("a/b", "write its name"),
        ("", "write its name"),
    ] {
        let wanted = Snapshot { provider_location: Some(name.to_owned()), ..snapshot(&one) };
        let error = driver_error(home.backend.manage_existing_snapshot(&wanted, &one, &[]).await);
        let DriverError::ManageInvalidSnapshot(text) = error else { panic!("{name}: {error:?}") };
        assert!(text.contains(why), "{name}: {text}");
        assert!(!kept(&wanted.name).exists());
    }
    assert!(kept("other").is_dir() && kept("writable").is_dir());
}
