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
//!     let driver = runtime.load(&entry.driver).await?;
//!     let backend = Backend::open(driver, configuration.backend(entry)).await?;
//!     backend.do_setup().await?;
//!     println!("{}: {:?}", backend.name(), backend.get_share_stats(true).await?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! This crate never runs a command and never touches a granted root: see `imports` for how a
//! request crosses the gate, and `broker` for who does it.

mod audit;
mod backend;
mod broker;
mod cache;
mod call;
pub mod configuration;
pub mod contract;
mod cpu;
mod database;
mod driver;
mod driver_state;
mod error;
mod gate;
mod imports;
mod limits;
mod locks;
pub mod network;
pub mod options;
mod records;
mod runtime;
mod scan;
mod storage;
mod text;
pub mod types;

pub use abaca_broker::protocol::Hello;
pub use abaca_policy as policy;
pub use backend::{Backend, BackendConfiguration, BackendStats, read_policy};
pub use contract::{Import, Interface, Need};
pub use driver::{Driver, Inspection};
pub use error::{Blame, Error, Limit, Part, Result};
pub use limits::{COMPONENT_BYTES, Limits};
pub use locks::HeldLock;
pub use options::OptionValue;
pub use records::{
    CgsnapshotRecord, ConsistencyGroupRecord, Records, ShareRecord, ShareServerRecord,
    SnapshotRecord,
};
pub use runtime::{Builder, Runtime};
pub use text::printable;
