//! Copies that fail, are given up or are cut short: the share stays as it was, or the next call goes
//! on, and nothing is left of the rest.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use abaca::types::{AccessLevel, Error as DriverError, Share, ShareStatus};
use abaca::{Backend, Error};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::sync::Notify;

use super::{Pair, arriving, assert_same, fill, recorded, seen, to};
use crate::support::{rule, settled, share, until};

/// Writes so many MiB that no two blocks are alike.
fn write(directory: &Path, name: &str, mib: u32) {
    let mut file = File::create(directory.join(name)).unwrap();
    for block in 0..mib << 8 {
        let bytes: Vec<u8> = block.to_le_bytes().repeat(1024);
        file.write_all(&bytes).unwrap();
    }
}

/// Asserts that a share is as it was before it was to be moved.
async fn assert_stayed(here: &Backend, there: &Backend, share: &Share, new: &Share) {
    let now = recorded(here, &share.id).await.unwrap();
    assert_eq!((now.status, now.size), (ShareStatus::Available, share.size));
    assert!(here.records().migrations().await.unwrap().is_empty());
    assert!(recorded(there, &new.id).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_at_the_destination_stays() {
    let Some(pair) = Pair::new("a destination without room").await else { return };
    let (here, there) = (&pair.directory, &pair.image);
    let (share, directory) = pair.made(here, 1).await;
    let everyone = rule("everyone", AccessLevel::Rw);
    here.update_access(&share, from_ref(&everyone), &[], &[], None).await.unwrap();
    // A directory holds more than it was promised.
    write(&directory, "large", 1100);
    let new = arriving(&share);
    let failed = here.host_migration_start(&share, there, &to(there), &new, |_| ()).await;
    let Err(Error::Driver(DriverError::MigrationFailed(text))) = failed else {
        panic!("{failed:?}")
    };
    assert!(text.contains("no room"), "{text}");
    assert_stayed(here, there, &share, &new).await;
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o777);
    here.delete_share(&recorded(here, &share.id).await.unwrap(), None).await.unwrap();
    pair.assert_bare().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_it_is_copied_is_not_called_copied() {
    let Some(pair) = Pair::new("a share that is written to meanwhile").await else { return };
    let (here, there) = (&pair.directory, &pair.image);
    let (share, directory) = pair.made(here, 1).await;
    write(&directory, "large", 100);
    // Whoever had opened it before the rules changed.
    let mut log = OpenOptions::new().append(true).create(true).open(directory.join("log")).unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ended);
    let large = directory.join("large");
    let writer = std::thread::spawn(move || {
        let mut file = OpenOptions::new().append(true).open(large).unwrap();
        while !end.load(Ordering::Relaxed) {
            log.write_all(b"line\n").unwrap();
            file.write_all(b"more").unwrap();
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let new = arriving(&share);
    let failed = here.host_migration_start(&share, there, &to(there), &new, |_| ()).await;
    ended.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    let Err(Error::Driver(DriverError::ShareIsBusy(text))) = failed else { panic!("{failed:?}") };
    assert!(text.contains("was changed while it was copied"), "{text}");
    assert_stayed(here, there, &share, &new).await;
    // A device of this machine is nothing that is copied.
    let device = rustix::fs::makedev(1, 3);
    let mode = Mode::from_raw_mode(0o600);
    mknodat(CWD, directory.join("null"), FileType::CharacterDevice, mode, device).unwrap();
    let share = recorded(here, &share.id).await.unwrap();
    let failed = here.host_migration_start(&share, there, &to(there), &new, |_| ()).await;
    let Err(Error::Driver(DriverError::MigrationFailed(text))) = failed else {
        panic!("{failed:?}")
    };
    assert!(text.contains("\"null\" is a device"), "{text}");
    assert_stayed(here, there, &share, &new).await;
    here.delete_share(&recorded(here, &share.id).await.unwrap(), None).await.unwrap();
    pair.assert_bare().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_up_in_its_midst_a_copy_is_begun_again_or_cancelled() {
    let Some(pair) = Pair::new("copies that are given up").await else { return };
    let (here, there) = (&pair.image, &pair.directory);
    let (share, directory) = pair.made(here, 1).await;
    fill(&directory);
    write(&directory, "data", 300);
    let before = seen(&directory, &["lost+found"]);
    for cancels in [true, false] {
        let share = recorded(here, &share.id).await.unwrap();
        let new = arriving(&share);
        let midst = Notify::new();
        let tell = |percent| {
            if (10..90).contains(&percent) {
                midst.notify_one();
            }
        };
        let destination = to(there);
        let dropped = {
            let start = here.host_migration_start(&share, there, &destination, &new, tell);
            tokio::select! {
                done = start => { done.unwrap(); false }
                () = midst.notified() => true,
            }
        };
        assert!(dropped, "it was over before its midst");
        settled(here, &share.id, ShareStatus::Migrating).await;
        let going = recorded(here, &share.id).await.unwrap();
        let copy = here.records().migrations().await.unwrap().remove(0).copy.unwrap();
        assert!(copy.progress < 100, "{copy:?}");
        until("what was given up has ended", || {
            // Whoever still works on it holds it.
            fs::read_dir("/proc").unwrap().flatten().all(|entry| {
                let files = fs::read_dir(entry.path().join("fd"));
                files.into_iter().flatten().flatten().all(|file| {
                    fs::read_link(file.path())
                        .is_ok_and(|target| !target.starts_with(pair.place(there, &new)))
                        || fs::read_link(file.path()).is_err()
                })
            })
        })
        .await;
        if cancels {
            assert!(here.host_migration_complete(&going, there).await.is_err());
            here.host_migration_cancel(&going, there).await.unwrap();
            assert_stayed(here, there, &share, &new).await;
            assert!(!pair.place(there, &new).exists());
            assert_same(&seen(&directory, &["lost+found"]), &before, "it differs");
        } else {
            // What was there in part is removed first.
            here.host_migration_start(&going, there, &destination, &new, |_| ()).await.unwrap();
            assert_same(&seen(&pair.place(there, &new), &["lost+found"]), &before, "it differs");
            let arrived = here.host_migration_complete(&going, there).await.unwrap();
            assert_same(
                &seen(&pair.place(there, &arrived), &["lost+found"]),
                &before,
                "it differs",
            );
            there.delete_share(&arrived, None).await.unwrap();
        }
    }
    pair.assert_bare().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_does_not_let_be_copied_is_not() {
    let without = |policy: String| {
        let pieces = policy.split("\n[").filter(|piece| !piece.contains("id = \"migration\""));
        pieces.collect::<Vec<_>>().join("\n[")
    };
    let pair = Pair::with("a policy without migration", "ext4", &[], without).await;
    let Some(pair) = pair else { return };
    let (here, there) = (&pair.directory, &pair.image);
    let (share, _) = pair.made(here, 1).await;
    let new = arriving(&share);
    let failed = here.host_migration_start(&share, there, &to(there), &new, |_| ()).await;
    let Err(Error::Driver(DriverError::Denied(denial))) = failed else { panic!("{failed:?}") };
    assert!(denial.reason.contains("verb `send`"), "{denial:?}");
    assert_stayed(here, there, &share, &new).await;
    here.delete_share(&recorded(here, &share.id).await.unwrap(), None).await.unwrap();
    pair.assert_bare().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_the_backend_has_not_made_is_not_copied() {
    let Some(pair) = Pair::new("a place of somebody else's").await else { return };
    let (here, there) = (&pair.directory, &pair.image);
    let one = share("theirs", 1);
    let (theirs, _) = pair.made(here, 1).await;
    // A share of which the backend knows nothing but a directory of its name.
    fs::create_dir(pair.place(here, &one)).unwrap();
    fs::write(pair.place(here, &one).join("secret"), "theirs").unwrap();
    let available = Share { status: ShareStatus::Available, ..one.clone() };
    here.ensure_share(&available, None).await.unwrap();
    let new = arriving(&available);
    let failed = here.host_migration_start(&available, there, &to(there), &new, |_| ()).await;
    let Err(Error::Driver(DriverError::Denied(denial))) = failed else { panic!("{failed:?}") };
    assert!(denial.reason.contains("not made by this backend"), "{denial:?}");
    assert_stayed(here, there, &available, &new).await;
    fs::remove_dir_all(pair.place(here, &one)).unwrap();
    for one in [&available, &theirs] {
        here.delete_share(&recorded(here, &one.id).await.unwrap(), None).await.unwrap();
    }
    pair.assert_bare().await;
}
