//! The witness at the gate of a call on a stage: it has the world answer, and does to a request what
//! the test's plan says. Called by `Stage`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::Stage;
use super::faults::{Fault, Plan};
use crate::contract::bindings::abaca::host::types::Error as HostError;
use crate::error::{Error, Part};
use crate::gate::{After, Asked, Before, Ending, Seen, Waiting, Witness};
use crate::testing::called::{self, Crossed};

/// How long a lock is waited for: its holder is at work now, or never gives it back.
const PATIENCE: Duration = Duration::from_secs(2);

/// The witness that answers for the world.
#[derive(Debug)]
pub(super) struct Answers {
    pub stage: Stage,
    pub method: &'static str,
    pub plan: Plan,
    pub crossed: Mutex<Vec<Crossed>>,
    /// How long the call has slept, by the stage's clock.
    pub slept: Mutex<Duration>,
}

impl Answers {
    async fn answer(&self, asked: &Asked) -> Before {
        let number = asked.number;
        let fault = self.plan.get(&number).copied();
        if let Some(Fault::Jumps(seconds)) = fault {
            let mut world = self.stage.world();
            let by = Duration::from_secs(seconds.unsigned_abs().into());
            world.now = match seconds < 0 {
                true => world.now.saturating_sub(by),
                false => world.now.saturating_add(by),
            };
        }
        let killed = || Before::End(Ending::Killed("a fault of the test ends it".to_owned()));
        let answer = match fault {
            Some(Fault::EndsBefore) => return killed(),
            Some(Fault::Fails(failure)) => Err(failure.error()),
            _ => self.world_answers(asked).await,
        };
        if asked.import == "clock.sleep" && answer.is_ok() && self.sleeps_too_long(asked) {
            let part = Part::Import(format!("{} {}", asked.import, asked.request));
            let (method, wall) = (self.method, self.stage.wall);
            return Before::End(Ending::Fault(Error::Deadline { method, part, wall }));
        }
        match fault {
            Some(Fault::EndsAfter) => return killed(),
            Some(Fault::Disconnects) => {
                return Before::End(Ending::Fault(Error::Broker(
                    "ended before it answered: a fault of the test".to_owned(),
                )));
            }
            Some(Fault::Delays(seconds)) => {
                self.stage.world().advance(Duration::from_secs(seconds.into()));
            }
            _ => {}
        }
        let answer = match (fault, answer) {
            (Some(Fault::Prints(printed)), Ok(output)) => Ok(called::print(output, printed)),
            (_, answer) => answer,
        };
        // Calls that run beside each other take turns.
        tokio::task::yield_now().await;
        Before::Answer(answer)
    }

    /// Whether the call has slept longer by now than it may last where time is real.
    fn sleeps_too_long(&self, asked: &Asked) -> bool {
        let milliseconds = asked.request.get("milliseconds").and_then(Value::as_u64);
        let mut slept = self.slept.lock().unwrap_or_else(PoisonError::into_inner);
        *slept = slept.saturating_add(Duration::from_millis(milliseconds.unwrap_or_default()));
        *slept > self.stage.wall
    }

    async fn world_answers(&self, asked: &Asked) -> Seen {
        let answering = async {
            loop {
                let mut freed = std::pin::pin!(self.stage.freed.notified());
                // From here on nothing that is given back is missed.
                freed.as_mut().enable();
                let answer = self.stage.world().answer(asked);
                if asked.import == "lock.release" {
                    self.stage.freed.notify_waiters();
                }
                if let Some(answer) = answer {
                    return answer;
                }
                freed.await;
            }
        };
        let too_long = |_| Err(HostError::Deadline("somebody else holds the lock".to_owned()));
        tokio::time::timeout(PATIENCE, answering).await.unwrap_or_else(too_long)
    }
}

impl Witness for Answers {
    fn before<'a>(&'a self, asked: &'a Asked) -> Waiting<'a, Before> {
        Box::pin(async move {
            if let Some(recording) = &self.stage.recording {
                recording.asked(asked).await;
            }
            let before = self.answer(asked).await;
            let answered = match &before {
                Before::Answer(answer) => Some(answer.clone()),
                Before::Go | Before::End(_) => None,
            };
            let crossed = Crossed::new(asked, answered);
            self.crossed.lock().unwrap_or_else(PoisonError::into_inner).push(crossed);
            before
        })
    }

    fn after<'a>(&'a self, asked: &'a Asked, answer: &'a Seen) -> Waiting<'a, After> {
        Box::pin(async move {
            let Some(recording) = &self.stage.recording else { return After::Keep };
            let now = self.stage.world().now;
            recording.answered(now, asked, answer).await
        })
    }
}
