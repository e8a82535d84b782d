//! The one border between a driver and the world. Every import goes through `Gate::cross`:
//!
//! ```text
//! count ─▶ permitted? (a place, for a command) its own? ──no──▶ audit `denied` ─▶ typed refusal
//!              │yes
//!              ├──▶ audit `intent` ─▶ perform ─▶ settle ─▶ audit `outcome` ─▶ answer
//!              │    (privileged)               (what it made)  (also if given up)
//!              └──▶ audit `permitted`, or count ─▶ perform ─▶ answer
//!                   (granted to every driver)
//! ```
//! "May I?" (`Crossing::permitted`) is pure; whose a thing is (`ownership`) is looked up; doing it
//! (`Crossing::perform`) is another thing; only this file joins them. Where a `witness` stands beside
//! it, that sees each request first and each answer last. Called by the generated import traits, in `imports/`.

mod crossing;
mod facts;
mod meter;
mod news;
mod ownership;
mod tally;
mod weight;
mod witness;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use abaca_policy::{Denial, Policy};
use serde_json::{Map, Value};
use tracing::Instrument;

use crate::audit::{Audit, Event, News};
use crate::broker::Broker;
use crate::commands::{Commands, Place};
use crate::contract::bindings::abaca::host::types as host;
use crate::cpu::Cpu;
use crate::driver_state::DriverState;
use crate::error::{Error, Limit, Part};
use crate::limits::Limits;
use crate::locks::{Held, NamedLocks};
use crate::metrics::BackendMetrics;
use crate::network::ShareNetwork;
use crate::network::power::NetworkPower;
use crate::options::OptionValues;
use crate::owned::{Owned, Worksites};
use crate::revealed::Revealed;

pub(crate) use self::crossing::{Crossing, Done, Refusal, Told};
use self::facts::{bounded, subject, whole};
use self::meter::Meter;
use self::ownership::Stop;
pub(crate) use self::ownership::{
    Claims, Ended, Examined, Make, Need, Refused, Taken, examine, look, resume,
};
pub(crate) use self::tally::Tally;
pub(crate) use self::weight::Weight;
pub(crate) use self::witness::{After, Answered, Asked, Before, Seen, Telling, Waiting, Witness};

/// What an operator lends one backend; all calls share it.
#[derive(Debug)]
pub(crate) struct Powers {
    pub backend: String,
    pub policy: Policy,
    pub broker: Broker,
    pub options: OptionValues,
    /// The secrets that the driver itself may read, and that go no further.
    pub revealed: Revealed,
    pub state: DriverState,
    pub owned: Owned,
    /// Where backends of this runtime are making things.
    pub worksites: Worksites,
    pub locks: NamedLocks,
    pub network: NetworkPower,
    pub audit: Audit,
    pub metrics: BackendMetrics,
    /// Its places among the commands of all backends.
    pub commands: Commands,
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
    /// A test has it die here.
    #[error("{0}")]
    Killed(String),
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
    /// Who sees what crosses, if anybody does.
    witness: Option<Arc<dyn Witness>>,
    /// When the call ends at the latest.
    deadline: Instant,
    pub at_work: AtWork,
    pub limits: Limits,
    /// What the guest computes; it rests while a request is at work.
    pub cpu: Cpu,
    /// What it has asked so far.
    meter: Meter,
    /// What of it the end of the call tells.
    tally: Arc<Tally>,
    /// What of it the audit is told with the next line.
    news: Vec<News>,
    /// The share server that this call sets up or tears down, if it does.
    pub share_server: Option<String>,
    /// The network that it sets it up in.
    pub share_network: Option<ShareNetwork>,
    /// How often it has leased addresses or ended leases.
    pub leasing: u32,
    /// Whether what the request at work makes must not be there yet: it becomes this backend's own.
    pub must_be_new: bool,
    /// The secrets that the driver was told in this call.
    revealed: BTreeSet<String>,
    /// Its place among the commands of all backends, while it runs one.
    pub place: Option<Place>,
    /// The locks that this call holds; they end with it.
    pub locks: Vec<Held>,
    /// What the `log` import has let through.
    pub log: crate::imports::log::Meter,
}

impl Gate {
    pub(crate) fn new(
        call: String,
        powers: Option<Arc<Powers>>,
        witness: Option<Arc<dyn Witness>>,
        deadline: Instant,
        at_work: AtWork,
        limits: Limits,
        tally: Arc<Tally>,
    ) -> Self {
        let log = crate::imports::log::Meter::default();
        let meter = Meter::new(&limits);
        Self {
            call,
            powers,
            witness,
            deadline,
            at_work,
            limits,
            cpu: Cpu::default(),
            meter,
            tally,
            news: Vec::new(),
            share_server: None,
            share_network: None,
            leasing: 0,
            must_be_new: false,
            revealed: BTreeSet::new(),
            place: None,
            locks: Vec::new(),
            log,
        }
    }

    /// A text of the driver's without the secrets that it may read.
    pub(crate) fn hidden(&self, text: &str) -> String {
        match &self.powers {
            Some(powers) => powers.revealed.hidden(text.to_owned()),
            None => text.to_owned(),
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
        let used = self.cpu.pause();
        self.check_cpu(used)?;
        let wait = self.meter.asked(&self.limits, &request)?;
        if !wait.is_zero() {
            self.slow_down(wait).await?;
        }
        let facts = request.facts();
        let (facts, clean) = match &self.powers {
            Some(powers) => {
                let clean = powers.revealed.check(&facts);
                let clean = clean.and_then(|()| powers.revealed.check_kept(&request.kept()));
                (powers.revealed.hidden_facts(facts), clean)
            }
            None => (facts, Ok(())),
        };
        let subject = subject(C::IMPORT, &facts);
        let part = Part::Import(subject.clone());
        self.at_work.set(part.clone());
        let span = tracing::debug_span!(
            target: "abaca::gate", "import", import = C::IMPORT, request = self.meter.requests()
        );
        let answer = match self.witness.clone() {
            None => self.decide(request, facts, clean, &subject).instrument(span).await?,
            Some(witness) => {
                let seen = self.seen(&*witness, request, facts, clean, &subject);
                seen.instrument(span).await?
            }
        };
        self.at_work.set(Part::Guest);
        if Instant::now() >= self.deadline {
            return Err(Ending::Deadline(part).into());
        }
        self.meter.answered(&self.limits, &answer)?;
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

    /// Lets a call wait that asks faster than it may, but no longer than it lasts.
    async fn slow_down(&self, wait: Duration) -> Result<(), Ending> {
        self.at_work.set(Part::Rate);
        tokio::time::sleep(wait.min(self.remaining(None))).await;
        if Instant::now() >= self.deadline {
            return Err(Ending::Deadline(Part::Rate));
        }
        Ok(())
    }

    async fn decide<C: Crossing>(
        &mut self,
        request: C,
        facts: Vec<(&'static str, Value)>,
        clean: Result<(), Denial>,
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
        line.insert("request".into(), self.meter.requests().into());
        for (name, value) in facts {
            line.insert(name.into(), bounded(value));
        }
        let permitted = clean.and_then(|()| self.about_its_own(&request)).and_then(|()| {
            let rule = request.permitted(&powers)?;
            Ok((rule, request.claims(&powers)?))
        });
        let (rule, claims) = match permitted {
            Ok(permitted) => permitted,
            Err(denial) => return self.deny(C::IMPORT, &powers, denial, line, subject).map(Err),
        };
        if !C::PRIVILEGED {
            powers.metrics.asked(C::IMPORT, true);
            if let Some(secret) = request.reveals(&powers)
                && self.revealed.insert(secret.to_owned())
            {
                self.audit(Event::Reveal, line)?;
            } else {
                match C::TOLD {
                    Told::First => self.audit(Event::Permitted, line)?,
                    Told::WithTheNext => self.audit_later(Event::Permitted, line)?,
                    Told::Counted => self.tally.add(C::IMPORT),
                }
            }
            return match request.perform(self, &powers).await {
                Ok(done) => Ok(Ok(done.answer)),
                Err(Refusal::Answer(error)) => Ok(Err(error)),
                Err(Refusal::Fault(error)) => Err(error.into()),
            };
        }
        let place = match C::COMMAND {
            true => self.place(&powers, subject).await?.map(Some),
            false => Ok(None),
        };
        let stopped = match place {
            Err(error) => Err(error),
            Ok(place) => match self.open(&powers, claims).await? {
                Ok(stake) => Ok((place, stake)),
                Err(Stop::Denied(denial)) => {
                    return self.deny(C::IMPORT, &powers, denial, line, subject).map(Err);
                }
                Err(Stop::Answer(error)) => Err(error),
            },
        };
        let stake = match stopped {
            Ok((place, stake)) => {
                self.place = place;
                stake
            }
            Err(error) => {
                // A deed like any other, which ended before it was begun.
                powers.metrics.asked(C::IMPORT, true);
                line.insert("rule".into(), rule.into());
                self.audit(Event::Intent, line.clone())?;
                line.insert("error".into(), bounded(format!("{error:?}").into()));
                self.audit(Event::Outcome, line)?;
                return Ok(Err(error));
            }
        };
        powers.metrics.asked(C::IMPORT, true);
        tracing::info!(
            target: "abaca::gate",
            backend = powers.backend,
            "granted by `{}`: {subject}",
            rule.as_deref().unwrap_or_default()
        );
        line.insert("rule".into(), rule.into());
        let mut intent = line.clone();
        for (name, value) in request.granted(self, &powers) {
            intent.insert(name.into(), whole(value));
        }
        self.audit_now()?;
        let intent = powers.revealed.hidden_line(intent);
        let given_up = powers.revealed.hidden_line(line.clone());
        let deed = powers.audit.begin(&self.call, intent, given_up).await?;
        let begun = Instant::now();
        let result = request.perform(self, &powers).await;
        self.place = None;
        let settled = stake.settle(&powers, C::ended(&result)).await;
        deed.ended();
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        line.insert("duration_ms".into(), took.into());
        let answer = match result {
            Ok(done) => {
                for (name, value) in done.facts {
                    line.insert(name.into(), whole(value));
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
        settled?;
        answer
    }

    /// A place among the commands of all backends; the wait for it takes the call's time.
    pub(crate) async fn place(
        &self,
        powers: &Powers,
        subject: &str,
    ) -> Result<Result<Place, host::Error>, Error> {
        let waiting = powers.commands.place(|| {
            tracing::debug!(
                target: "abaca::gate",
                backend = powers.backend,
                "waits for a place among the commands: {subject}"
            );
        });
        match tokio::time::timeout(self.remaining(None), waiting).await {
            Ok(place) => place.map(Ok),
            Err(_) => Ok(Err(host::Error::Busy(
                "commands of this and other backends were running all the time".to_owned(),
            ))),
        }
    }

    /// Whether a request that is about a share server comes from that one's own call.
    fn about_its_own(&self, request: &impl Crossing) -> Result<(), Denial> {
        match request.share_server() {
            Some(server) if self.share_server.as_deref() != Some(server) => Err(Denial {
                rule: None,
                reason: "only `setup-server` and `teardown-server` may ask for it, each for its \
                         own share server"
                    .to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

impl Drop for Gate {
    /// A call that was given up may have left processes that are being ended: its locks are for
    /// others only when those are gone.
    fn drop(&mut self) {
        if let Err(error) = self.audit_rest() {
            tracing::error!(%error, "the audit could not be told all that a call has asked");
        }
        if let Some(powers) = &self.powers {
            let (lifted, lowered) = self.meter.bytes();
            powers.metrics.carried(lifted, lowered);
        }
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
