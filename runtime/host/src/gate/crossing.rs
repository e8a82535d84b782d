//! What the gate has to know of a request, and how it can end. Each function of an import is such
//! a request, in `imports/`; only the gate asks one.

use abaca_policy::Denial;
use serde::Serialize;
use serde_json::Value;

use super::{Claims, Ended, Gate, Powers, Refused, Telling, Weight};
use crate::contract::bindings::abaca::host::types as host;
use crate::error::Error;
use crate::text::printable;

/// What one request can be asked. Implemented in `imports/`, one for each function.
pub(crate) trait Crossing: Weight + Serialize + Send + Sized {
    /// Interface and function, for example `command.run`.
    const IMPORT: &'static str;
    /// Whether the audit must know before it is done.
    const PRIVILEGED: bool;
    /// Whether it runs programs, and so waits for a place among the commands of all backends: before
    /// it is looked at what it needs and makes, for that may be another thing after the wait.
    const COMMAND: bool = false;
    /// How the audit is told of it, where it is not privileged.
    const TOLD: Told = Told::First;
    /// What the driver gets.
    type Answer: Weight + Telling + Send;

    /// What is asked, for the audit: the request's own words, to be bounded by the gate.
    fn facts(&self) -> Vec<(&'static str, Value)>;

    /// The texts of it that are kept, beside those that the audit is told.
    fn kept(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The secret that the driver itself is told with the answer, if it is one.
    fn reveals(&self, _: &Powers) -> Option<&str> {
        None
    }

    /// The share server that it is about, where it is about one: only the call that sets this one
    /// up or tears it down may ask.
    fn share_server(&self) -> Option<&str> {
        None
    }

    /// Whether the operator's grants allow it, and by which rule. Pure.
    fn permitted(&self, powers: &Powers) -> Result<Option<String>, Denial>;

    /// What the rule makes of it, for the audit, once it is permitted: the values of the rule's
    /// holes, and the command line built anew. Pure.
    fn granted(&self, _: &Gate, _: &Powers) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// What it has to do with things that backends make. Pure.
    fn claims(&self, _: &Powers) -> Result<Claims, Denial> {
        Ok(Claims::default())
    }

    /// How it ended, as far as that says what there is now of what it made and removed.
    fn ended(_: &Result<Done<Self::Answer>, Refusal>) -> Ended {
        Ended::Unclear
    }

    /// Does it. Only the gate calls this, and only after `permitted`.
    fn perform(
        self,
        gate: &mut Gate,
        powers: &Powers,
    ) -> impl Future<Output = Result<Done<Self::Answer>, Refusal>> + Send;

    /// Does it for a driver that only describes itself, to which nothing is granted. Only what
    /// needs no grant answers.
    fn alone(&self, _: &mut Gate) -> Option<Result<Self::Answer, host::Error>> {
        None
    }
}

/// How the audit is told that something was permitted that every driver is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// By a line, before it is done: it changes something, or may take long.
    First,
    /// By a line, which is written with the next one of the call, its end at the latest: it only asks,
    /// and a driver asks much. Writing ten lines takes hardly longer than writing one.
    WithTheNext,
    /// By a number in the line that ends the call: a line for each would tell nothing of it but that
    /// it was there.
    Counted,
}

/// Why a request was not done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The driver is told.
    Answer(host::Error),
    /// It is the host's own fault, which a driver cannot handle and must not see.
    Fault(Error),
}

impl From<host::Error> for Refusal {
    fn from(error: host::Error) -> Self {
        Self::Answer(error)
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Answer(error) => Self::Answer(error),
            Refused::Fault(error) => Self::Fault(error),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Fault(error)
    }
}

/// What was done, and what the audit should know of it.
pub(crate) struct Done<A> {
    pub answer: A,
    pub facts: Vec<(&'static str, Value)>,
}

impl<A> Done<A> {
    /// Done, and there is nothing more to tell.
    pub(crate) fn plain(answer: A) -> Self {
        Self { answer, facts: Vec::new() }
    }
}

impl From<Denial> for host::Error {
    fn from(denial: Denial) -> Self {
        let reason = printable(&denial.reason, crate::text::MESSAGE_BYTES);
        Self::Denied(host::Denial { rule: denial.rule, reason })
    }
}
