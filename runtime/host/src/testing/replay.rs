//! Runs a driver against a transcript: every call again, in a sandbox as always, with the recorded
//! answers in place of the host's. What the driver asks or answers otherwise is a divergence.
//!
//! ```text
//! call ─▶ request ─▶ as recorded? ─yes─▶ the recorded answer
//!                          └──no──▶ divergence: the call ends, the next one begins
//! ```

mod answers;
mod divergence;

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use self::answers::Answers;
pub use self::divergence::{Divergence, Said};
use super::functions::{self, Answer};
use super::transcript::{self, Answered, Ended, Line, Transcript};
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::gate::{Asked, Before, Ending, Waiting, Witness};
use crate::storage::create_new;

/// In which order a driver's requests have to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// In the recorded one, each of them.
    #[default]
    Strict,
    /// In any, as long as each call asks the same; the log and the clock are not compared.
    Loose,
}

/// A transcript that a driver is to be run against.
#[derive(Clone, Debug)]
pub struct Replay {
    transcript: Transcript,
    order: Order,
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// How many calls were made.
    pub calls: usize,
    /// How many requests were answered.
    pub requests: usize,
    /// What was not as recorded, in the transcript's order; at most one for each call.
    pub divergences: Vec<Divergence>,
    /// What crossed the gate, as a transcript; with the recorded times. Without a divergence it is,
    /// byte for byte, what a strict replay was given.
    pub transcript: String,
}

impl Replayed {
    /// Writes what crossed the gate into a new file, which this user alone can read.
    ///
    /// # Errors
    /// When the file is there already, or cannot be made or written.
    pub fn write(&self, file: impl AsRef<Path>) -> Result<()> {
        let path = file.as_ref();
        let written = create_new(path)?.write_all(self.transcript.as_bytes());
        written.map_err(|source| Error::Write { path: path.to_owned(), source })
    }
}

impl Replay {
    /// A strict replay.
    #[must_use]
    pub fn of(transcript: Transcript) -> Self {
        Self { transcript, order: Order::Strict }
    }

    /// The same in this order.
    #[must_use]
    pub fn order(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// Runs the driver. The component may be another than the one recorded: that is what a replay
    /// is for.
    ///
    /// # Errors
    /// When the transcript is of another driver, calls what this one does not offer, or the engine
    /// fails. What the driver does otherwise is no error but a divergence.
    pub async fn run(&self, driver: &Driver) -> Result<Replayed> {
        let name = &driver.description().name;
        let strange = self.transcript.calls.iter().find(|call| call.driver.name != *name);
        if let Some(strange) = strange {
            return Err(Error::Mismatch(format!(
                "the transcript is of the driver `{0}` (call {1}), and this is `{name}`: replay it \
                 against a component of `{0}`",
                strange.driver.name, strange.number
            )));
        }
        let (mut requests, mut divergences) = (0, Vec::new());
        let mut happened = Vec::new();
        for call in &self.transcript.calls {
            let one = self.call(driver, call).await?;
            requests += one.requests.len();
            divergences.extend(one.divergence.clone());
            happened.push(one);
        }
        let transcript = self.written(&happened)?;
        Ok(Replayed { calls: happened.len(), requests, divergences, transcript })
    }

    async fn call(&self, driver: &Driver, recorded: &transcript::Call) -> Result<Happened> {
        let function = functions::find(driver, &recorded.method)?;
        let answers = Arc::new(Mutex::new(Answers::new(recorded, self.order)));
        let witness = Arc::new(Stands { answers: Arc::clone(&answers) });
        // A replay waits for nothing.
        let limits = super::stage::hurried(driver.limits());
        let answer = functions::run(
            driver,
            &function,
            &recorded.arguments,
            &recorded.number.to_string(),
            None,
            witness,
            &limits,
        )
        .await;
        let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = ended(answer)?;
        let divergence = answers.take_divergence().or_else(|| {
            answers.unasked(recorded).or_else(|| other_end(recorded, answers.asked(), &ended))
        });
        Ok(Happened { requests: answers.take_requests(), ended, divergence })
    }

    /// What happened as a transcript: in the order of the lines that were read.
    fn written(&self, happened: &[Happened]) -> Result<String> {
        let calls = &self.transcript.calls;
        let of = |number: u64| {
            let at = calls.iter().position(|call| call.number == number)?;
            Some((calls.get(at)?, happened.get(at)?))
        };
        let mut lines = Vec::new();
        for line in &self.transcript.lines {
            match line {
                Line::Begin { .. } | Line::Call { .. } => lines.push(line.clone()),
                Line::Request { call, request, at_ms, .. } => {
                    let Some((_, happened)) = of(*call) else { continue };
                    let at = usize::try_from(request.saturating_sub(1)).unwrap_or(usize::MAX);
                    let Some(asked) = happened.requests.get(at) else { continue };
                    lines.push(asked.line(*call, *request, *at_ms));
                }
                Line::End { call, at_ms, .. } => {
                    let Some((recorded, happened)) = of(*call) else { continue };
                    // Whatever was asked beyond what was recorded.
                    for (number, asked) in
                        (1..).zip(&happened.requests).skip(recorded.requests.len())
                    {
                        lines.push(asked.line(*call, number, *at_ms));
                    }
                    let answered = happened.answered(recorded);
                    lines.push(Line::End { call: *call, at_ms: *at_ms, answered });
                }
            }
        }
        let mut text = String::new();
        for line in lines {
            text.push_str(
                &serde_json::to_string(&line)
                    .map_err(|error| Error::Runtime(format!("a line of a transcript: {error}")))?,
            );
            text.push('\n');
        }
        Ok(text)
    }
}

/// What a replayed call did.
#[derive(Clone, Debug)]
struct Happened {
    requests: Vec<Heard>,
    ended: Ended,
    divergence: Option<Divergence>,
}

impl Happened {
    /// How it ended, in the recorded words where a call was ended both times: whoever ended it then
    /// may say it otherwise today.
    fn answered(&self, recorded: &transcript::Call) -> Ended {
        match (&recorded.end, &self.ended) {
            (Some(then @ Ended::Ended(_)), Ended::Ended(_)) => then.clone(),
            _ => self.ended.clone(),
        }
    }
}

/// A request of the driver and what it was answered.
#[derive(Clone, Debug)]
struct Heard {
    import: String,
    asked: Value,
    answered: Option<Answered>,
}

impl Heard {
    fn line(&self, call: u64, request: u64, at_ms: u64) -> Line {
        let Self { import, asked, answered } = self.clone();
        Line::Request { call, request, at_ms, import, asked, answered }
    }
}

/// The witness that answers for the host.
#[derive(Debug)]
struct Stands {
    answers: Arc<Mutex<Answers>>,
}

impl Witness for Stands {
    fn before<'a>(&'a self, asked: &'a Asked) -> Waiting<'a, Before> {
        let answer = self.answers.lock().unwrap_or_else(PoisonError::into_inner).answer(asked);
        Box::pin(std::future::ready(match answer {
            Ok(Answered::Ok(answer)) => Before::Answer(Ok(answer)),
            Ok(Answered::Error(error)) => Before::Answer(Err(error)),
            Err(reason) => Before::End(Ending::Killed(reason.to_owned())),
        }))
    }
}

/// How a call ended. The host's own fault is none.
fn ended(answer: Result<Answer>) -> Result<Ended> {
    Ok(match answer {
        Ok(Ok(answer)) => Ended::Ok(answer),
        Ok(Err(error)) => Ended::Error(error),
        Err(error @ (Error::Trap { .. } | Error::Limit { .. } | Error::Deadline { .. })) => {
            Ended::Ended(error.to_string())
        }
        Err(error) => return Err(error),
    })
}

/// Whether the driver answered otherwise than recorded.
fn other_end(recorded: &transcript::Call, asked: usize, ended: &Ended) -> Option<Divergence> {
    let then = recorded.end.as_ref()?;
    let same = match (then, ended) {
        (Ended::Ended(_), Ended::Ended(_)) => true,
        (then, now) => then == now,
    };
    (!same).then(|| Divergence {
        call: recorded.number,
        method: recorded.method.clone(),
        request: asked,
        recorded: Some(Said::Answer(then.clone())),
        replayed: Some(Said::Answer(ended.clone())),
    })
}
