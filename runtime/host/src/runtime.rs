//! The engine with its limits, its cache and its clock: one for a process. Drivers are loaded
//! into it, backends are made of them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Config, Engine};

use crate::cache::Cache;
use crate::call::Room;
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::limits::{EPOCH_TICK, Limits};

/// Where components run. Cheap to clone; all clones are the same runtime.
#[derive(Clone)]
pub struct Runtime {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub engine: Engine,
    pub linker: Linker<Room>,
    pub limits: Limits,
    pub cache: Option<Cache>,
    pub broker: Option<PathBuf>,
}

/// Says how a runtime shall be.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    limits: Limits,
    cache: Option<PathBuf>,
    broker: Option<PathBuf>,
}

impl Builder {
    /// The bounds of each driver call. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
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

    /// Makes the runtime.
    ///
    /// # Errors
    /// When the engine does not start, or the cache cannot be used.
    pub fn build(self) -> Result<Runtime> {
        let failed = |error: wasmtime::Error| Error::Runtime(format!("the engine: {error:#}"));
        let engine = Engine::new(&configuration()).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        crate::imports::link(&mut linker).map_err(failed)?;
        let cache = self.cache.as_deref().map(Cache::open).transpose()?;
        let (limits, broker) = (self.limits, self.broker);
        let shared = Arc::new(Shared { engine, linker, limits, cache, broker });
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
    /// granted meanwhile.
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

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("limits", &self.shared.limits).finish_non_exhaustive()
    }
}

/// What a guest may be made of, and how it is watched. The features that `scan` refuses are
/// switched off here as well.
fn configuration() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    // Typed calls become three to five times cheaper, and the advisories of the async part of
    // the component model are out of reach.
    config.concurrency_support(false);
    config.epoch_interruption(true);
    config.async_stack_zeroing(true);
    config.wasm_relaxed_simd(false);
    config.wasm_memory64(false);
    config.wasm_multi_memory(false);
    config.wasm_tail_call(false);
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
