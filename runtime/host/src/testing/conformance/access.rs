//! Checks of access rules, in both cases of upstream: what is to be changed, and the whole set.
//! Called by `checks`.

use serde_json::json;

use super::bench::{Bench, Judged, difference, fails, skips, word};
use super::shares::expect_same;
use crate::contract::Interface;
use crate::testing::samples;
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

/// Lets in and shuts out by the interface that the driver has.
async fn change(
    bench: &Bench,
    share: &Share,
    all: &[&AccessRule],
    add: &[&AccessRule],
    delete: &[&AccessRule],
) -> Judged<super::super::Called> {
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
    let asked = |called: &super::super::Called| {
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
    let before = bench.facts()?;
    let types = [
        (AccessType::Ip, "192.0.2.10"),
        (AccessType::User, "alice"),
        (AccessType::Cert, "client.example"),
        (AccessType::Cephx, "alice"),
    ];
    for (access_type, access_to) in types {
        let rule = samples::rule(access_type, access_to, AccessLevel::Rw);
        let called = change(&bench, &share, &[&rule], &[&rule], &[]).await?;
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
    let before = bench.facts()?;
    for access_level in [AccessLevel::Rw, AccessLevel::Ro] {
        let rule = AccessRule { access_level, ..rule.clone() };
        let called = change(&bench, &share, &[&rule], &[&rule], &[]).await?;
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
