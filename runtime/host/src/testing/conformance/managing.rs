//! Checks of taking shares and snapshots over and letting them go. Called by `checks`.

use serde_json::{Value, json};

use super::bench::{Bench, Judged, difference, fails, heard};
use super::operations::let_go;
use super::shares::{check_locations, expect_same};
use crate::contract::Interface;
use crate::types::{ManagedShare, Share};

/// What is in the storage, without what the driver remembers of it.
fn stored(bench: &Bench) -> Judged<Vec<String>> {
    let facts = bench.facts()?;
    // Nor the properties of a volume: a label says whose it is, and it is nobody's now.
    let is_property = |part: &&str| !part.contains(" =");
    let without = |fact: String| match fact.starts_with("volume ") {
        true => fact.split(", ").filter(is_property).collect::<Vec<_>>().join(", "),
        false => fact,
    };
    let facts = facts.into_iter().filter(|fact| !fact.starts_with("state of "));
    Ok(facts.map(without).collect())
}

pub(super) async fn missing_share_is_not_taken_over(bench: Bench) -> Judged {
    bench.needs(Interface::Managing)?;
    let before = bench.facts()?;
    let path = "192.0.2.1:/nowhere".to_owned();
    let locations =
        vec![crate::types::ExportLocation { path, is_admin_only: false, metadata: Vec::new() }];
    let share = Share { export_locations: locations, ..bench.share(1, 1) };
    let called = bench.call("manage-existing", json!([share, []])).await?;
    if called.is_ok() {
        fails!("a share is taken over that is nowhere");
    }
    expect_same(&before, &bench, &format!("{called}; afterwards"))
}

pub(super) async fn share_taken_over_is_measured(bench: Bench) -> Judged {
    bench.needs(Interface::Managing)?;
    let share = let_go(&bench, 2).await?;
    let taken: ManagedShare = heard(&bench.ok("manage-existing", json!([share, []])).await?)?;
    if taken.size == 0 {
        fails!("it answers a size of 0 GiB");
    }
    // None leaves those that the operator named.
    match taken.export_locations.is_empty() {
        true => Ok(()),
        false => check_locations(&taken.export_locations),
    }
}

pub(super) async fn letting_go_keeps_the_data(bench: Bench) -> Judged {
    bench.needs(Interface::Managing)?;
    let share = bench.made(1, 1).await?;
    let before = stored(&bench)?;
    bench.ok("unmanage", json!([share])).await?;
    let after = stored(&bench)?;
    match before == after {
        true => Ok(()),
        false => fails!("letting a share go changes the storage: {}", difference(&before, &after)),
    }
}

pub(super) async fn share_taken_over_is_a_share(bench: Bench) -> Judged {
    bench.needs(Interface::Managing)?;
    let before = bench.facts()?;
    let share = let_go(&bench, 1).await?;
    let taken: ManagedShare = heard(&bench.ok("manage-existing", json!([share, []])).await?)?;
    let share = Share { size: taken.size, ..share };
    bench.ok("ensure-share", json!([share, bench.server])).await?;
    bench.ok("delete-share", json!([share, bench.server])).await?;
    expect_same(&before, &bench, "let go, taken over and removed")
}

pub(super) async fn missing_snapshot_is_not_taken_over(bench: Bench) -> Judged {
    bench.needs(Interface::ManagingSnapshots)?;
    let share = bench.made(1, 1).await?;
    let before = bench.facts()?;
    let mut snapshot = bench.snapshot(1, &share);
    snapshot.provider_location = Some("nowhere".to_owned());
    let arguments: Value = json!([snapshot, []]);
    let called = bench.call("manage-existing-snapshot", arguments).await?;
    if called.is_ok() {
        fails!("a snapshot is taken over that is nowhere");
    }
    expect_same(&before, &bench, &format!("{called}; afterwards"))
}
