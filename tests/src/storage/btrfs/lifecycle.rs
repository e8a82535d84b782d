//! A share's life: made, filled up to its limit, resized, kept, cloned and removed.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::slice::from_ref;

use abaca::Blame;
use abaca::types::{AccessLevel, Capacity, Error as DriverError, ShareStatus};
use rustix::io::Errno;

use super::{Home, attempt, driver_error, open, policy, reserve, run, text, write};
use crate::support::{Ground, rule, share, snapshot, tree};

/// The inode of the top of every subvolume.
const TOP: u64 = 256;

#[tokio::test]
async fn a_client_writes_up_to_the_size_and_no_further() {
    let Some(home) = Home::new("a limit that holds").await else { return };
    let one = share("one", 1);
    let (current, directory) = home.made(&one).await;
    assert_eq!(current.export_locations[0].path, text(&directory));
    assert_eq!(current.status, ShareStatus::Available);
    let found = fs::metadata(&directory).unwrap();
    assert_eq!((found.ino(), found.permissions().mode() & 0o7777), (TOP, 0o700));

    // A GiB less 24 MiB is reserved at once; what is written then ends at the limit.
    reserve(&directory, "reserved", 1000).unwrap();
    let (written, error) = write(&directory, "written", 64).unwrap_err();
    assert_eq!(error, ErrorKind::QuotaExceeded);
    assert!((16..=24).contains(&written), "{written} MiB were written of 24");
    assert_eq!(write(&directory, "more", 1).unwrap_err().1, ErrorKind::QuotaExceeded);

    // It grows while it is full, and does not shrink below what it holds.
    home.backend.extend_share(&current, 2, None).await.unwrap();
    let current = home.recorded(&one).await;
    assert_eq!((current.size, current.status), (2, ShareStatus::Available));
    write(&directory, "written", 64).unwrap();
    let error = home.backend.shrink_share(&current, 1, None).await.unwrap_err();
    assert_eq!(error.blame(), Blame::Operator);
    let error = driver_error(Err::<(), _>(error));
    assert!(matches!(error, DriverError::ShareShrinkingPossibleDataLoss(_)), "{error:?}");
    let unchanged = home.recorded(&one).await;
    assert_eq!((unchanged.size, unchanged.status), (2, ShareStatus::Available));
    write(&directory, "as before", 64).unwrap();

    // What is removed leaves room to shrink, and the limit holds again.
    fs::remove_file(directory.join("reserved")).unwrap();
    home.backend.shrink_share(&current, 1, None).await.unwrap();
    assert_eq!(home.recorded(&one).await.size, 1);
    assert_eq!(reserve(&directory, "again", 1000), Err(Errno::DQUOT));
    home.backend.delete_share(&one, None).await.unwrap();
    home.assert_bare().await;
}

#[tokio::test]
async fn a_share_over_its_limit_is_kept_resized_and_removed() {
    let Some(home) = Home::new("a share over its limit").await else { return };
    let one = share("one", 2);
    let (current, directory) = home.made(&one).await;
    reserve(&directory, "reserved", 1500).unwrap();
    // An operator, not Abaca, has set a limit below what is there; btrfs takes it.
    let path = text(&directory).to_owned();
    run("btrfs", &["filesystem", "sync", &path]);
    run("btrfs", &["qgroup", "limit", "1G", &path]);
    assert_eq!(write(&directory, "more", 1).unwrap_err().1, ErrorKind::QuotaExceeded);
    let taken = snapshot(&current);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    home.backend.extend_share(&current, 3, None).await.unwrap();
    write(&directory, "more", 1).unwrap();
    run("btrfs", &["filesystem", "sync", &path]);
    run("btrfs", &["qgroup", "limit", "1G", &path]);
    home.backend.delete_snapshot(&taken, None).await.unwrap();
    home.backend.delete_share(&current, None).await.unwrap();
    home.assert_bare().await;
}

#[tokio::test]
async fn snapshots_stay_as_they_are_and_clones_go_their_own_way() {
    let Some(home) = Home::new("snapshots and clones").await else { return };
    let one = share("one", 1);
    let (current, directory) = home.made(&one).await;
    let everyone = rule("everyone", AccessLevel::Rw);
    home.backend
        .update_access(&current, from_ref(&everyone), from_ref(&everyone), &[], None)
        .await
        .unwrap();
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o7777, 0o777);
    fs::create_dir_all(directory.join("a/b")).unwrap();
    fs::write(directory.join("a/b/file"), "kept").unwrap();
    let before = tree(&directory);

    let taken = snapshot(&current);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    let kept = home.snapshots().join(&taken.name);
    fs::write(directory.join("a/b/file"), "changed").unwrap();
    fs::write(directory.join("new"), "new").unwrap();
    assert_eq!(tree(&kept), before);
    let error = fs::write(kept.join("a/b/file"), "x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnlyFilesystem);

    // Of the snapshot's content, not of its permission bits, and with the limit that it asks for.
    let (same, larger) = (share("same", 1), share("larger", 2));
    for clone in [&same, &larger] {
        home.backend.create_share_from_snapshot(clone, &taken, None).await.unwrap();
        let cloned = home.shares().join(&clone.name);
        assert_eq!(tree(&cloned), before);
        assert_eq!(fs::metadata(&cloned).unwrap().permissions().mode() & 0o7777, 0o700);
        fs::write(cloned.join("a/b/file"), "its own").unwrap();
    }
    let in_clone =
        |clone: &abaca::types::Share| reserve(&home.shares().join(&clone.name), "reserved", 1100);
    assert_eq!(in_clone(&same), Err(Errno::DQUOT));
    assert_eq!(in_clone(&larger), Ok(()));
    assert_eq!(fs::read_to_string(directory.join("a/b/file")).unwrap(), "changed");
    assert_eq!(tree(&kept), before);

    // The snapshot goes before what was made of it, and the share before its snapshot.
    let second = snapshot(&current);
    home.backend.create_snapshot(&second, None).await.unwrap();
    home.backend.delete_snapshot(&taken, None).await.unwrap();
    assert_eq!(
        fs::read_to_string(home.shares().join(&same.name).join("a/b/file")).unwrap(),
        "its own"
    );
    home.backend.delete_snapshot(&second, None).await.unwrap();
    for one in [&one, &same, &larger] {
        home.backend.delete_share(one, None).await.unwrap();
    }
    home.assert_bare().await;
}

#[tokio::test]
async fn what_is_there_is_measured_and_promised() {
    let Some(home) = Home::new("capacities").await else { return };
    let stats = home.backend.get_share_stats(true).await.unwrap();
    let Capacity::Gib(total) = stats.total_capacity else { panic!("{stats:?}") };
    assert!((7.9..=8.0).contains(&total), "{total}");
    // Twice what there is may be promised.
    home.made(&share("large", 12)).await;
    let error = driver_error(home.backend.create_share(&share("too large", 5), None).await);
    assert!(matches!(&error, DriverError::BackendFailed(text) if text.contains("no room")));
    assert_eq!(fs::read_dir(home.shares()).unwrap().count(), 1);
}

#[tokio::test]
async fn what_is_not_as_it_must_be_is_said_before_the_service_starts() {
    let Some(home) = Home::new("what setup finds").await else { return };
    run("btrfs", &["quota", "disable", text(&home.pool.path())]);
    let error = driver_error(home.backend.check_for_setup_error().await);
    let DriverError::BadConfiguration(why) = error else { panic!("{error:?}") };
    assert!(why.contains("btrfs quota enable"), "{why}");
    // Without limits nothing is made.
    let error = driver_error(home.backend.create_share(&share("one", 1), None).await);
    assert!(
        matches!(&error, DriverError::BackendFailed(text) if text.contains("quotas are off")),
        "{error:?}"
    );
    assert_eq!(fs::read_dir(home.shares()).unwrap().count(), 0);
    run("btrfs", &["quota", "enable", text(&home.pool.path())]);
    home.backend.check_for_setup_error().await.unwrap();

    // A root that is on another file system.
    let elsewhere = home.ground.outside();
    let policy = policy(&home.pool).replace(text(&home.snapshots()), text(&elsewhere));
    let other = Ground::new();
    let Err(error) = attempt(&other, &home.pool, &policy).await else { panic!("it was opened") };
    assert!(error.to_string().contains("btrfs"), "{error}");
}

#[tokio::test]
async fn a_share_is_found_again_after_a_restart() {
    let Some(home) = Home::new("a restart").await else { return };
    let one = share("one", 1);
    let (current, directory) = home.made(&one).await;
    let Home { backend, ground, pool } = home;
    drop(backend);
    let backend = open(&ground, &pool, &policy(&pool)).await;
    let home = Home { backend, ground, pool };
    let locations = home.backend.ensure_share(&current, None).await.unwrap();
    assert_eq!(locations, current.export_locations);
    run("btrfs", &["subvolume", "delete", text(&directory)]);
    let error = driver_error(home.backend.ensure_share(&current, None).await);
    assert!(matches!(error, DriverError::ShareResourceNotFound(_)), "{error:?}");
    // What is gone already is removed without complaint.
    home.backend.delete_share(&current, None).await.unwrap();
}
