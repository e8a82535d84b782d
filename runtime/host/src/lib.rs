//! Abaca as a library: share drivers that somebody else wrote, run under a policy.
//!
//! A [`Runtime`] loads a [`Driver`], a component that knows one kind of storage. Joined with an
//! operator's decisions it becomes a [`Backend`], whose methods are those of Manila's
//! `ShareDriver`. Each call runs in a sandbox of its own; what the driver asks of the host goes
//! through one gate, by the policy; programs and files are the business of `abaca-broker`, a
//! process of its own.
//!
//! ```no_run
//! use abaca::{Backend, BackendConfiguration, Runtime, configuration::Configuration};
//!
//! # async fn example() -> Result<(), abaca::Error> {
//! let configuration = Configuration::load("abaca.toml")?;
//! let runtime = Runtime::builder().cache("/var/cache/abaca").build()?;
//! for entry in configuration.backends() {
//!     let entry = configuration.active(entry)?;
//!     let driver = runtime.load(&entry.driver).await?;
//!     let backend = Backend::open(driver, configuration.backend(&entry)).await?;
//!     backend.do_setup().await?;
//!     println!("{}: {:?}", backend.name(), backend.get_share_stats(true).await?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! This crate never runs a command, never touches a granted root and never compiles: see `imports`
//! for how a request crosses the gate, `broker` for who does it, and `compiler` for who makes code
//! of a component.

mod apart;
mod approval;
pub mod asked;
pub mod audit;
mod backend;
mod broker;
mod cache;
mod call;
mod commands;
mod compiler;
pub mod configuration;
pub mod contract;
mod copier;
mod cpu;
mod database;
pub mod door;
mod driver;
mod driver_state;
mod error;
mod gate;
mod imports;
mod limits;
mod locks;
mod metrics;
pub mod network;
pub mod options;
mod owned;
mod panics;
pub mod quarantine;
mod records;
mod revealed;
mod runtime;
mod scan;
mod storage;
pub mod testing;
mod text;
mod turns;
pub mod types;
mod versions;
mod walls;

pub use abaca_broker::protocol::{Hello, TriedWall, Wall};
pub use abaca_policy as policy;
pub use apart::check_apart;
pub use approval::{Answers, Approval, Changed};
pub use backend::{
    Backend, BackendConfiguration, BackendStats, Reconciliation, Unfinished, read_policy,
};
pub use compiler::CompileError;
pub use contract::{Import, Interface, Need, Served};
pub use driver::{Driver, Inspection, ManifestInspection};
pub use error::{Blame, Error, ErrorDocument, ErrorKind, Limit, Part, Result};
pub use limits::{COMPONENT_BYTES, Limits};
pub use locks::{HeldLock, HeldShareNetwork};
pub use options::OptionValue;
pub use owned::{OwnedRecord, OwnedState};
pub use quarantine::Quarantine;
pub use records::{
    CgsnapshotRecord, ConsistencyGroupRecord, CopyState, HostCopy, MigrationPhase, MigrationRecord,
    Records, ShareRecord, ShareServerRecord, SnapshotRecord,
};
pub use runtime::{Builder, Runtime};
pub use storage::read_text;
pub use text::{printable, printable_time};
pub use versions::{Consent, Keeper, Version, Versions};
pub use walls::Walls;
