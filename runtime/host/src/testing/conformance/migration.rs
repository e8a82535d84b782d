//! Checks of moving shares: given up in each phase, and ended. Called by `checks`.

use serde_json::{Value, json};

use super::bench::{Bench, Judged, fails, heard};
use super::operations::{migrating, migration};
use super::shares::expect_same;
use crate::contract::Interface;
use crate::types::{MountCommands, Share};

/// How often progress is asked for until it must be whole: there is nothing to move.
const PATIENCE: usize = 200;

async fn progress(bench: &Bench, share: &Share, info: &Value) -> Judged<u8> {
    let arguments = json!([share, bench.server, info]);
    let percent: u8 = heard(&bench.ok("migration-get-progress", arguments).await?)?;
    match percent <= 100 {
        true => Ok(percent),
        false => fails!("the move is {percent} % done"),
    }
}

/// Asks until the first phase is done.
pub(super) async fn whole(bench: &Bench, share: &Share, info: &Value) -> Judged {
    let mut last = 0;
    for _ in 0..PATIENCE {
        let percent = progress(bench, share, info).await?;
        if percent < last {
            fails!("the move was {last} % done, and now is {percent} %");
        }
        if percent == 100 {
            return Ok(());
        }
        last = percent;
    }
    fails!("asked {PATIENCE} times, the move of an empty share stays at {last} %")
}

pub(super) async fn progress_comes_to_its_end(bench: Bench) -> Judged {
    bench.needs(Interface::Migration)?;
    let (share, info) = migrating(&bench).await?;
    whole(&bench, &share, &info).await
}

/// Gives up a move after so many questions; none means at its end.
async fn cancelled(bench: Bench, asks: Option<usize>) -> Judged {
    bench.needs(Interface::Migration)?;
    let (share, info) = match bench.copy() {
        Some(tried) => {
            migrating(&tried).await?;
            let (share, _, info) = migration(&bench).await?;
            (share, info)
        }
        None => migrating(&bench).await?,
    };
    let before = bench.facts()?;
    if bench.ground().is_copied() {
        let destination = super::operations::destination(&bench, &share).await?;
        let arguments = json!([share, bench.server, destination, info, false]);
        bench.ok("migration-start", arguments).await?;
    }
    match asks {
        Some(asks) => {
            for _ in 0..asks {
                progress(&bench, &share, &info).await?;
            }
        }
        None => whole(&bench, &share, &info).await?,
    }
    let arguments = json!([share, bench.server, info]);
    bench.ok("migration-cancel", arguments.clone()).await?;
    bench.ok("ensure-share", json!([share, bench.server])).await?;
    if bench.ground().is_copied() {
        expect_same(&before, &bench, "after the move was given up")?;
    }
    bench.ok("migration-cancel", arguments).await.map(drop)
}

pub(super) async fn move_is_given_up_at_once(bench: Bench) -> Judged {
    cancelled(bench, Some(0)).await
}

pub(super) async fn move_is_given_up_on_the_way(bench: Bench) -> Judged {
    cancelled(bench, Some(2)).await
}

pub(super) async fn move_is_given_up_at_the_end(bench: Bench) -> Judged {
    cancelled(bench, None).await
}

pub(super) async fn move_is_ended(bench: Bench) -> Judged {
    bench.needs(Interface::Migration)?;
    let before = bench.facts()?;
    let (share, info) = migrating(&bench).await?;
    whole(&bench, &share, &info).await?;
    let arguments = json!([share, bench.server, info]);
    let answer = bench.ok("migration-complete", arguments).await?;
    let locations = Bench::locations(&answer)?;
    let moved = match locations.is_empty() {
        true => share,
        false => Share { export_locations: locations, ..share },
    };
    bench.ok("delete-share", json!([moved, bench.server])).await?;
    expect_same(&before, &bench, "after the share was moved and removed")
}

pub(super) async fn nothing_is_moved_to_a_stranger(bench: Bench) -> Judged {
    bench.needs(Interface::Migration)?;
    let share = bench.made(1, 1).await?;
    let before = bench.facts()?;
    let stranger = json!({ "host": "elsewhere@another#pool", "capabilities": {} });
    let arguments = json!([share, bench.server, stranger, [], false]);
    let called = bench.call("migration-start", arguments).await?;
    let moved = called.answer().and_then(|started| started.get("moved")?.as_bool());
    if moved == Some(true) {
        fails!("it begins to move a share to a back end that told it nothing");
    }
    expect_same(&before, &bench, &format!("{called}; afterwards"))
}

pub(super) async fn share_can_be_mounted(bench: Bench) -> Judged {
    bench.needs(Interface::MigrationInfo)?;
    let share = bench.made(1, 1).await?;
    let answer = bench.ok("migration-get-info", json!([share, bench.server])).await?;
    let MountCommands { mount, unmount } = heard(&answer)?;
    match mount.is_empty() == unmount.is_empty() {
        true => Ok(()),
        false => fails!("it can be mounted by {mount:?} and unmounted by {unmount:?}"),
    }
}
