//! Checks of replicas and their snapshots. Called by `checks`.

use serde_json::json;

use super::backend::stats;
use super::bench::{Bench, Judged, fails, heard, skips};
use super::operations::{both_replicas, replica_snapshots, replicas};
use super::shares::expect_same;
use crate::contract::Interface;
use crate::testing::samples;
use crate::types::{
    Replica, ReplicaSnapshotUpdate, ReplicaState, ReplicaUpdate, Share, SnapshotStatus,
};

/// How often a replica's state is asked for until it must be in sync: nothing is written meanwhile.
const PATIENCE: usize = 20;

pub(super) async fn missing_replica_is_deleted(bench: Bench) -> Judged {
    bench.needs(Interface::Replication)?;
    let (active, second) = replicas(&bench).await?;
    let before = bench.facts()?;
    let arguments = json!([[active, second], [], second, bench.server]);
    bench.ok("delete-replica", arguments).await?;
    expect_same(&before, &bench, "after it")
}

pub(super) async fn missing_replicated_snapshot_is_deleted(bench: Bench) -> Judged {
    bench.needs(Interface::ReplicatedSnapshots)?;
    let (active, second) = both_replicas(&bench).await?;
    let before = bench.facts()?;
    let snapshots = replica_snapshots(&bench, [&active, &second]);
    let arguments = json!([[active, second], snapshots, bench.server]);
    bench.ok("delete-replicated-snapshot", arguments).await?;
    expect_same(&before, &bench, "after it")
}

/// Asks until a replica is in sync.
async fn in_sync(bench: &Bench, replicas: [&Replica; 2], one: &Replica) -> Judged {
    for _ in 0..PATIENCE {
        let arguments = json!([replicas, one, [], [], bench.server]);
        let state: Option<ReplicaState> =
            heard(&bench.ok("update-replica-state", arguments).await?)?;
        match state {
            Some(ReplicaState::InSync | ReplicaState::Active) => return Ok(()),
            Some(ReplicaState::Error) => fails!("a replica that nothing happened to is in error"),
            Some(ReplicaState::OutOfSync) | None => {}
        }
    }
    fails!("asked {PATIENCE} times, it never comes into sync, though nobody writes")
}

pub(super) async fn replica_comes_into_sync(bench: Bench) -> Judged {
    bench.needs(Interface::Replication)?;
    let (active, second) = both_replicas(&bench).await?;
    in_sync(&bench, [&active, &second], &second).await
}

/// Whether all replicas are active at once.
async fn are_writable(bench: &Bench) -> Judged<bool> {
    let stats = stats(bench).await?;
    let pools = stats.pools.iter().map(|pool| &pool.replication_type);
    let mut types = pools.chain([&stats.replication_type]);
    Ok(types.any(|one| one.as_deref() == Some("writable")))
}

pub(super) async fn one_replica_is_active(bench: Bench) -> Judged {
    bench.needs(Interface::Replication)?;
    if are_writable(&bench).await? {
        skips!("its replicas are all written to");
    }
    let (active, second) = both_replicas(&bench).await?;
    let arguments = json!([[active, second], second, [], bench.server]);
    let answer = bench.ok("promote-replica", arguments).await?;
    let updates: Vec<ReplicaUpdate> = heard(&answer)?;
    let is_active = |update: &&ReplicaUpdate| update.replica_state == Some(ReplicaState::Active);
    match updates.iter().filter(is_active).find(|update| update.id != second.share.id) {
        Some(_) => fails!(
            "another replica was promoted, and the former one is still active: clients would write \
             to both, and one of them would be lost"
        ),
        None => Ok(()),
    }
}

pub(super) async fn former_replica_comes_into_sync(bench: Bench) -> Judged {
    bench.needs(Interface::Replication)?;
    if are_writable(&bench).await? {
        skips!("its replicas are all written to");
    }
    let (active, second) = both_replicas(&bench).await?;
    let arguments = json!([[active, second], second, [], bench.server]);
    bench.ok("promote-replica", arguments).await?;
    let former = samples::replica(&active.share, ReplicaState::OutOfSync);
    let promoted = samples::replica(&second.share, ReplicaState::Active);
    in_sync(&bench, [&former, &promoted], &former).await
}

pub(super) async fn one_replica_leaves_the_other(bench: Bench) -> Judged {
    bench.needs(Interface::Replication)?;
    let (active, second) = both_replicas(&bench).await?;
    let before = bench.facts()?;
    let third = Share {
        share_id: active.share.share_id.clone(),
        availability_zone: Some("zone-3".to_owned()),
        ..bench.share(3, 1)
    };
    let third = samples::replica(&third, ReplicaState::OutOfSync);
    let list = json!([active, second, third]);
    bench.ok("create-replica", json!([list, third, [], [], bench.server])).await?;
    bench.ok("delete-replica", json!([list, [], third, bench.server])).await?;
    expect_same(&before, &bench, "after a third replica was made and removed")
}

/// What a promotion answers.
fn check_promoted(updates: &[ReplicaUpdate], promoted: &str) -> Judged {
    let active = |update: &&ReplicaUpdate| update.replica_state == Some(ReplicaState::Active);
    // Nothing said means: as it was asked.
    if updates.is_empty() || updates.iter().filter(active).any(|update| update.id == promoted) {
        return Ok(());
    }
    fails!("of the replica that was promoted it does not say that it is active: {updates:?}")
}

pub(super) async fn promoted_replica_is_active(bench: Bench) -> Judged {
    bench.needs(Interface::Replication)?;
    let (active, second) = both_replicas(&bench).await?;
    let list = json!([active, second]);
    let answer = bench.ok("promote-replica", json!([list, second, [], bench.server])).await?;
    let updates: Vec<ReplicaUpdate> = heard(&answer)?;
    check_promoted(&updates, &second.share.id)?;
    let stranger =
        updates.iter().find(|update| update.id != second.share.id && update.id != active.share.id);
    match stranger {
        Some(stranger) => fails!("it answers a replica {:?}, which nobody named", stranger.id),
        None => Ok(()),
    }
}

pub(super) async fn replica_is_promoted_without_the_active(bench: Bench) -> Judged {
    bench.needs(Interface::Replication)?;
    let (active, second) = both_replicas(&bench).await?;
    let lost = samples::replica(&active.share, ReplicaState::Error);
    let list = json!([lost, second]);
    let answer = bench.ok("promote-replica", json!([list, second, [], bench.server])).await?;
    check_promoted(&heard::<Vec<ReplicaUpdate>>(&answer)?, &second.share.id)
}

pub(super) async fn replica_is_promoted_alone(bench: Bench) -> Judged {
    bench.needs(Interface::Replication)?;
    let (_, second) = both_replicas(&bench).await?;
    let answer = bench.ok("promote-replica", json!([[second], second, [], bench.server])).await?;
    check_promoted(&heard::<Vec<ReplicaUpdate>>(&answer)?, &second.share.id)
}

pub(super) async fn replicas_leave_nothing(bench: Bench) -> Judged {
    bench.needs(Interface::Replication)?;
    let before = bench.facts()?;
    let (active, second) = both_replicas(&bench).await?;
    let arguments = json!([[active, second], [], second, bench.server]);
    bench.ok("delete-replica", arguments).await?;
    bench.ok("delete-share", json!([active.share, bench.server])).await?;
    expect_same(&before, &bench, "after both replicas were removed")
}

pub(super) async fn replicated_snapshots_come_to_be(bench: Bench) -> Judged {
    bench.needs(Interface::ReplicatedSnapshots)?;
    let (active, second) = both_replicas(&bench).await?;
    let list = json!([active, second]);
    let snapshots = replica_snapshots(&bench, [&active, &second]);
    let arguments = json!([list, snapshots, bench.server]);
    let answer = bench.ok("create-replicated-snapshot", arguments).await?;
    let updates: Vec<ReplicaSnapshotUpdate> = heard(&answer)?;
    for update in &updates {
        if !snapshots.iter().any(|one| one.snapshot.id == update.id) {
            fails!("it answers a snapshot {:?}, which nobody named", update.id);
        }
        if update.status == SnapshotStatus::Error {
            fails!("the snapshot {:?} is in error, though nothing happened to it", update.id);
        }
    }
    Ok(())
}

/// The snapshot on the replica that is not active comes to its end as well.
pub(super) async fn replicated_snapshots_follow(bench: Bench) -> Judged {
    bench.needs(Interface::ReplicatedSnapshots)?;
    let (active, second) = both_replicas(&bench).await?;
    let list = json!([active, second]);
    let mut snapshots = replica_snapshots(&bench, [&active, &second]);
    let arguments = json!([list, snapshots, bench.server]);
    let answer = bench.ok("create-replicated-snapshot", arguments).await?;
    let mut updates: Vec<ReplicaSnapshotUpdate> = heard(&answer)?;
    // The record is of one that is being made.
    snapshots.iter_mut().for_each(|one| one.snapshot.status = SnapshotStatus::Creating);
    for _ in 0..PATIENCE {
        for update in updates.drain(..) {
            let percent = update.progress.unwrap_or(0);
            if percent > 100 {
                fails!("the snapshot on a replica is {percent} % done");
            }
            if update.status == SnapshotStatus::Error {
                fails!("the snapshot {:?} is in error, though nothing happened to it", update.id);
            }
            for one in snapshots.iter_mut().filter(|one| one.snapshot.id == update.id) {
                one.snapshot.status = update.status;
                one.progress = percent;
            }
        }
        let Some(following) = snapshots.last() else { break };
        if following.snapshot.status == SnapshotStatus::Available {
            return Ok(());
        }
        // A service asks for both, by turns.
        let arguments = json!([list, second, [], [], bench.server]);
        bench.ok("update-replica-state", arguments).await?;
        let arguments = json!([list, second, snapshots, following, bench.server]);
        let answer = bench.ok("update-replicated-snapshot", arguments).await?;
        updates.extend(heard::<Option<ReplicaSnapshotUpdate>>(&answer)?);
    }
    fails!("asked {PATIENCE} times, the snapshot on the other replica is still not there")
}

pub(super) async fn replicated_snapshots_leave_nothing(bench: Bench) -> Judged {
    bench.needs(Interface::ReplicatedSnapshots)?;
    let (active, second) = both_replicas(&bench).await?;
    let before = bench.facts()?;
    let list = json!([active, second]);
    let snapshots = replica_snapshots(&bench, [&active, &second]);
    let arguments = json!([list, snapshots, bench.server]);
    bench.ok("create-replicated-snapshot", arguments.clone()).await?;
    bench.ok("delete-replicated-snapshot", arguments.clone()).await?;
    expect_same(&before, &bench, "after a snapshot was taken on both and removed")?;
    bench.ok("delete-replicated-snapshot", arguments).await?;
    expect_same(&before, &bench, "after it was removed again")
}
