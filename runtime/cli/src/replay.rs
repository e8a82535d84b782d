//! `abaca replay`: runs a driver against a transcript, and shows where it does otherwise. Neither
//! configuration nor policy nor storage is needed.

use std::fmt::Write as _;
use std::process::ExitCode;

use abaca::Runtime;
use abaca::testing::{Order, Replay, Replayed, Transcript};
use serde_json::json;

use crate::cli;
use crate::failure::Result;
use crate::output::Output;

/// The exit code where the driver does otherwise: the driver's.
const DIVERGES: u8 = 3;

/// Does what was asked.
///
/// # Errors
/// When the transcript cannot be read, the component is no driver, or is another one.
pub async fn run(asked: cli::Replay, output: Output) -> Result<ExitCode> {
    let transcript = Transcript::load(&asked.transcript)?;
    let runtime = Runtime::builder().build()?;
    let what = format!("compiling {}", asked.driver.display());
    let driver = output.wait(&what, Box::pin(runtime.load(&asked.driver))).await?;
    let order = if asked.loose { Order::Loose } else { Order::Strict };
    let replay = Replay::of(transcript).order(order);
    let what = format!("replaying {}", asked.transcript.display());
    let replayed = output.wait(&what, Box::pin(replay.run(&driver))).await?;
    if let Some(file) = &asked.output {
        replayed.write(file)?;
    }
    let Replayed { calls, requests, divergences, .. } = &replayed;
    let document = json!({
        "driver": driver.description().name,
        "component": driver.digest(),
        "calls": calls,
        "requests": requests,
        "divergences": divergences,
    });
    output.answer(&document, || text(&replayed))?;
    Ok(if divergences.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIVERGES) })
}

fn text(replayed: &Replayed) -> String {
    let Replayed { calls, requests, divergences, .. } = replayed;
    let mut text = String::new();
    for divergence in divergences {
        // Its texts are escaped.
        let _ = writeln!(text, "{divergence}");
    }
    let _ = match divergences.len() {
        0 => writeln!(text, "{calls} calls, {requests} requests: all as recorded"),
        different => {
            writeln!(
                text,
                "{calls} calls, {requests} requests: otherwise in {different} of the calls"
            )
        }
    };
    text
}
