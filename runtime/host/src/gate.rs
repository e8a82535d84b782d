//! The one border between a driver and the world. Every import goes through `Gate::cross`:
//!
//! ```text
//! count ─▶ permitted? ──no──▶ audit `denied` ─────────────────────▶ typed refusal
//!              │yes
//!              └──▶ audit `intent` ─▶ perform ─▶ audit `outcome` ─▶ answer
//!                   (privileged only)            (privileged only)
//! ```
//! "May I?" (`Crossing::permitted`) is pure; doing it (`Crossing::perform`) is another thing;
//! only this file joins them. Called by the generated import traits, in `imports/`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use abaca_policy::{Denial, Policy};
use serde_json::{Map, Value};

use crate::audit::{Audit, Event};
use crate::broker::Broker;
use crate::contract::bindings::abaca::host::types as host;
use crate::driver_state::DriverState;
use crate::error::{Limit, Part};
use crate::limits::Limits;
use crate::locks::{Held, NamedLocks};
use crate::options::OptionValues;
use crate::text::printable;

/// The most bytes of one text in an audit line.
const FACT_BYTES: usize = 4 * 1024;

/// The most bytes of what says which request was at work.
const SUBJECT_BYTES: usize = 200;

/// What an operator lends one backend; all calls share it.
#[derive(Debug)]
pub(crate) struct Powers {
    pub backend: String,
    pub policy: Policy,
    pub broker: Broker,
    pub options: OptionValues,
    pub state: DriverState,
    pub locks: NamedLocks,
    pub audit: Audit,
}

/// What one request can be asked. Implemented in `imports/`, one for each function.
pub(crate) trait Crossing: Send + Sized {
    /// Interface and function, for example `command.run`.
    const IMPORT: &'static str;
    /// Whether the audit must know before it is done.
    const PRIVILEGED: bool;
    /// What the driver gets.
    type Answer: Send;

    /// What is asked, for the audit: the request's own words, to be bounded by the gate.
    fn facts(&self) -> Vec<(&'static str, Value)>;

    /// Whether the operator's grants allow it, and by which rule. Pure.
    fn permitted(&self, powers: &Powers) -> Result<Option<String>, Denial>;

    /// Does it. Only the gate calls this, and only after `permitted`.
    fn perform(
        self,
        gate: &mut Gate,
        powers: &Powers,
    ) -> impl Future<Output = Result<Done<Self::Answer>, host::Error>> + Send;
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

/// What ends a call from inside; carried through the engine as the cause of its trap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Ending {
    #[error("the limit of {0} is used up: {1}")]
    Limit(Limit, String),
    #[error("the deadline has passed during {0}")]
    Deadline(Part),
    #[error("{0}")]
    Audit(String),
}

/// Which part of a call is at work, for whoever has to say what ran out.
#[derive(Clone, Debug)]
pub(crate) struct AtWork(Arc<Mutex<Part>>);

impl AtWork {
    pub(crate) fn new(part: Part) -> Self {
        Self(Arc::new(Mutex::new(part)))
    }

    pub(crate) fn set(&self, part: Part) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = part;
    }

    pub(crate) fn get(&self) -> Part {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The border of one call.
pub(crate) struct Gate {
    /// Identifies the call in records, log and audit.
    pub call: String,
    /// None while a driver only describes itself: then nothing but `log` is granted.
    powers: Option<Arc<Powers>>,
    /// When the call ends at the latest.
    deadline: Instant,
    pub at_work: AtWork,
    pub limits: Limits,
    crossed: u32,
    /// The locks that this call holds; they end with it.
    pub locks: Vec<Held>,
    /// What the `log` import has let through.
    pub log: crate::imports::log::Meter,
}

impl Gate {
    pub(crate) fn new(
        call: String,
        powers: Option<Arc<Powers>>,
        deadline: Instant,
        at_work: AtWork,
        limits: Limits,
    ) -> Self {
        let log = crate::imports::log::Meter::default();
        Self { call, powers, deadline, at_work, limits, crossed: 0, locks: Vec::new(), log }
    }

    /// The backend's name, for the log.
    pub(crate) fn backend(&self) -> &str {
        self.powers.as_ref().map_or("", |powers| &powers.backend)
    }

    /// What is left of the call's time; a request of its own time gets no more.
    pub(crate) fn remaining(&self, asked_ms: Option<u64>) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        asked_ms.map_or(left, |asked| left.min(Duration::from_millis(asked)))
    }

    /// Lets a request through, or not. An outer error ends the call.
    pub(crate) async fn cross<C: Crossing>(
        &mut self,
        request: C,
    ) -> wasmtime::Result<Result<C::Answer, host::Error>> {
        self.count()?;
        let facts = request.facts();
        let subject = subject(C::IMPORT, &facts);
        let part = Part::Import(subject.clone());
        self.at_work.set(part.clone());
        let answer = self.decide(request, facts, &subject).await?;
        self.at_work.set(Part::Guest);
        if Instant::now() >= self.deadline {
            return Err(Ending::Deadline(part).into());
        }
        Ok(answer)
    }

    fn count(&mut self) -> Result<(), Ending> {
        self.crossed = self.crossed.saturating_add(1);
        if self.crossed > self.limits.host_calls {
            let detail = format!("{} are allowed", self.limits.host_calls);
            return Err(Ending::Limit(Limit::HostCalls, detail));
        }
        Ok(())
    }

    async fn decide<C: Crossing>(
        &mut self,
        request: C,
        facts: Vec<(&'static str, Value)>,
        subject: &str,
    ) -> Result<Result<C::Answer, host::Error>, Ending> {
        let Some(powers) = self.powers.clone() else {
            let reason = format!("{} is not to be had while a driver describes itself", C::IMPORT);
            return Ok(Err(host::Error::Denied(host::Denial { rule: None, reason })));
        };
        let mut line = Map::new();
        line.insert("import".into(), C::IMPORT.into());
        for (name, value) in facts {
            line.insert(name.into(), bounded(value));
        }
        let rule = match request.permitted(&powers) {
            Ok(rule) => rule,
            Err(denial) => {
                tracing::info!(
                    target: "abaca::gate",
                    backend = powers.backend,
                    "denied: {subject}: {}{}",
                    printable(&denial.reason, SUBJECT_BYTES),
                    denial.rule.as_ref().map(|rule| format!(" (nearest rule `{rule}`)")).unwrap_or_default()
                );
                line.insert("rule".into(), denial.rule.clone().into());
                line.insert("reason".into(), bounded(denial.reason.clone().into()));
                self.audit(&powers, Event::Denied, line)?;
                return Ok(Err(denial.into()));
            }
        };
        if !C::PRIVILEGED {
            return Ok(request.perform(self, &powers).await.map(|done| done.answer));
        }
        tracing::info!(
            target: "abaca::gate",
            backend = powers.backend,
            "granted by `{}`: {subject}",
            rule.as_deref().unwrap_or_default()
        );
        line.insert("rule".into(), rule.into());
        self.audit(&powers, Event::Intent, line.clone())?;
        let begun = Instant::now();
        let result = request.perform(self, &powers).await;
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        line.insert("duration_ms".into(), took.into());
        let answer = match result {
            Ok(done) => {
                for (name, value) in done.facts {
                    line.insert(name.into(), bounded(value));
                }
                Ok(done.answer)
            }
            Err(error) => {
                line.insert("error".into(), bounded(format!("{error:?}").into()));
                Err(error)
            }
        };
        self.audit(&powers, Event::Outcome, line)?;
        Ok(answer)
    }

    /// Writes a line, or ends the call: what is not written down is not done.
    pub(crate) fn audit(
        &self,
        powers: &Powers,
        event: Event,
        line: Map<String, Value>,
    ) -> Result<(), Ending> {
        powers
            .audit
            .write(event, &self.call, line)
            .map_err(|error| Ending::Audit(error.to_string()))
    }
}

impl From<Denial> for host::Error {
    fn from(denial: Denial) -> Self {
        let reason = printable(&denial.reason, crate::text::MESSAGE_BYTES);
        Self::Denied(host::Denial { rule: denial.rule, reason })
    }
}

/// What a request is called where people read it.
fn subject(import: &str, facts: &[(&'static str, Value)]) -> String {
    let mut text = import.to_owned();
    for (_, value) in facts {
        text.push(' ');
        text.push_str(&shown(value));
    }
    printable(&text, SUBJECT_BYTES)
}

/// Texts as they are, lists as words beside each other.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// The value with its texts cut to what an audit line can carry.
fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(printable(&text, FACT_BYTES)),
        Value::Array(items) => {
            let mut room = FACT_BYTES;
            let total = items.len();
            let mut kept = Vec::new();
            for item in items {
                let item = match item {
                    Value::String(text) => printable(&text, room.max(16)),
                    other => other.to_string(),
                };
                if room == 0 {
                    kept.push(Value::String(format!("… ({} more)", total - kept.len())));
                    break;
                }
                room = room.saturating_sub(item.len());
                kept.push(Value::String(item));
            }
            Value::Array(kept)
        }
        other => other,
    }
}
