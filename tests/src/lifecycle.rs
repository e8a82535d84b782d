//! A share's life on real files: the driver `directory` through the library, as a share
//! service would use it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::slice::from_ref;
use std::sync::Arc;

use abaca::policy::Container;
use abaca::types::{
    AccessLevel, AccessRulesStatus, AccessType, Error as DriverError, Share, ShareStatus,
    SnapshotStatus,
};
use abaca::{Backend, Blame, Error, Limits, OptionValue};

use crate::support::{Ground, rule, runtime, share, snapshot, tree};
use crate::widths;

/// Asserts that the error is the driver's own of this case.
macro_rules! assert_driver {
    ($answer:expr, $case:ident) => {
        match $answer {
            Err(Error::Driver(DriverError::$case(text))) => text,
            other => panic!("not {}: {other:?}", stringify!($case)),
        }
    };
}

async fn recorded(backend: &Backend, id: &str) -> Share {
    backend.records().share(id).await.unwrap().expect("a record").share
}

fn fill(directory: &Path, salt: u8) {
    fs::create_dir_all(directory.join("a/b")).unwrap();
    fs::write(directory.join("empty"), "").unwrap();
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8 ^ salt).collect();
    fs::write(directory.join("a/large"), bytes).unwrap();
    fs::write(directory.join("a/b/grün 漢"), [salt; 3]).unwrap();
    fs::set_permissions(directory.join("a/large"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("../../../outside/secret", directory.join("a/link")).unwrap();
}

#[tokio::test]
async fn a_share_lives_from_its_making_to_its_removal() {
    let ground = Ground::new();
    let runtime = runtime(Limits::default());
    let backend = ground.directory(&runtime, &[]).await;
    backend.do_setup().await.unwrap();
    backend.check_for_setup_error().await.unwrap();

    // Three shares with files in them.
    let shares = [share("one", 2), share("two", 1), share("three", 5)];
    for (salt, one) in (1..).zip(&shares) {
        let locations = backend.create_share(one, None).await.unwrap();
        let directory = ground.shares().join(&one.name);
        assert_eq!(locations.len(), 1);
        assert_eq!(locations[0].path, directory.to_str().unwrap());
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o7777, 0o700);
        fill(&directory, salt);
        let record = recorded(&backend, &one.id).await;
        assert_eq!(record.status, ShareStatus::Available);
        assert_eq!(record.export_locations, locations);
    }
    let one = recorded(&backend, &shares[0].id).await;
    let directory = ground.shares().join(&one.name);
    let before = tree(&directory);

    // A snapshot keeps what was there.
    let taken = snapshot(&one);
    backend.create_snapshot(&taken, None).await.unwrap();
    let kept = backend.records().snapshots().await.unwrap();
    assert_eq!(kept[0].snapshot.status, SnapshotStatus::Available);
    fs::write(directory.join("a/large"), "changed").unwrap();
    fs::remove_file(directory.join("empty")).unwrap();
    fs::write(directory.join("new"), "new").unwrap();
    assert_eq!(tree(&ground.snapshots().join(&taken.name)), before);

    // A clone has the snapshot's content, and its own from then on.
    let clone = share("clone", 2);
    backend.create_share_from_snapshot(&clone, &taken, None).await.unwrap();
    let cloned = ground.shares().join(&clone.name);
    assert_eq!(tree(&cloned), before);
    fs::write(cloned.join("only-here"), "x").unwrap();
    assert!(!directory.join("only-here").exists());
    let too_small = Share { size: 1, ..share("small", 1) };
    let error = backend.create_share_from_snapshot(&too_small, &taken, None).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error:?}");

    // The other shares have noticed nothing, and whoever is removed leaves nothing.
    backend.delete_snapshot(&taken, None).await.unwrap();
    assert!(tree(&ground.snapshots()).is_empty());
    for one in [&shares[0], &shares[1], &clone] {
        backend.delete_share(one, None).await.unwrap();
        assert!(!ground.shares().join(&one.name).exists());
    }
    let left = backend.records().shares().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].share.id, shares[2].id);
    assert!(tree(&ground.shares().join(&shares[2].name)).contains_key(Path::new("a/b/grün 漢")));
    backend.delete_share(&shares[2], None).await.unwrap();
    assert!(tree(&ground.shares()).is_empty());
    assert!(backend.records().snapshots().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_share_grows_and_shrinks_but_never_below_what_is_in_it() {
    let ground = Ground::new();
    let runtime = runtime(Limits::default());
    let backend = ground.directory(&runtime, &[]).await;
    let one = share("one", 2);
    backend.create_share(&one, None).await.unwrap();
    let current = recorded(&backend, &one.id).await;
    assert!(matches!(backend.extend_share(&current, 2, None).await, Err(Error::Invalid(_))));
    backend.extend_share(&current, 3, None).await.unwrap();
    let current = recorded(&backend, &one.id).await;
    assert_eq!((current.size, current.status), (3, ShareStatus::Available));

    // 1.1 GiB that are really allocated.
    let file = fs::File::create(ground.shares().join(&one.name).join("data")).unwrap();
    let size = 1_181_116_006;
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size).unwrap();
    let error = backend.shrink_share(&current, 1, None).await.unwrap_err();
    assert_eq!(error.blame(), Blame::Operator);
    assert_driver!(Err::<(), _>(error), ShareShrinkingPossibleDataLoss);
    let unchanged = recorded(&backend, &one.id).await;
    assert_eq!((unchanged.size, unchanged.status), (3, ShareStatus::Available));
    assert_eq!(file.metadata().unwrap().len(), size);

    backend.shrink_share(&current, 2, None).await.unwrap();
    assert_eq!(recorded(&backend, &one.id).await.size, 2);
    file.set_len(0).unwrap();
    let current = recorded(&backend, &one.id).await;
    backend.shrink_share(&current, 1, None).await.unwrap();
    let current = recorded(&backend, &one.id).await;
    assert_eq!(current.size, 1);
    for wrong in [0, 1, 2] {
        let answer = backend.shrink_share(&current, wrong, None).await;
        assert!(matches!(answer, Err(Error::Invalid(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn access_rules_become_permission_bits() {
    let ground = Ground::new();
    let runtime = runtime(Limits::default());
    let backend = ground.directory(&runtime, &[]).await;
    let one = share("one", 1);
    backend.create_share(&one, None).await.unwrap();
    let mode = || {
        let directory = ground.shares().join(&one.name);
        fs::metadata(directory).unwrap().permissions().mode() & 0o7777
    };
    let group = rule("group", AccessLevel::Rw);
    let everyone = rule("everyone", AccessLevel::Ro);
    let current = recorded(&backend, &one.id).await;

    let both = [group.clone(), everyone.clone()];
    backend.update_access(&current, &both, &both, &[], None).await.unwrap();
    assert_eq!(mode(), 0o775);
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), both);
    let answer =
        backend.update_access(&current, from_ref(&everyone), &[], from_ref(&group), None).await;
    answer.unwrap();
    assert_eq!(mode(), 0o755);

    // A rule that a directory cannot enforce is refused and not kept.
    let mut address = rule("192.0.2.7", AccessLevel::Rw);
    address.access_type = AccessType::Ip;
    let answer = backend
        .update_access(
            &current,
            &[everyone.clone(), address.clone()],
            from_ref(&address),
            &[],
            None,
        )
        .await;
    assert_driver!(answer, InvalidShareAccess);
    assert_eq!(mode(), 0o755);
    assert_eq!(backend.records().access_rules(&one.id).await.unwrap(), from_ref(&everyone));

    backend.update_access(&current, &[], &[], &[everyone], None).await.unwrap();
    assert_eq!(mode(), 0o700);
    assert!(backend.records().access_rules(&one.id).await.unwrap().is_empty());
    let after = recorded(&backend, &one.id).await;
    assert_eq!(after.access_rules_status, AccessRulesStatus::Active);
}

#[tokio::test]
async fn what_is_repeated_after_a_crash_succeeds() {
    let ground = Ground::new();
    let runtime = runtime(Limits::default());
    let backend = ground.directory(&runtime, &[]).await;
    let one = share("one", 1);
    let first = backend.create_share(&one, None).await.unwrap();
    let directory = ground.shares().join(&one.name);
    fill(&directory, 9);
    let before = tree(&directory);
    assert_eq!(backend.create_share(&one, None).await.unwrap(), first);
    assert_eq!(tree(&directory), before, "a repeated create leaves what is there");

    let taken = snapshot(&one);
    backend.create_snapshot(&taken, None).await.unwrap();
    backend.create_snapshot(&taken, None).await.unwrap();
    let clone = share("clone", 1);
    backend.create_share_from_snapshot(&clone, &taken, None).await.unwrap();
    backend.create_share_from_snapshot(&clone, &taken, None).await.unwrap();
    assert_eq!(tree(&ground.shares().join(&clone.name)), before);

    backend.delete_snapshot(&taken, None).await.unwrap();
    backend.delete_snapshot(&taken, None).await.unwrap();
    for _ in 0..2 {
        backend.delete_share(&one, None).await.unwrap();
    }
    assert!(!directory.exists());

    // A copy that was broken off is made anew.
    let second = snapshot(&clone);
    let partial = ground.snapshots().join(format!("{}.partial", second.name));
    fs::create_dir(&partial).unwrap();
    fs::write(partial.join("half"), "half").unwrap();
    // One that this backend has not begun is nobody's to remove, until its operator says so.
    let denial = assert_driver!(backend.create_snapshot(&second, None).await, Denied);
    assert!(denial.reason.contains("was not made by this backend"), "{denial:?}");
    assert_eq!(fs::read_to_string(partial.join("half")).unwrap(), "half");
    let name = partial.file_name().unwrap().to_str().unwrap();
    backend.add_owned(&Container::Root("snapshots".to_owned()), name).await.unwrap();
    backend.create_snapshot(&second, None).await.unwrap();
    assert_eq!(tree(&ground.snapshots().join(&second.name)), before);
    assert!(!partial.exists());
}

#[tokio::test]
async fn a_directory_that_somebody_else_made_is_neither_handed_out_nor_removed() {
    let ground = Ground::new();
    let runtime = runtime(Limits::default());
    let backend = ground.directory(&runtime, &[]).await;
    let one = share("one", 1);
    let directory = ground.shares().join(&one.name);
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("theirs"), "theirs").unwrap();
    let error = backend.create_share(&one, None).await.unwrap_err();
    assert!(
        matches!(&error, Error::Create(answer) if matches!(answer.error, DriverError::BackendFailed(_)))
    );
    assert_driver!(backend.delete_share(&one, None).await, BackendFailed);
    assert_eq!(fs::read_to_string(directory.join("theirs")).unwrap(), "theirs");
    assert_eq!(recorded(&backend, &one.id).await.status, ShareStatus::ErrorDeleting);
}

#[tokio::test]
async fn a_share_is_found_again_after_a_restart() {
    let ground = Ground::new();
    let one = share("one", 1);
    let locations = {
        let backend = ground.directory(&runtime(Limits::default()), &[]).await;
        backend.create_share(&one, None).await.unwrap()
    };
    let backend = ground.directory(&runtime(Limits::default()), &[]).await;
    let found = recorded(&backend, &one.id).await;
    assert_eq!(backend.ensure_share(&found, None).await.unwrap(), locations);
    fs::remove_dir(ground.shares().join(&one.name)).unwrap();
    assert_driver!(backend.ensure_share(&found, None).await, ShareResourceNotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_shares_cannot_both_take_the_last_room() {
    let ground = Ground::new();
    let options = [
        ("directory_capacity_gib", OptionValue::Integer(10)),
        ("max_over_subscription_ratio", OptionValue::Float(1.0)),
    ];
    let backend = ground.directory(&runtime(Limits::default()), &options).await;
    backend.create_share(&share("large", 8), None).await.unwrap();
    let rivals = [share("a", 2), share("b", 2), share("c", 1), share("d", 2)];
    let mut tasks = tokio::task::JoinSet::new();
    for rival in rivals.clone() {
        let backend = backend.clone();
        tasks.spawn(async move {
            let answer = backend.create_share(&rival, None).await;
            match answer {
                Ok(_) => rival.size,
                Err(Error::Create(answer)) => {
                    assert!(matches!(answer.error, DriverError::BackendFailed(_)), "{answer:?}");
                    0
                }
                Err(other) => panic!("{other:?}"),
            }
        });
    }
    let taken: u64 = tasks.join_all().await.iter().sum();
    assert!((1..=2).contains(&taken), "{taken} GiB were given of 2");
    let records = backend.records().shares().await.unwrap();
    let available = records.iter().filter(|one| one.share.status == ShareStatus::Available);
    assert_eq!(available.map(|one| one.share.size).sum::<u64>(), 8 + taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_calls_run_at_once() {
    let ground = Arc::new(Ground::new());
    let backend = ground.directory(&runtime(Limits::default()), &[]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for salt in 0..16_u8 {
        let (backend, ground) = (backend.clone(), Arc::clone(&ground));
        tasks.spawn(async move {
            let one = share(&format!("share {salt}"), 1);
            backend.create_share(&one, None).await.unwrap();
            fill(&ground.shares().join(&one.name), salt);
            let taken = snapshot(&one);
            backend.create_snapshot(&taken, None).await.unwrap();
            let same = tree(&ground.shares().join(&one.name));
            assert_eq!(tree(&ground.snapshots().join(&taken.name)), same);
            backend.delete_snapshot(&taken, None).await.unwrap();
            backend.delete_share(&one, None).await.unwrap();
        });
    }
    tasks.join_all().await;
    assert!(tree(&ground.shares()).is_empty() && tree(&ground.snapshots()).is_empty());
    assert!(backend.records().shares().await.unwrap().is_empty());
}

/// The policy is no wider than what the driver needs. (Those for shares on the network are with the
/// servers: `storage::ganesha::rules`, `storage::samba::rules`.)
#[tokio::test]
async fn every_rule_of_the_policy_is_needed() {
    let ground = Ground::new();
    let backend = ground.directory(&runtime(Limits::default()), &[]).await;
    backend.do_setup().await.unwrap();
    backend.check_for_setup_error().await.unwrap();
    backend.get_share_stats(true).await.unwrap();
    let one = share("one", 1);
    backend.create_share(&one, None).await.unwrap();
    let current = recorded(&backend, &one.id).await;
    fill(&ground.shares().join(&one.name), 1);
    let taken = snapshot(&current);
    backend.create_snapshot(&taken, None).await.unwrap();
    let clone = share("clone", 1);
    backend.create_share_from_snapshot(&clone, &taken, None).await.unwrap();
    backend.extend_share(&current, 2, None).await.unwrap();
    backend.shrink_share(&recorded(&backend, &one.id).await, 1, None).await.unwrap();
    let rules = [rule("everyone", AccessLevel::Rw)];
    backend.update_access(&current, &rules, &[], &[], None).await.unwrap();
    backend.delete_snapshot(&taken, None).await.unwrap();
    for one in [&one, &clone] {
        backend.delete_share(&recorded(&backend, &one.id).await, None).await.unwrap();
    }
    let asked = widths::asked(&ground, "home");
    widths::assert_close("directory/policy", &widths::shipped("directory/policy"), asked);
}
