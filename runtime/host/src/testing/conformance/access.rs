//! Checks of access rules, in both cases of upstream: what is to be changed, and the whole set.
//! Called by `checks`.

use serde_json::json;

use super::bench::{Bench, Judged, difference, fails, skips, word};
use super::shares::expect_same;
use crate::contract::Interface;
use crate::testing::{Called, samples};
use crate::types::{AccessLevel, AccessRule, AccessType, Share};

/// How a driver says that it does not take a rule.
const REFUSED: [&str; 3] = ["invalid-share-access", "invalid-share-access-level", "unsupported"];

/// What is no address, and looks like something else.
const NO_ADDRESSES: [&str; 9] = [
    "",
    "everybody",
    "10.0.0.0/33",
    "10.0.0.256",
    "-rf",
    "10.0.0.1 10.0.0.2",
    "10.0.0.1;reboot",
    "../../etc",
    "10.0.0.1\n*",
];

/// Clients that are no single address of IPv4.
const WHOLE_NETWORK: &str = "198.51.100.0/24";
const ITS_ADDRESS: &str = "198.51.100.0";
const SIXTH: &str = "2001:db8::10";

/// Whether a rule is refused as one.
pub(super) fn is_refused(called: &Called) -> bool {
    called.error().is_some_and(|error| REFUSED.contains(&error))
}

/// What is wrong with a rule that nothing became of.
const IGNORED: &str = "answered ok and changed nothing; it must answer invalid-share-access, else the \
                       tenant believes that it works";

/// Lets in and shuts out by the interface that the driver has.
async fn change(
    bench: &Bench,
    share: &Share,
    all: &[&AccessRule],
    add: &[&AccessRule],
    delete: &[&AccessRule],
) -> Judged<Called> {
    let server = &bench.server;
    if bench.driver().offers(Interface::Access) {
        return bench.call("update-access", json!([share, all, add, delete, server])).await;
    }
    let mut last = None;
    for rule in delete {
        last = Some(bench.call("deny-access", json!([share, rule, server])).await?);
    }
    for rule in add {
        last = Some(bench.call("allow-access", json!([share, rule, server])).await?);
    }
    match last {
        Some(called) => Ok(called),
        None => skips!("the driver takes rules one by one"),
    }
}

async fn changed(
    bench: &Bench,
    share: &Share,
    all: &[&AccessRule],
    add: &[&AccessRule],
    delete: &[&AccessRule],
) -> Judged {
    let called = change(bench, share, all, add, delete).await?;
    match called.is_ok() {
        true => Ok(()),
        false => fails!("{called}"),
    }
}

/// Whether the stage shows it when a client is let in: not every script says what became of it.
async fn is_seen(bench: &Bench, share: &Share) -> Judged<bool> {
    if bench.habits().access.is_none() {
        return Ok(false);
    }
    let (Some(tried), rule) = (bench.copy(), bench.rule(1)?) else { return Ok(false) };
    let before = tried.facts()?;
    let called = change(&tried, share, &[&rule], &[&rule], &[]).await?;
    Ok(called.is_ok() && before != tried.facts()?)
}

async fn lets_nobody_in(bench: &Bench, share: &Share, made: &str) -> Judged {
    bench.needs(Interface::Access)?;
    let before = bench.facts()?;
    let called = change(bench, share, &[], &[], &[]).await?;
    if !called.is_ok() {
        fails!("{called}; an empty set of rules is one like any other");
    }
    let after = bench.facts()?;
    match before == after {
        true => Ok(()),
        false => fails!(
            "after `{made}` somebody is let in, for an empty set of rules changes: {}; a new share \
             lets nobody in",
            difference(&before, &after)
        ),
    }
}

pub(super) async fn new_share_lets_nobody_in(bench: Bench) -> Judged {
    bench.needs(Interface::Access)?;
    let share = bench.made(1, 1).await?;
    lets_nobody_in(&bench, &share, "create-share").await
}

pub(super) async fn new_clone_lets_nobody_in(bench: Bench) -> Judged {
    bench.needs(Interface::Access)?;
    bench.needs(Interface::Clones)?;
    let share = bench.made(1, 1).await?;
    // Not even those who are in the share that it comes from.
    if let Ok(rule) = bench.rule(1) {
        changed(&bench, &share, &[&rule], &[&rule], &[]).await?;
    }
    let snapshot = bench.taken(1, &share).await?;
    let clone = Share { snapshot_id: Some(snapshot.snapshot_id.clone()), ..bench.share(2, 1) };
    bench.ok("create-share-from-snapshot", json!([clone, snapshot, bench.server])).await?;
    lets_nobody_in(&bench, &clone, "create-share-from-snapshot").await
}

pub(super) async fn second_joins_the_first(bench: Bench) -> Judged {
    let (share, (one, other)) = (bench.made(1, 1).await?, bench.two_rules()?);
    if !is_seen(&bench, &share).await? {
        skips!("what letting a client in changes is not seen here");
    }
    let mut alone = Vec::new();
    for rule in [&one, &other] {
        let Some(bench) = bench.copy() else { skips!("worlds cannot be compared here") };
        changed(&bench, &share, &[rule], &[rule], &[]).await?;
        alone.push(bench.facts()?);
    }
    let mut both = Vec::new();
    for (first, second) in [(&one, &other), (&other, &one)] {
        let Some(bench) = bench.copy() else { skips!("worlds cannot be compared here") };
        changed(&bench, &share, &[first], &[first], &[]).await?;
        changed(&bench, &share, &[first, second], &[second], &[]).await?;
        both.push((
            format!("`{}` and then `{}`", first.access_to, second.access_to),
            bench.facts()?,
        ));
    }
    if bench.driver().offers(Interface::Access)
        && let Some(bench) = bench.copy()
    {
        changed(&bench, &share, &[&one, &other], &[], &[]).await?;
        both.push(("both at once".to_owned(), bench.facts()?));
    }
    // Where the author names the clients, the one may be among the other: everybody.
    let same = |(how, found): &&(String, Vec<String>)| {
        let among = both.iter().all(|(_, other)| other == found) && bench.habits().is_named;
        !how.is_empty() && !among && alone.contains(found)
    };
    if let Some((how, _)) = both.iter().find(same) {
        fails!("when {how} are let in, only one of them is");
    }
    let Some(((how, first), others)) = both.split_first() else { return Ok(()) };
    // Rules may be kept in the order in which they came.
    let sorted = |facts: &[String]| -> Vec<String> {
        let parts = facts.iter().flat_map(|fact| fact.split(|one: char| ",;{}[]\n".contains(one)));
        let mut parts: Vec<_> = parts.map(str::to_owned).collect();
        parts.sort();
        parts
    };
    match others.iter().find(|(_, found)| sorted(found) != sorted(first)) {
        Some((other, found)) => fails!(
            "it matters how two clients come in: {how}, or {other}: {}",
            difference(first, found)
        ),
        None => Ok(()),
    }
}

/// A rule that the driver refuses beside others that it takes.
pub(super) async fn refused_rule_keeps_nobody_in(bench: Bench) -> Judged {
    bench.needs(Interface::Access)?;
    let (share, (one, other)) = (bench.made(1, 1).await?, bench.two_rules()?);
    let bad = [
        AccessRule { access_to: "-rf;reboot\n*".to_owned(), id: bench.id(0x4800), ..one.clone() },
        AccessRule {
            id: bench.id(0x4801),
            ..samples::rule(AccessType::Cephx, "mallory", AccessLevel::Rw)
        },
    ];
    let mut refused = None;
    for rule in bad {
        let Some(tried) = bench.copy() else { skips!("worlds cannot be compared here") };
        if is_refused(&change(&tried, &share, &[&rule], &[&rule], &[]).await?) {
            refused.get_or_insert(rule);
        }
    }
    let Some(bad) = refused else { skips!("the driver refuses none of the rules that are tried") };
    let Some(wanted) = bench.copy() else { skips!("worlds cannot be compared here") };
    changed(&wanted, &share, &[&one], &[&one], &[]).await?;
    changed(&bench, &share, &[&one], &[&one], &[]).await?;
    changed(&bench, &share, &[&one, &other], &[&other], &[]).await?;
    let called = change(&bench, &share, &[&one, &bad], &[&bad], &[&other]).await?;
    expect_same(
        &wanted.facts()?,
        &bench,
        &format!(
            "`{}` is shut out in the same call that brings a rule which is refused: {called}; \
             afterwards",
            other.access_to
        ),
    )
}

/// A rule that is another client than the ordinary ones is refused as such, or does something.
async fn taken_or_refused(bench: &Bench, share: &Share, to: &str) -> Judged<Option<Vec<String>>> {
    let Some(tried) = bench.copy() else { skips!("worlds cannot be compared here") };
    let rule = AccessRule { access_to: to.to_owned(), ..bench.rule(1)? };
    let before = tried.facts()?;
    let called = change(&tried, share, &[&rule], &[&rule], &[]).await?;
    if !called.is_ok() {
        return match is_refused(&called) {
            true => Ok(None),
            false => fails!("a rule for `{to}`: {called}; it must answer {}", REFUSED.join(" or ")),
        };
    }
    let after = tried.facts()?;
    match before == after {
        true => fails!("a rule for `{to}` is {IGNORED}"),
        false => Ok(Some(after)),
    }
}

async fn by_address(bench: &Bench) -> Judged<Share> {
    if bench.rule(1)?.access_type != AccessType::Ip {
        skips!("the driver lets nobody in by address");
    }
    let share = bench.made(1, 1).await?;
    if !is_seen(bench, &share).await? {
        skips!("what letting a client in changes is not seen here");
    }
    Ok(share)
}

pub(super) async fn sixth_version_is_taken_or_refused(bench: Bench) -> Judged {
    let share = by_address(&bench).await?;
    taken_or_refused(&bench, &share, SIXTH).await.map(drop)
}

pub(super) async fn networks_are_taken_or_refused(bench: Bench) -> Judged {
    let share = by_address(&bench).await?;
    let network = taken_or_refused(&bench, &share, WHOLE_NETWORK).await?;
    let address = taken_or_refused(&bench, &share, ITS_ADDRESS).await?;
    match network.is_some() && network == address {
        true => fails!(
            "to let the network {WHOLE_NETWORK} in is no other than to let {ITS_ADDRESS} in: its \
             clients stay out"
        ),
        false => Ok(()),
    }
}

pub(super) async fn unknown_rule_is_deleted(bench: Bench) -> Judged {
    let (share, rule) = (bench.made(1, 1).await?, bench.rule(1)?);
    let before = bench.facts()?;
    changed(&bench, &share, &[], &[], &[&rule]).await?;
    expect_same(&before, &bench, "after a rule was removed that was never there")
}

pub(super) async fn one_rule_leaves_the_other(bench: Bench) -> Judged {
    let (share, (one, other)) = (bench.made(1, 1).await?, bench.two_rules()?);
    let Some(alone) = bench.copy() else {
        skips!("worlds cannot be compared here");
    };
    changed(&alone, &share, &[&other], &[&other], &[]).await?;
    let wanted = alone.facts()?;
    changed(&bench, &share, &[&one], &[&one], &[]).await?;
    changed(&bench, &share, &[&one, &other], &[&other], &[]).await?;
    changed(&bench, &share, &[&other], &[], &[&one]).await?;
    expect_same(&wanted, &bench, "after two were let in and the first shut out")
}

/// Of drivers that take whole sets as well, for whom nothing else asks it.
pub(super) async fn denying_one_leaves_the_other(bench: Bench) -> Judged {
    bench.needs(Interface::AccessByRule)?;
    let (share, (one, other)) = (bench.made(1, 1).await?, bench.two_rules()?);
    let Some(alone) = bench.copy() else {
        skips!("worlds cannot be compared here");
    };
    alone.ok("allow-access", json!([share, other, alone.server])).await?;
    let wanted = alone.facts()?;
    bench.ok("allow-access", json!([share, one, bench.server])).await?;
    bench.ok("allow-access", json!([share, other, bench.server])).await?;
    bench.ok("deny-access", json!([share, one, bench.server])).await?;
    expect_same(&wanted, &bench, "after two were let in and the first shut out")
}

/// Where the same is asked and comes to the same, nobody looks who it is.
pub(super) async fn clients_differ(bench: Bench) -> Judged {
    let (share, (one, other)) = (bench.made(1, 1).await?, bench.two_rules()?);
    let Some(apart) = bench.copy() else {
        skips!("worlds cannot be compared here");
    };
    let first = change(&bench, &share, &[&one], &[&one], &[]).await?;
    let second = change(&apart, &share, &[&other], &[&other], &[]).await?;
    for called in [&first, &second] {
        if !called.is_ok() {
            fails!("{called}");
        }
    }
    let asked = |called: &Called| {
        called.requests.iter().map(|request| request.asked.to_string()).collect::<Vec<_>>()
    };
    match bench.facts()? == apart.facts()? && asked(&first) == asked(&second) {
        true => fails!(
            "to let in {:?} and to let in {:?} is the same: whoever is named, all of them come in, or \
             nobody",
            one.access_to,
            other.access_to
        ),
        false => Ok(()),
    }
}

pub(super) async fn recovery_makes_the_whole_set(bench: Bench) -> Judged {
    bench.needs(Interface::Access)?;
    let (share, (one, other)) = (bench.made(1, 1).await?, bench.two_rules()?);
    let Some(alone) = bench.copy() else {
        skips!("worlds cannot be compared here");
    };
    changed(&alone, &share, &[&other], &[&other], &[]).await?;
    let wanted = alone.facts()?;
    changed(&bench, &share, &[&one], &[&one], &[]).await?;
    changed(&bench, &share, &[&other], &[], &[]).await?;
    expect_same(
        &wanted,
        &bench,
        "with no rule to add and none to remove, only those of the set stay",
    )
}

pub(super) async fn recovery_to_nothing_shuts_all_out(bench: Bench) -> Judged {
    bench.needs(Interface::Access)?;
    let (share, rule) = (bench.made(1, 1).await?, bench.rule(1)?);
    let before = bench.facts()?;
    changed(&bench, &share, &[&rule], &[&rule], &[]).await?;
    changed(&bench, &share, &[], &[], &[]).await?;
    expect_same(&before, &bench, "after the whole set became empty")
}

pub(super) async fn letting_in_does_something(bench: Bench) -> Judged {
    let (share, rule) = (bench.made(1, 1).await?, bench.rule(1)?);
    let before = bench.facts()?;
    let called = change(&bench, &share, &[&rule], &[&rule], &[]).await?;
    if !called.is_ok() {
        fails!("{called}");
    }
    let told = |request: &super::super::Crossed| {
        !matches!(request.import.as_str(), "log.write" | "config.get" | "clock.now")
    };
    match before == bench.facts()? && !called.requests.iter().any(told) {
        true => fails!("it answers ok and neither asks nor changes anything"),
        false => Ok(()),
    }
}

pub(super) async fn other_types_are_refused(bench: Bench) -> Judged {
    let share = bench.made(1, 1).await?;
    let (before, is_seen) = (bench.facts()?, is_seen(&bench, &share).await?);
    let types = [
        (AccessType::Ip, "192.0.2.10"),
        (AccessType::User, "alice"),
        (AccessType::Cert, "client.example"),
        (AccessType::Cephx, "alice"),
    ];
    for (access_type, access_to) in types {
        let rule = samples::rule(access_type, access_to, AccessLevel::Rw);
        let called = change(&bench, &share, &[&rule], &[&rule], &[]).await?;
        if called.is_ok() && is_seen && before == bench.facts()? {
            fails!("a rule of type {} for `{access_to}` is {IGNORED}", word(&access_type)?);
        }
        if called.is_ok() {
            changed(&bench, &share, &[], &[], &[&rule]).await?;
        } else if !called.error().is_some_and(|error| REFUSED.contains(&error)) {
            fails!(
                "a rule of type {}: {called}; it must answer {}",
                word(&access_type)?,
                REFUSED.join(" or ")
            );
        }
        expect_same(&before, &bench, &format!("after a rule of type {}", word(&access_type)?))?;
    }
    Ok(())
}

pub(super) async fn other_levels_are_refused(bench: Bench) -> Judged {
    let (share, rule) = (bench.made(1, 1).await?, bench.rule(1)?);
    let (before, is_seen) = (bench.facts()?, is_seen(&bench, &share).await?);
    for access_level in [AccessLevel::Rw, AccessLevel::Ro] {
        let rule = AccessRule { access_level, ..rule.clone() };
        let called = change(&bench, &share, &[&rule], &[&rule], &[]).await?;
        if called.is_ok() && is_seen && before == bench.facts()? {
            fails!("a rule of level {} is {IGNORED}", word(&access_level)?);
        }
        if called.is_ok() {
            changed(&bench, &share, &[], &[], &[&rule]).await?;
        } else if !called.error().is_some_and(|error| REFUSED.contains(&error)) {
            fails!(
                "a rule of level {}: {called}; it must answer {}",
                word(&access_level)?,
                REFUSED.join(" or ")
            );
        }
        expect_same(&before, &bench, &format!("after a rule of level {}", word(&access_level)?))?;
    }
    Ok(())
}

pub(super) async fn levels_differ(bench: Bench) -> Judged {
    let (share, rule) = (bench.made(1, 1).await?, bench.rule(1)?);
    if bench.habits().levels.len() < 2 {
        skips!("the driver takes rules of one level alone");
    }
    let Some(other) = bench.copy() else {
        skips!("worlds cannot be compared here");
    };
    let writing = AccessRule { access_level: AccessLevel::Rw, ..rule.clone() };
    let reading = AccessRule { access_level: AccessLevel::Ro, ..rule };
    changed(&bench, &share, &[&writing], &[&writing], &[]).await?;
    changed(&other, &share, &[&reading], &[&reading], &[]).await?;
    match bench.facts()? == other.facts()? {
        true => fails!("whoever may only read is let in like whoever may write"),
        false => Ok(()),
    }
}

pub(super) async fn no_address_is_refused(bench: Bench) -> Judged {
    let rule = bench.rule(1)?;
    if rule.access_type != AccessType::Ip {
        skips!("the driver lets nobody in by address");
    }
    let share = bench.made(1, 1).await?;
    let before = bench.facts()?;
    for access_to in NO_ADDRESSES {
        let rule = AccessRule { access_to: access_to.to_owned(), ..rule.clone() };
        let called = change(&bench, &share, &[&rule], &[&rule], &[]).await?;
        if called.is_ok() {
            if before == bench.facts()? {
                fails!("a rule for {access_to:?} is {IGNORED}");
            }
            fails!("{access_to:?} is taken for an address");
        }
        expect_same(&before, &bench, &format!("{access_to:?}: {called}; afterwards"))?;
    }
    Ok(())
}

pub(super) async fn nobody_is_let_into_what_is_missing(bench: Bench) -> Judged {
    let (share, rule) = (bench.share(1, 1), bench.rule(1)?);
    let before = bench.facts()?;
    let called = change(&bench, &share, &[&rule], &[&rule], &[]).await?;
    if called.is_ok() {
        fails!("a client is let into a share that nobody has made");
    }
    expect_same(&before, &bench, &format!("{called}; afterwards"))
}

pub(super) async fn rules_go_with_their_share(bench: Bench) -> Judged {
    let before = bench.facts()?;
    let (share, rule) = (bench.made(1, 1).await?, bench.rule(1)?);
    changed(&bench, &share, &[&rule], &[&rule], &[]).await?;
    bench.ok("delete-share", json!([share, bench.server])).await?;
    expect_same(&before, &bench, "after a share was removed whose client was let in")
}

pub(super) async fn rules_outlast_ensuring(bench: Bench) -> Judged {
    let (share, rule) = (bench.made(1, 1).await?, bench.rule(1)?);
    changed(&bench, &share, &[&rule], &[&rule], &[]).await?;
    let before = bench.facts()?;
    bench.ok("ensure-share", json!([share, bench.server])).await?;
    let after = bench.facts()?;
    match before.iter().all(|fact| after.contains(fact)) {
        true => Ok(()),
        false => fails!("`ensure-share` shuts clients out: {}", difference(&before, &after)),
    }
}

pub(super) async fn rules_are_each_share_s_own(bench: Bench) -> Judged {
    let (one, other, rule) = (bench.made(1, 1).await?, bench.made(2, 1).await?, bench.rule(1)?);
    changed(&bench, &one, &[&rule], &[&rule], &[]).await?;
    let before = bench.facts()?;
    changed(&bench, &other, &[&rule], &[&rule], &[]).await?;
    changed(&bench, &other, &[], &[], &[&rule]).await?;
    expect_same(&before, &bench, "after the same client was let into another share and out of it")
}
