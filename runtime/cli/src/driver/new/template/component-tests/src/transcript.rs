//! The driver against a transcript: what it asked and was answered when it was recorded. Nothing of
//! the array is there, so this is the test of the next version, on any machine: where it asks
//! otherwise, the difference is shown. With a real array at hand `abaca record` writes one of that.

use abaca::testing::{Replay, Transcript};

use super::lifecycle::whole_life;
use super::stage::{driver, file, stage};

const FILE: &str = "transcripts/lifecycle.jsonl";

#[tokio::test]
async fn the_driver_asks_what_it_asked() {
    let transcript = Transcript::load(file(FILE)).unwrap();
    let replayed = Replay::of(transcript).run(&driver().await).await.unwrap();
    let otherwise: String = replayed.divergences.iter().map(|one| format!("\n{one}\n")).collect();
    assert!(
        otherwise.is_empty(),
        "{otherwise}\nif that is what you want, record it anew with `just record`"
    );
}

/// No test, but how the transcript is recorded anew: by `just record`, which removes the old one.
#[tokio::test]
#[ignore = "it writes the transcript: `just record`"]
async fn record() {
    let driver = driver().await;
    whole_life(&stage(&driver).record(file(FILE)).build().unwrap()).await;
}
