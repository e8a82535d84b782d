//! A backend: a driver with its configuration, its policy and its state. Every method of the
//! driver interface that this runtime serves is a method here, one room for each interface in
//! `backend/`, and here is what they share:
//!
//! ```text
//! offered? ─▶ arguments make sense? ─▶ record what begins ─▶ place ─▶ audit ─▶ Call::run
//!                                      record how it ended ◀─ answer makes sense? ◀──┘
//! ```

mod access;
mod clones;
mod consistency_groups;
mod extending;
mod managing;
mod managing_snapshots;
mod migration;
mod migration_info;
mod periodic_hook;
mod pools;
mod replicated_snapshots;
mod replication;
mod server_choice;
mod setup;
mod share_servers;
mod shares;
mod shrinking;
mod snapshots;
mod stats;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use abaca_broker::protocol::Hello;
use abaca_policy::Policy;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use wasmtime::Store;
use wasmtime::component::Instance;

pub use stats::BackendStats;

use crate::audit::{Audit, Event, Subject};
use crate::broker::{Broker, locate};
use crate::call::{Call, Room};
use crate::contract::{Import, Interface};
use crate::database::{self, Database};
use crate::driver::Driver;
use crate::driver_state::DriverState;
use crate::error::{Error, Part, Result};
use crate::gate::Powers;
use crate::limits::Limits;
use crate::locks::{HeldLock, NamedLocks};
use crate::network::power::NetworkPower;
use crate::options::{OptionRow, OptionValue, OptionValues};
use crate::records::{Beginning, Change, OpenCall, Records, ShareEdit};
use crate::storage::{absolute, private_directory, read_text};
use crate::text::printable;
use crate::types::{ExportLocation, Share, ShareStatus};

/// The largest policy file that is read, in bytes; the policy's own limit is the same.
const POLICY_BYTES: u64 = 1024 * 1024;

/// The longest name of a backend: it becomes a directory's name and part of each host name.
const NAME_BYTES: usize = 64;

/// The most export locations of one share: one for each address of a large server.
const LOCATIONS: usize = 64;

/// The longest text of a driver that is kept, in bytes: a path, with room.
const TEXT_BYTES: usize = 4 * 1024;

/// The most pairs of texts that are kept together; upstream's drivers use a handful.
const PAIRS: usize = 256;

/// What an operator decides about a backend.
#[derive(Clone, Debug)]
pub struct BackendConfiguration {
    /// Its name: `[a-z0-9][a-z0-9_-]*`.
    pub name: String,
    /// The driver's policy.
    pub policy: PathBuf,
    /// The directory that holds the state of all backends; this one's is a directory of its
    /// name in it.
    pub state: PathBuf,
    /// The options that are set.
    pub options: BTreeMap<String, OptionValue>,
    /// The networks that `network_config_group` and `admin_network_config_group` can name, each
    /// with its options.
    pub networks: BTreeMap<String, BTreeMap<String, OptionValue>>,
}

/// A driver that can be called. Cheap to clone; all clones are the same backend.
#[derive(Clone, Debug)]
pub struct Backend {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    driver: Driver,
    powers: Arc<Powers>,
    records: Records,
    limits: Limits,
    /// One place for each call that may run at the same time; waiting is first come, first
    /// served.
    places: Semaphore,
    /// What `get-share-stats` said last.
    stats: std::sync::Mutex<Option<BackendStats>>,
}

impl Backend {
    /// Joins a driver with what its operator decided. Nothing is run yet but the broker's own
    /// checks, on first use.
    ///
    /// # Errors
    /// When configuration, policy and driver do not fit together, or the state cannot be used.
    pub async fn open(driver: Driver, configuration: BackendConfiguration) -> Result<Self> {
        tokio::task::spawn_blocking(move || Self::open_now(driver, configuration))
            .await
            .map_err(|error| Error::Runtime(format!("opening a backend: {error}")))?
    }

    fn open_now(driver: Driver, configuration: BackendConfiguration) -> Result<Self> {
        let BackendConfiguration { name, policy: policy_file, state, options, networks } =
            configuration;
        check_name(&name)?;
        let policy = read_policy(&policy_file)?;
        let description = driver.description();
        if policy.driver() != description.name {
            return Err(Error::Mismatch(format!(
                "{} is a policy for the driver `{}`, and the backend `{name}` has the driver `{}`",
                policy_file.display(),
                policy.driver(),
                description.name
            )));
        }
        let directory = state.join(&name);
        let state_path = directory.display().to_string();
        let options = OptionValues::resolve(&description.options, &options, &state_path)
            .map_err(|error| Error::Option { backend: name.clone(), error })?;
        check_mode(&name, &driver, &options)?;
        let program = match locate(driver.runtime().shared().broker.as_deref()) {
            Err(error) if needs_broker(&driver) => return Err(error),
            found => found.unwrap_or_default(),
        };
        let opened = private_directory(&directory)
            .map_err(|reason| Error::State { path: directory.clone(), reason })?;
        let database = Database::open(&directory.join(database::FILE))?;
        let subject = Subject {
            backend: name.clone(),
            driver: description.name.clone(),
            component: driver.digest().to_owned(),
            policy: policy.digest().to_owned(),
        };
        let audit = Audit::open(&directory, &opened, subject)?;
        let network = NetworkPower::configured(&options, &networks, &database)
            .map_err(|error| Error::Mismatch(format!("backend `{name}`: {error}")))?;
        let records = Records::new(database.clone(), &directory, &opened)?;
        let digest = policy.digest().to_owned();
        let broker = Broker::new(program, absolute(&policy_file)?, digest, records.presence());
        let powers = Powers {
            backend: name.clone(),
            policy,
            broker,
            options,
            state: DriverState::new(database),
            locks: NamedLocks::open(&directory, &opened)?,
            network,
            audit,
        };
        let limits = driver.runtime().limits().clone();
        let shared = Shared {
            name,
            places: Semaphore::new(limits.concurrent_calls),
            records,
            powers: Arc::new(powers),
            driver,
            limits,
            stats: std::sync::Mutex::new(None),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The driver that it runs.
    #[must_use]
    pub fn driver(&self) -> &Driver {
        &self.shared.driver
    }

    /// What it has made.
    #[must_use]
    pub fn records(&self) -> &Records {
        &self.shared.records
    }

    /// Starts the broker, if the driver has a use for one, and says what it is: the roots that
    /// it holds and the walls that it can build here.
    ///
    /// # Errors
    /// When it cannot be started, or does not accept policy, roots or programs.
    pub async fn broker(&self) -> Result<Option<Hello>> {
        if needs_broker(&self.shared.driver) {
            return self.shared.powers.broker.hello().await.map(Some);
        }
        Ok(None)
    }

    /// The locks that calls of this backend hold now, in whatever process.
    ///
    /// # Errors
    /// When the state's directory cannot be read.
    pub fn locks(&self) -> Result<Vec<HeldLock>> {
        self.shared.powers.locks.held().map_err(|error| Error::Runtime(format!("locks: {error}")))
    }

    /// The policy that holds for its driver.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.shared.powers.policy
    }

    /// The options with the values that hold, sorted by name. The values of secret options are
    /// references, never what they refer to.
    pub fn option_rows(&self) -> impl Iterator<Item = &OptionRow> {
        self.options().rows()
    }

    pub(crate) fn options(&self) -> &OptionValues {
        &self.shared.powers.options
    }

    /// The functions of an interface, or the refusal that names it.
    fn offered<'a, T>(
        &'a self,
        interface: Interface,
        method: &'static str,
        indices: Option<&'a T>,
    ) -> Result<&'a T> {
        indices.filter(|_| self.shared.driver.offers(interface)).ok_or_else(|| Error::NotOffered {
            driver: self.shared.driver.description().name.clone(),
            interface,
            method,
        })
    }

    /// Whether share servers are handled. Upstream: `driver_handles_share_servers`.
    #[must_use]
    pub fn driver_handles_share_servers(&self) -> bool {
        self.options().boolean("driver_handles_share_servers").unwrap_or_default()
    }

    /// Taking over and letting go make sense only without share servers, as upstream has it.
    fn without_share_servers(&self, method: &'static str) -> Result<()> {
        if self.driver_handles_share_servers() {
            return Err(Error::Invalid(format!(
                "{method} needs driver_handles_share_servers = false"
            )));
        }
        Ok(())
    }

    /// Runs one function of the driver in a sandbox of its own. What a driver answers in error
    /// becomes an [`Error`] here.
    async fn call<T, E, F>(&self, method: &'static str, id: &str, function: F) -> Result<T>
    where
        F: AsyncFnOnce(&mut Store<Room>, &Instance) -> wasmtime::Result<Result<T, E>>,
        Error: From<E>,
    {
        self.judged(method, id, function, |answer| (answer, Vec::new())).await.0
    }

    /// As [`call`](Self::call), with what it makes written down before and after. `settle` says
    /// what the answer means: the answer to give, and the changes that hold with it (after a
    /// failure: beside those of `if_failed`).
    async fn recorded<T, E, F, A>(
        &self,
        beginning: Beginning,
        function: F,
        settle: impl FnOnce(Result<T>) -> (Result<A>, Vec<Change>),
    ) -> Result<A>
    where
        F: AsyncFnOnce(&mut Store<Room>, &Instance) -> wasmtime::Result<Result<T, E>>,
        Error: From<E>,
    {
        let method = beginning.method;
        self.tracked(beginning, async |id: &str| self.judged(method, id, function, settle).await)
            .await
    }

    /// Writes down what begins, does it, and writes down how it ended: for work of more than one
    /// driver call.
    async fn tracked<A, W>(&self, beginning: Beginning, work: W) -> Result<A>
    where
        W: AsyncFnOnce(&str) -> (Result<A>, Vec<Change>),
    {
        let records = &self.shared.records;
        let mut under_way = UnderWay {
            shared: Arc::clone(&self.shared),
            call: Some(records.begin(beginning).await?),
        };
        let id = under_way.call.as_ref().map(|call| call.id.clone()).unwrap_or_default();
        let (answer, changes) = work(&id).await;
        // An audit that could not say how the call ended does not undo what was made.
        let failure = answer.as_ref().err().filter(|error| !matches!(error, Error::Audit { .. }));
        let failure = failure.map(ToString::to_string);
        if let Some(call) = under_way.call.take() {
            records.finish(call, failure, changes).await?;
        }
        answer
    }

    /// Runs, and tells the audit how it ended once the answer was looked at: an answer against
    /// the contract is a failure.
    async fn judged<T, E, F, A>(
        &self,
        method: &'static str,
        id: &str,
        function: F,
        settle: impl FnOnce(Result<T>) -> (Result<A>, Vec<Change>),
    ) -> (Result<A>, Vec<Change>)
    where
        F: AsyncFnOnce(&mut Store<Room>, &Instance) -> wasmtime::Result<Result<T, E>>,
        Error: From<E>,
    {
        let began = Instant::now();
        let (answer, changes) = settle(self.run(method, id, began, function).await);
        match self.audit(Event::CallEnd, method, id, Some((answer.as_ref().err(), began))) {
            Ok(()) => (answer, changes),
            Err(error) => (Err(error), changes),
        }
    }

    async fn run<T, E, F>(
        &self,
        method: &'static str,
        id: &str,
        began: Instant,
        function: F,
    ) -> Result<T>
    where
        F: AsyncFnOnce(&mut Store<Room>, &Instance) -> wasmtime::Result<Result<T, E>>,
        Error: From<E>,
    {
        let shared = &*self.shared;
        let waiting = tokio::time::timeout(shared.limits.wall, shared.places.acquire());
        let Ok(Ok(_place)) = waiting.await else {
            return Err(Error::Deadline { method, part: Part::Queue, wall: shared.limits.wall });
        };
        self.audit(Event::Call, method, id, None)?;
        let call = Call {
            driver: &shared.driver,
            method,
            id,
            powers: Some(Arc::clone(&shared.powers)),
            limits: &shared.limits,
            began,
        };
        let answer = call.run(function).await;
        if matches!(answer, Err(Error::Deadline { .. })) {
            // The error says that everything the call had started is gone.
            shared.powers.broker.quiet().await;
        }
        answer?.map_err(Error::from)
    }

    fn audit(
        &self,
        event: Event,
        method: &'static str,
        id: &str,
        ended: Option<(Option<&Error>, Instant)>,
    ) -> Result<()> {
        let mut line = Map::new();
        line.insert("method".into(), method.into());
        if let Some((error, began)) = ended {
            let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            line.insert("duration_ms".into(), took.into());
            line.insert("outcome".into(), if error.is_none() { "ok" } else { "failed" }.into());
            if let Some(error) = error {
                line.insert("blame".into(), error.blame().to_string().into());
                let error = printable(&error.to_string(), crate::text::MESSAGE_BYTES);
                line.insert("error".into(), Value::String(error));
            }
        }
        self.shared.powers.audit.write(event, id, line)
    }
}

/// A call that is recorded as under way. Dropped before it is finished, because its caller gave it
/// up, it is recorded as interrupted when nothing of it is left.
struct UnderWay {
    shared: Arc<Shared>,
    call: Option<OpenCall>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Some(call) = self.call.take() else { return };
        let shared = Arc::clone(&self.shared);
        // Without a runtime this process is about to end, and whoever reads the records next
        // finds the call.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            shared.powers.broker.quiet().await;
            if let Err(error) = shared.records.abandon(call).await {
                tracing::error!(%error, "a call that was given up could not be recorded");
            }
        });
    }
}

/// The name becomes a directory's and part of a host's name.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let good = name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && name.len() <= NAME_BYTES
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'));
    if good {
        return Ok(());
    }
    Err(Error::Mismatch(format!(
        "{name:?} cannot be a backend's name: it is [a-z0-9][a-z0-9_-]*, at most {NAME_BYTES} long"
    )))
}

/// Whether anything that the driver asks for is done by the broker.
fn needs_broker(driver: &Driver) -> bool {
    driver.imports().iter().any(|import| matches!(import, Import::Command | Import::Files))
}

/// Reads a policy.
///
/// # Errors
/// When the file cannot be read or the policy is wrong.
pub fn read_policy(file: &Path) -> Result<Policy> {
    let text = read_text(file, POLICY_BYTES)?;
    Ok(Policy::parse(&text, &file.display().to_string())?)
}

/// `_verify_share_server_handling` of upstream: the operator must choose, and the driver must
/// have what he chooses.
fn check_mode(name: &str, driver: &Driver, options: &OptionValues) -> Result<()> {
    let description = driver.description();
    let chosen = options.boolean("driver_handles_share_servers").unwrap_or_default();
    if description.share_server_modes.contains(&chosen) {
        return Ok(());
    }
    Err(Error::Mismatch(format!(
        "backend `{name}`: the driver `{}` does not have driver_handles_share_servers = {chosen}; \
         set it to {}",
        description.name, !chosen
    )))
}

/// What a driver says about where clients find a share is shown to users and stored.
fn check_locations(method: &'static str, locations: &[ExportLocation]) -> Result<()> {
    if locations.len() > LOCATIONS {
        let reason =
            format!("it names {} export locations; {LOCATIONS} are allowed", locations.len());
        return Err(Error::Contract { method, reason });
    }
    for location in locations {
        if location.path.is_empty() {
            let reason = "an export location is empty".to_owned();
            return Err(Error::Contract { method, reason });
        }
        check_text(method, "an export location", &location.path)?;
        check_pairs(method, "the metadata of an export location", &location.metadata)?;
    }
    Ok(())
}

/// A text that is stored and shown.
fn check_text(method: &'static str, what: &str, text: &str) -> Result<()> {
    let reason = if text.len() > TEXT_BYTES {
        format!("{what} is longer than {TEXT_BYTES} bytes")
    } else if text.chars().any(char::is_control) {
        format!("{what} has control characters")
    } else {
        return Ok(());
    };
    Err(Error::Contract { method, reason })
}

/// Pairs of texts that are stored and shown.
fn check_pairs(method: &'static str, what: &str, pairs: &[(String, String)]) -> Result<()> {
    if pairs.len() > PAIRS {
        let reason = format!("{what} has {} pairs; {PAIRS} are allowed", pairs.len());
        return Err(Error::Contract { method, reason });
    }
    pairs.iter().try_for_each(|(key, value)| {
        check_text(method, what, key)?;
        check_text(method, what, value)
    })
}

/// What the answer to changing a share's size means.
fn resized(share: &Share, new_size: u64, answer: Result<()>) -> (Result<()>, Vec<Change>) {
    match answer {
        Ok(()) => {
            let edit = ShareEdit {
                size: Some(new_size),
                status: Some(ShareStatus::Available),
                ..ShareEdit::default()
            };
            (Ok(()), vec![Change::EditShare(share.id.clone(), Box::new(edit))])
        }
        Err(error) => (Err(error), Vec::new()),
    }
}

/// Identifies a call that makes nothing and so has no record.
fn fresh_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Seconds since the epoch.
fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}
