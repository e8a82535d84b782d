//! A share's life: made, filled up, kept, cloned, opened to clients, found again after a reboot, and
//! removed; of both kinds.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::slice::from_ref;

use abaca::types::{AccessLevel, Error as DriverError, ShareStatus};
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};

use super::{Home, KINDS, driver_error, free, reserve};
use crate::storage::pool::{run, text};
use crate::support::{rule, share, snapshot, tree};

#[tokio::test]
async fn a_client_writes_up_to_the_size_and_no_further() {
    for kind in KINDS {
        let Some(home) = Home::new(kind, "a size that holds").await else { return };
        let (current, directory) = home.made(&share("one", 1)).await;
        assert_eq!(current.export_locations[0].path, text(&directory));
        assert_eq!(current.status, ShareStatus::Available);
        assert!(home.is_mounted(&current), "{kind}");
        let found = fs::metadata(&directory).unwrap();
        assert_eq!((found.uid(), found.permissions().mode() & 0o7777), (0, 0o700), "{kind}");
        let options = run("findmnt", &["-n", "-o", "FSTYPE,OPTIONS", text(&directory)]);
        for word in [kind, "nosuid", "nodev"] {
            assert!(options.contains(word), "{options}");
        }
        // Nearly all of a GiB is a client's, and not a byte more than that.
        reserve(&directory, "most", 850).unwrap();
        assert_eq!(reserve(&directory, "more", 200), Err(Errno::NOSPC), "{kind}");
        fs::remove_file(directory.join("most")).unwrap();
        fs::remove_file(directory.join("more")).unwrap();
        // Empty, it takes next to nothing of the pool.
        let taken = fs::metadata(home.images().join(&current.name)).unwrap().blocks() * 512;
        assert!(taken < 100 * super::MIB, "{kind}: {taken}");
        home.backend.delete_share(&current, None).await.unwrap();
        home.assert_bare().await;
    }
}

#[tokio::test]
async fn snapshots_keep_a_moment_and_clones_begin_with_it() {
    for kind in KINDS {
        let Some(home) = Home::new(kind, "snapshots and clones").await else { return };
        let (current, directory) = home.made(&share("one", 1)).await;
        // A top that is a client's own, and open to all: that is not the clone's business.
        std::os::unix::fs::chown(&directory, Some(1000), Some(1000)).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
        fs::create_dir(directory.join("inner")).unwrap();
        // Nobody has said that this shall be on the storage.
        fs::write(directory.join("inner/file"), vec![b'k'; 3 << 20]).unwrap();
        fs::write(directory.join("gone"), "before").unwrap();
        let kept = tree(&directory);

        let taken = snapshot(&current);
        home.backend.create_snapshot(&taken, None).await.unwrap();
        fs::remove_file(directory.join("gone")).unwrap();
        fs::write(directory.join("inner/file"), "after").unwrap();
        // Asked for again, it stays what it was.
        home.backend.create_snapshot(&taken, None).await.unwrap();

        let (same, larger) = (share("same", 1), share("larger", 2));
        for one in [&same, &larger] {
            home.backend.create_share_from_snapshot(one, &taken, None).await.unwrap();
            let place = home.shares().join(&one.name);
            assert_eq!(tree(&place), kept, "{kind}");
            assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o7777, 0o700);
            fs::write(place.join("own"), "the clone's own").unwrap();
        }
        let (small, large) = (home.shares().join(&same.name), home.shares().join(&larger.name));
        assert_eq!(reserve(&small, "most", 1200), Err(Errno::NOSPC), "{kind}");
        reserve(&large, "most", 1200).unwrap();
        assert!(!directory.join("own").exists());
        assert_eq!(fs::read(directory.join("inner/file")).unwrap(), b"after");

        for _ in 0..2 {
            home.backend.delete_snapshot(&taken, None).await.unwrap();
        }
        assert_eq!(fs::read(small.join("inner/file")).unwrap(), vec![b'k'; 3 << 20]);
        for one in home.backend.records().shares().await.unwrap() {
            home.backend.delete_share(&one.share, None).await.unwrap();
        }
        home.assert_bare().await;
    }
}

#[tokio::test]
async fn rules_are_bits_of_the_top_of_the_share() {
    let Some(home) = Home::new("ext4", "access rules").await else { return };
    let (current, directory) = home.made(&share("one", 1)).await;
    let mode = || fs::metadata(&directory).unwrap().permissions().mode() & 0o7777;
    let everyone = rule("everyone", AccessLevel::Rw);
    let update = async |rules: &[_]| {
        home.backend.update_access(&current, rules, rules, &[], None).await.unwrap();
    };
    update(from_ref(&everyone)).await;
    assert_eq!(mode(), 0o777);
    // While it is not mounted, what it is mounted on is not opened.
    unmount(&directory, UnmountFlags::empty()).unwrap();
    assert_eq!(mode(), 0);
    free(async || home.backend.update_access(&current, from_ref(&everyone), &[], &[], None).await)
        .await
        .unwrap();
    assert!(home.is_mounted(&current));
    assert_eq!(mode(), 0o777);
    home.backend.update_access(&current, &[], &[], from_ref(&everyone), None).await.unwrap();
    assert_eq!(mode(), 0o700);
    home.backend.delete_share(&current, None).await.unwrap();
    home.assert_bare().await;
}

#[tokio::test]
async fn after_a_reboot_a_share_is_mounted_again() {
    for kind in KINDS {
        let Some(home) = Home::new(kind, "shares after a reboot").await else { return };
        let (current, directory) = home.made(&share("one", 1)).await;
        fs::write(directory.join("file"), "kept").unwrap();
        unmount(&directory, UnmountFlags::empty()).unwrap();
        fs::remove_dir(&directory).unwrap();
        for _ in 0..2 {
            assert_eq!(home.ensure(&current).await, current.export_locations);
            assert_eq!(fs::read(directory.join("file")).unwrap(), b"kept", "{kind}");
        }
        // Removed while it is not mounted, too.
        unmount(&directory, UnmountFlags::empty()).unwrap();
        home.backend.delete_share(&current, None).await.unwrap();
        home.assert_bare().await;
        let error = driver_error(home.backend.ensure_share(&current, None).await);
        assert!(matches!(error, DriverError::ShareResourceNotFound(_)), "{error:?}");
    }
}
