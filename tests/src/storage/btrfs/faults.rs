//! Calls that end in the middle, wherever that is: by a refusal at each step, by being dropped,
//! by `kill -9`. The repeated call finds what there is and goes on, or removal leaves nothing.

use std::fs;
use std::process::Stdio;

use abaca::types::{Error as DriverError, Share, ShareStatus, Snapshot};

use super::{Home, driver_error, open, policy, write};
use crate::support::{Desk, component, dropped_at, settled, share, snapshot, tree, until};

/// A policy without this rule.
pub fn without(policy: &str, id: &str) -> String {
    // Each piece is what stands beneath one heading.
    let pieces = policy.split("\n[");
    let kept: Vec<_> =
        pieces.filter(|piece| !piece.contains(&format!("\nid = {id:?}\n"))).collect();
    assert!(kept.join("\n[").len() < policy.len(), "there is no rule {id}");
    kept.join("\n[")
}

/// What a call leaves that was killed when it had made a clone of this snapshot; then the same
/// call again. The clone is removed in the end.
pub async fn cut_short(home: &Home, taken: &Snapshot) {
    // Nothing but a refusal of all that could clean up leaves what a killed process leaves.
    let policy = without(&without(&policy(&home.pool), "limit"), "remove-staged");
    let broken = open(&home.ground, &home.pool, &policy).await;
    let one = share("cut short", 1);
    let error = driver_error(broken.create_share_from_snapshot(&one, taken, None).await);
    assert!(matches!(error, DriverError::Denied(_)), "{error:?}");
    assert!(home.pool.path().join("staging").join(&one.name).is_dir());
    assert!(!home.shares().join(&one.name).exists(), "no client sees it");
    drop(broken);
    home.backend.create_share_from_snapshot(&one, taken, None).await.unwrap();
    home.backend.delete_share(&one, None).await.unwrap();
}

/// Each step of making a share and a clone is refused once.
#[tokio::test]
async fn a_refusal_at_each_step_is_made_good_by_the_repeated_call() {
    let Some(home) = Home::new("refusals at each step").await else { return };
    let (first, directory) = home.made(&share("first", 1)).await;
    fs::write(directory.join("file"), "kept").unwrap();
    let taken = snapshot(&first);
    home.backend.create_snapshot(&taken, None).await.unwrap();
    let kept = tree(&home.snapshots().join(&taken.name));
    let steps = ["measure", "staged-there", "staged", "show-staged", "limit", "share-name", "sync"];
    for step in steps.into_iter().chain(["make-share", "clone"]) {
        let policy = without(&policy(&home.pool), step);
        let broken = open(&home.ground, &home.pool, &policy).await;
        let (empty, clone) = (share(step, 1), share(step, 1));
        let answers = [
            broken.create_share(&empty, None).await,
            broken.create_share_from_snapshot(&clone, &taken, None).await,
        ];
        let failed = answers.iter().filter(|answer| answer.is_err()).count();
        assert_eq!(failed, if step == "make-share" || step == "clone" { 1 } else { 2 }, "{step}");
        let staged = fs::read_dir(home.pool.path().join("staging")).unwrap().count();
        assert!(staged == 0 || step == "share-name", "{step}: {staged} are left half-made");
        drop(broken);
        home.made(&empty).await;
        assert!(tree(&home.shares().join(&empty.name)).is_empty());
        home.backend.create_share_from_snapshot(&clone, &taken, None).await.unwrap();
        assert_eq!(tree(&home.shares().join(&clone.name)), kept, "{step}");
        for one in [empty, clone] {
            let directory = home.shares().join(&one.name);
            assert!(super::reserve(&directory, "too much", 1100).is_err(), "{step}: no limit");
            home.backend.delete_share(&one, None).await.unwrap();
        }
    }
    home.backend.delete_snapshot(&taken, None).await.unwrap();
    home.backend.delete_share(&first, None).await.unwrap();
    home.assert_bare().await;
}

/// Repeated, each call is the same as once.
#[tokio::test]
async fn what_is_repeated_succeeds_and_changes_nothing() {
    let Some(home) = Home::new("repeated calls").await else { return };
    let one = share("one", 1);
    let (current, directory) = home.made(&one).await;
    write(&directory, "file", 1).unwrap();
    let before = tree(&directory);
    home.backend.create_share(&one, None).await.unwrap();
    assert_eq!(tree(&directory), before);
    let taken = snapshot(&current);
    let clone = share("clone", 1);
    for _ in 0..2 {
        home.backend.create_snapshot(&taken, None).await.unwrap();
        home.backend.create_share_from_snapshot(&clone, &taken, None).await.unwrap();
    }
    assert_eq!(tree(&home.snapshots().join(&taken.name)), before);
    assert_eq!(tree(&home.shares().join(&clone.name)), before);
    for _ in 0..2 {
        home.backend.delete_snapshot(&taken, None).await.unwrap();
        home.backend.delete_share(&clone, None).await.unwrap();
        home.backend.delete_share(&one, None).await.unwrap();
    }
    home.assert_bare().await;
}

/// The call is given up after its first step, after its second, and so on.
#[tokio::test]
async fn a_call_that_is_dropped_leaves_nothing_that_is_not_removed() {
    let Some(home) = Home::new("dropped calls").await else { return };
    for point in 0.. {
        let one = share("one", 1);
        let answer = dropped_at(2 * point + 1, home.backend.create_share(&one, None)).await;
        if answer.is_none() {
            let recorded = home.backend.records().share(&one.id).await.unwrap();
            if recorded.is_some_and(|record| record.share.status == ShareStatus::Creating) {
                settled(&home.backend, &one.id, ShareStatus::Error).await;
            }
            // Every other time it is made after all.
            if point % 2 == 0 {
                home.made(&one).await;
            }
        }
        home.backend.delete_share(&one, None).await.unwrap();
        home.assert_bare().await;
        if answer.is_some() {
            assert!(point > 9, "it was dropped at {point} points only");
            break;
        }
    }
}

/// The whole program is killed when it is about to do each step; another run of it removes what
/// is there.
#[tokio::test]
async fn kill_9_at_each_step() {
    let Some(home) = Home::new("kill -9").await else { return };
    let (ground, shares) = (&home.ground, home.shares());
    let text = Desk::text(ground, "home", &component("abaca-driver-btrfs"));
    let desk = Desk::with(ground, &format!("{text}btrfs_export_root = {shares:?}\n"));
    let steps = ["make-share", "staged", "show-staged", "limit", "staged + share-name", "sync"];
    for (number, step) in steps.into_iter().enumerate() {
        let before = ground.audit("home").len();
        let name = format!("share-{number}");
        let mut command = desk.command(&["share", "create", &name, "--size", "1"]);
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("it comes to the step", || {
            let lines = ground.audit("home");
            lines.iter().skip(before).any(|line| line["rule"] == step)
        })
        .await;
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(!desk.share(&name).is_null(), "{step}: what was begun is known");
        // What the dead process had started may not have been ended yet.
        until("it is removed", || desk.run(&["share", "delete", &name]).code == Some(0)).await;
        home.assert_bare().await;
    }
}

/// What somebody else has put in a share's place is neither handed out nor removed.
#[tokio::test]
async fn what_is_not_ours_stays() {
    let Some(home) = Home::new("the subvolumes of others").await else { return };
    let one = share("one", 1);
    let theirs = home.shares().join(&one.name);
    let make =
        |path: &std::path::Path| super::run("btrfs", &["subvolume", "create", super::text(path)]);
    make(&theirs);
    fs::write(theirs.join("file"), "theirs").unwrap();
    let error = driver_error(home.backend.create_share(&one, None).await);
    assert!(matches!(error, DriverError::BackendFailed(_)), "{error:?}");
    let error = driver_error(home.backend.delete_share(&one, None).await);
    assert!(matches!(error, DriverError::BackendFailed(_)), "{error:?}");
    assert_eq!(fs::read_to_string(theirs.join("file")).unwrap(), "theirs");

    // In the place where a share is made.
    let two = share("two", 1);
    let staged = home.pool.path().join("staging").join(&two.name);
    make(&staged);
    let error = driver_error(home.backend.create_share(&two, None).await);
    assert!(matches!(error, DriverError::Denied(_)), "{error:?}");
    assert!(staged.is_dir());

    // In a share: what a client has made there is not removed under its hands.
    let three = share("three", 1);
    let (current, directory): (Share, _) = home.made(&three).await;
    let inner = directory.join("inner");
    make(&inner);
    let error = driver_error(home.backend.delete_share(&current, None).await);
    let DriverError::ShareIsBusy(text) = error else { panic!("{error:?}") };
    assert!(text.contains("btrfs subvolume delete"), "{text}");
    assert!(inner.is_dir());
    super::run("btrfs", &["subvolume", "delete", super::text(&inner)]);
    home.backend.delete_share(&current, None).await.unwrap();
    assert!(!directory.exists());
}
