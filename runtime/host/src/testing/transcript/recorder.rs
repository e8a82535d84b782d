//! Writes a transcript: one file for all backends of a runtime.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::Value;

use super::{Answered, Ended, Line, Recorded, VERSION};
use crate::contract::bindings::abaca::host::types::Error as HostError;
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::gate::{self, After, Asked, Before, Seen, Waiting, Witness};
use crate::revealed::value_without;
use crate::storage::create_new;

/// The fields of arguments that hold secrets: of a security service.
const SECRET: &str = "password";

/// Where a runtime is recorded.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    clock: Clock,
    state: Mutex<State>,
}

/// Whose time stands in the transcript.
#[derive(Debug)]
enum Clock {
    /// This machine's, from then on.
    Real(Instant),
    /// One of somebody else's, in milliseconds since the transcript was begun.
    Told(Arc<AtomicU64>),
}

#[derive(Debug)]
struct State {
    file: File,
    calls: u64,
    /// The calls under way, by the audit's identifier.
    open: BTreeMap<String, Open>,
}

/// A call under way.
#[derive(Debug)]
struct Open {
    number: u64,
    requests: u64,
    /// The request that has no answer yet.
    waiting: Option<(&'static str, Value)>,
    /// What must not be written.
    secrets: Vec<String>,
}

/// The recorder at the gate of one backend.
#[derive(Debug)]
struct AtGate {
    recorder: Recorder,
    backend: String,
    driver: Recorded,
}

impl Recorder {
    /// Begins a transcript in a new file, which this user alone can read.
    ///
    /// # Errors
    /// When the file is there already, or cannot be made or written.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        Self::begin(path, Clock::Real(Instant::now()))
    }

    /// The same with the time that somebody else tells, in milliseconds since now: of a world whose
    /// clock is made up, so that the same calls make the same transcript.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub(crate) fn create_timed(path: &Path, at_ms: Arc<AtomicU64>) -> Result<Self> {
        Self::begin(path, Clock::Told(at_ms))
    }

    fn begin(path: &Path, clock: Clock) -> Result<Self> {
        let state = State { file: create_new(path)?, calls: 0, open: BTreeMap::new() };
        let path = path.to_owned();
        let recorder = Self(Arc::new(Shared { path, clock, state: Mutex::new(state) }));
        let abaca = env!("CARGO_PKG_VERSION").to_owned();
        recorder.write(&mut recorder.state(), &Line::Begin { transcript: VERSION, abaca })?;
        Ok(recorder)
    }

    /// The witness for one backend.
    pub(crate) fn of(&self, backend: &str, driver: &Driver) -> Arc<dyn Witness> {
        let description = driver.description();
        Arc::new(AtGate {
            recorder: self.clone(),
            backend: backend.to_owned(),
            driver: Recorded {
                name: description.name.clone(),
                version: description.version.clone(),
                component: driver.digest().to_owned(),
            },
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at_ms(&self) -> u64 {
        match &self.0.clock {
            Clock::Real(began) => u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            Clock::Told(at_ms) => at_ms.load(Ordering::Relaxed),
        }
    }

    fn write(&self, state: &mut State, line: &Line) -> Result<()> {
        let mut text = serde_json::to_vec(line)
            .map_err(|error| Error::Runtime(format!("a line of a transcript: {error}")))?;
        text.push(b'\n');
        let path = || self.0.path.clone();
        state.file.write_all(&text).map_err(|source| Error::Write { path: path(), source })
    }

    /// Writes the request that is answered, or at which its call ended.
    fn answered(&self, state: &mut State, call: &str, answered: Option<Answered>) -> Result<()> {
        let at_ms = self.at_ms();
        let Some(open) = state.open.get_mut(call) else { return Ok(()) };
        let Some((import, asked)) = open.waiting.take() else { return Ok(()) };
        open.requests += 1;
        let (call, request) = (open.number, open.requests);
        let asked = hidden(asked, &open.secrets);
        let answered = answered.map(|answered| match answered {
            Answered::Ok(value) => Ok(Answered::Ok(hidden(value, &open.secrets))),
            Answered::Error(error) => hidden_error(error, &open.secrets).map(Answered::Error),
        });
        let answered = answered.transpose()?;
        let import = import.to_owned();
        self.write(state, &Line::Request { call, request, at_ms, import, asked, answered })
    }
}

impl Witness for AtGate {
    fn called(&self, call: &str, method: &str, arguments: Vec<Value>) -> Result<()> {
        let Self { recorder, backend, driver } = self;
        let at_ms = recorder.at_ms();
        let mut state = recorder.state();
        state.calls += 1;
        let number = state.calls;
        let mut secrets = Vec::new();
        arguments.iter().for_each(|argument| passwords(argument, &mut secrets));
        let arguments = arguments.into_iter().map(|argument| hidden(argument, &secrets)).collect();
        let open = Open { number, requests: 0, waiting: None, secrets };
        state.open.insert(call.to_owned(), open);
        let (backend, driver, method) = (backend.clone(), driver.clone(), method.to_owned());
        let line = Line::Call { call: number, at_ms, backend, driver, method, arguments };
        recorder.write(&mut state, &line)
    }

    fn before<'a>(&'a self, asked: &'a Asked) -> Waiting<'a, Before> {
        if let Some(open) = self.recorder.state().open.get_mut(&asked.call) {
            open.waiting = Some((asked.import, asked.request.clone()));
        }
        Box::pin(std::future::ready(Before::Go))
    }

    fn after<'a>(&'a self, asked: &'a Asked, answer: &'a Seen) -> Waiting<'a, After> {
        let answered = match answer {
            Ok(answer) => Answered::Ok(answer.clone()),
            Err(error) => Answered::Error(error.clone()),
        };
        let mut state = self.recorder.state();
        let written = self.recorder.answered(&mut state, &asked.call, Some(answered));
        drop(state);
        Box::pin(std::future::ready(match written {
            Ok(()) => After::Keep,
            Err(error) => After::End(error.into()),
        }))
    }

    fn ended(&self, call: &str, answered: gate::Answered) -> Result<()> {
        let at_ms = self.recorder.at_ms();
        let mut state = self.recorder.state();
        self.recorder.answered(&mut state, call, None)?;
        let Some(open) = state.open.remove(call) else { return Ok(()) };
        let answered = match answered {
            gate::Answered::Driver(Ok(answer)) => Ended::Ok(hidden(answer, &open.secrets)),
            gate::Answered::Driver(Err(error)) => Ended::Error(hidden(error, &open.secrets)),
            gate::Answered::Ended(reason) => match hidden(reason.into(), &open.secrets) {
                Value::String(reason) => Ended::Ended(reason),
                other => Ended::Ended(other.to_string()),
            },
        };
        self.recorder.write(&mut state, &Line::End { call: open.number, at_ms, answered })
    }
}

/// The passwords in arguments.
fn passwords(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| passwords(item, found)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| match field {
            Value::String(secret) if name == SECRET && !secret.is_empty() => {
                found.push(secret.clone());
            }
            field => passwords(field, found),
        }),
        _ => {}
    }
}

/// A value without these passwords.
fn hidden(value: Value, passwords: &[String]) -> Value {
    let secrets: Vec<_> = passwords.iter().map(|password| (password.as_str(), SECRET)).collect();
    if secrets.is_empty() { value } else { value_without(value, &secrets) }
}

/// What the host answered, without these passwords: an error may quote what was asked.
fn hidden_error(error: HostError, passwords: &[String]) -> Result<HostError> {
    let unreadable = |error| Error::Runtime(format!("an error in a transcript: {error}"));
    let value = serde_json::to_value(error).map_err(unreadable)?;
    serde_json::from_value(hidden(value, passwords)).map_err(unreadable)
}
