//! A pool that is full, numbers that cannot be relied on, and much at once.

use std::sync::Arc;

use abaca::types::{Error as DriverError, Share};
use rustix::io::Errno;
use tokio::task::JoinSet;

use super::{Home, driver_error, reserve, run, text, write};
use crate::storage::pool::SMALL;
use crate::support::{share, snapshot, tree};

#[tokio::test]
async fn a_full_pool_is_told_and_emptied() {
    let Some(home) = Home::of("a pool that is full", SMALL).await else { return };
    let one = share("one", 1);
    let (current, directory) = home.made(&one).await;
    // Its limit is more than there is.
    let mut left = 64;
    for number in 0.. {
        match reserve(&directory, &number.to_string(), left) {
            Ok(()) => {}
            Err(Errno::NOSPC) if left == 1 => break,
            Err(Errno::NOSPC) => left = left.div_ceil(2),
            Err(other) => panic!("{other}"),
        }
    }
    // What can be done is done, what cannot is told, and leaves nothing half-made.
    let taken = snapshot(&current);
    let two = share("two", 1);
    for answer in [
        home.backend.create_snapshot(&taken, None).await.map(drop),
        home.backend.create_share(&two, None).await.map(drop),
    ] {
        if let Err(error) = answer {
            let error = driver_error(Err::<(), _>(error));
            assert!(
                matches!(error, DriverError::CommandFailed(_) | DriverError::BackendFailed(_)),
                "{error:?}"
            );
        }
    }
    assert_eq!(std::fs::read_dir(home.pool.path().join("staging")).unwrap().count(), 0);
    home.backend.delete_snapshot(&taken, None).await.unwrap();
    for one in [&one, &two] {
        home.backend.delete_share(one, None).await.unwrap();
    }
    home.assert_bare().await;
}

#[tokio::test]
async fn a_share_does_not_shrink_by_numbers_that_cannot_be_relied_on() {
    let Some(home) = Home::new("quotas that are not right").await else { return };
    let one = share("one", 2);
    let (current, directory) = home.made(&one).await;
    let pool = home.pool.path();
    // What makes btrfs doubt its own numbers: something that is shared comes under a group.
    write(&directory, "file", 1).unwrap();
    let taken = snapshot(&current);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    let id = run("btrfs", &["inspect-internal", "rootid", text(&directory)]);
    let member = format!("0/{}", id.trim());
    run("btrfs", &["qgroup", "create", "1/100", text(&pool)]);
    run("btrfs", &["qgroup", "assign", "--no-rescan", &member, "1/100", text(&pool)]);
    home.backend.check_for_setup_error().await.unwrap();
    let error = driver_error(home.backend.shrink_share(&current, 1, None).await);
    let DriverError::BackendFailed(why) = error else { panic!("{error:?}") };
    assert!(why.contains("btrfs quota rescan -w"), "{why}");
    run("btrfs", &["quota", "rescan", "-w", text(&pool)]);
    home.backend.shrink_share(&home.recorded(&one).await, 1, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_lives_at_once() {
    let Some(home) = Home::new("much at once").await else { return };
    let home = Arc::new(home);
    let mut tasks = JoinSet::new();
    for number in 0..8 {
        let home = Arc::clone(&home);
        tasks.spawn(async move {
            let one: Share = share(&format!("share {number}"), 1);
            let (current, directory) = home.made(&one).await;
            std::fs::write(directory.join("file"), number.to_string()).unwrap();
            let taken = snapshot(&current);
            home.backend.create_snapshot(&taken, None).await.unwrap();
            let clone = share(&format!("clone {number}"), 1);
            home.backend.create_share_from_snapshot(&clone, &taken, None).await.unwrap();
            assert_eq!(tree(&home.shares().join(&clone.name)), tree(&directory));
            home.backend.delete_snapshot(&taken, None).await.unwrap();
            for one in [&one, &clone] {
                home.backend.delete_share(one, None).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    home.assert_bare().await;
}
