//! Checks of what clients have written: that it is still there after calls that are repeated, and in
//! what is made from a snapshot. Called by `checks`.

use serde_json::json;

use super::bench::{Bench, Judged, difference, fails, skips};
use super::shares::{expect_data, expect_same};
use crate::contract::Interface;
use crate::types::{Share, Snapshot};

const GIB: u64 = 1 << 30;

pub(super) async fn share_made_again_keeps_the_data(bench: Bench) -> Judged {
    let share = bench.made(1, 1).await?;
    let data = bench.fill(&share, GIB / 2)?;
    bench.ok("create-share", json!([bench.share(1, 1), bench.server])).await?;
    expect_data(&data, &bench, "made once more by the same call")
}

fn clone_of(bench: &Bench, snapshot: &Snapshot, tag: u32) -> Share {
    Share { snapshot_id: Some(snapshot.snapshot_id.clone()), ..bench.share(tag, 1) }
}

pub(super) async fn clone_made_again_keeps_the_data(bench: Bench) -> Judged {
    bench.needs(Interface::Clones)?;
    let share = bench.made(1, 1).await?;
    let snapshot = bench.taken(1, &share).await?;
    let clone = clone_of(&bench, &snapshot, 2);
    let arguments = || json!([clone, snapshot, bench.server]);
    bench.ok("create-share-from-snapshot", arguments()).await?;
    let data = bench.fill(&clone, GIB / 2)?;
    bench.ok("create-share-from-snapshot", arguments()).await?;
    expect_data(&data, &bench, "made once more by the same call")
}

/// What there is more when a share is made from a snapshot that is taken of one now, which clients write
/// to further before that.
async fn cloned(bench: &Bench, share: &Share, further: Option<u64>) -> Judged<Vec<String>> {
    let snapshot = bench.taken(1, share).await?;
    if let Some(bytes) = further {
        bench.fill(share, bytes)?;
    }
    let before = bench.facts()?;
    let clone = clone_of(bench, &snapshot, 2);
    bench.ok("create-share-from-snapshot", json!([clone, snapshot, bench.server])).await?;
    let after = bench.facts()?;
    Ok(after.into_iter().filter(|fact| !before.contains(fact)).collect())
}

pub(super) async fn clone_holds_what_its_snapshot_does(bench: Bench) -> Judged {
    bench.needs(Interface::Clones)?;
    let share = bench.made(1, 1).await?;
    let (Some(empty), Some(later)) = (bench.copy(), bench.copy()) else {
        skips!("worlds cannot be compared here");
    };
    bench.fill(&share, GIB / 2)?;
    later.fill(&share, GIB / 2)?;
    let (of_empty, of_data) =
        (cloned(&empty, &share, None).await?, cloned(&bench, &share, None).await?);
    if of_empty == of_data {
        fails!(
            "a share made from a snapshot is the same whether clients had written to its origin or not: \
             what they wrote is not in it (of a tool that copies it, the stage says so: \
             `clone-snapshot`, `copy` or `copy-device`)"
        );
    }
    let of_later = cloned(&later, &share, Some(GIB / 4 * 3)).await?;
    match of_later == of_data {
        true => Ok(()),
        false => fails!(
            "what clients wrote after the snapshot is in a share made from it: {}",
            difference(&of_data, &of_later)
        ),
    }
}

/// A restart of the service.
pub(super) async fn setup_keeps_what_is_there(bench: Bench) -> Judged {
    let share = bench.made(1, 1).await?;
    if let (true, Ok(rule)) = (bench.driver().offers(Interface::Access), bench.rule(1)) {
        bench.ok("update-access", json!([share, [rule], [rule], [], bench.server])).await?;
    }
    if bench.driver().offers(Interface::Snapshots) {
        bench.taken(1, &share).await?;
    }
    let before = bench.facts()?;
    bench.ok("do-setup", json!([])).await?;
    bench.ok("check-for-setup-error", json!([])).await?;
    expect_same(&before, &bench, "after `do-setup` with a share there")
}

/// Where a share is, the driver asks its storage, and not the record.
pub(super) async fn ensuring_asks_the_storage(bench: Bench) -> Judged {
    let share = bench.made(1, 1).await?;
    let mut wrong = share.clone();
    for location in &mut wrong.export_locations {
        location.path = "203.0.113.77:/nowhere".to_owned();
    }
    let called = bench.call("ensure-share", json!([wrong, bench.server])).await?;
    let Some(answer) = called.answer() else { return Ok(()) };
    let found = Bench::locations(answer)?;
    match found.iter().any(|one| wrong.export_locations.iter().any(|it| it.path == one.path)) {
        true => fails!(
            "a share that the record has at another place is found at that one: the record's own \
             location is answered"
        ),
        false => Ok(()),
    }
}
