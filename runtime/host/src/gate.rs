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
use crate::cpu::Cpu;
use crate::driver_state::DriverState;
use crate::error::{Error, Limit, Part};
use crate::limits::Limits;
use crate::locks::{Held, NamedLocks};
use crate::network::power::NetworkPower;
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
    pub network: NetworkPower,
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
    ) -> impl Future<Output = Result<Done<Self::Answer>, Refusal>> + Send;

    /// Does it for a driver that only describes itself, to which nothing is granted. Only what
    /// needs no grant answers.
    fn alone(&self, _: &mut Gate) -> Option<Result<Self::Answer, host::Error>> {
        None
    }
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

/// What ends a call from inside; carried through the engine as the cause of its trap.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ending {
    #[error("the limit of {0} is used up: {1}")]
    Limit(Limit, String),
    #[error("the deadline has passed during {0}")]
    Deadline(Part),
    #[error(transparent)]
    Fault(#[from] Error),
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
    /// What the guest computes; it rests while a request is at work.
    pub cpu: Cpu,
    crossed: u32,
    denied: u32,
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
        Self {
            call,
            powers,
            deadline,
            at_work,
            limits,
            cpu: Cpu::default(),
            crossed: 0,
            denied: 0,
            locks: Vec::new(),
            log,
        }
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
        let used = self.cpu.pause();
        self.check_cpu(used)?;
        let facts = request.facts();
        let subject = subject(C::IMPORT, &facts);
        let part = Part::Import(subject.clone());
        self.at_work.set(part.clone());
        let answer = self.decide(request, facts, &subject).await?;
        self.at_work.set(Part::Guest);
        if Instant::now() >= self.deadline {
            return Err(Ending::Deadline(part).into());
        }
        self.cpu.resume();
        Ok(answer)
    }

    /// Ends the call of a guest that has computed for so long.
    pub(crate) fn check_cpu(&self, used: Duration) -> Result<(), Ending> {
        let allowed = self.limits.cpu;
        if used <= allowed {
            return Ok(());
        }
        Err(Ending::Limit(Limit::Cpu, format!("{} ms are allowed", allowed.as_millis())))
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
            if let Some(answer) = request.alone(self) {
                return Ok(answer);
            }
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
                self.audit(Event::Denied, line)?;
                self.count_denied()?;
                return Ok(Err(denial.into()));
            }
        };
        if !C::PRIVILEGED {
            return match request.perform(self, &powers).await {
                Ok(done) => Ok(Ok(done.answer)),
                Err(Refusal::Answer(error)) => Ok(Err(error)),
                Err(Refusal::Fault(error)) => Err(error.into()),
            };
        }
        tracing::info!(
            target: "abaca::gate",
            backend = powers.backend,
            "granted by `{}`: {subject}",
            rule.as_deref().unwrap_or_default()
        );
        line.insert("rule".into(), rule.into());
        self.audit(Event::Intent, line.clone())?;
        let begun = Instant::now();
        let result = request.perform(self, &powers).await;
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        line.insert("duration_ms".into(), took.into());
        let answer = match result {
            Ok(done) => {
                for (name, value) in done.facts {
                    line.insert(name.into(), bounded(value));
                }
                Ok(Ok(done.answer))
            }
            Err(Refusal::Answer(error)) => {
                line.insert("error".into(), bounded(format!("{error:?}").into()));
                Ok(Err(error))
            }
            Err(Refusal::Fault(error)) => {
                line.insert("error".into(), bounded(error.to_string().into()));
                Err(error.into())
            }
        };
        self.audit(Event::Outcome, line)?;
        answer
    }

    /// Ends the call of a driver that goes on asking for what it does not get: each denial is a
    /// line in the audit, and the audit must not fill the disk.
    fn count_denied(&mut self) -> Result<(), Ending> {
        self.denied = self.denied.saturating_add(1);
        if self.denied <= self.limits.denials {
            return Ok(());
        }
        Err(Ending::Limit(Limit::Denials, format!("{} are allowed", self.limits.denials)))
    }

    /// Writes a line, or ends the call: what is not written down is not done.
    pub(crate) fn audit(&self, event: Event, line: Map<String, Value>) -> Result<(), Error> {
        match &self.powers {
            Some(powers) => powers.audit.write(event, &self.call, line),
            None => Ok(()),
        }
    }
}

impl Drop for Gate {
    /// A call that was given up may have left processes that are being ended: its locks are for
    /// others only when those are gone.
    fn drop(&mut self) {
        let (Some(powers), false) = (self.powers.take(), self.locks.is_empty()) else { return };
        if powers.broker.is_quiet() {
            return;
        }
        let locks = std::mem::take(&mut self.locks);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                powers.broker.quiet().await;
                drop(locks);
            });
        }
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
                    other => printable(&other.to_string(), room.max(16)),
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
