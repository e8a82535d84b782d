//! A runtime whose world is made up: a driver's functions run in a sandbox as always, and whatever
//! they ask is answered from memory, as far as the policy grants it. No storage, no broker, no time
//! but the test's; deterministic, and a copy of the whole world costs nothing.
//!
//! ```text
//! Stage::call ─▶ sandbox ─▶ driver ─▶ gate ─▶ fault? ─▶ World: policy, files, programs, pool, state …
//! ```
//!
//! ```no_run
//! use abaca::Runtime;
//! use abaca::testing::{Stage, samples};
//! use serde_json::{Value, json};
//!
//! # async fn story() -> abaca::Result<()> {
//! let driver = Runtime::builder().build()?.load("driver.wasm").await?;
//! let stage = Stage::builder(&driver)
//!     .script_text(
//!         r#"
//!         [[command]]
//!         when = ["mkvol", "--size", "{size}G", "{name}"]
//!         does = [{ create-volume = { name = "{name}", size = "{size}G" } }]
//!         "#,
//!     )
//!     .build()?;
//! let share = samples::share("share-1", 1);
//! let made = stage.call("create-share", json!([share, Value::Null])).await?;
//! assert!(made.is_ok(), "{made}");
//! assert!(stage.facts().contains(&"volume share-1: 1073741824 bytes".to_owned()));
//! # Ok(())
//! # }
//! ```

mod answers;
mod command;
mod faults;
mod files;
mod mounts;
mod network;
mod pool;
mod recording;
mod script;
mod state;
mod storage;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use abaca_policy::Policy;
use serde_json::Value;
use tokio::sync::Notify;

use self::answers::Answers;
pub(crate) use self::faults::numbers;
pub use self::faults::{Failure, Fault, Odd, Plan, Printed};
use self::recording::Recording;
pub use self::script::{Client, Complaint, Deed, Part, Script, Scripted};
use self::world::World;
use super::called::Called;
use super::functions;
use crate::configuration::option_value;
use crate::contract::bindings::abaca::host::network::Label;
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::gate::Witness;
use crate::limits::Limits;
use crate::options::{OptionValue, OptionValues};

/// How long one call may really take. Nothing in it waits for anything but itself.
const WALL: Duration = Duration::from_secs(10);

/// How long it may compute.
const CPU: Duration = Duration::from_secs(2);

/// Where a stage's backend would keep its state.
const STATE: &str = "/var/lib/abaca/stage";

/// See above. A clone is the same stage; a [fork](Self::fork) is another one.
#[derive(Clone, Debug)]
pub struct Stage {
    driver: Driver,
    limits: Limits,
    /// How long a call may last where time is real.
    wall: Duration,
    world: Arc<Mutex<World>>,
    /// Told whenever a call has ended or given a lock back.
    freed: Arc<Notify>,
    calls: Arc<AtomicU64>,
    recording: Option<Recording>,
}

/// What a stage is made of.
#[derive(Debug)]
pub struct StageBuilder<'a> {
    driver: &'a Driver,
    policy: Option<Policy>,
    options: BTreeMap<String, OptionValue>,
    roots: Vec<String>,
    scripts: Vec<Result<Script>>,
    record: Option<PathBuf>,
}

impl Stage {
    /// A stage for this driver. Unless it is said otherwise, what the driver's manifest asks for is
    /// granted, its roots are there and empty, and its options have their defaults.
    #[must_use]
    pub fn builder(driver: &Driver) -> StageBuilder<'_> {
        StageBuilder {
            driver,
            policy: None,
            options: BTreeMap::new(),
            roots: Vec::new(),
            scripts: Vec::new(),
            record: None,
        }
    }

    /// The driver on it.
    #[must_use]
    pub fn driver(&self) -> &Driver {
        &self.driver
    }

    /// Another stage with a copy of this one's world. It is not recorded.
    #[must_use]
    pub fn fork(&self) -> Self {
        let world = self.world().clone();
        Self {
            driver: self.driver.clone(),
            limits: self.limits.clone(),
            wall: self.wall,
            world: Arc::new(Mutex::new(world)),
            freed: Arc::default(),
            calls: Arc::new(AtomicU64::new(self.calls.load(Ordering::Relaxed))),
            recording: None,
        }
    }

    /// Calls a function of the driver by its name in the contract, with the arguments in the
    /// contract's JSON, as an array.
    ///
    /// # Errors
    /// When the driver does not offer it, or the arguments are not of its types. What the driver
    /// does is no error, a trap neither.
    pub async fn call(&self, function: &str, arguments: Value) -> Result<Called> {
        self.call_with(function, arguments, None, &Plan::new()).await
    }

    /// The same with faults, and for `setup-server` and `teardown-server` with the share server that
    /// it is about: the only one whose addresses the driver may lease and give back.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_with(
        &self,
        function: &str,
        arguments: Value,
        server: Option<&str>,
        plan: &Plan,
    ) -> Result<Called> {
        let function = functions::find(&self.driver, function)?;
        let Value::Array(arguments) = arguments else {
            return Err(Error::Invalid(format!(
                "the arguments of {} are an array, one item for each",
                function.name
            )));
        };
        let id = format!("call {}", self.calls.fetch_add(1, Ordering::Relaxed).saturating_add(1));
        if let Some(server) = server {
            self.world().servers.insert(id.clone(), server.to_owned());
        }
        if let Some(recording) = &self.recording {
            let now = self.world().now;
            recording.called(now, &id, function.name, &arguments)?;
        }
        let (plan, crossed) = (plan.clone(), Mutex::default());
        let (slept, method) = (Mutex::default(), function.name);
        let witness = Arc::new(Answers { stage: self.clone(), method, plan, crossed, slept });
        let answer = functions::run(
            &self.driver,
            &function,
            &arguments,
            &id,
            None,
            Arc::clone(&witness) as Arc<dyn Witness>,
            &self.limits,
        )
        .await;
        self.world().end(&id);
        self.freed.notify_waiters();
        let crossed =
            std::mem::take(&mut *witness.crossed.lock().unwrap_or_else(PoisonError::into_inner));
        let called = Called::new(function.name, arguments, crossed, answer)?;
        if let Some(recording) = &self.recording {
            let now = self.world().now;
            recording.ended(now, &id, &called.ended)?;
        }
        Ok(called)
    }

    /// All that there is in this world, a sentence each, sorted: files, mounts, volumes, what the
    /// driver remembers, leases and locks.
    #[must_use]
    pub fn facts(&self) -> Vec<String> {
        self.world().facts()
    }

    /// What drivers wrote to the log.
    #[must_use]
    pub fn logged(&self) -> Vec<String> {
        self.world().logged.clone()
    }

    /// The programs that no script had an answer for.
    #[must_use]
    pub fn unanswered(&self) -> Vec<String> {
        self.world().unanswered.clone()
    }

    /// What the driver asked and the policy does not grant.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        self.world().refused.clone()
    }

    /// The rules of what is granted that no call has come to yet, on this stage or on a fork of it.
    #[must_use]
    pub fn unused_rules(&self) -> Vec<String> {
        self.world().unused_rules()
    }

    /// How large the simulated pool is, in bytes; none where neither a script says it nor any volume is
    /// in it, for then it may be no storage of this driver's.
    pub(super) fn pool_bytes(&self) -> Option<u64> {
        let world = self.world();
        let is_used = world.is_pool_said || !world.pool.volumes.is_empty();
        is_used.then_some(world.pool.size)
    }

    /// What the driver remembers under a key of an entity.
    #[must_use]
    pub fn state_of(&self, entity: &str, key: &str) -> Option<String> {
        self.world().state.get(entity, key).map(str::to_owned)
    }

    /// Has the driver remember something.
    pub fn remember(&self, entity: &str, key: &str, value: &str) {
        self.world().state.set(entity, key, value);
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.world().advance(by);
    }

    /// Changes the simulated storage, as somebody else would.
    ///
    /// # Errors
    /// When it cannot be done.
    pub fn perform(&self, deed: &Deed) -> Result<()> {
        let mut world = self.world();
        let World { storage, pool, .. } = &mut *world;
        deed.perform(&mut BTreeMap::new(), storage, pool).map_err(|trouble| {
            Error::Invalid(format!("{deed:?} cannot be done: {}", trouble.said().1))
        })
    }

    /// Leases addresses for a share server, as the runtime does before `setup-server`, in the
    /// contract's JSON.
    ///
    /// # Errors
    /// When there are no more.
    pub fn lease(&self, server: &str, count: u32, admin: bool) -> Result<Value> {
        let label = if admin { Label::Admin } else { Label::User };
        let leased = self.world().network.allocate(server.to_owned(), Some(count), label);
        let leased = leased.map_err(|error| Error::Invalid(format!("leasing: {error:?}")))?;
        serde_json::to_value(leased).map_err(|error| Error::Runtime(format!("leases: {error}")))
    }

    /// Has clients write so many bytes to a share: as `client` of the script says, else to the volume of
    /// the share's name, or into the directory that has it. False where it is none of these.
    ///
    /// # Errors
    /// When it cannot be done.
    pub fn fill(&self, share: &str, bytes: u64) -> Result<bool> {
        let mut world = self.world();
        let World { storage, pool, scripts, .. } = &mut *world;
        let holes = [("share", share.to_owned()), ("size", bytes.to_string())];
        let mut holes = holes.map(|(name, value)| (name.to_owned(), value)).into();
        let said: Vec<_> = scripts.iter().flat_map(|script| &script.client).cloned().collect();
        let (name, size) = (share.to_owned(), bytes.to_string());
        let deeds = match (said.is_empty(), pool.volumes.contains_key(share)) {
            (false, _) => said,
            (true, true) => vec![Deed::FillVolume { name, size }],
            (true, false) => match storage.directory_called(share) {
                Some(at) => vec![Deed::MakeFile { at: format!("{at}/data"), size }],
                None => return Ok(false),
            },
        };
        for deed in &deeds {
            deed.perform(&mut holes, storage, pool)
                .map_err(|trouble| Error::Invalid(trouble.said().1.to_owned()))?;
        }
        Ok(true)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StageBuilder<'_> {
    /// What is granted instead of what the manifest asks for.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Sets an option, as the operator does.
    #[must_use]
    pub fn option(mut self, name: &str, value: OptionValue) -> Self {
        self.options.insert(name.to_owned(), value);
        self
    }

    /// Makes a root, beside those of policy and manifest.
    #[must_use]
    pub fn root(mut self, name: &str) -> Self {
        self.roots.push(name.to_owned());
        self
    }

    /// What programs do, what is there, and what the operator sets. Of several scripts, the last one
    /// is asked first.
    #[must_use]
    pub fn script(mut self, script: Script) -> Self {
        self.scripts.push(Ok(script));
        self
    }

    /// The same from a text in TOML.
    #[must_use]
    pub fn script_text(mut self, text: &str) -> Self {
        self.scripts.push(Script::parse(text, "the script"));
        self
    }

    /// The same from a file.
    #[must_use]
    pub fn script_file(mut self, file: impl AsRef<Path>) -> Self {
        self.scripts.push(Script::load(file));
        self
    }

    /// Writes every call, with all that the driver asks and is answered, into this new file: a
    /// [transcript](super::Transcript), with the stage's time. Default: nothing is recorded.
    #[must_use]
    pub fn record(mut self, file: impl Into<PathBuf>) -> Self {
        self.record = Some(file.into());
        self
    }

    /// Makes it.
    ///
    /// # Errors
    /// When there is nothing that grants what the driver asks for, an option or a script is wrong, or
    /// what a script wants there from the beginning cannot be; and when the transcript's file is there
    /// already or cannot be made.
    pub fn build(self) -> Result<Stage> {
        let Self { driver, policy, mut options, roots, scripts, record } = self;
        let description = driver.description();
        let policy = match (policy, driver.manifest()) {
            (Some(policy), _) if policy.driver() != description.name => {
                return Err(Error::Mismatch(format!(
                    "the policy is for the driver `{}`, and this is `{}`",
                    policy.driver(),
                    description.name
                )));
            }
            (Some(policy), _) => policy,
            (None, Some(manifest)) => manifest.rules().clone(),
            (None, None) => nothing_granted(&description.name)?,
        };
        let scripts = scripts.into_iter().collect::<Result<Vec<_>>>()?;
        // What was set in so many words holds whatever a script says.
        let set: Vec<_> = options.keys().cloned().collect();
        let mut pool_gib = None;
        for script in &scripts {
            for (name, value) in script.options.iter().filter(|(name, _)| !set.contains(name)) {
                let value = option_value(value.clone(), Path::new("/")).map_err(|reason| {
                    Error::Mismatch(format!("option `{name}` of the stage: {reason}"))
                })?;
                options.insert(name.clone(), value);
            }
            pool_gib = script.pool_gib.or(pool_gib);
        }
        // The simpler of the modes that the driver has.
        let handles = !description.share_server_modes.contains(&false);
        let mode = "driver_handles_share_servers".to_owned();
        options.entry(mode).or_insert(OptionValue::Boolean(handles));
        let options = OptionValues::resolve(&description.options, &options, STATE)
            .map_err(|error| Error::Option { backend: "stage".to_owned(), error })?;
        let wall = driver.limits().wall;
        let limits = hurried(driver.limits());
        let mut world = World::new(Arc::new(policy), options, limits.clone());
        let granted: Vec<_> = world.policy.roots().map(|root| root.name.clone()).collect();
        granted.iter().chain(&roots).for_each(|root| world.storage.grant(root));
        let needed = driver.manifest().into_iter().flat_map(|manifest| &manifest.needs().remotes);
        world.remotes.extend(needed.map(|remote| remote.name.clone()));
        if let Some(gib) = pool_gib {
            world.pool.size = gib.saturating_mul(1 << 30);
            world.is_pool_said = true;
        }
        for deed in scripts.iter().flat_map(|script| &script.before) {
            let World { storage, pool, .. } = &mut world;
            deed.perform(&mut BTreeMap::new(), storage, pool).map_err(|trouble| {
                Error::Mismatch(format!("`before`: {deed:?} cannot be done: {}", trouble.said().1))
            })?;
        }
        world.scripts = scripts.into_iter().rev().map(Arc::new).collect();
        world.scripts.push(Arc::new(Script::standard()?));
        Ok(Stage {
            driver: driver.clone(),
            limits,
            wall,
            world: Arc::new(Mutex::new(world)),
            freed: Arc::default(),
            calls: Arc::default(),
            recording: record.map(|file| Recording::begin(&file, driver)).transpose()?,
        })
    }
}

/// The limits of calls that wait for nothing.
pub(super) fn hurried(limits: Limits) -> Limits {
    let mut limits = limits;
    (limits.wall, limits.cpu) = (limits.wall.min(WALL), limits.cpu.min(CPU));
    limits
}

/// A policy for a driver that has no manifest: it may have its options, its state, and no more.
fn nothing_granted(driver: &str) -> Result<Policy> {
    let text = format!("schema = 1\ndriver = \"{driver}\"\n");
    Ok(Policy::parse(&text, "no policy")?)
}
