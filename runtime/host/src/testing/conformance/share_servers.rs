//! Checks of share servers. Called by `checks`, with a bench whose driver handles them.

use serde_json::{Value, json};

use super::bench::{Bench, Judged, fails, heard, skips};
use super::operations::set_up;
use super::shares::{check_locations, expect_same};
use crate::contract::Interface;
use crate::types::{Share, ShareServer, ShareServerStatus};

async fn standing(bench: Bench) -> Judged<Bench> {
    bench.needs(Interface::ShareServers)?;
    let server = set_up(&bench).await?;
    Ok(bench.on(server))
}

fn details(bench: &Bench) -> Value {
    json!(bench.server.as_ref().map(|server| &server.backend_details))
}

pub(super) async fn half_made_server_is_removed(bench: Bench) -> Judged {
    bench.needs(Interface::ShareServers)?;
    let before = bench.facts()?;
    bench.ok("teardown-server", json!([[], []])).await?;
    expect_same(&before, &bench, "after a server without details was removed")
}

pub(super) async fn server_is_removed_twice(bench: Bench) -> Judged {
    let before = bench.facts()?;
    let bench = standing(bench).await?;
    bench.ok("teardown-server", json!([details(&bench), []])).await?;
    expect_same(&before, &bench, "after a server was set up and removed")?;
    bench.ok("teardown-server", json!([details(&bench), []])).await?;
    expect_same(&before, &bench, "after it was removed again")
}

pub(super) async fn server_carries_a_share(bench: Bench) -> Judged {
    let bench = standing(bench).await?;
    let before = bench.facts()?;
    let share = bench.made(1, 1).await?;
    check_locations(&share.export_locations)?;
    bench.ok("ensure-share", json!([share, bench.server])).await?;
    bench.ok("delete-share", json!([share, bench.server])).await?;
    expect_same(&before, &bench, "after a share on a server was made and removed")
}

pub(super) async fn server_has_addresses_enough(bench: Bench) -> Judged {
    bench.needs(Interface::ShareServers)?;
    let numbers = ["get-network-allocations-number", "get-admin-network-allocations-number"];
    for function in numbers {
        let number: u32 = heard(&bench.ok(function, json!([])).await?)?;
        if number > 64 {
            fails!(
                "`{function}` answers {number}: no network has so many addresses for one server"
            );
        }
    }
    Ok(())
}

/// The server that the driver chooses of these for a share, or none.
async fn chosen(bench: &Bench, offered: &[&ShareServer]) -> Judged<Option<String>> {
    let share = Share { share_server_id: None, ..bench.share(1, 1) };
    let arguments = json!([offered, share, null, null]);
    heard(&bench.ok("choose-share-server-compatible-with-share", arguments).await?)
}

pub(super) async fn chosen_server_is_offered(bench: Bench) -> Judged {
    bench.needs(Interface::ServerChoice)?;
    let bench = standing(bench).await?;
    let Some(server) = &bench.server else { skips!("the driver sets up no share servers here") };
    for offered in [&[][..], &[server][..]] {
        let chosen = chosen(&bench, offered).await?;
        if let Some(stranger) = chosen
            && !offered.iter().any(|server| server.id == stranger)
        {
            let count = offered.len();
            fails!("of {count} servers it chooses {stranger:?}, which is none of them");
        }
    }
    Ok(())
}

pub(super) async fn chosen_server_works(bench: Bench) -> Judged {
    bench.needs(Interface::ServerChoice)?;
    let bench = standing(bench).await?;
    let Some(server) = &bench.server else { skips!("the driver sets up no share servers here") };
    let status = ShareServerStatus::Error;
    let broken = ShareServer { id: bench.id(0x5001), status, ..server.clone() };
    for offered in [&[&broken][..], &[&broken, server][..]] {
        if chosen(&bench, offered).await?.as_ref() == Some(&broken.id) {
            fails!("a server in error is chosen: the share could not be made there");
        }
    }
    Ok(())
}

pub(super) async fn server_s_pools_are_there(bench: Bench) -> Judged {
    let bench = standing(bench).await?;
    let stats = bench.ok("get-share-stats", json!([])).await?;
    let pools = stats.get("pools").and_then(Value::as_array).cloned().unwrap_or_default();
    let known: Vec<_> = pools.iter().filter_map(|pool| pool.get("name")?.as_str()).collect();
    let own: Vec<String> =
        heard(&bench.ok("get-share-server-pools", json!([bench.server])).await?)?;
    if known.is_empty() {
        skips!("the statistics name no pools");
    }
    match own.iter().find(|pool| !known.contains(&pool.as_str())) {
        Some(pool) => {
            fails!("the server can use the pool {pool:?}, which the statistics do not name")
        }
        None => Ok(()),
    }
}
