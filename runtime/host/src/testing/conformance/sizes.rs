//! Checks of sizes: that clients can write as much as was asked for, and no more, and that the
//! statistics follow. Only where the stage knows how clients write. Called by `checks`.

use serde_json::{Value, json};

use super::backend::{asks_storage, check_capacities, gib};
use super::bench::{Bench, Judged, fails, skips};
use super::operations::let_go;
use crate::contract::Interface;
use crate::testing::Called;
use crate::types::{Capacity, ManagedShare, Share, ShareStats};

const GIB: u64 = 1 << 30;

/// What a share may hold more than was asked for, in bytes: what tools round up to.
const MORE: u64 = 64 << 20;

/// A share of this size may lack one part in so many: file systems have tables.
const LESS: u64 = 64;

/// How many times its size a share has no room for, unless nobody counts.
const FAR: u64 = 8;

/// Clients can write as much as a share has, and no more.
fn expect_size(bench: &Bench, share: &Share, after: &str) -> Judged {
    let (size, bytes) = (share.size, share.size.saturating_mul(GIB));
    if !bench.can_write(share, bytes.saturating_sub(bytes / LESS))? {
        fails!("{after}, clients cannot write nearly {size} GiB to the share");
    }
    match bench.can_write(share, bytes.saturating_add(MORE))? {
        true => fails!("{after}, clients can write more than {size} GiB to the share"),
        false => Ok(()),
    }
}

/// A share of so many GiB, where the storage keeps clients from writing far more than that.
async fn bounded(bench: &Bench, size: u64) -> Judged<Share> {
    let share = bench.made(1, size).await?;
    match bench.can_write(&share, size.saturating_mul(FAR).saturating_mul(GIB))? {
        true => skips!("clients can write far more than a share's size here: there are no quotas"),
        false => Ok(share),
    }
}

/// Whether something was done where something else was asked for than there is.
fn expect_change(before: &[String], bench: &Bench, called: &Called, size: u64) -> Judged {
    match before == bench.facts()? {
        true => fails!("`{}` answered ok for {size} GiB and nothing changed", called.function),
        false => Ok(()),
    }
}

pub(super) async fn share_has_its_size(bench: Bench) -> Judged {
    let share = bounded(&bench, 4).await?;
    expect_size(&bench, &share, "made with 4 GiB")
}

async fn resized(bench: &Bench, function: &str, from: u64, to: u64) -> Judged {
    let share = bounded(bench, from).await?;
    let before = bench.facts()?;
    let called = bench.call(function, json!([share, to, bench.server])).await?;
    if !called.is_ok() {
        fails!("from {from} to {to} GiB: {called}");
    }
    expect_change(&before, bench, &called, to)?;
    let share = Share { size: to, ..share };
    expect_size(bench, &share, &format!("after `{function}` from {from} to {to} GiB"))
}

pub(super) async fn larger_share_has_its_size(bench: Bench) -> Judged {
    bench.needs(Interface::Extending)?;
    resized(&bench, "extend-share", 2, 4).await
}

pub(super) async fn smaller_share_has_its_size(bench: Bench) -> Judged {
    bench.needs(Interface::Shrinking)?;
    resized(&bench, "shrink-share", 4, 2).await
}

pub(super) async fn larger_clone_has_its_size(bench: Bench) -> Judged {
    bench.needs(Interface::Clones)?;
    let share = bounded(&bench, 2).await?;
    let snapshot = bench.taken(1, &share).await?;
    for (tag, size) in [(2, 2), (3, 4)] {
        let snapshot_id = Some(snapshot.snapshot_id.clone());
        let clone = Share { snapshot_id, ..bench.share(tag, size) };
        let arguments = json!([clone, snapshot, bench.server]);
        let called = bench.call("create-share-from-snapshot", arguments).await?;
        if !called.is_ok() {
            skips!("no share of {size} GiB is made from a snapshot of 2: {called}");
        }
        expect_size(&bench, &clone, &format!("made with {size} GiB from a snapshot of 2"))?;
    }
    Ok(())
}

pub(super) async fn taken_over_as_large_as_made(bench: Bench) -> Judged {
    bench.needs(Interface::Managing)?;
    let share = bounded(&bench, 3).await?;
    bench.ground().fill(&share, GIB / 2)?;
    let made = let_go_again(&bench, share).await?;
    let size = measured(&bench, &made).await?;
    if size != 3 {
        fails!("a share that was made with 3 GiB is taken over as one of {size}");
    }
    let Some(odd) = bench.copy() else { return Ok(()) };
    // Somebody else made it, in a size of their own.
    if odd.ground().resize(&made, 2 * GIB + GIB / 2) {
        let size = measured(&odd, &made).await?;
        if size != 3 {
            fails!(
                "a share of 2.5 GiB is taken over as one of {size}; it needs 3 to be counted whole"
            );
        }
    }
    Ok(())
}

async fn let_go_again(bench: &Bench, mut share: Share) -> Judged<Share> {
    bench.ok("unmanage", json!([share])).await?;
    share.export_locations.truncate(1);
    Ok(share)
}

/// As which size a share would be taken over, under another identifier and name.
async fn measured(bench: &Bench, made: &Share) -> Judged<u64> {
    let Some(tried) = bench.copy() else { skips!("worlds cannot be compared here") };
    let export_locations = made.export_locations.clone();
    let share = Share { export_locations, ..tried.share(2, 1) };
    let answer = tried.ok("manage-existing", json!([share, []])).await?;
    let taken: ManagedShare = super::bench::heard(&answer)?;
    Ok(taken.size)
}

/// All capacities that are numbers: whose, in all, and free.
fn capacities(stats: &ShareStats) -> Vec<(String, Option<f64>, Option<f64>)> {
    let of = |whose: String, total: &Capacity, free: &Capacity| (whose, gib(total), gib(free));
    let pools = stats.pools.iter().map(|pool| {
        of(format!("the pool {:?}", pool.name), &pool.total_capacity, &pool.free_capacity)
    });
    let all = of("the backend".to_owned(), &stats.total_capacity, &stats.free_capacity);
    pools.chain([all]).collect()
}

/// What the storage said when the statistics were asked for.
async fn told(bench: &Bench) -> Judged<(ShareStats, Vec<Value>)> {
    let called = bench.call("get-share-stats", json!([])).await?;
    let Some(answer) = called.answer() else { fails!("{called}") };
    let answers = called.requests.iter().filter(|one| one.import != "clock.now");
    Ok((super::bench::heard(answer)?, answers.filter_map(|one| one.answered.clone()).collect()))
}

pub(super) async fn statistics_are_measured(bench: Bench) -> Judged {
    /// What a number may be off by, in GiB: rounding.
    const OFF: f64 = 0.01;
    if !bench.ground().is_copied() {
        skips!("what is free on real storage is others' doing too");
    }
    let (before, said) = told(&bench).await?;
    let share = bench.made(1, 4).await?;
    // Thin storage has less when clients write.
    if let Ok(true) = bench.can_write(&share, 3 * GIB) {
        bench.ground().fill(&share, 3 * GIB)?;
    }
    let (after, says) = told(&bench).await?;
    check_capacities(&after)?;
    if let Some(bytes) = bench.ground().pool_bytes() {
        #[expect(clippy::cast_precision_loss, reason = "a capacity of a made-up pool")]
        let pool = bytes as f64 / GIB as f64;
        // Each pool of the driver's may be all of it.
        let all = pool * after.pools.len().max(1) as f64;
        let too_much = |one: &&(String, Option<f64>, Option<f64>)| {
            [one.1, one.2].into_iter().flatten().any(|gib| gib > all + OFF)
        };
        if let Some((whose, total, free)) = capacities(&after).iter().find(too_much) {
            let number = |gib: &Option<f64>| gib.map_or_else(String::new, |gib| gib.to_string());
            fails!(
                "{whose} has {} GiB in all and {} free, and the stage's pool has {pool}: a capacity is in \
                 GiB",
                number(total),
                number(free)
            );
        }
    }
    let before = capacities(&before);
    for (whose, total, _) in capacities(&after) {
        let then = before.iter().find(|(who, _, _)| *who == whose).and_then(|(_, total, _)| *total);
        if let (Some(total), Some(then)) = (total, then)
            && (total - then).abs() > OFF
        {
            fails!("with one share more, {whose} has {total} GiB in all, and had {then}");
        }
    }
    if said == says {
        skips!("the storage says the same whatever is in it, so nobody can know what is free");
    }
    let sum = |all: &[(String, Option<f64>, Option<f64>)]| -> Option<f64> {
        let whole = all.last().and_then(|(_, _, free)| *free);
        let pools = all.iter().map(|(_, _, free)| *free).collect::<Option<Vec<_>>>();
        pools.map(|pools| pools.iter().sum()).or(whole)
    };
    match (sum(&before), sum(&capacities(&after))) {
        (Some(then), Some(now)) if now >= then => fails!(
            "with a share of 4 GiB more, of which clients filled what they could, as much is free as \
             before"
        ),
        _ => Ok(()),
    }
}

/// Numbers of GiB that are small ones once they were computed with: in bytes, KiB or MiB.
const WRAPPING: [u64; 3] = [(1 << 34) + 1, (1 << 44) + 1, (1 << 54) + 1];

pub(super) async fn no_number_wraps(bench: Bench) -> Judged {
    for size in WRAPPING {
        let bench = bench.apart();
        super::shares::odd_size(bench, size).await?;
    }
    Ok(())
}

pub(super) async fn taken_over_is_a_whole_share(bench: Bench) -> Judged {
    bench.needs(Interface::Managing)?;
    let before = bench.facts()?;
    let (_, share) = super::operations::taken_over(&bench, 1).await?;
    let there = bench.facts()?;
    let arguments = || json!([share, bench.server]);
    for _ in 0..2 {
        let answer = bench.ok("ensure-share", arguments()).await?;
        let ensured = Bench::locations(&answer)?;
        let path = |all: &[crate::types::ExportLocation]| -> Vec<String> {
            all.iter().map(|one| one.path.clone()).collect()
        };
        if !ensured.is_empty() && path(&ensured) != path(&share.export_locations) {
            fails!(
                "taken over at {:?}, it is then found at {:?}",
                path(&share.export_locations),
                path(&ensured)
            );
        }
        // A restart of the service.
        bench.ok("do-setup", json!([])).await?;
        super::shares::expect_same(&there, &bench, "after `do-setup` again")?;
    }
    if let (true, Ok(rule)) = (bench.driver().offers(Interface::Access), bench.rule(1)) {
        let server = &bench.server;
        bench.ok("update-access", json!([share, [rule], [rule], [], server])).await?;
        bench.ok("update-access", json!([share, [], [], [rule], server])).await?;
        super::shares::expect_same(&there, &bench, "after a client was let in and shut out")?;
    }
    if bench.driver().offers(Interface::Snapshots) {
        let snapshot = bench.taken(1, &share).await?;
        bench.ok("delete-snapshot", json!([snapshot, bench.server])).await?;
        super::shares::expect_same(&there, &bench, "after a snapshot was taken and removed")?;
    }
    let share = match bench.driver().offers(Interface::Extending) {
        true => {
            bench.ok("extend-share", json!([share, 2, bench.server])).await?;
            Share { size: 2, ..share }
        }
        false => share,
    };
    bench.ok("delete-share", json!([share, bench.server])).await?;
    super::shares::expect_same(&before, &bench, "taken over, used and removed")
}

/// What is kept of a share that could not be taken over.
pub(super) async fn what_is_not_there_is_not_taken_over(bench: Bench) -> Judged {
    bench.needs(Interface::Managing)?;
    let made = let_go(&bench, 1).await?;
    let before = bench.facts()?;
    let mut locations = made.export_locations;
    for location in &mut locations {
        location.path.push_str("-and-more");
    }
    let share = Share { export_locations: locations, ..bench.share(2, 1) };
    let called = bench.call("manage-existing", json!([share, []])).await?;
    if called.is_ok() && !called.requests.iter().any(asks_storage) {
        skips!("it asks no storage what is there, and takes the operator's word for it");
    }
    if called.is_ok() {
        fails!("a share is taken over at a place where none is");
    }
    super::shares::expect_same(&before, &bench, &format!("{called}; afterwards"))
}
