//! Shares that are copied from one kind of storage to another, and back.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::slice::from_ref;
use std::sync::Mutex;

use abaca::types::{AccessLevel, AccessRulesStatus, ShareStatus};
use abaca::{CopyState, OptionValue};

use super::{Pair, UNREAD_SINCE, accessed, arriving, assert_same, fill, recorded, seen, to, touch};
use crate::support::rule;

const LOST_FOUND: &[&str] = &["lost+found"];

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_a_share_comes_with_it_there_and_back() {
    for kind in ["ext4", "xfs"] {
        let Some(pair) = Pair::with("copied shares", kind, &[], |same| same).await else { return };
        let (mut share, mut directory) = pair.made(&pair.image, 1).await;
        fill(&directory);
        let before = seen(&directory, LOST_FOUND);
        touch(&directory);
        let blocks = fs::metadata(directory.join("sparse")).unwrap().blocks();
        for (here, there) in [(&pair.image, &pair.directory), (&pair.directory, &pair.image)] {
            let told = Mutex::new(Vec::new());
            let new = arriving(&share);
            let tell = |percent| told.lock().unwrap().push(percent);
            here.host_migration_start(&share, there, &to(there), &new, tell).await.unwrap();
            let told = told.into_inner().unwrap();
            assert_eq!((told.first(), told.last()), (Some(&0), Some(&100)), "{told:?}");
            assert!(told.is_sorted());
            // Nobody is at the copy yet, and the old one is as it was: not even its times differ.
            let migrating = recorded(here, &share.id).await.unwrap();
            assert_eq!(migrating.status, ShareStatus::Migrating);
            let copy = pair.place(there, &new);
            assert_eq!(accessed(&directory), UNREAD_SINCE, "copying it has not read it");
            assert_eq!(accessed(&copy), UNREAD_SINCE);
            assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o700);
            assert_same(&seen(&copy, LOST_FOUND), &before, &format!("{kind} to {}", there.name()));
            assert_eq!(recorded(there, &new.id).await.unwrap().status, ShareStatus::Migrating);
            let copied = here.records().migrations().await.unwrap().remove(0).copy.unwrap();
            assert_eq!((copied.state, copied.progress), (CopyState::Copied, 100));
            assert_eq!(here.migration_get_progress(&migrating, None, &[]).await.unwrap(), 100);
            // Asked for again, it is done.
            here.host_migration_start(&migrating, there, &to(there), &new, |_| ()).await.unwrap();

            let arrived = here.host_migration_complete(&migrating, there).await.unwrap();
            assert_eq!((&arrived.id, arrived.status), (&new.id, ShareStatus::Available));
            assert_eq!(arrived.share_id, share.share_id);
            assert!(recorded(here, &share.id).await.is_none());
            assert!(!directory.exists(), "the old one is gone");
            (share, directory) = (arrived, copy);
            touch(&directory);
        }
        let sparse = fs::read(directory.join("sparse")).unwrap();
        assert_eq!(sparse.len(), 300 << 20);
        assert_eq!(&sparse[150 << 20..(150 << 20) + 12], b"in the midst");
        let now = fs::metadata(directory.join("sparse")).unwrap().blocks();
        assert!(now <= blocks + 64, "holes stay holes: {now} instead of {blocks}");
        pair.image.delete_share(&share, None).await.unwrap();
        pair.assert_bare().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_to_be_ignored_stay_where_they_are() {
    let ignored = OptionValue::TextList(vec!["lost+found".into(), ".snapshots".into()]);
    let more = [("migration_ignore_files", ignored)];
    let Some(pair) = Pair::with("ignored files", "ext4", &more, |same| same).await else { return };
    let (share, directory) = pair.made(&pair.directory, 1).await;
    let put = |name: &str| {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    };
    for name in ["lost+found/a", ".snapshots/b", "kept/lost+found", "kept/.snapshots"] {
        put(name);
    }
    let new = arriving(&share);
    let (here, there) = (&pair.directory, &pair.image);
    here.host_migration_start(&share, there, &to(there), &new, |_| ()).await.unwrap();
    let copy = pair.place(there, &new);
    let is_empty = |path: &Path| fs::read_dir(path).unwrap().next().is_none();
    assert!(is_empty(&copy.join("lost+found")), "it is the file system's own");
    assert!(!copy.join(".snapshots").exists());
    for name in ["kept/lost+found", "kept/.snapshots"] {
        assert_eq!(fs::read_to_string(copy.join(name)).unwrap(), name, "only at the top");
    }
    let share = recorded(here, &share.id).await.unwrap();
    let arrived = here.host_migration_complete(&share, there).await.unwrap();
    there.delete_share(&arrived, None).await.unwrap();
    pair.assert_bare().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_only_read_meanwhile_and_are_let_in_at_the_destination() {
    for (support, during) in [(true, 0o755), (false, 0o700)] {
        let more = [("migration_readonly_rules_support", OptionValue::Boolean(support))];
        let pair = Pair::with("rules of copied shares", "ext4", &more, |same| same).await;
        let Some(pair) = pair else { return };
        let (here, there) = (&pair.directory, &pair.image);
        let (share, directory) = pair.made(here, 1).await;
        let everyone = rule("everyone", AccessLevel::Rw);
        here.update_access(&share, from_ref(&everyone), &[], &[], None).await.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory), 0o777);

        let new = arriving(&share);
        here.host_migration_start(&share, there, &to(there), &new, |_| ()).await.unwrap();
        assert_eq!(mode(&directory), during);
        let going = recorded(here, &share.id).await.unwrap();
        assert_eq!(going.access_rules_status, AccessRulesStatus::OutOfSync);
        let kept = here.records().access_rules(&share.id).await.unwrap();
        assert_eq!(kept, from_ref(&everyone));
        // Given up, all is as before.
        here.host_migration_cancel(&going, there).await.unwrap();
        assert_eq!(mode(&directory), 0o777);
        let back = recorded(here, &share.id).await.unwrap();
        assert_eq!(back.status, ShareStatus::Available);
        assert_eq!(back.access_rules_status, AccessRulesStatus::Active);
        assert!(recorded(there, &new.id).await.is_none());

        let new = arriving(&back);
        here.host_migration_start(&back, there, &to(there), &new, |_| ()).await.unwrap();
        let going = recorded(here, &share.id).await.unwrap();
        let arrived = here.host_migration_complete(&going, there).await.unwrap();
        assert_eq!(mode(&pair.place(there, &arrived)), 0o777);
        assert_eq!(there.records().access_rules(&arrived.id).await.unwrap(), [everyone]);
        there.delete_share(&arrived, None).await.unwrap();
        pair.assert_bare().await;
    }
}
