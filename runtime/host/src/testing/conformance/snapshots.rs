//! Checks of snapshots, and of shares made from them. Called by `checks`.

use serde_json::json;

use super::bench::{Bench, Judged, fails};
use super::shares::{check_locations, expect_same};
use crate::contract::Interface;
use crate::types::Share;

pub(super) async fn snapshot_of_a_missing_share_is_refused(bench: Bench) -> Judged {
    bench.needs(Interface::Snapshots)?;
    let before = bench.facts()?;
    let snapshot = bench.snapshot(1, &bench.share(1, 1));
    let called = bench.call("create-snapshot", json!([snapshot, bench.server])).await?;
    if called.is_ok() {
        fails!("a snapshot is taken of a share that nobody has made");
    }
    bench.ok("delete-snapshot", json!([snapshot, bench.server])).await?;
    expect_same(&before, &bench, &format!("{called}; afterwards"))
}

pub(super) async fn missing_snapshot_is_deleted(bench: Bench) -> Judged {
    bench.needs(Interface::Snapshots)?;
    let share = bench.made(1, 1).await?;
    let before = bench.facts()?;
    let snapshot = bench.snapshot(1, &share);
    let called = bench.call("delete-snapshot", json!([snapshot, bench.server])).await?;
    if !called.is_ok() && called.error() != Some("snapshot-resource-not-found") {
        fails!("{called}; a snapshot that is not there is removed already");
    }
    expect_same(&before, &bench, "after it")
}

pub(super) async fn one_snapshot_leaves_the_other(bench: Bench) -> Judged {
    bench.needs(Interface::Snapshots)?;
    let share = bench.made(1, 1).await?;
    bench.taken(1, &share).await?;
    let first = bench.facts()?;
    let second = bench.taken(2, &share).await?;
    bench.ok("delete-snapshot", json!([second, bench.server])).await?;
    expect_same(&first, &bench, "after a second snapshot was taken and removed")
}

pub(super) async fn snapshot_leaves_its_share(bench: Bench) -> Judged {
    bench.needs(Interface::Snapshots)?;
    let share = bench.made(1, 1).await?;
    let before = bench.facts()?;
    bench.taken(1, &share).await?;
    let after = bench.facts()?;
    match before.iter().find(|fact| !after.contains(fact)) {
        Some(gone) => fails!("taking a snapshot changes of its share: {gone}"),
        None => Ok(()),
    }
}

/// A share goes before its snapshot, or is kept until that is gone; either way nothing is left.
pub(super) async fn share_and_snapshot_leave_nothing(bench: Bench) -> Judged {
    bench.needs(Interface::Snapshots)?;
    let before = bench.facts()?;
    let share = bench.made(1, 1).await?;
    let snapshot = bench.taken(1, &share).await?;
    // Who is in stays in where the share does.
    if let (true, Ok(rule)) = (bench.driver().offers(Interface::Access), bench.rule(1)) {
        bench.ok("update-access", json!([share, [rule], [rule], [], bench.server])).await?;
    }
    let there = bench.facts()?;
    let called = bench.call("delete-share", json!([share, bench.server])).await?;
    if !called.is_ok() {
        expect_same(&there, &bench, &format!("{called}; afterwards"))?;
    } else if let Some(answer) =
        bench.call("ensure-share", json!([share, bench.server])).await?.answer()
    {
        fails!(
            "of a share with a snapshot {called}, and `ensure-share` answers {answer}: it is there all \
             the same"
        );
    }
    bench.ok("delete-snapshot", json!([snapshot, bench.server])).await?;
    bench.ok("delete-share", json!([share, bench.server])).await?;
    expect_same(&before, &bench, "after both were removed")
}

pub(super) async fn clone_has_its_own_location(bench: Bench) -> Judged {
    bench.needs(Interface::Clones)?;
    let share = bench.made(1, 1).await?;
    let snapshot = bench.taken(1, &share).await?;
    let clone = bench.share(2, 1);
    let arguments = json!([clone, snapshot, bench.server]);
    let answer = bench.ok("create-share-from-snapshot", arguments).await?;
    let locations = Bench::locations(&answer)?;
    check_locations(&locations)?;
    if let Some(shared) =
        locations.iter().find(|one| share.export_locations.iter().any(|of| of.path == one.path))
    {
        fails!("share and clone are both found at {}", shared.path);
    }
    // Nor are two clones one.
    let arguments = json!([bench.share(3, 1), snapshot, bench.server]);
    let answer = bench.ok("create-share-from-snapshot", arguments).await?;
    let others = Bench::locations(&answer)?;
    match locations.iter().find(|one| others.iter().any(|other| other.path == one.path)) {
        Some(shared) => fails!("two clones of a snapshot are both found at {}", shared.path),
        None => Ok(()),
    }
}

pub(super) async fn clone_of_nothing_is_refused(bench: Bench) -> Judged {
    bench.needs(Interface::Clones)?;
    let share = bench.made(1, 1).await?;
    let before = bench.facts()?;
    let arguments = json!([bench.share(2, 1), bench.snapshot(1, &share), bench.server]);
    let called = bench.call("create-share-from-snapshot", arguments).await?;
    if called.is_ok() {
        fails!("a share is made from a snapshot that nobody has taken");
    }
    bench.ok("delete-share", json!([bench.share(2, 1), bench.server])).await?;
    expect_same(&before, &bench, &format!("{called}; afterwards"))
}

pub(super) async fn larger_clone_is_made_or_refused_whole(bench: Bench) -> Judged {
    bench.needs(Interface::Clones)?;
    let share = bench.made(1, 1).await?;
    let snapshot = bench.taken(1, &share).await?;
    let before = bench.facts()?;
    let clone = bench.share(2, 3);
    let arguments = json!([clone, snapshot, bench.server]);
    let called = bench.call("create-share-from-snapshot", arguments).await?;
    bench.ok("delete-share", json!([clone, bench.server])).await?;
    expect_same(&before, &bench, &format!("{called}; removed"))
}

/// Whatever a driver keeps of one for the other: in the end nothing is left of them.
pub(super) async fn clone_and_snapshot_leave_nothing(bench: Bench) -> Judged {
    bench.needs(Interface::Clones)?;
    let before = bench.facts()?;
    let share = bench.made(1, 1).await?;
    let snapshot = bench.taken(1, &share).await?;
    let clone = Share { snapshot_id: Some(snapshot.snapshot_id.clone()), ..bench.share(2, 1) };
    let arguments = json!([clone, snapshot, bench.server]);
    bench.ok("create-share-from-snapshot", arguments).await?;
    let there = bench.facts()?;
    let called = bench.call("delete-snapshot", json!([snapshot, bench.server])).await?;
    if !called.is_ok() {
        expect_same(&there, &bench, &format!("{called}; afterwards"))?;
    } else {
        let other = Share { snapshot_id: Some(snapshot.snapshot_id.clone()), ..bench.share(3, 1) };
        let arguments = json!([other, snapshot, bench.server]);
        let made = bench.call("create-share-from-snapshot", arguments).await?;
        if made.is_ok() {
            fails!("{called}, and a share is made from the snapshot all the same");
        }
        bench.ok("delete-share", json!([other, bench.server])).await?;
    }
    bench.ok("delete-share", json!([clone, bench.server])).await?;
    bench.ok("delete-snapshot", json!([snapshot, bench.server])).await?;
    bench.ok("delete-share", json!([share, bench.server])).await?;
    expect_same(&before, &bench, "after all were removed")
}
