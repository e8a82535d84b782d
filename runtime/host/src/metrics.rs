//! Figures for Prometheus: how many calls, how they ended, how long they took. A runtime has one
//! set, which all its backends count in; `Runtime::metrics` shows it as text.
//!
//! The number of series is bounded: methods, imports and outcomes are ours, the first
//! [`BACKENDS`] backends have series of their own, and nothing that a driver says is in a label.
//! Counted in by `backend/calling`, `backend/admission`, `call` and `gate`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::error::{Error, Part, Result};
use crate::quarantine::{State, StrikeKind};

/// Backends that are counted by themselves: with every method called and every import used, each
/// costs at most some three hundred series.
const BACKENDS: usize = 64;

/// What all further backends are counted as; no backend can have this name.
const OTHERS: &str = "_others";

/// Seconds of a call or a command: from what is hardly felt to the longest that a call may take.
const SECONDS: [f64; 11] = [0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0];

/// Seconds of an instantiation: from what it should take to what something is wrong with.
const INSTANTIATION_SECONDS: [f64; 8] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.05, 0.25, 1.0];

/// How a call ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Ok,
    Failed,
    /// Its caller gave it up.
    Interrupted,
    /// It was not begun, because the backend is in quarantine or disabled.
    Refused,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Refused => "refused",
        }
    }
}

/// The labels of a figure of each backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfBackend {
    backend: Arc<str>,
}

macro_rules! labels {
    ($($name:ident { $($label:ident),* })*) => {
        $(
            #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
            struct $name { backend: Arc<str>, $($label: &'static str),* }
        )*
    };
}

labels! {
    OfMethod { method, outcome }
    OfBlame { blame }
    OfPart { part }
    OfLimit { limit }
    OfImport { import, verdict }
    OfStrike { kind }
    OfState { state }
}

/// The figures of a runtime.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    figures: Figures,
    /// The backends that are counted by themselves.
    backends: Mutex<BTreeSet<Arc<str>>>,
}

/// Handles: a clone counts in the same figures.
#[derive(Clone, Debug)]
struct Figures {
    calls: Family<OfMethod, Counter>,
    running: Family<OfBackend, Gauge>,
    errors: Family<OfBlame, Counter>,
    deadlines: Family<OfPart, Counter>,
    limits: Family<OfLimit, Counter>,
    requests: Family<OfImport, Counter>,
    strikes: Family<OfStrike, Counter>,
    behind: Family<OfBackend, Gauge>,
    states: Family<OfState, Gauge>,
    lifted: Family<OfBackend, Counter>,
    lowered: Family<OfBackend, Counter>,
    call_seconds: Family<OfBackend, Histogram, fn() -> Histogram>,
    instantiation_seconds: Family<OfBackend, Histogram, fn() -> Histogram>,
    command_seconds: Family<OfBackend, Histogram, fn() -> Histogram>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let long = || Histogram::new(SECONDS);
        let figures = Figures {
            calls: Family::default(),
            running: Family::default(),
            errors: Family::default(),
            deadlines: Family::default(),
            limits: Family::default(),
            requests: Family::default(),
            strikes: Family::default(),
            behind: Family::default(),
            states: Family::default(),
            lifted: Family::default(),
            lowered: Family::default(),
            call_seconds: Family::new_with_constructor(long),
            instantiation_seconds: Family::new_with_constructor(|| {
                Histogram::new(INSTANTIATION_SECONDS)
            }),
            command_seconds: Family::new_with_constructor(long),
        };
        let mut registry = Registry::with_prefix("abaca");
        let all = figures.clone();
        registry.register("calls", "Driver calls that have ended, or were refused", all.calls);
        registry.register("calls_running", "Driver calls that run now", all.running);
        registry.register("errors", "Driver calls that failed, by whose fault it was", all.errors);
        registry.register(
            "deadlines",
            "Driver calls whose time ran out, by what was at work then",
            all.deadlines,
        );
        registry.register("limits", "Driver calls that used up a limit", all.limits);
        registry.register("requests", "What drivers asked of the host", all.requests);
        registry.register("strikes", "Driver calls that count for a quarantine", all.strikes);
        registry.register(
            "versions_behind",
            "1 while another version of the driver should run, and cannot",
            all.behind,
        );
        registry.register(
            "backend_state",
            "1 at the state in which a backend is: called, in quarantine, disabled",
            all.states,
        );
        for (name, help, counter) in [
            ("lifted", "What drivers said to the host in their requests", all.lifted),
            ("lowered", "What the host answered drivers", all.lowered),
        ] {
            registry.register_with_unit(name, help, Unit::Bytes, counter);
        }
        for (name, help, histogram) in [
            ("call", "From a call's beginning, waiting for its place included", all.call_seconds),
            ("instantiation", "Making a fresh sandbox for a call", all.instantiation_seconds),
            ("command", "A command or pipeline, each attempt by itself", all.command_seconds),
        ] {
            registry.register_with_unit(name, help, Unit::Seconds, histogram);
        }
        Self { registry, figures, backends: Mutex::default() }
    }

    /// The figures of one backend.
    pub(crate) fn of(&self, backend: &str) -> BackendMetrics {
        // A holder that panicked has left the set whole: each use is one operation.
        let mut backends = self.backends.lock().unwrap_or_else(PoisonError::into_inner);
        let backend = match backends.get(backend) {
            Some(known) => Arc::clone(known),
            None if backends.len() < BACKENDS => {
                let name: Arc<str> = backend.into();
                backends.insert(Arc::clone(&name));
                name
            }
            None => OTHERS.into(),
        };
        BackendMetrics { backend, figures: self.figures.clone() }
    }

    /// All figures, as Prometheus reads them.
    ///
    /// # Errors
    /// When they cannot be written as text, which would be this module's own mistake.
    pub(crate) fn text(&self) -> Result<String> {
        let mut text = String::new();
        encode(&mut text, &self.registry)
            .map_err(|error| Error::Runtime(format!("the metrics as text: {error}")))?;
        Ok(text)
    }
}

/// Where one backend counts.
#[derive(Clone, Debug)]
pub(crate) struct BackendMetrics {
    backend: Arc<str>,
    figures: Figures,
}

/// A call that runs; dropped, it runs no longer.
#[derive(Debug)]
pub(crate) struct Running(Gauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl BackendMetrics {
    fn backend(&self) -> Arc<str> {
        Arc::clone(&self.backend)
    }

    fn of_backend(&self) -> OfBackend {
        OfBackend { backend: self.backend() }
    }

    /// A call begins to run.
    pub(crate) fn runs(&self) -> Running {
        let gauge = self.figures.running.get_or_create_owned(&self.of_backend());
        gauge.inc();
        Running(gauge)
    }

    /// A call has ended, or was not begun.
    pub(crate) fn ended(&self, method: &'static str, outcome: Outcome, error: Option<&Error>) {
        let outcome = outcome.name();
        let labels = OfMethod { backend: self.backend(), method, outcome };
        self.figures.calls.get_or_create(&labels).inc();
        let Some(error) = error else { return };
        let blame = error.blame().name();
        self.figures.errors.get_or_create(&OfBlame { backend: self.backend(), blame }).inc();
        match error {
            Error::Deadline { part, .. } => {
                let part = match part {
                    Part::Queue => "queue",
                    Part::Guest => "guest",
                    Part::Rate => "rate",
                    Part::Import(_) => "import",
                };
                let labels = OfPart { backend: self.backend(), part };
                self.figures.deadlines.get_or_create(&labels).inc();
            }
            Error::Limit { limit, .. } => {
                let labels = OfLimit { backend: self.backend(), limit: limit.name() };
                self.figures.limits.get_or_create(&labels).inc();
            }
            _ => {}
        }
    }

    /// A call that ended took so long.
    pub(crate) fn took(&self, time: Duration) {
        let histogram = self.figures.call_seconds.get_or_create_owned(&self.of_backend());
        histogram.observe(time.as_secs_f64());
    }

    /// A sandbox was made within this time.
    pub(crate) fn instantiated(&self, time: Duration) {
        let histogram = self.figures.instantiation_seconds.get_or_create_owned(&self.of_backend());
        histogram.observe(time.as_secs_f64());
    }

    /// One attempt of a command, or of a pipeline, took so long.
    pub(crate) fn commanded(&self, time: Duration) {
        let histogram = self.figures.command_seconds.get_or_create_owned(&self.of_backend());
        histogram.observe(time.as_secs_f64());
    }

    /// A request was let through, or denied.
    pub(crate) fn asked(&self, import: &'static str, granted: bool) {
        let verdict = if granted { "granted" } else { "denied" };
        let labels = OfImport { backend: self.backend(), import, verdict };
        self.figures.requests.get_or_create(&labels).inc();
    }

    /// The requests of a call had so many bytes, and their answers.
    pub(crate) fn carried(&self, lifted: usize, lowered: usize) {
        let bytes = |bytes| u64::try_from(bytes).unwrap_or(u64::MAX);
        let backend = self.of_backend();
        self.figures.lifted.get_or_create(&backend).inc_by(bytes(lifted));
        self.figures.lowered.get_or_create(&backend).inc_by(bytes(lowered));
    }

    /// A call counts against the driver.
    pub(crate) fn struck(&self, kind: StrikeKind) {
        let labels = OfStrike { backend: self.backend(), kind: kind.name() };
        self.figures.strikes.get_or_create(&labels).inc();
    }

    /// How the backend stands now. Backends that are not counted each by itself stand each in its
    /// own way: nothing is told of them.
    pub(crate) fn stands(&self, now: State) {
        if &*self.backend == OTHERS {
            return;
        }
        for state in State::ALL {
            let labels = OfState { backend: self.backend(), state: state.name() };
            self.figures.states.get_or_create(&labels).set((state == now).into());
        }
    }

    /// Whether another version of the driver should run, and cannot.
    pub(crate) fn behind(&self, is_behind: bool) {
        if &*self.backend == OTHERS {
            return;
        }
        self.figures.behind.get_or_create(&self.of_backend()).set(is_behind.into());
    }
}
