//! Checks of what a driver says of itself and of its storage. Called by `checks`.

use serde_json::json;

use super::bench::{Bench, Judged, Stop, difference, fails, heard, skips, word};
use super::operations::{OPERATIONS, Ready};
use crate::contract::Interface;
use crate::testing::{Called, Crossed, Failure, Fault, Plan};
use crate::text::is_plain_text;
use crate::types::{Capacity, PoolStats, Share, ShareProtocol, ShareStats};

const PROTOCOLS: [ShareProtocol; 5] = [
    ShareProtocol::Nfs,
    ShareProtocol::Cifs,
    ShareProtocol::Glusterfs,
    ShareProtocol::Hdfs,
    ShareProtocol::Cephfs,
];

pub(super) async fn description_is_whole(bench: Bench) -> Judged {
    let description = bench.driver().description();
    let texts = [
        ("name", &description.name),
        ("vendor", &description.vendor),
        ("version", &description.version),
    ];
    for (field, text) in texts {
        if text.trim().is_empty() || !is_plain_text(text) {
            fails!("`describe` answers the {field} {text:?}; an operator could not read it");
        }
    }
    if description.protocols.is_empty() {
        fails!("`describe` names no protocol, so no share could ever be asked for");
    }
    match description.options.iter().find(|option| option.help.trim().is_empty()) {
        Some(option) => {
            fails!("the option `{}` has no help: what should an operator set?", option.name)
        }
        None => Ok(()),
    }
}

pub(super) async fn stats(bench: &Bench) -> Judged<ShareStats> {
    heard(&bench.ok("get-share-stats", json!([])).await?)
}

pub(super) fn gib(capacity: &Capacity) -> Option<f64> {
    match capacity {
        Capacity::Gib(gib) => Some(*gib),
        Capacity::Infinite | Capacity::Unknown => None,
    }
}

fn check_pair(whose: &str, total: &Capacity, free: &Capacity) -> Judged {
    for (word, capacity) in [("total", total), ("free", free)] {
        if gib(capacity).is_some_and(|gib| !gib.is_finite() || gib < 0.0) {
            fails!("{whose} has a {word} capacity of {capacity:?}");
        }
    }
    match (gib(total), gib(free)) {
        (Some(total), Some(free)) if free > total => {
            fails!("{whose} has {free} GiB free of {total} in all")
        }
        _ => Ok(()),
    }
}

pub(super) async fn stats_make_sense(bench: Bench) -> Judged {
    check_capacities(&stats(&bench).await?)
}

/// Whether the numbers of statistics can be.
pub(super) fn check_capacities(stats: &ShareStats) -> Judged {
    check_pair("the backend", &stats.total_capacity, &stats.free_capacity)?;
    let mut names: Vec<&str> = Vec::new();
    for pool in &stats.pools {
        let PoolStats { name, total_capacity, free_capacity, .. } = pool;
        check_pair(&format!("the pool {name:?}"), total_capacity, free_capacity)?;
        if name.is_empty() || name.contains(['#', '@']) || !is_plain_text(name) {
            fails!("{name:?} cannot be a pool's name: it becomes part of a host's, behind a `#`");
        }
        if names.contains(&name.as_str()) {
            fails!("two pools are called {name:?}");
        }
        if pool.reserved_percentage.is_some_and(|percent| percent > 100) {
            fails!("of the pool {name:?} {:?} % are reserved", pool.reserved_percentage);
        }
        if pool.max_over_subscription_ratio.is_some_and(|ratio| !ratio.is_finite() || ratio < 1.0) {
            fails!(
                "the pool {name:?} may be promised {:?} times",
                pool.max_over_subscription_ratio
            );
        }
        names.push(name);
    }
    Ok(())
}

pub(super) async fn stats_change_nothing(bench: Bench) -> Judged {
    bench.made(1, 1).await?;
    let before = bench.facts()?;
    stats(&bench).await?;
    let after = bench.facts()?;
    match before == after {
        true => Ok(()),
        false => fails!("asking for them changes what is there: {}", difference(&before, &after)),
    }
}

pub(super) async fn stats_count_what_is_made(bench: Bench) -> Judged {
    // Each by itself: what is wrong in one may be right in another.
    let free = |stats: &ShareStats| {
        let pool =
            |pool: &PoolStats| (format!("the pool {:?}", pool.name), gib(&pool.free_capacity));
        let all = ("the backend".to_owned(), gib(&stats.free_capacity));
        stats.pools.iter().map(pool).chain([all]).collect::<Vec<_>>()
    };
    let before = free(&stats(&bench).await?);
    bench.made(1, 1).await?;
    for (whose, now) in free(&stats(&bench).await?) {
        let then = before.iter().find(|(who, _)| *who == whose).and_then(|(_, then)| *then);
        if let (Some(now), Some(then)) = (now, then)
            && now > then
        {
            fails!("with one share more, {whose} has {now} GiB free, and had {then}");
        }
    }
    Ok(())
}

pub(super) async fn pool_is_among_the_statistics(bench: Bench) -> Judged {
    bench.needs(Interface::Pools)?;
    let share = bench.made(1, 1).await?;
    let pool: Option<String> = heard(&bench.ok("get-pool", json!([share])).await?)?;
    // Of one that is not there nothing is known, and nobody panics.
    bench.call("get-pool", json!([bench.share(2, 1)])).await?;
    let known = stats(&bench).await?.pools;
    match pool {
        Some(pool) if !known.is_empty() && known.iter().all(|one| one.name != pool) => {
            fails!("a share is in the pool {pool:?}, which the statistics do not name")
        }
        _ => Ok(()),
    }
}

pub(super) async fn hook_passes_over_the_missing(bench: Bench) -> Judged {
    bench.needs(Interface::PeriodicHook)?;
    let (share, missing) = (bench.made(1, 1).await?, bench.share(2, 1));
    let called = bench.call("get-periodic-hook-data", json!([[missing, share]])).await?;
    let facts = called.answer().and_then(|answer| answer.as_array());
    let is_missing = |one: &serde_json::Value| {
        one.get("share_id").and_then(serde_json::Value::as_str) == Some(missing.id.as_str())
    };
    match facts.is_some_and(|facts| facts.iter().any(is_missing)) {
        true => fails!("it tells facts of a share that is not there"),
        false => Ok(()),
    }
}

pub(super) async fn other_protocols_are_refused(bench: Bench) -> Judged {
    let own = &bench.driver().description().protocols;
    let Some(protocol) = PROTOCOLS.into_iter().find(|one| !own.contains(one)) else {
        skips!("the driver serves all protocols")
    };
    let before = bench.facts()?;
    let share = Share { protocol, ..bench.share(1, 1) };
    let called = bench.call("create-share", json!([share, bench.server])).await?;
    if called.is_ok() {
        fails!("a share of protocol {}, which `describe` does not name, is made", word(&protocol)?);
    }
    bench.ok("delete-share", json!([share, bench.server])).await?;
    let after = bench.facts()?;
    match before == after {
        true => Ok(()),
        false => fails!("{called}; removed, it leaves: {}", difference(&before, &after)),
    }
}

/// Every operation as it should go: is all granted that it asks for?
pub(super) async fn policy_suffices(bench: Bench) -> Judged {
    if !bench.ground().is_copied() {
        skips!("on real storage each operation is denied what its policy does not grant");
    }
    for operation in OPERATIONS {
        let bench = bench.apart();
        let Ok(ready) = operation.prepare(&bench).await else { continue };
        match ready.bench.call(operation.function, ready.arguments.clone()).await {
            // What does not come back was told.
            Err(Stop::Fails(_)) if bench.is_broken(operation.id) => continue,
            called => called?,
        };
        let (unanswered, refused) = bench.ground().unserved();
        if let Some(request) = refused.first() {
            fails!("`{}` asks for what nothing grants: {request}", operation.id);
        }
        if let Some(program) = unanswered.first() {
            fails!("`{}` runs `{program}`, which the stage's script does not know", operation.id);
        }
    }
    Ok(())
}

/// What `abaca driver inspect` finds.
pub(super) async fn manifest_is_whole(bench: Bench) -> Judged {
    match bench.driver().findings().first() {
        Some(finding) => fails!("{finding}"),
        None => Ok(()),
    }
}

/// As many requests of one call as are failed in turn.
const REQUESTS: usize = 64;

/// Whether a request is one to the storage.
pub(super) fn asks_storage(request: &Crossed) -> bool {
    let (interface, _) = request.import.split_once('.').unwrap_or_default();
    matches!(interface, "command" | "ssh" | "http" | "files" | "mounts")
}

pub(super) async fn broken_storage_is_noticed(bench: Bench) -> Judged {
    let mut plan = Plan::new();
    for _ in 0..REQUESTS {
        let Some(tried) = bench.copy() else { skips!("real storage is not broken for a test") };
        let called = tried.call_with("check-for-setup-error", json!([]), &plan).await?;
        let numbered = (1..).zip(&called.requests);
        let mut unhurt = numbered
            .filter(|(number, request)| asks_storage(request) && !plan.contains_key(number));
        let Some((number, _)) = unhurt.next() else {
            if plan.is_empty() {
                skips!("it asks the storage nothing");
            }
            if called.is_ok() {
                fails!("all that it asks the storage fails, and {called}");
            }
            return Ok(());
        };
        plan.insert(number, Fault::Fails(Failure::Failed));
    }
    skips!("it asks more than {REQUESTS} times, whatever it is told")
}

pub(super) async fn setup_check_only_asks(bench: Bench) -> Judged {
    // In a world where neither was asked yet: what is written once is written then.
    let Some(bench) = bench.before_setup() else { skips!("worlds cannot be compared here") };
    bench.ok("do-setup", json!([])).await?;
    let before = bench.facts()?;
    bench.ok("check-for-setup-error", json!([])).await?;
    let after = bench.facts()?;
    match before == after {
        true => Ok(()),
        false => fails!("it changes what is there: {}", difference(&before, &after)),
    }
}

fn locks(called: &Called, function: &str) -> Vec<String> {
    let is_it = |request: &&Crossed| {
        let done = request.answered.as_ref().and_then(|answered| answered.get("ok"));
        request.import == function && done.is_some()
    };
    let name = |request: &Crossed| request.asked.get("name")?.as_str().map(str::to_owned);
    called.requests.iter().filter(is_it).filter_map(name).collect()
}

/// Which lock a call takes while it holds which other.
fn orders(bench: &Bench, called: &Called) -> Vec<(String, String)> {
    let (mut held, mut orders) = (Vec::<String>::new(), Vec::new());
    for request in &called.requests {
        let name =
            request.asked.get("name").and_then(serde_json::Value::as_str).unwrap_or_default();
        let name = bench.anonymous(name);
        match request.import.as_str() {
            "lock.acquire" => {
                orders.extend(held.iter().map(|first| (first.clone(), name.clone())));
                held.push(name);
            }
            "lock.release" => held.retain(|one| *one != name),
            _ => {}
        }
    }
    orders
}

pub(super) async fn locks_have_one_order(bench: Bench) -> Judged {
    let mut known: Vec<(String, String, &str)> = Vec::new();
    for operation in OPERATIONS {
        let bench = bench.apart();
        let Ok(ready) = operation.prepare(&bench).await else { continue };
        let called = bench.call(operation.function, ready.arguments).await?;
        for (first, second) in orders(&bench, &called) {
            // Whether a way leads back from the second to the first.
            let (mut reached, mut by) = (vec![second.clone()], operation.id);
            let mut at = 0;
            while let Some(now) = reached.get(at).cloned() {
                for (from, to, whose) in &known {
                    if *from == now && !reached.contains(to) {
                        reached.push(to.clone());
                        by = whose;
                    }
                }
                at = at.saturating_add(1);
            }
            if first != second && reached.contains(&first) {
                fails!(
                    "`{}` takes the lock `{first}` and then `{second}`, and with `{by}` it is the \
                     other way round: both would wait for each other",
                    operation.id
                );
            }
            known.push((first, second, operation.id));
        }
    }
    Ok(())
}

/// Each request of a call that takes locks fails in turn.
async fn locks_after_errors(ready: &Ready, asked: &Called) -> Judged {
    let Some(_) = ready.bench.copy() else { return Ok(()) };
    for (number, request) in (1..).zip(&asked.requests) {
        if request.import.starts_with("lock.") {
            continue;
        }
        let Some(bench) = ready.bench.copy() else { continue };
        let plan = Plan::from([(number, Fault::Fails(Failure::Failed))]);
        let called =
            bench.call_with(ready.operation.function, ready.arguments.clone(), &plan).await?;
        let (taken, given) = (locks(&called, "lock.acquire"), locks(&called, "lock.release"));
        if let Some(kept) = taken.iter().find(|lock| !given.contains(lock)) {
            fails!(
                "`{}` keeps the lock `{}` when request {number}, `{request}`, fails",
                ready.operation.id,
                bench.anonymous(kept)
            );
        }
    }
    Ok(())
}

pub(super) async fn no_lock_is_left(bench: Bench) -> Judged {
    for operation in OPERATIONS {
        let bench = bench.apart();
        let Ok(ready) = operation.prepare(&bench).await else { continue };
        let begun = bench.copy();
        let called = bench.call(operation.function, ready.arguments.clone()).await?;
        let count = |function: &str| locks(&called, function).len();
        let (taken, given) = (count("lock.acquire"), count("lock.release"));
        if taken != given {
            fails!("`{}` takes {taken} locks and gives back {given}", operation.id);
        }
        if let (1.., Some(bench)) = (taken, begun) {
            locks_after_errors(&Ready { bench, ..ready }, &called).await?;
        }
    }
    Ok(())
}

/// What a service may attach to a share without asking the driver.
pub(super) async fn labels_are_no_matter(bench: Bench) -> Judged {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let share = Share {
        display_name: Some("My \"share\" 'of' $things; `ls`\u{202e}".to_owned()),
        display_description: Some("line\nline".to_owned()),
        metadata: vec![pair("ключ", "значение"), pair("--option", "../..")],
        extra_specs: vec![pair("snapshot_support", "True"), pair("x:y", "z")],
        availability_zone: Some("zone 1".to_owned()),
        ..bench.share(1, 1)
    };
    let before = bench.facts()?;
    let made = bench.made_of(share).await?;
    bench.ok("delete-share", json!([made, bench.server])).await?;
    let after = bench.facts()?;
    match before == after {
        true => Ok(()),
        false => fails!("made and removed, it leaves: {}", difference(&before, &after)),
    }
}
