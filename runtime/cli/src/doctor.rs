//! `abaca doctor`: what holds on this machine, found out by trying. Which walls stand around
//! commands is asked here; whether each limit of a call holds, in `doctor/limits`.

mod limits;
mod trials;

use std::process::ExitCode;

use abaca::{Builder, Runtime, TriedWall, Walls};
use serde_json::json;

use self::limits::TriedLimit;
use crate::cli::{Doctor, Global};
use crate::failure::Result;
use crate::output::{Output, facts, table, word};

/// The exit code where something does not hold that policies or limits rely on: the machine's.
const MISSING: u8 = 5;

/// Tries, tells, and answers the exit code.
///
/// # Errors
/// When it cannot be tried: the broker is missing, or nothing temporary can be made.
pub async fn run(asked: Doctor, global: &Global, output: Output) -> Result<ExitCode> {
    let runtime = builder(global).build()?;
    let walls = output.wait("trying the walls", runtime.try_walls()).await?;
    // The compiler builds its walls before it reads a byte, or says which it cannot build.
    let smallest = trials::drivers::NOTHING.to_vec();
    output.wait("compiling", Box::pin(runtime.load_bytes("doctor", smallest))).await?;
    let limits = if asked.limits {
        Some(output.wait("hitting the limits", limits::try_all(global)).await?)
    } else {
        None
    };
    output.answer(&document(&walls, limits.as_deref()), || text(&walls, limits.as_deref()))?;
    let hold = limits.iter().flatten().all(|limit| limit.holds);
    Ok(if walls.all_required_stand() && hold { ExitCode::SUCCESS } else { ExitCode::from(MISSING) })
}

fn builder(global: &Global) -> Builder {
    let builder = Runtime::builder();
    match &global.broker {
        Some(broker) => builder.broker(broker),
        None => builder,
    }
}

fn document(walls: &Walls, limits: Option<&[TriedLimit]>) -> serde_json::Value {
    json!({
        "user": walls.broker.user,
        "landlock": walls.broker.landlock_abi,
        "walls": walls.walls,
        "limits": limits,
    })
}

fn text(walls: &Walls, limits: Option<&[TriedLimit]>) -> String {
    let hello = &walls.broker;
    let mut text = facts([
        ("user", hello.user.to_string()),
        ("landlock", format!("version {}", hello.landlock_abi)),
        ("compiler", "behind its walls".to_owned()),
    ]);
    let wall = |wall: &TriedWall| {
        let stands = match wall {
            TriedWall { stands: true, .. } => "yes",
            TriedWall { wall, .. } if wall.is_required() => "NO",
            _ => "no (not required)",
        };
        [word(&wall.wall), stands.to_owned(), wall.tried.clone(), wall.got.clone()]
    };
    text.push('\n');
    text.push_str(&table(["wall", "stands", "tried", "got"], walls.walls.iter().map(wall)));
    if let Some(limits) = limits {
        let limit = |one: &TriedLimit| {
            let holds = if one.holds { "yes" } else { "NO" };
            let cells = [one.limit, holds, one.set_to, one.asked, &one.got];
            cells.map(str::to_owned)
        };
        text.push('\n');
        text.push_str(&table(
            ["limit", "holds", "set to", "asked", "got"],
            limits.iter().map(limit),
        ));
    }
    text
}
