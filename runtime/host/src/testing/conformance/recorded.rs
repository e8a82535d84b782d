//! The suite against transcripts: a driver's recorded calls once more, with what the storage answered
//! then. What no transcript holds cannot be known, so less is checked than on a stage: that the driver
//! asks and answers as it did, the same each time, and that no misfortune makes it panic or answer
//! what it cannot know. Called by `Suite`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::OnceCell;

use super::bench::{Judged, fails, skips};
use super::misfortunes::{Misfortune, in_words};
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::gate::{Asked, Before, Ending, Seen, Waiting, Witness};
use crate::testing::called::{is_command, print};
use crate::testing::functions;
use crate::testing::transcript::{self, Answered, Ended, Transcript};
use crate::testing::{
    Called, Crossed, Divergence, FUNCTIONS, Failure, Fault, Plan, Printed, Replay,
};

/// What can be checked of a recorded call.
const MISFORTUNES: [Misfortune; 5] = [
    Misfortune::Nothing,
    Misfortune::AlikeTwice,
    Misfortune::Error,
    Misfortune::Deadline,
    Misfortune::Output,
];

/// What is said of what no transcript holds.
const UNKNOWN: &str = "no transcript has an answer for it";

/// One check: a function with a misfortune.
#[derive(Clone, Debug)]
pub(super) struct RecordedCheck {
    pub id: String,
    pub meaning: Cow<'static, str>,
    pub why: &'static str,
    function: &'static str,
    misfortune: Misfortune,
}

/// Every function of the contract with everything that can be done to it.
pub(super) fn all() -> Vec<RecordedCheck> {
    let mut checks = Vec::new();
    for function in FUNCTIONS.iter().flat_map(|(_, functions)| *functions) {
        for misfortune in MISFORTUNES {
            let meaning = match misfortune {
                Misfortune::Nothing => "it asks and answers as it was recorded",
                Misfortune::Error => "when any of its requests fails it answers an error",
                Misfortune::Deadline => {
                    "when any of its requests runs out of time it answers an error"
                }
                misfortune => misfortune.meaning(),
            };
            checks.push(RecordedCheck {
                id: format!("{function}/{}", misfortune.id()),
                meaning: Cow::Owned(format!("`{function}`, as it was recorded: {meaning}")),
                why: misfortune.why(),
                function,
                misfortune,
            });
        }
    }
    checks
}

/// The calls of some transcripts.
#[derive(Debug)]
pub(super) struct Recordings {
    pub driver: Driver,
    pub transcripts: Vec<Transcript>,
    /// What a replay of all finds; once, for all functions.
    diverges: OnceCell<Vec<Divergence>>,
}

impl Recordings {
    pub(super) fn new(driver: Driver, transcripts: Vec<Transcript>) -> Self {
        Self { driver, transcripts, diverges: OnceCell::new() }
    }

    /// Whether any call of this check's function was recorded.
    pub(super) fn has(&self, check: &RecordedCheck) -> bool {
        self.calls(check.function).next().is_some()
    }

    fn calls(&self, function: &str) -> impl Iterator<Item = &transcript::Call> {
        let calls = self.transcripts.iter().flat_map(|transcript| &transcript.calls);
        calls.filter(move |call| call.method == function)
    }

    pub(super) async fn run(&self, check: &RecordedCheck) -> Judged {
        if check.misfortune == Misfortune::Nothing {
            return self.as_recorded(check.function).await;
        }
        let mut was_tried = false;
        // Calls that were recorded alike are alike.
        let mut known = BTreeSet::new();
        for call in self.calls(check.function) {
            let imports: Vec<_> = call.requests.iter().map(|one| one.import.as_str()).collect();
            let shape = format!("{imports:?} {}", matches!(call.end, Some(Ended::Ok(_))));
            if matches!(call.end, Some(Ended::Ended(_)) | None) || !known.insert(shape) {
                continue;
            }
            was_tried |= self.misfortune(call, check.misfortune).await?;
        }
        match was_tried {
            true => Ok(()),
            false => skips!("no recorded call of it has anything that this could be done to"),
        }
    }

    async fn as_recorded(&self, function: &str) -> Judged {
        let replayed = self.diverges.get_or_try_init(async || {
            let mut all = Vec::new();
            for transcript in &self.transcripts {
                all.extend(Replay::of(transcript.clone()).run(&self.driver).await?.divergences);
            }
            Ok::<_, Error>(all)
        });
        match replayed.await?.iter().find(|one| one.method == function) {
            Some(one) => fails!("{one}"),
            None => Ok(()),
        }
    }

    /// Does it to a call. False where there is nothing to do it to.
    async fn misfortune(&self, call: &transcript::Call, misfortune: Misfortune) -> Judged<bool> {
        let requests: Vec<_> = (1..).zip(&call.requests).collect();
        let faults: Vec<(u64, Fault)> = match misfortune {
            Misfortune::AlikeTwice => {
                return self.alike_twice(call).await.map(|()| true);
            }
            Misfortune::Error => requests
                .iter()
                .flat_map(|(number, _)| Failure::ALL.map(|one| (*number, Fault::Fails(one))))
                .collect(),
            Misfortune::Deadline => requests
                .iter()
                .map(|(number, _)| (*number, Fault::Fails(Failure::Deadline)))
                .collect(),
            _ => requests
                .iter()
                .filter(|(_, request)| prints(request))
                .flat_map(|(number, _)| Printed::ALL.map(|one| (*number, Fault::Prints(one))))
                .collect(),
        };
        for (number, fault) in &faults {
            let called = self.call(call, &Plan::from([(*number, *fault)])).await?;
            let request = requests.iter().find(|(one, _)| one == number);
            let asked = request.map(|(_, one)| format!("{} {}", one.import, one.asked));
            let after = format!(
                "call {}, {} at request {number}, `{}`",
                call.number,
                in_words(*fault),
                crate::text::printable(&asked.unwrap_or_default(), 300)
            );
            if called.was_ended() {
                fails!(
                    "{after}: {called}. A driver answers with an error; it never panics or hangs"
                );
            }
            // Of replicas it may say that they are out of sync, or in error, and be right.
            let is_measured = !call.method.contains("replica");
            let is_nonsense =
                is_measured && matches!(fault, Fault::Prints(Printed::Empty | Printed::NotText));
            if let (true, Ended::Ok(answer), Some(Ended::Ok(then))) =
                (is_nonsense, &called.ended, &call.end)
                && answer != then
            {
                fails!("{after}: it answers {answer}, which it cannot know");
            }
        }
        Ok(!faults.is_empty())
    }

    async fn alike_twice(&self, call: &transcript::Call) -> Judged {
        let told = |called: &Called| format!("{:?} {:?}", called.requests, called.ended);
        let first = told(&self.call(call, &Plan::new()).await?);
        let second = told(&self.call(call, &Plan::new()).await?);
        match first == second {
            true => Ok(()),
            false => fails!("call {} asks or answers otherwise the second time", call.number),
        }
    }

    async fn call(&self, recorded: &transcript::Call, plan: &Plan) -> Result<Called> {
        let driver = &self.driver;
        let function = functions::find(driver, &recorded.method)?;
        let unused = recorded.requests.iter().cloned().map(|request| (request, false)).collect();
        let witness = Arc::new(Remembers {
            requests: Mutex::new(unused),
            plan: plan.clone(),
            crossed: Mutex::default(),
        });
        let limits = crate::testing::stage::hurried(driver.limits());
        let answer = functions::run(
            driver,
            &function,
            &recorded.arguments,
            &recorded.number.to_string(),
            None,
            Arc::clone(&witness) as Arc<dyn Witness>,
            &limits,
        )
        .await;
        let crossed =
            std::mem::take(&mut *witness.crossed.lock().unwrap_or_else(PoisonError::into_inner));
        Called::new(function.name, recorded.arguments.clone(), crossed, answer)
    }
}

fn prints(request: &transcript::Request) -> bool {
    let Some(Answered::Ok(output)) = &request.answered else { return false };
    let stdout = output.get("stdout");
    is_command(&request.import) && stdout.is_some_and(|one| one.as_str() != Some(""))
}

/// The witness that answers what was answered then: the next of the requests that are the same, else
/// any that was the same, else that nobody knows.
#[derive(Debug)]
struct Remembers {
    /// Whether each was asked in this call.
    requests: Mutex<Vec<(transcript::Request, bool)>>,
    plan: Plan,
    crossed: Mutex<Vec<Crossed>>,
}

impl Remembers {
    fn answer(&self, asked: &Asked) -> Seen {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |request: &transcript::Request| {
            request.import == asked.import && request.asked == asked.request
        };
        let next = requests.iter().position(|(request, is_used)| !is_used && same(request));
        let any = next.or_else(|| requests.iter().position(|(request, _)| same(request)));
        let beside = any.or_else(|| {
            let is_beside = matches!(asked.import, "log.write" | "clock.now" | "config.get");
            requests.iter().position(|(request, _)| is_beside && request.import == asked.import)
        });
        let Some((request, is_used)) = beside.and_then(|at| requests.get_mut(at)) else {
            return match asked.import {
                // What is granted to every driver, and changes nothing.
                "log.write" | "lock.acquire" | "lock.release" | "clock.sleep" => Ok(Value::Null),
                _ => Err(Failure::Failed.error_saying(UNKNOWN)),
            };
        };
        *is_used = true;
        match request.answered.clone() {
            Some(Answered::Ok(value)) => Ok(value),
            Some(Answered::Error(error)) => Err(error),
            None => Err(Failure::Failed.error_saying(UNKNOWN)),
        }
    }
}

impl Witness for Remembers {
    fn before<'a>(&'a self, asked: &'a Asked) -> Waiting<'a, Before> {
        let answer = match self.plan.get(&asked.number) {
            Some(Fault::Fails(failure)) => Err(failure.error()),
            Some(Fault::Prints(printed)) => {
                self.answer(asked).map(|output| print(output, *printed))
            }
            _ => self.answer(asked),
        };
        let crossed = Crossed::new(asked, Some(answer.clone()));
        self.crossed.lock().unwrap_or_else(PoisonError::into_inner).push(crossed);
        Box::pin(std::future::ready(match self.plan.get(&asked.number) {
            Some(Fault::EndsBefore | Fault::EndsAfter) => {
                Before::End(Ending::Killed("a fault of the test ends it".to_owned()))
            }
            Some(Fault::Disconnects) => {
                Before::End(Ending::Fault(Error::Broker("a fault of the test".to_owned())))
            }
            _ => Before::Answer(answer),
        }))
    }
}
