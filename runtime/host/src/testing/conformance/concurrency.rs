//! Checks of calls that run beside each other, turn by turn at each request. Called by `checks`.

use serde_json::{Value, json};

use super::bench::{Bench, Judged, difference, fails, skips};
use crate::contract::Interface;

/// Runs two calls beside each other.
async fn beside(bench: &Bench, one: (&str, Value), other: (&str, Value)) -> Judged {
    let (first, second) =
        tokio::join!(bench.call(one.0, one.1.clone()), bench.call(other.0, other.1.clone()));
    // Who comes second may be told to come again.
    for (called, (function, arguments)) in [first?, second?].iter().zip([one, other]) {
        if !called.is_ok() {
            bench.ok(function, arguments).await?;
        }
    }
    Ok(())
}

async fn same_as_in_turn(bench: &Bench, one: (&str, Value), other: (&str, Value)) -> Judged {
    // Which of them comes first may matter: to what is full then.
    let mut wanted = Vec::new();
    for (first, second) in [(&one, &other), (&other, &one)] {
        let Some(in_turn) = bench.copy() else {
            skips!("worlds cannot be compared here");
        };
        in_turn.ok(first.0, first.1.clone()).await?;
        in_turn.ok(second.0, second.1.clone()).await?;
        wanted.push(in_turn.facts()?);
    }
    let words = format!("`{}` and `{}` beside each other", one.0, other.0);
    beside(bench, one, other).await?;
    let found = bench.facts()?;
    match wanted.first() {
        Some(first) if !wanted.contains(&found) => {
            fails!("{words} come to something else than in turn: {}", difference(first, &found))
        }
        _ => Ok(()),
    }
}

pub(super) async fn two_shares_are_made(bench: Bench) -> Judged {
    let [one, other] = [bench.share(1, 1), bench.share(2, 1)];
    let made = |share| ("create-share", json!([share, bench.server]));
    same_as_in_turn(&bench, made(&one), made(&other)).await
}

pub(super) async fn one_share_is_made_twice(bench: Bench) -> Judged {
    let share = bench.share(1, 1);
    let made = || ("create-share", json!([share, bench.server]));
    same_as_in_turn(&bench, made(), made()).await
}

pub(super) async fn one_is_made_one_removed(bench: Bench) -> Judged {
    let (one, other) = (bench.made(1, 1).await?, bench.share(2, 1));
    let removed = ("delete-share", json!([one, bench.server]));
    same_as_in_turn(&bench, removed, ("create-share", json!([other, bench.server]))).await
}

pub(super) async fn one_share_is_removed_twice(bench: Bench) -> Judged {
    let share = bench.made(1, 1).await?;
    let removed = || ("delete-share", json!([share, bench.server]));
    same_as_in_turn(&bench, removed(), removed()).await
}

pub(super) async fn two_clients_are_let_in(bench: Bench) -> Judged {
    bench.needs(Interface::Access)?;
    let (one, other, rule) = (bench.made(1, 1).await?, bench.made(2, 1).await?, bench.rule(1)?);
    let in_to = |share| ("update-access", json!([share, [rule], [rule], [], bench.server]));
    same_as_in_turn(&bench, in_to(&one), in_to(&other)).await
}

pub(super) async fn two_snapshots_are_taken(bench: Bench) -> Judged {
    bench.needs(Interface::Snapshots)?;
    let (one, other) = (bench.made(1, 1).await?, bench.made(2, 1).await?);
    let [one, other] = [bench.snapshot(1, &one), bench.snapshot(2, &other)];
    let taken = |snapshot| ("create-snapshot", json!([snapshot, bench.server]));
    same_as_in_turn(&bench, taken(&one), taken(&other)).await
}
