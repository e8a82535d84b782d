//! Whom a driver lets in: found out before its checks, by trying. Called by `Suite`, and by stories.

use serde_json::{Value, json};

use super::access::is_refused;
use super::bench::{Bench, Habits, Judged, Stop};
use super::ground::Ground;
use super::operations;
use crate::contract::Interface;
use crate::error::Result;
use crate::testing::samples;
use crate::testing::stage::{Client, Stage};
use crate::types::{AccessLevel, AccessRule, AccessType, ShareProtocol};

/// Whom drivers let in: a type, and two of it.
const CLIENTS: [(AccessType, &str, &str); 4] = [
    (AccessType::Ip, "192.0.2.10", "192.0.2.11"),
    (AccessType::User, "alice", "bob"),
    (AccessType::Cert, "alice.example", "bob.example"),
    (AccessType::Cephx, "alice", "bob"),
];

/// Whom to try: the author's clients, else ordinary ones.
fn clients_of(clients: &[Client]) -> Vec<(AccessType, String, String)> {
    let own = clients.first().map(|first| {
        let other =
            clients.iter().find(|one| one.access_type == first.access_type && one.to != first.to);
        (first.access_type, first.to.clone(), other.unwrap_or(first).to.clone())
    });
    let ordinary = CLIENTS.map(|(of, one, other)| (of, one.to_owned(), other.to_owned()));
    own.into_iter().chain(ordinary).collect()
}

/// A rule that the driver on a stage takes, if it takes any.
///
/// # Errors
/// For a fault of the runtime.
pub(in crate::testing) async fn rule_taken(
    stage: &Stage,
    clients: &[Client],
    protocol: Option<ShareProtocol>,
) -> Result<Option<AccessRule>> {
    let nobody = Habits::unknown();
    let ground = Ground::Simulated(Box::new(stage.fork()));
    let bench = Bench::new(ground, nobody).of_protocol(protocol);
    match habits(&bench, clients).await {
        Ok(Habits { access: Some((of, to, _)), levels, .. }) => {
            let level = levels.first().copied().unwrap_or(AccessLevel::Rw);
            Ok(Some(samples::rule(of, &to, level)))
        }
        Err(Stop::Breaks(error)) => Err(error),
        Ok(_) | Err(_) => Ok(None),
    }
}

/// Whom the driver lets in. Where not even a share can be made, nobody.
pub(super) async fn habits(bench: &Bench, clients: &[Client]) -> Judged<Habits> {
    let mut habits = Habits::unknown();
    let bench = bench.apart();
    let bench = match &bench.server {
        None => bench,
        Some(_) => match operations::set_up(&bench).await {
            Ok(server) => bench.on(server),
            Err(_) => return Ok(habits),
        },
    };
    let Ok(share) = bench.made(1, 1).await else { return Ok(habits) };
    let mut fault = None;
    for (number, (access_type, first, second)) in clients_of(clients).into_iter().enumerate() {
        for level in [AccessLevel::Rw, AccessLevel::Ro] {
            let rule = samples::rule(access_type, &first, level);
            let server = &bench.server;
            let called = match bench.driver().offers(Interface::Access) {
                true => {
                    let arguments = json!([share, [rule], [rule], [], server]);
                    bench.call("update-access", arguments).await
                }
                false => bench.call("allow-access", json!([share, rule, server])).await,
            };
            let called = match called {
                Ok(called) => called,
                Err(Stop::Fails(reason)) => {
                    fault.get_or_insert_with(|| format!("`{first}`: {reason}"));
                    break;
                }
                Err(Stop::Breaks(error)) => return Err(Stop::Breaks(error)),
                Err(Stop::Skips(_)) => break,
            };
            if !called.is_ok() && !is_refused(&called) {
                fault.get_or_insert_with(|| format!("`{first}`: {called}"));
            }
            if called.is_ok() {
                habits.is_named = number == 0 && !clients.is_empty();
                habits.access = Some((access_type, first.clone(), second.clone()));
                habits.levels.push(level);
                // Nothing of it is in anybody's way.
                match bench.driver().offers(Interface::Access) {
                    true => {
                        let arguments = json!([share, [], [], [rule], server]);
                        quietly(&bench, "update-access", arguments).await?;
                    }
                    false => quietly(&bench, "deny-access", json!([share, rule, server])).await?,
                }
            }
        }
        if habits.access.is_some() {
            break;
        }
    }
    quietly(&bench, "delete-share", json!([share, bench.server])).await?;
    if habits.access.is_none() {
        habits.fault = fault;
    }
    Ok(habits)
}

/// Calls a function whose failure the checks will tell.
async fn quietly(bench: &Bench, function: &str, arguments: Value) -> Judged {
    match bench.call(function, arguments).await {
        Err(Stop::Breaks(error)) => Err(Stop::Breaks(error)),
        Ok(_) | Err(_) => Ok(()),
    }
}
