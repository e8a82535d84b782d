//! A [`Host`] that lives in memory: what a driver's own unit tests run on, by plain `cargo test`
//! on the host target, without a runtime, a policy or storage.
//!
//! It has every interface of `abaca:host` under the same name and with the same narrow behaviour:
//! a directory that is there is not made again, a lock that is held is not taken twice, a program
//! that nobody said an answer for is denied. What it is not: a policy (it grants whatever lies
//! beneath its roots, and every program that has an answer), a file system with users (nobody is
//! kept out by permission bits), or a proof about the component, which `abaca test` gives. Called
//! by the tests of drivers; a component has none of it.
//!
//! ```
//! use abaca_sdk::testing::{self, Host};
//! use abaca_sdk::{CreateError, Error, ExportLocation, HostError, Root, Share, files};
//!
//! /// A function as a driver has it.
//! fn create_share(share: Share) -> Result<Vec<ExportLocation>, CreateError> {
//!     match files::make_dir(&Root("shares").join(&share.name), 0o700) {
//!         Ok(()) | Err(HostError::AlreadyExists(_)) => Ok(Vec::new()),
//!         Err(error) => Err(error.into()),
//!     }
//! }
//!
//! let host = Host::new().root("shares");
//! let share = testing::share("share-1", 1);
//!
//! // One `run` is one call of the driver.
//! host.run(|| create_share(share.clone())).unwrap();
//! assert!(host.is_dir("shares:share-1"));
//! assert_eq!(host.asked(), ["files.make-dir shares:share-1 0700"]);
//!
//! // It may be repeated, and says so when there is no room.
//! host.run(|| create_share(share.clone())).unwrap();
//! host.fail("files.make-dir", HostError::NoSpace("the disk is full".into()));
//! let refused = host.run(|| create_share(testing::share("share-2", 1))).unwrap_err();
//! assert!(matches!(refused.error, Error::BackendFailed(_)));
//! ```
//!
//! Programs are answered by what a test says of them, word by word:
//!
//! ```
//! use abaca_sdk::command;
//! use abaca_sdk::testing::Host;
//!
//! let host = Host::new()
//!     .root("shares")
//!     .when(["mkfs", "-t", "{type}", "shares:{name}"]).does(|program| {
//!         program.host().put(&format!("shares:{}", program.word("name")), "made");
//!     })
//!     .when(["df", "..."]).answers("1B-blocks Avail\n1073741824 536870912\n");
//! host.run(|| command::run("mkfs", ["-t", "ext4", "shares:image-1"])).unwrap();
//! assert_eq!(host.contents("shares:image-1").unwrap(), b"made");
//! ```
//!
//! And [`survives`] hits a call at every place where it can be hit, with an error and with its
//! end, and runs it again.
//!
//! ```text
//! test ─▶ Host::run ─▶ a thread of its own ─▶ driver ─▶ a room of the SDK ─▶ imports
//!                       (nothing of an earlier call                            │
//!                        is in it)                     Host ◀─ fault? kill? ◀──┘
//! ```

mod asking;
mod clock;
mod command;
mod config;
mod faults;
mod files;
mod http;
mod lock;
mod log;
mod looking;
mod mounts;
mod network;
mod options;
mod place;
mod running;
mod samples;
mod script;
mod ssh;
mod state;
mod tree;
mod volumes;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Backend;

pub use config::Setting;
pub use faults::{Fault, survives};
pub use http::{Reply, SendRequest};
pub use log::Line;
pub use samples::{rule, server, share, snapshot};
pub use script::{Answer, Program, When};

pub(crate) use asking::ask;
pub(crate) use clock::Now;

/// A host in memory. It is a handle: a clone is the same host, and what a test says to it holds
/// from then on, before the first call or between two.
///
/// A place is spelled as an argument of a command is: `shares:share-1/file`. What a test asks of
/// it that cannot be (a file where no directory is) panics with a sentence.
#[derive(Clone, Debug)]
pub struct Host {
    world: Arc<Mutex<World>>,
}

/// All that a host has.
#[derive(Debug, Default)]
struct World {
    clock: clock::Clock,
    faults: faults::Planned,
    http: http::Origins,
    locks: lock::Locks,
    log: Vec<Line>,
    network: network::Networks,
    options: options::Options,
    /// What was asked so far, in words.
    asked: Vec<String>,
    /// How many calls were run, for the locks' sake.
    calls: u64,
    script: script::Script,
    state: state::State,
    volumes: volumes::Volumes,
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// A host without roots, and with the options that every back end has.
    #[must_use]
    pub fn new() -> Self {
        let world = World { options: options::Options::common(), ..World::default() };
        Self { world: Arc::new(Mutex::new(world)) }
    }

    /// A host for this driver: the options that it declares have their defaults and types, and no
    /// others can be set.
    ///
    /// # Panics
    /// When the driver asks for anything but the log while it describes itself, as the runtime
    /// then refuses it.
    #[must_use]
    pub fn of<Driver: Backend>() -> Self {
        let host = Self::new();
        let description = host.run_describing(Driver::describe);
        host.world().options.declare(description.options);
        host.forget_asked();
        host
    }

    /// What drivers of this host have asked so far, in order: the import and its words, for
    /// example `files.make-dir shares:share-1 0700`.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.world().asked.clone()
    }

    /// Begins [`Host::asked`] anew.
    pub fn forget_asked(&self) {
        self.world().asked.clear();
    }

    /// The world, for a moment: nobody may hold it while a driver's or a test's code runs.
    fn world(&self) -> MutexGuard<'_, World> {
        // A test's own panic within must not become another one here.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
