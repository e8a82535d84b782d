//! The SDK for driver authors: one trait for each interface of `abaca:driver`, one
//! module for each interface of `abaca:host`.
//!
//! A **driver** knows how to make shares on one kind of storage. It is a type
//! that implements the traits of what it can do; [`export!`] turns it into a
//! component, and what is not named there is not part of it. Each call runs in a
//! new instance: nothing kept in memory is there in the next one, what must last
//! goes to [`state`]. Storage is reached through the host alone, by names that the
//! operator's policy binds to things; a refusal is [`Error::Denied`].
//!
//! This is a complete driver that makes directories:
//!
//! ```
//! use abaca_sdk::*;
//!
//! /// Where the operator lets it make shares.
//! const SHARES: Root = Root("shares");
//!
//! struct Example;
//!
//! impl Backend for Example {
//!     fn describe() -> Description {
//!         Description::new("example", "0.1.0", ShareProtocol::Nfs)
//!             .vendor("You")
//!             .option(
//!                 OptionDeclaration::new("example_server", OptionType::Text, "Address to mount.")
//!                     .required(),
//!             )
//!     }
//!
//!     fn do_setup() -> Result<()> {
//!         Ok(())
//!     }
//!
//!     fn check_for_setup_error() -> Result<()> {
//!         config::required_text("example_server").map(drop)
//!     }
//!
//!     fn get_share_stats() -> Result<ShareStats> {
//!         Ok(ShareStats::new(Capacity::Unknown, Capacity::Unknown))
//!     }
//! }
//!
//! impl Shares for Example {
//!     fn create_share(
//!         share: Share,
//!         _: Option<ShareServer>,
//!     ) -> Result<Vec<ExportLocation>, CreateError> {
//!         match files::make_dir(&SHARES.join(&share.name), 0o700) {
//!             // Repeated after a crash it succeeds.
//!             Ok(()) | Err(HostError::AlreadyExists(_)) => {}
//!             Err(error) => return Err(error.into()),
//!         }
//!         let server = config::required_text("example_server")?;
//!         Ok(vec![ExportLocation::new(format!("{server}:/shares/{}", share.name))])
//!     }
//!
//!     fn delete_share(share: Share, _: Option<ShareServer>) -> Result<()> {
//!         files::remove_tree(&SHARES.join(&share.name))?;
//!         Ok(())
//!     }
//!
//!     fn ensure_share(share: Share, _: Option<ShareServer>) -> Result<Vec<ExportLocation>> {
//!         // What is gone is told, and not made anew.
//!         match files::list_after(&SHARES.join(&share.name), None, 1) {
//!             Ok(_) => Ok(share.export_locations),
//!             Err(HostError::NotFound(why)) => Err(Error::ShareResourceNotFound(why)),
//!             Err(error) => Err(error.into()),
//!         }
//!     }
//! }
//!
//! impl AccessByRule for Example {
//!     fn allow_access(_: Share, rule: AccessRule, _: Option<ShareServer>) -> Result<()> {
//!         Err(Error::InvalidShareAccess(format!("nobody is let in, not even {}", rule.access_to)))
//!     }
//!
//!     fn deny_access(_: Share, _: AccessRule, _: Option<ShareServer>) -> Result<()> {
//!         Ok(())
//!     }
//! }
//!
//! export!(Example: backend, shares, access-by-rule);
//! # fn main() {}
//! ```
//!
//! Its crate has `crate-type = ["cdylib"]` and depends on this one; with
//! `linker = "wasm-component-ld"` for the target, as in this repository's
//! `.cargo/config.toml`, plain cargo builds the component:
//!
//! ```text
//! cargo build --profile component --target wasm32-unknown-unknown -p YOUR-DRIVER
//! ```
//!
//! What it asks of an operator stands in a file beside it, in the grammar of policies with
//! purposes in place of paths, and [`manifest!`] puts that into the component:
//!
//! ```text
//! schema = 1
//! driver = "example"
//!
//! [roots.shares]
//! purpose = "one directory for each share"
//!
//! [types.share]
//! first = "a-z"
//! rest = "a-z0-9-"
//! max = 64
//!
//! [[files]]
//! id = "share"
//! root = "shares"
//! verbs = ["make-dir", "remove"]
//! name = "share"
//!
//! [needs.options.example_server]
//! purpose = "the address that clients mount"
//! ```
//!
//! The build fails where that is no manifest; `abaca driver inspect` names what the component
//! imports without asking for it, and what it asks for without a use.
//!
//! The crate compiles for the host too, for a driver's own unit tests: there, every function of a
//! host module asks the [`testing::Host`] that runs the call, which lives in memory. Outside of
//! one, no function of a host module may be called.

mod bindings;
mod describe;
mod error;
mod imports;
mod interface;
mod path;

// What the host lends.
pub mod clock;
pub mod command;
pub mod config;
pub mod files;
pub mod http;
pub mod lock;
pub mod log;
pub mod mounts;
pub mod network;
pub mod ssh;
pub mod state;

// What drivers have in common.
pub mod ganesha;
pub mod local;
pub mod samba;

// What a driver offers.
pub mod access;
pub mod access_by_rule;
pub mod backend;
pub mod clones;
pub mod consistency_groups;
pub mod extending;
pub mod managing;
pub mod managing_snapshots;
pub mod migration;
pub mod migration_info;
pub mod periodic_hook;
pub mod pools;
pub mod replicated_snapshots;
pub mod replication;
pub mod server_choice;
pub mod share_servers;
pub mod shares;
pub mod shrinking;
pub mod snapshots;

#[doc(hidden)]
pub mod panics;

// What a driver's own tests run on; no part of a component.
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use abaca_sdk_manifest::manifest;
pub use describe::GIB;
pub use error::{HostError, Result};
pub use path::{Path, Root};

pub use access::Access;
pub use access_by_rule::AccessByRule;
pub use backend::Backend;
pub use clones::Clones;
pub use consistency_groups::ConsistencyGroups;
pub use extending::Extending;
pub use managing::Managing;
pub use managing_snapshots::ManagingSnapshots;
pub use migration::Migration;
pub use migration_info::MigrationInfo;
pub use periodic_hook::PeriodicHook;
pub use pools::Pools;
pub use replicated_snapshots::ReplicatedSnapshots;
pub use replication::Replication;
pub use server_choice::ServerChoice;
pub use share_servers::ShareServers;
pub use shares::Shares;
pub use shrinking::Shrinking;
pub use snapshots::Snapshots;

pub use bindings::abaca::driver::types::*;
