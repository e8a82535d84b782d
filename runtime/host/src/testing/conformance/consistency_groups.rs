//! Checks of consistency groups and their snapshots. Called by `checks`.

use serde_json::json;

use super::bench::{Bench, Judged, fails, heard};
use super::operations::{copied_group, group, group_snapshot};
use super::shares::{check_locations, expect_same};
use crate::contract::Interface;
use crate::testing::samples;
use crate::types::{CgShareUpdate, CgsnapshotMemberUpdate};

pub(super) async fn missing_group_is_deleted(bench: Bench) -> Judged {
    bench.needs(Interface::ConsistencyGroups)?;
    let before = bench.facts()?;
    let empty = samples::consistency_group(&bench.id(0x6000), Vec::new());
    bench.ok("delete-consistency-group", json!([empty, bench.server])).await?;
    expect_same(&before, &bench, "after it")
}

pub(super) async fn missing_group_snapshot_is_deleted(bench: Bench) -> Judged {
    bench.needs(Interface::ConsistencyGroups)?;
    let group = group(&bench).await?;
    let before = bench.facts()?;
    let cgsnapshot = samples::cgsnapshot(&bench.id(0x6100), &group);
    bench.ok("delete-cgsnapshot", json!([cgsnapshot, bench.server])).await?;
    expect_same(&before, &bench, "after it")
}

pub(super) async fn group_with_members_keeps_them(bench: Bench) -> Judged {
    bench.needs(Interface::ConsistencyGroups)?;
    let group = group(&bench).await?;
    let before = bench.facts()?;
    let called = bench.call("delete-consistency-group", json!([group, bench.server])).await?;
    let after = bench.facts()?;
    if !called.is_ok() && before != after {
        return expect_same(&before, &bench, &format!("{called}; afterwards"));
    }
    for share in &group.shares {
        bench.ok("ensure-share", json!([share, bench.server])).await?;
    }
    Ok(())
}

pub(super) async fn group_snapshot_names_members_only(bench: Bench) -> Judged {
    bench.needs(Interface::ConsistencyGroups)?;
    let group = group(&bench).await?;
    let cgsnapshot = samples::cgsnapshot(&bench.id(0x6100), &group);
    let answer = bench.ok("create-cgsnapshot", json!([cgsnapshot, bench.server])).await?;
    let updates: Vec<CgsnapshotMemberUpdate> = heard(&answer)?;
    match updates.iter().find(|one| !cgsnapshot.members.iter().any(|of| of.id == one.id)) {
        Some(stranger) => fails!("it answers the member {:?}, which nobody named", stranger.id),
        None => Ok(()),
    }
}

pub(super) async fn one_group_snapshot_leaves_the_other(bench: Bench) -> Judged {
    bench.needs(Interface::ConsistencyGroups)?;
    let group = group(&bench).await?;
    group_snapshot(&bench, &group).await?;
    let first = bench.facts()?;
    let second = samples::cgsnapshot(&bench.id(0x6300), &group);
    bench.ok("create-cgsnapshot", json!([second, bench.server])).await?;
    bench.ok("delete-cgsnapshot", json!([second, bench.server])).await?;
    expect_same(&first, &bench, "after a second snapshot of the group was taken and removed")
}

pub(super) async fn copied_shares_are_found(bench: Bench) -> Judged {
    bench.needs(Interface::ConsistencyGroups)?;
    let first = group(&bench).await?;
    let cgsnapshot = group_snapshot(&bench, &first).await?;
    let copy = copied_group(&bench, &cgsnapshot);
    let arguments = json!([copy, cgsnapshot, bench.server]);
    let answer = bench.ok("create-consistency-group-from-cgsnapshot", arguments).await?;
    let updates: Vec<CgShareUpdate> = heard(&answer)?;
    for share in &copy.shares {
        match updates.iter().find(|update| update.id == share.id) {
            Some(update) => check_locations(&update.export_locations)?,
            None => fails!("it says nothing of where the share {} is", share.id),
        }
    }
    Ok(())
}

pub(super) async fn group_and_all_in_it_leave_nothing(bench: Bench) -> Judged {
    bench.needs(Interface::ConsistencyGroups)?;
    let before = bench.facts()?;
    let group = group(&bench).await?;
    let cgsnapshot = group_snapshot(&bench, &group).await?;
    bench.ok("delete-cgsnapshot", json!([cgsnapshot, bench.server])).await?;
    for share in &group.shares {
        bench.ok("delete-share", json!([share, bench.server])).await?;
    }
    let empty = samples::consistency_group(&group.id, Vec::new());
    bench.ok("delete-consistency-group", json!([empty, bench.server])).await?;
    expect_same(&before, &bench, "after all was removed")
}
