//! Checks of names and texts that nobody would choose, and somebody sends. Whatever a driver
//! answers, it does not panic, and nothing is left. Called by `checks`.

use serde_json::json;

use super::bench::{Bench, Judged, fails};
use super::shares::expect_same;
use crate::contract::Interface;
use crate::types::{Share, Snapshot};

/// Names with the bench's own token in them, so that they are found again.
fn long(token: &str) -> Vec<String> {
    let fill = |length: usize| "x".repeat(length.saturating_sub(token.len()));
    vec![fill(64) + token, fill(255) + token, fill(256) + token, fill(4096) + token]
}

fn unicode(token: &str) -> Vec<String> {
    // Of the long ones, wherever bytes are counted, one is cut within a letter.
    let long = "共".repeat(20);
    let one_further = format!("x{long}");
    ["доля", "共有", "é", "e\u{301}", "🦀", "ﬁ", "İ", &long, &one_further]
        .map(|word| format!("{word}-{token}"))
        .into()
}

fn hostile(token: &str) -> Vec<String> {
    let around = [
        ("../", ""),
        ("/etc/", ""),
        ("-rf ", ""),
        ("--", ""),
        ("a/../../", ""),
        ("$(reboot)", ""),
        ("`reboot`", ""),
        ("a;reboot;", ""),
        ("a|b", ""),
        ("a\n", ""),
        ("a\0", ""),
        ("a\u{202e}", ""),
        (" ", " "),
        ("", "."),
        (".", ""),
        ("%s%n", ""),
        ("'", "\""),
        ("*", "?"),
        ("a,ro", ""),
        ("shares:", ""),
        ("a@", "#b"),
        ("", "\t"),
        ("\\", ""),
    ];
    around.map(|(before, behind)| format!("{before}{token}{behind}")).into()
}

async fn shares_called(bench: Bench, names: impl Fn(&str) -> Vec<String>) -> Judged {
    for name in names(&bench.id(1)) {
        let share = Share { name: name.clone(), ..bench.share(1, 1) };
        let before = bench.facts()?;
        let called = bench.call("create-share", json!([share, bench.server])).await?;
        let after = format!("a share called {name:?}: {called}; afterwards");
        let removed = bench.call("delete-share", json!([share, bench.server])).await?;
        if called.is_ok() && !removed.is_ok() {
            fails!("a share called {name:?} is made, and not removed: {removed}");
        }
        expect_same(&before, &bench, &after)?;
        // What could not be made is not there, whatever its name.
        bench.call("ensure-share", json!([share, bench.server])).await?;
        expect_same(&before, &bench, &after)?;
    }
    Ok(())
}

pub(super) async fn long_share_names(bench: Bench) -> Judged {
    shares_called(bench, long).await
}

pub(super) async fn unicode_share_names(bench: Bench) -> Judged {
    shares_called(bench, unicode).await
}

pub(super) async fn hostile_share_names(bench: Bench) -> Judged {
    shares_called(bench, hostile).await
}

pub(super) async fn empty_share_name(bench: Bench) -> Judged {
    let before = bench.facts()?;
    let share = Share { name: String::new(), ..bench.share(1, 1) };
    let called = bench.call("create-share", json!([share, bench.server])).await?;
    let removed = bench.call("delete-share", json!([share, bench.server])).await?;
    if called.is_ok() && !removed.is_ok() {
        fails!("a share without a name is made, and not removed: {removed}");
    }
    expect_same(&before, &bench, &format!("a share without a name: {called}; removed"))
}

async fn snapshots_called(bench: Bench, names: impl Fn(&str) -> Vec<String>) -> Judged {
    bench.needs(Interface::Snapshots)?;
    let share = bench.made(1, 1).await?;
    let before = bench.facts()?;
    for name in names(&bench.id(0x2001)) {
        let snapshot = Snapshot { name: name.clone(), ..bench.snapshot(1, &share) };
        let called = bench.call("create-snapshot", json!([snapshot, bench.server])).await?;
        let removed = bench.call("delete-snapshot", json!([snapshot, bench.server])).await?;
        if called.is_ok() && !removed.is_ok() {
            fails!("a snapshot called {name:?} is taken, and not removed: {removed}");
        }
        expect_same(&before, &bench, &format!("a snapshot called {name:?}: {called}; afterwards"))?;
    }
    Ok(())
}

pub(super) async fn hostile_snapshot_names(bench: Bench) -> Judged {
    snapshots_called(bench, hostile).await
}

pub(super) async fn unicode_snapshot_names(bench: Bench) -> Judged {
    snapshots_called(bench, unicode).await
}

/// Two names that differ in what people do not see must not become one thing.
pub(super) async fn similar_names_are_two_shares(bench: Bench) -> Judged {
    let names = [format!("share-{}-a", bench.id(1)), format!("share-{}-A", bench.id(1))];
    are_two_shares(&bench, names).await
}

/// Names that are alike for as long as some storage reads them.
pub(super) async fn long_names_are_two_shares(bench: Bench) -> Judged {
    for length in [60_usize, 120, 250] {
        let begin = format!("share-{}-", bench.id(1));
        let begin = format!("{begin}{}", "x".repeat(length.saturating_sub(begin.len())));
        are_two_shares(&bench, [format!("{begin}a"), format!("{begin}b")]).await?;
    }
    Ok(())
}

async fn are_two_shares(bench: &Bench, [lower, upper]: [String; 2]) -> Judged {
    let before = bench.facts()?;
    let (lower, upper) =
        (Share { name: lower, ..bench.share(1, 1) }, Share { name: upper, ..bench.share(2, 1) });
    let one = bench.call("create-share", json!([lower, bench.server])).await?;
    if !one.is_ok() {
        bench.call("delete-share", json!([lower, bench.server])).await?;
        return Ok(());
    }
    let first = bench.facts()?;
    let other = bench.call("create-share", json!([upper, bench.server])).await?;
    if let (Some(one), Some(other)) = (one.answer(), other.answer()) {
        let (one, other) = (Bench::locations(one)?, Bench::locations(other)?);
        let is_shared = one.iter().any(|one| other.iter().any(|other| one.path == other.path));
        if is_shared || bench.facts()? == first {
            fails!("{:?} and {:?} become the same share", lower.name, upper.name);
        }
    }
    bench.call("delete-share", json!([upper, bench.server])).await?;
    expect_same(&first, bench, "after the second was removed")?;
    bench.call("delete-share", json!([lower, bench.server])).await?;
    expect_same(&before, bench, "after both were removed")
}
