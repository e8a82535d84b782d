//! Checks of shares: where they are found, what is left of them, how they grow and shrink. Called by
//! `checks`.

use serde_json::{Value, json};

use super::backend::{gib, stats};
use super::bench::{Bench, Judged, Stop, difference, fails, skips};
use super::misfortunes::in_words;
use crate::contract::Interface;
use crate::testing::{Called, Failure, Fault, Plan, Printed};
use crate::text::is_plain_text;
use crate::types::{ExportLocation, Share};

/// What a driver answers about what is not there.
const MISSING: [&str; 2] = ["share-resource-not-found", "invalid-share"];

/// A size in GiB that nobody has.
const TOO_LARGE: u64 = 1 << 40;

const GIB: u64 = 1 << 30;

/// How many pools are filled, at most.
const POOLS: usize = 8;

pub(super) fn check_locations(locations: &[ExportLocation]) -> Judged {
    if locations.is_empty() {
        fails!("it answers no export location: no client could find the share");
    }
    for ExportLocation { path, .. } in locations {
        if path.trim().is_empty() || !is_plain_text(path) {
            fails!("{path:?} is no path that a client could mount");
        }
    }
    Ok(())
}

fn paths(share: &Share) -> Vec<&str> {
    share.export_locations.iter().map(|location| location.path.as_str()).collect()
}

/// Nothing may be otherwise than it was.
pub(super) fn expect_same(before: &[String], bench: &Bench, after: &str) -> Judged {
    let found = bench.facts()?;
    match before == found {
        true => Ok(()),
        false => fails!("{after}, what is there is otherwise: {}", difference(before, &found)),
    }
}

pub(super) async fn share_has_a_location(bench: Bench) -> Judged {
    check_locations(&bench.made(1, 1).await?.export_locations)
}

pub(super) async fn locations_differ(bench: Bench) -> Judged {
    // Of so many, two are in one pool.
    let shares = stats(&bench).await?.pools.len().clamp(1, POOLS).saturating_add(1);
    let mut found: Vec<String> = Vec::new();
    for (tag, _) in (1..).zip(0..shares) {
        let share = bench.made(tag, 1).await?;
        if let Some(path) = paths(&share).iter().find(|path| found.iter().any(|one| one == *path)) {
            fails!("two shares are both found at {path}");
        }
        found.extend(paths(&share).into_iter().map(str::to_owned));
    }
    Ok(())
}

pub(super) async fn ensured_location_is_the_same(bench: Bench) -> Judged {
    let share = bench.made(1, 1).await?;
    let answer = bench.ok("ensure-share", json!([share, bench.server])).await?;
    let ensured = Share { export_locations: Bench::locations(&answer)?, ..share.clone() };
    // An empty answer leaves them as they are.
    match ensured.export_locations.is_empty() || paths(&share) == paths(&ensured) {
        true => Ok(()),
        false => fails!(
            "`create-share` answers {:?}, `ensure-share` {:?}",
            paths(&share),
            paths(&ensured)
        ),
    }
}

pub(super) async fn missing_share_is_not_ensured(bench: Bench) -> Judged {
    let before = bench.facts()?;
    let share = bench.share(1, 1);
    bench.refused("ensure-share", json!([share, bench.server]), &MISSING[..1]).await?;
    expect_same(&before, &bench, "after it")
}

/// What could not be asked is not absent.
pub(super) async fn ensuring_never_guesses(bench: Bench) -> Judged {
    let share = bench.made(1, 1).await?;
    let Some(tried) = bench.copy() else { skips!("each request is tried in a world of its own") };
    let asked = tried.call("ensure-share", json!([share, tried.server])).await?.requests;
    let failures = [Failure::Failed, Failure::Denied, Failure::Busy, Failure::Deadline];
    for (number, request) in (1..).zip(&asked) {
        for failure in failures {
            let Some(bench) = bench.copy() else { continue };
            let plan = Plan::from([(number, Fault::Fails(failure))]);
            let arguments = json!([share, bench.server]);
            let called = bench.call_with("ensure-share", arguments, &plan).await?;
            if called.error().is_some_and(|error| MISSING[..1].contains(&error)) {
                fails!(
                    "{} at request {number}, `{request}`: {called}; it is there, and only could not be \
                     asked about",
                    in_words(Fault::Fails(failure))
                );
            }
        }
    }
    Ok(())
}

pub(super) async fn missing_share_is_deleted(bench: Bench) -> Judged {
    let before = bench.facts()?;
    bench.ok("delete-share", json!([bench.share(1, 1), bench.server])).await?;
    expect_same(&before, &bench, "after it")
}

pub(super) async fn share_is_made_again(bench: Bench) -> Judged {
    let share = bench.made(1, 1).await?;
    let first = bench.facts()?;
    bench.ok("delete-share", json!([share, bench.server])).await?;
    bench.made(1, 1).await?;
    expect_same(&first, &bench, "made, removed and made again")
}

pub(super) async fn others_stay(bench: Bench) -> Judged {
    bench.made(1, 1).await?;
    let first = bench.facts()?;
    let second = bench.made(2, 1).await?;
    let both = bench.facts()?;
    if let Some(gone) = first.iter().find(|fact| !both.contains(fact)) {
        fails!("making a second share takes away or changes of the first: {gone}");
    }
    bench.ok("delete-share", json!([second, bench.server])).await?;
    expect_same(&first, &bench, "after the second share was made and removed")
}

/// Nobody has room for so much, unless it is thin or nobody knows how much there is.
async fn expect_room(bench: &Bench, size: u64, called: &Called) -> Judged {
    if !called.is_ok() || size < TOO_LARGE {
        return Ok(());
    }
    let stats = stats(bench).await?;
    if stats.pools.iter().any(|pool| pool.thin_provisioning == Some(true)) {
        return Ok(());
    }
    let pools = stats.pools.iter().map(|pool| &pool.total_capacity);
    let all: Vec<_> = pools.chain([&stats.total_capacity]).map(gib).collect();
    match all.iter().all(Option::is_some) {
        true => {
            let total = all.into_iter().flatten().fold(0.0, f64::max);
            fails!(
                "{} makes a share of {size} GiB, where there are {total} GiB in all: its number is too \
                 large for what it is computed with, or nobody looks at it",
                called.function
            )
        }
        false => Ok(()),
    }
}

/// Whatever it answers: a share that is refused leaves nothing, and one that is made can be removed.
pub(super) async fn odd_size(bench: Bench, size: u64) -> Judged {
    let before = bench.facts()?;
    let share = bench.share(1, size);
    let called = bench.call("create-share", json!([share, bench.server])).await?;
    expect_room(&bench, size, &called).await?;
    // Of one that failed the service keeps a record, and removes it like any other.
    bench.ok("delete-share", json!([share, bench.server])).await?;
    expect_same(&before, &bench, &format!("a share of {size} GiB: {called}; removed"))
}

pub(super) async fn too_large_share_leaves_nothing(bench: Bench) -> Judged {
    odd_size(bench, TOO_LARGE).await
}

pub(super) async fn share_of_no_size_leaves_nothing(bench: Bench) -> Judged {
    odd_size(bench, 0).await
}

pub(super) async fn largest_number_is_no_panic(bench: Bench) -> Judged {
    odd_size(bench, u64::MAX).await
}

async fn missing(bench: Bench, function: &str, interface: Interface, size: u64) -> Judged {
    bench.needs(interface)?;
    let before = bench.facts()?;
    bench.refused(function, json!([bench.share(1, 2), size, bench.server]), &MISSING).await?;
    expect_same(&before, &bench, "after it")
}

pub(super) async fn missing_share_is_not_extended(bench: Bench) -> Judged {
    missing(bench, "extend-share", Interface::Extending, 3).await
}

pub(super) async fn missing_share_is_not_shrunk(bench: Bench) -> Judged {
    missing(bench, "shrink-share", Interface::Shrinking, 1).await
}

pub(super) async fn extending_too_far_changes_nothing(bench: Bench) -> Judged {
    bench.needs(Interface::Extending)?;
    for size in [TOO_LARGE, u64::MAX] {
        let bench = bench.apart();
        let share = bench.made(1, 1).await?;
        let before = bench.facts()?;
        let called = bench.call("extend-share", json!([share, size, bench.server])).await?;
        if !called.is_ok() {
            expect_same(&before, &bench, &format!("to {size} GiB: {called}; afterwards"))?;
        }
        expect_room(&bench, size, &called).await?;
        bench.ok("delete-share", json!([share, bench.server])).await?;
    }
    Ok(())
}

pub(super) async fn extending_keeps_the_location(bench: Bench) -> Judged {
    bench.needs(Interface::Extending)?;
    let share = bench.made(1, 1).await?;
    bench.ok("extend-share", json!([share, 2, bench.server])).await?;
    let share = Share { size: 2, ..share };
    let answer = bench.ok("ensure-share", json!([share, bench.server])).await?;
    let ensured = Share { export_locations: Bench::locations(&answer)?, ..share.clone() };
    match ensured.export_locations.is_empty() || paths(&share) == paths(&ensured) {
        true => Ok(()),
        false => {
            fails!("before it was at {:?}, afterwards at {:?}", paths(&share), paths(&ensured))
        }
    }
}

/// A share of 3 GiB, in which clients have written two.
async fn half_full(bench: &Bench) -> Judged<Share> {
    bench.needs(Interface::Shrinking)?;
    let share = bench.made(1, 3).await?;
    bench.fill(&share, 2 * GIB)?;
    Ok(share)
}

fn to_one(share: &Share, bench: &Bench) -> Value {
    json!([share, 1, bench.server])
}

pub(super) async fn shrinking_below_usage_is_refused(bench: Bench) -> Judged {
    let share = half_full(&bench).await?;
    let before = bench.facts()?;
    let wanted = ["share-shrinking-possible-data-loss"];
    bench.refused("shrink-share", to_one(&share, &bench), &wanted).await?;
    expect_same(&before, &bench, "after it")
}

pub(super) async fn shrinking_above_usage_keeps_the_data(bench: Bench) -> Judged {
    bench.needs(Interface::Shrinking)?;
    let share = bench.made(1, 3).await?;
    let data = bench.fill(&share, GIB / 2)?;
    bench.ok("shrink-share", to_one(&share, &bench)).await?;
    expect_data(&data, &bench, "made smaller")?;
    let share = Share { size: 1, ..share };
    bench.ok("ensure-share", json!([share, bench.server])).await.map(drop)
}

/// What clients have written is there as it was.
pub(super) fn expect_data(data: &[String], bench: &Bench, after: &str) -> Judged {
    let found = bench.facts()?;
    match data.iter().find(|fact| !found.contains(fact)) {
        Some(lost) => fails!("{after}, the share has lost what clients wrote: {lost}"),
        None => Ok(()),
    }
}

pub(super) async fn extending_keeps_the_data(bench: Bench) -> Judged {
    bench.needs(Interface::Extending)?;
    let share = bench.made(1, 1).await?;
    let data = bench.fill(&share, GIB / 2)?;
    bench.ok("extend-share", json!([share, 2, bench.server])).await?;
    expect_data(&data, &bench, "made larger")
}

/// No fault may turn the refusal into a loss.
pub(super) async fn shrinking_never_guesses(bench: Bench) -> Judged {
    let share = half_full(&bench).await?;
    let Some(tried) = bench.copy() else { skips!("faults that print are for the stage alone") };
    let asked = tried.call("shrink-share", to_one(&share, &tried)).await?.requests;
    let faults = [
        Fault::Prints(Printed::Empty),
        Fault::Prints(Printed::NotText),
        Fault::Prints(Printed::Localised),
        Fault::Fails(Failure::Failed),
        Fault::Fails(Failure::NotFound),
        Fault::Fails(Failure::Denied),
    ];
    for (number, request) in (1..).zip(&asked) {
        for fault in faults {
            if matches!(fault, Fault::Prints(_)) && !request.prints() {
                continue;
            }
            let Some(bench) = bench.copy() else { continue };
            let plan = Plan::from([(number, fault)]);
            let called = bench.call_with("shrink-share", to_one(&share, &bench), &plan).await?;
            lost(&called, &format!("{} at request {number}, `{request}`", in_words(fault)))?;
        }
    }
    Ok(())
}

fn lost(called: &Called, after: &str) -> Judged {
    match called.is_ok() {
        true => Err(Stop::Fails(format!(
            "{after}, a share that holds 2 GiB is cut to 1: what clients wrote is lost"
        ))),
        false => Ok(()),
    }
}
