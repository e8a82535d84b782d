//! Shares that move to the other pool, in two phases, and that stay where they are after all.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use abaca::types::{Error as DriverError, MigrationDestination, Share, ShareStatus};
use abaca::{Backend, Error};

use super::two::{CLIENT, Two, census, change, fill, furnish, is_read_only, replicated};
use super::{Home, driver_error, faults, reserve, run, text};
use crate::storage::pool::SMALL;
use crate::support::{eventually, share, snapshot};

fn to(pool: &str) -> MigrationDestination {
    MigrationDestination { host: format!("test@home#{pool}"), capabilities: Vec::new() }
}

/// Begins to move a share, and says what is recorded of it.
pub async fn started(two: &Two, one: &Share, pool: &str) -> Share {
    let begun = two.backend().migration_start(one, None, &to(pool), &[], false).await.unwrap();
    assert!(begun.moved && begun.export_locations.is_empty());
    let moving = two.home.recorded(one).await;
    assert_eq!(moving.status, ShareStatus::Migrating);
    moving
}

pub async fn progress(backend: &Backend, moving: &Share) -> u8 {
    backend.migration_get_progress(moving, None, &[]).await.unwrap()
}

/// Asserts that there is nothing of a share in a pool, and no copies.
fn assert_gone(two: &Two, one: &Share, pool: usize) {
    assert!(!two.places(one)[pool].exists());
    assert!(!two.roots("staging")[pool].join(&one.name).exists());
    for root in two.roots("replicas") {
        assert_eq!(fs::read_dir(root).unwrap().count(), 0);
    }
}

/// A share of a client's moves to the second pool and back, with all that is in it.
pub async fn there_and_back(two: &Two) {
    let one = two.made("first").await;
    let [here, there] = two.places(&one);
    furnish(&here);
    let moving = started(two, &one, "second").await;
    assert_eq!(progress(two.backend(), &moving).await, 90);
    change(&here);
    assert_eq!(progress(two.backend(), &moving).await, 100);
    assert_eq!(progress(two.backend(), &moving).await, 100);
    // What is written after the last question comes with the last step.
    fs::write(here.join("last"), "last").unwrap();
    let before = census(&here);
    let found = two.backend().migration_complete(&moving, None, &[]).await.unwrap();
    assert_eq!(found[0].path, text(&there));
    assert_eq!(census(&there), before);
    assert_gone(two, &one, 0);
    let moved = two.home.recorded(&one).await;
    assert_eq!((moved.status, moved.pool.as_deref()), (ShareStatus::Available, Some("second")));
    assert_eq!(moved.export_locations, found);
    let pool = two.backend().get_pool(&moved).await.unwrap();
    assert_eq!(pool.as_deref(), Some("second"));
    // It is a share there as any other.
    assert_eq!(fs::metadata(&there).unwrap().uid(), CLIENT);
    reserve(&there, "too much", 1100).unwrap_err();
    two.backend().extend_share(&moved, 2, None).await.unwrap();
    reserve(&there, "enough", 1100).unwrap();
    fs::remove_file(there.join("enough")).unwrap();
    two.backend().shrink_share(&two.home.recorded(&one).await, 1, None).await.unwrap();
    two.backend().update_access(&moved, &[], &[], &[], None).await.unwrap();
    let taken = snapshot(&moved);
    for _ in 0..2 {
        two.backend().create_snapshot(&taken, None).await.unwrap();
    }
    let [_, snapshots] = two.roots("snapshots");
    assert!(snapshots.join(&taken.name).is_dir());
    let clone = share("clone", 1);
    two.backend().create_share_from_snapshot(&clone, &taken, None).await.unwrap();
    assert!(two.places(&clone)[1].is_dir());
    for one in [&taken] {
        two.backend().delete_snapshot(one, None).await.unwrap();
    }
    two.backend().delete_share(&clone, None).await.unwrap();

    // And back.
    let before = census(&there);
    let moving = started(two, &two.home.recorded(&one).await, "first").await;
    while progress(two.backend(), &moving).await < 100 {}
    two.backend().migration_complete(&moving, None, &[]).await.unwrap();
    assert_eq!(census(&here), before);
    assert_gone(two, &one, 1);
    two.backend().delete_share(&two.home.recorded(&one).await, None).await.unwrap();
}

#[tokio::test]
async fn a_share_moves_in_two_phases() {
    let Some(two) = Two::new("shares that move").await else { return };
    there_and_back(&two).await;
    // At once, for whoever does not come back.
    let one = two.made("first").await;
    let [here, there] = two.places(&one);
    furnish(&here);
    let before = census(&here);
    let begun = two.backend().migration_start(&one, None, &to("second"), &[], true).await.unwrap();
    assert_eq!(begun.export_locations[0].path, text(&there));
    assert_eq!(census(&there), before);
    assert_gone(&two, &one, 0);
    two.backend().delete_share(&two.home.recorded(&one).await, None).await.unwrap();
    two.assert_bare().await;
}

#[tokio::test]
async fn cancelled_in_either_phase_it_is_as_before() {
    let Some(two) = Two::new("shares that do not move after all").await else { return };
    let one = two.made("first").await;
    let [here, _] = two.places(&one);
    furnish(&here);
    let before = census(&here);
    for questions in 0..3 {
        let moving = started(&two, &two.home.recorded(&one).await, "second").await;
        for _ in 0..questions {
            progress(two.backend(), &moving).await;
        }
        two.backend().migration_cancel(&moving, None, &[]).await.unwrap();
        assert_eq!(census(&here), before, "after {questions} questions");
        assert_gone(&two, &one, 1);
        assert!(!is_read_only(&here));
    }
    // Also in the second phase, wherever that has failed.
    let steps =
        ["shut", "second-bring-share", "second-show-staged", "second-limit", "second-share-name"];
    for step in steps {
        let moving = started(&two, &two.home.recorded(&one).await, "second").await;
        while progress(two.backend(), &moving).await < 100 {}
        let broken = two.with_policy(|policy| faults::without(&policy, step)).await;
        let answer = broken.migration_complete(&moving, None, &[]).await;
        assert!(matches!(driver_error(answer), DriverError::Denied(_)), "{step}");
        drop(broken);
        assert!(!is_read_only(&here), "{step}: clients go on");
        let moving = two.home.recorded(&one).await;
        two.backend().migration_cancel(&moving, None, &[]).await.unwrap();
        assert_eq!(census(&here), before, "{step}");
        assert_gone(&two, &one, 1);
    }
    // The room in the other pool is free again.
    let large = Share { pool: Some("second".into()), ..share("large", 16) };
    two.backend().create_share(&large, None).await.unwrap();
    let idle = two.home.recorded(&one).await;
    let answer = two.backend().migration_start(&idle, None, &to("second"), &[], false).await;
    let DriverError::BackendFailed(why) = driver_error(answer) else { panic!() };
    assert!(why.contains("no room"), "{why}");
    for one in [&one, &large] {
        two.backend().delete_share(&two.home.recorded(one).await, None).await.unwrap();
    }
    two.assert_bare().await;
}

/// The second phase is cut short at each step; the same call ends it.
#[tokio::test]
async fn a_switch_that_was_cut_short_is_ended_by_the_same_call() {
    let Some(two) = Two::new("switches that are cut short").await else { return };
    for step in ["remove-share", "remove-copy", "second-remove-copy", "copies", "second-copies"] {
        let one = two.made("first").await;
        let [here, there] = two.places(&one);
        furnish(&here);
        let before = census(&here);
        let moving = started(&two, &one, "second").await;
        // Nothing is removed before the second phase but what another copy replaces.
        assert_eq!(progress(two.backend(), &moving).await, 90);
        let broken = two.with_policy(|policy| faults::without(&policy, step)).await;
        let answer = broken.migration_complete(&moving, None, &[]).await;
        assert!(matches!(driver_error(answer), DriverError::Denied(_)), "{step}");
        drop(broken);
        let moving = two.home.recorded(&one).await;
        assert_eq!(moving.status, ShareStatus::Migrating);
        two.backend().migration_complete(&moving, None, &[]).await.unwrap();
        assert_eq!(census(&there), before, "{step}");
        assert_gone(&two, &one, 0);
        two.backend().delete_share(&two.home.recorded(&one).await, None).await.unwrap();
    }
    two.assert_bare().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_sent_it_is_told_how_much_has_arrived() {
    let Some(two) = Two::new("a large share that moves").await else { return };
    let one = two.made("first").await;
    let [here, _] = two.places(&one);
    fill(&here, "large", 384);
    let moving = started(&two, &one, "second").await;
    let (backend, asked) = (two.backend().clone(), moving.clone());
    let first = tokio::spawn(async move { progress(&backend, &asked).await });
    // Whoever asks first sends: a question before its copy is there would be that one.
    eventually("it is being sent", async || {
        let [sent, _] = two.copies();
        (!sent.is_empty()).then_some(())
    })
    .await;
    // What has arrived counts when it is on the storage.
    let told = eventually("something has arrived", async || {
        run("btrfs", &["filesystem", "sync", text(&two.second.path())]);
        match progress(two.backend(), &moving).await {
            0 => None,
            percent => Some(percent),
        }
    })
    .await;
    assert_eq!(first.await.unwrap(), 90);
    assert!(told < 90, "{told}: it was sent before anybody could ask");
    while progress(two.backend(), &moving).await < 100 {}
    two.backend().migration_complete(&moving, None, &[]).await.unwrap();
    two.backend().delete_share(&two.home.recorded(&one).await, None).await.unwrap();
    two.assert_bare().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_goes_on_writing_is_not_lost() {
    let Some(two) = Two::new("a client that goes on writing").await else { return };
    let one = two.made("first").await;
    let [here, there] = two.places(&one);
    let mut open = File::create(here.join("open")).unwrap();
    let moving = started(&two, &one, "second").await;
    while progress(two.backend(), &moving).await < 90 {}
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let writer = std::thread::spawn(move || {
        let mut written = 0_u64;
        while !stopped.load(Ordering::Relaxed) {
            open.write_all(b"more ").unwrap();
            open.sync_data().unwrap();
            written += 5;
        }
        written
    });
    let answer = two.backend().migration_complete(&moving, None, &[]).await;
    let DriverError::MigrationFailed(why) = driver_error(answer) else { panic!() };
    assert!(why.contains("open"), "{why}");
    // Clients go on where they were, with all files.
    fs::write(here.join("another"), "another").unwrap();
    assert!(!there.exists());
    stop.store(true, Ordering::Relaxed);
    let written = writer.join().unwrap();
    let moving = two.home.recorded(&one).await;
    two.backend().migration_complete(&moving, None, &[]).await.unwrap();
    assert_eq!(fs::metadata(there.join("open")).unwrap().len(), written);
    assert_eq!(fs::read_to_string(there.join("another")).unwrap(), "another");
    two.backend().delete_share(&two.home.recorded(&one).await, None).await.unwrap();
    two.assert_bare().await;
}

#[tokio::test]
async fn a_full_pool_is_told_and_the_share_stays() {
    let Some(two) = Two::of("a pool that is too small to move to", SMALL).await else { return };
    let one = two.made("first").await;
    let [here, _] = two.places(&one);
    fill(&here, "large", 300);
    let moving = started(&two, &one, "second").await;
    let answer = two.backend().migration_get_progress(&moving, None, &[]).await;
    let DriverError::BackendFailed(why) = driver_error(answer) else { panic!() };
    assert!(why.contains("the pool `second` is full"), "{why}");
    let answer = two.backend().migration_complete(&moving, None, &[]).await;
    assert!(matches!(driver_error(answer), DriverError::MigrationFailed(_)));
    let moving = two.home.recorded(&one).await;
    two.backend().migration_cancel(&moving, None, &[]).await.unwrap();
    assert_gone(&two, &one, 1);
    assert_eq!(fs::metadata(here.join("large")).unwrap().len(), 300 << 20);
    two.backend().delete_share(&two.home.recorded(&one).await, None).await.unwrap();
    two.assert_bare().await;
}

#[tokio::test]
async fn what_cannot_move_is_refused_or_left_to_the_service() {
    let Some(home) = Home::new("a pool that is alone").await else { return };
    let (one, _) = home.made(&share("one", 1)).await;
    let begun = home.backend.migration_start(&one, None, &to("second"), &[], false).await.unwrap();
    assert!(!begun.moved, "there is one pool");

    let Some(two) = Two::new("what does not move").await else { return };
    let one = two.made("first").await;
    let elsewhere = MigrationDestination { host: "test@other#second".into(), ..to("second") };
    let begun = two.backend().migration_start(&one, None, &elsewhere, &[], false).await.unwrap();
    assert!(!begun.moved, "another back end is the service's");
    let refused = async |one: &Share, pool: &str| {
        let answer = two.backend().migration_start(one, None, &to(pool), &[], false).await;
        driver_error(answer)
    };
    assert!(matches!(refused(&one, "first").await, DriverError::MigrationFailed(_)));
    assert!(matches!(refused(&one, "third").await, DriverError::InvalidShare(_)));
    let taken = snapshot(&one);
    two.backend().create_snapshot(&taken, None).await.unwrap();
    let DriverError::MigrationFailed(why) = refused(&one, "second").await else { panic!() };
    assert!(why.contains("1 snapshots"), "{why}");
    two.backend().delete_snapshot(&taken, None).await.unwrap();
    let [active, _] = replicated(&two).await;
    assert!(matches!(refused(&active.share, "second").await, DriverError::MigrationFailed(_)));
    // Before the first phase is over there is no second one.
    let moving = started(&two, &one, "second").await;
    let answer = two.backend().migration_complete(&moving, None, &[]).await;
    assert!(matches!(driver_error(answer), DriverError::MigrationFailed(_)));
    let idle = two.home.recorded(&active.share).await;
    let answer = two.backend().migration_get_progress(&idle, None, &[]).await;
    assert!(matches!(answer, Err(Error::Invalid(_))));
}
