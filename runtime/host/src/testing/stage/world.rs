//! All that a stage has: what answers a driver's requests in the world's place. One copy of it is one
//! world; what a fault does to a request, the stage knows. Called by `Stage`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abaca_policy::{GuestPath, Policy, Verb};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::network::Network;
use super::pool::Pool;
use super::script::Script;
use super::state::State;
use super::storage::{Storage, denied};
use super::{command, files, mounts};
use crate::contract::bindings::abaca::host::clock::{SleepRequest, Timestamp};
use crate::contract::bindings::abaca::host::config;
use crate::contract::bindings::abaca::host::lock::{AcquireRequest, ReleaseRequest};
use crate::contract::bindings::abaca::host::log::WriteRequest;
use crate::contract::bindings::abaca::host::types::Error as HostError;
use crate::gate::{Asked, Seen};
use crate::imports::config::told as option_told;
use crate::limits::Limits;
use crate::options::OptionValues;

/// When the clock of a stage begins: 2026-01-01, in seconds since the epoch.
pub(super) const BEGINNING: Duration = Duration::from_secs(1_767_225_600);

/// The most tries of a command that may fail for the moment: nothing is different the next time.
const TRIES: u64 = 16;

/// See above.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub policy: Arc<Policy>,
    pub options: OptionValues,
    pub limits: Limits,
    pub storage: Storage,
    pub pool: Pool,
    /// Whether a script says how large the pool is.
    pub is_pool_said: bool,
    /// The first that has an answer is asked.
    pub scripts: Vec<Arc<Script>>,
    pub state: State,
    pub network: Network,
    pub now: Duration,
    /// Who holds each lock, by call.
    pub locks: BTreeMap<String, String>,
    /// The share servers that calls set up or tear down.
    pub servers: BTreeMap<String, String>,
    /// The remotes that are granted.
    pub remotes: BTreeSet<String>,
    /// What drivers wrote to the log.
    pub logged: Vec<String>,
    /// Programs that no script answers.
    pub unanswered: Vec<String>,
    /// What the policy does not grant.
    pub refused: Vec<String>,
    /// The rules that something was granted by, in any copy of this world.
    pub used: Arc<Mutex<BTreeSet<String>>>,
}

impl World {
    pub(super) fn new(policy: Arc<Policy>, options: OptionValues, limits: Limits) -> Self {
        Self {
            policy,
            options,
            limits,
            storage: Storage::default(),
            pool: Pool::default(),
            is_pool_said: false,
            scripts: Vec::new(),
            state: State::default(),
            network: Network::default(),
            now: BEGINNING,
            locks: BTreeMap::new(),
            servers: BTreeMap::new(),
            remotes: BTreeSet::new(),
            logged: Vec::new(),
            unanswered: Vec::new(),
            refused: Vec::new(),
            used: Arc::default(),
        }
    }

    /// Answers a request; none while somebody else holds the lock that it asks for.
    pub(super) fn answer(&mut self, asked: &Asked) -> Option<Seen> {
        if asked.import == "lock.acquire" {
            return self.acquire(asked);
        }
        let unanswered = self.unanswered.len();
        let answer = self.answer_now(asked);
        if answer.is_ok() {
            self.note(asked);
        }
        if let Err(HostError::Denied(denial)) = &answer
            && self.unanswered.len() == unanswered
        {
            self.refused.push(format!("{} {}: {}", asked.import, asked.request, denial.reason));
        }
        Some(answer)
    }

    fn answer_now(&mut self, asked: &Asked) -> Seen {
        let request = asked.request.clone();
        let Some((interface, verb)) = asked.import.split_once('.') else {
            return Err(HostError::Failed(format!("a stage has no {}", asked.import)));
        };
        match (interface, verb) {
            ("files", verb) => {
                let now = i64::try_from(self.now.as_secs()).unwrap_or(i64::MAX);
                files::answer(&mut self.storage, &self.policy, now, verb, request)
            }
            ("mounts", verb) => mounts::answer(&mut self.storage, &self.policy, verb, request),
            ("command", "run") => told(&command::run(self, &said(request)?)?),
            ("command", "pipeline") => told(&command::pipeline(self, &said(request)?)?),
            ("ssh", "run") => told(&command::remote(self, said(request)?)?),
            ("state", verb) => self.state.answer(&self.limits, verb, request),
            ("network", verb) => {
                let server = self.servers.get(&asked.call).map(String::as_str);
                self.network.answer(server, verb, request)
            }
            ("config", "get") => self.option(request),
            ("lock", "release") => self.release(&asked.call, request),
            ("clock", "now") => told(&Timestamp {
                seconds: self.now.as_secs(),
                nanoseconds: self.now.subsec_nanos(),
            }),
            ("clock", "sleep") => {
                let SleepRequest { milliseconds } = said(request)?;
                self.advance(Duration::from_millis(milliseconds));
                told(&())
            }
            ("log", "write") => {
                let WriteRequest { message, .. } = said(request)?;
                self.logged.push(message);
                told(&())
            }
            _ => Err(HostError::Failed(format!("a stage has no {}", asked.import))),
        }
    }

    /// Notes the rules of files and mounts that a request is about; those of programs are noted where
    /// they are decided.
    fn note(&self, asked: &Asked) {
        let Some((interface @ ("files" | "mounts"), verb)) = asked.import.split_once('.') else {
            return;
        };
        let fields = asked.request.as_object().into_iter().flatten();
        for (_, value) in fields {
            let text = |field: &str| value.get(field).and_then(Value::as_str);
            let (Some(root), Some(path)) = (text("root"), text("path")) else { continue };
            let Ok(place) = GuestPath::parse_relative(root, path) else { continue };
            if interface == "mounts" {
                if let Ok(rule) = self.policy.decide_unmount(&place) {
                    self.uses(&rule.id);
                }
                continue;
            }
            let verb = Verb::ALL.into_iter().find(|one| one.as_str() == verb);
            match verb.map(|verb| self.policy.decide_files(verb, &place)) {
                Some(Ok(grant)) => self.uses(&grant.rule.id),
                // What is written there it says too.
                Some(Err(denial)) => denial.rule.iter().for_each(|rule| self.uses(rule)),
                None => {}
            }
        }
    }

    /// Notes that something was granted by this rule.
    pub(super) fn uses(&self, rule: &str) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if !used.contains(rule) {
            used.insert(rule.to_owned());
        }
    }

    /// The rules that nothing was granted by.
    pub(super) fn unused_rules(&self) -> Vec<String> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let commands = self.policy.commands().iter().map(|rule| &rule.id);
        let files = self.policy.files().iter().map(|rule| &rule.id);
        let mounts = self.policy.mounts().iter().map(|rule| &rule.id);
        let all = commands.chain(files).chain(mounts);
        all.filter(|rule| !used.contains(*rule)).cloned().collect()
    }

    fn option(&self, request: Value) -> Seen {
        let config::GetRequest { name } = said(request)?;
        if !self.options.is_declared(&name) {
            return Err(denied("the driver has not declared this option".to_owned()));
        }
        let value = self.options.lookup(&name).map(|value| option_told(name, value));
        told(&value.map(|value| match value {
            // Where the policy lets the driver read it, it is its own name: there is no secret here.
            config::Value::Secret(name) if self.policy.reveals(&name) => config::Value::Text(name),
            value => value,
        }))
    }

    fn acquire(&mut self, asked: &Asked) -> Option<Seen> {
        let name = match said::<AcquireRequest>(asked.request.clone()) {
            Ok(request) => request.name,
            Err(error) => return Some(Err(error)),
        };
        match self.locks.get(&name) {
            Some(holder) if *holder == asked.call => {
                let reason = "this call holds the lock already".to_owned();
                Some(Err(HostError::Invalid(reason)))
            }
            Some(_) => None,
            None => {
                self.locks.insert(name, asked.call.clone());
                Some(told(&()))
            }
        }
    }

    fn release(&mut self, call: &str, request: Value) -> Seen {
        let ReleaseRequest { name } = said(request)?;
        match self.locks.get(&name).is_some_and(|holder| holder == call) {
            true => {
                self.locks.remove(&name);
                told(&())
            }
            false => Err(HostError::Invalid("this call does not hold the lock".to_owned())),
        }
    }

    /// What ends with a call.
    pub(super) fn end(&mut self, call: &str) {
        self.locks.retain(|_, holder| holder != call);
        self.servers.remove(call);
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.now = self.now.saturating_add(by);
    }

    /// How often a command is tried that may fail for the moment.
    pub(super) fn tries(&self) -> u64 {
        let tries = self.options.integer("num_shell_tries").unwrap_or(1);
        u64::try_from(tries).unwrap_or(1).clamp(1, TRIES)
    }

    /// All that there is, a sentence each, sorted: what two worlds can be compared by.
    pub(super) fn facts(&self) -> Vec<String> {
        let facts = self.storage.facts().chain(self.pool.facts());
        let facts = facts.chain(self.state.facts()).chain(self.network.facts());
        let held = self.locks.iter().map(|(lock, call)| format!("lock {lock}: held by {call}"));
        let mut facts: Vec<_> = facts.chain(held).collect();
        facts.sort();
        facts
    }
}

/// An answer in the contract's words.
pub(super) fn told<T: Serialize>(answer: &T) -> Seen {
    serde_json::to_value(answer).map_err(|error| HostError::Failed(format!("a stage: {error}")))
}

/// A request from the contract's words.
pub(super) fn said<T: DeserializeOwned>(request: Value) -> Result<T, HostError> {
    serde_json::from_value(request).map_err(|error| HostError::Failed(format!("a stage: {error}")))
}
