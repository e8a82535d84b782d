//! The engine with its limits, its cache and its clock: one for a process. Drivers are loaded
//! into it, backends are made of them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Config, Engine};

use crate::audit::AuditSettings;
use crate::cache::Cache;
use crate::call::Room;
use crate::commands::Places;
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::limits::{EPOCH_TICK, Limits};
use crate::metrics::Metrics;
use crate::owned::Worksites;
use crate::quarantine::Quarantine;
use crate::testing::Recorder;
use crate::turns::Turns;

/// What host functions have of a call's stack beside the guest's own. The engine's default.
const HOST_STACK_BYTES: usize = 1536 * 1024;

/// Where components run. Cheap to clone; all clones are the same runtime.
#[derive(Clone)]
pub struct Runtime {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub engine: Engine,
    pub linker: Linker<Room>,
    pub limits: Limits,
    pub audit: AuditSettings,
    pub cache: Option<Cache>,
    pub broker: Option<PathBuf>,
    pub recorder: Option<Recorder>,
    pub quarantine: Quarantine,
    pub metrics: Metrics,
    pub compiler: Option<PathBuf>,
    pub turns: Arc<Turns>,
    pub commands: Arc<Places>,
    pub worksites: Worksites,
}

/// Says how a runtime shall be.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    limits: Limits,
    audit: AuditSettings,
    cache: Option<PathBuf>,
    broker: Option<PathBuf>,
    recorder: Option<PathBuf>,
    quarantine: Quarantine,
    compiler: Option<PathBuf>,
}

impl Builder {
    /// The bounds of each driver call. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How the audits of all backends are kept. Default: [`AuditSettings::default`].
    pub fn audit(mut self, settings: AuditSettings) -> Self {
        self.audit = settings;
        self
    }

    /// Keeps compiled components in this directory, which belongs to this user alone. Default:
    /// none are kept.
    pub fn cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache = Some(directory.into());
        self
    }

    /// The `abaca-broker` program. Default: the one beside the running program.
    pub fn broker(mut self, program: impl Into<PathBuf>) -> Self {
        self.broker = Some(program.into());
        self
    }

    /// The `abaca-compiler` program. Default: the one beside the running program.
    pub fn compiler(mut self, program: impl Into<PathBuf>) -> Self {
        self.compiler = Some(program.into());
        self
    }

    /// When a backend is put in quarantine, and for how long. Default: [`Quarantine::default`].
    pub fn quarantine(mut self, quarantine: Quarantine) -> Self {
        self.quarantine = quarantine;
        self
    }

    /// Writes every call of every backend, with all that crosses the gate, into this new file: a
    /// [transcript](crate::testing::Transcript). Default: nothing is recorded.
    pub fn record(mut self, file: impl Into<PathBuf>) -> Self {
        self.recorder = Some(file.into());
        self
    }

    /// Makes the runtime.
    ///
    /// # Errors
    /// When the engine does not start, the cache cannot be used, or the transcript's file is there
    /// already or cannot be made.
    pub fn build(self) -> Result<Runtime> {
        let failed = |error: wasmtime::Error| Error::Runtime(format!("the engine: {error:#}"));
        let engine = Engine::new(&configuration(&self.limits)).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        crate::imports::link(&mut linker).map_err(failed)?;
        let cache = self.cache.as_deref().map(Cache::open).transpose()?;
        let recorder = self.recorder.as_deref().map(Recorder::create).transpose()?;
        let Self { limits, audit, broker, compiler, quarantine, .. } = self;
        let (turns, commands) = (Turns::new(), Places::new(limits.concurrent_commands));
        let shared = Arc::new(Shared {
            engine,
            linker,
            limits,
            audit,
            cache,
            broker,
            recorder,
            compiler,
            turns,
            commands,
            worksites: Worksites::default(),
            quarantine,
            metrics: Metrics::new(),
        });
        tick(&shared)?;
        Ok(Runtime { shared })
    }
}

impl Runtime {
    /// Begins to describe a runtime.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Reads, checks and compiles a driver, and asks it what it is. Nothing that it may do is
    /// granted meanwhile. Compiling is done by another process; dropping the future ends it.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a driver that this runtime can run.
    pub async fn load(&self, file: impl AsRef<Path>) -> Result<Driver> {
        Driver::load(self, file.as_ref()).await
    }

    /// As [`load`](Self::load), from memory; `name` stands for it in messages.
    ///
    /// # Errors
    /// When the bytes are not a driver that this runtime can run.
    pub async fn load_bytes(&self, name: &str, bytes: Vec<u8>) -> Result<Driver> {
        Driver::from_bytes(self, name, bytes).await
    }

    /// The bounds of each driver call.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// What all backends of this runtime have done since it was made, in the text format of
    /// OpenMetrics, which Prometheus reads: counters and histograms whose names begin with
    /// `abaca_`. The 64 backends that were opened first are counted each by itself.
    ///
    /// # Errors
    /// When the figures cannot be written as text, which would be a mistake in Abaca.
    pub fn metrics(&self) -> Result<String> {
        self.shared.metrics.text()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("limits", &self.shared.limits).finish_non_exhaustive()
    }
}

/// What decides which code is made is the compiler's, too; the rest is only about running it.
fn configuration(limits: &Limits) -> Config {
    let mut config = abaca_compiler::configuration();
    config.max_wasm_stack(limits.stack_bytes);
    config.async_stack_size(limits.stack_bytes.saturating_add(HOST_STACK_BYTES));
    config
}

/// Moves the epoch on until the runtime is gone. A thread of its own: a guest that computes
/// must be stopped also when all async workers are busy.
fn tick(shared: &Arc<Shared>) -> Result<()> {
    let weak: Weak<Shared> = Arc::downgrade(shared);
    std::thread::Builder::new()
        .name("abaca-epoch".to_owned())
        .spawn(move || {
            while let Some(shared) = weak.upgrade() {
                shared.engine.increment_epoch();
                drop(shared);
                pause(EPOCH_TICK);
            }
        })
        .map(|_| ())
        .map_err(|error| Error::Runtime(format!("the epoch thread does not start: {error}")))
}

#[expect(clippy::disallowed_methods, reason = "the epoch's own thread has nothing else to do")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}
