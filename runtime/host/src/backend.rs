//! A backend: a driver with its configuration, its policy and its state. Every method of the
//! driver interface is a method here, one room for each interface in `backend/`. What they share
//! stands in `admission`, `calling` and `answers`:
//!
//! ```text
//! offered? ─▶ arguments make sense? ─▶ let in? ─▶ record what begins ─▶ place ─▶ audit ─▶ Call::run
//!                    record how it ended ◀─ does it count against the driver? ◀─ answer makes sense?
//! ```

mod access;
mod access_by_rule;
mod admission;
mod answers;
mod calling;
mod clones;
mod consistency_groups;
mod extending;
mod host_migration;
mod managing;
mod managing_snapshots;
mod migration;
mod migration_info;
mod opening;
mod owned;
mod periodic_hook;
mod pools;
mod reconcile;
mod replicated_snapshots;
mod replication;
mod server_choice;
mod setup;
mod share_servers;
mod shares;
mod shrinking;
mod snapshots;
mod stats;

use crate::contract::{Import, Interface};
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::gate::{Powers, Witness};
use crate::limits::Limits;
use crate::locks::{HeldLock, HeldShareNetwork};
use crate::metrics::BackendMetrics;
use crate::network::NetworkProviders;
use crate::options::{OptionRow, OptionValue, OptionValues};
use crate::quarantine::Conduct;
use crate::records::Records;
use crate::storage::read_text;
use crate::turns::Account;
use abaca_broker::protocol::Hello;
use abaca_policy::Policy;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;

pub use reconcile::{Reconciliation, Unfinished};
pub use stats::BackendStats;

use self::answers::{check_locations, check_pairs, check_text, resized};
use self::opening::Stage;

/// The largest policy file that is read, in bytes; the policy's own limit is the same.
const POLICY_BYTES: u64 = 1024 * 1024;

/// The longest name of a backend: it becomes a directory's name and part of each host name.
const NAME_BYTES: usize = 64;

/// What an operator decides about a backend.
#[derive(Clone, Debug)]
pub struct BackendConfiguration {
    /// Its name: `[a-z0-9][a-z0-9_-]*`.
    pub name: String,
    /// The driver's policy.
    pub policy: PathBuf,
    /// Whether the driver must have been approved under this policy: without a lock file beside
    /// the policy the backend does not open then. Where there is one it must fit in any case.
    pub approved: bool,
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
    /// Who sees what its calls do, if anybody does.
    witness: Option<Arc<dyn Witness>>,
    records: Records,
    /// How its driver behaves, and whether it is called at all.
    conduct: Conduct,
    limits: Limits,
    /// On which what its calls compute is counted.
    account: Account,
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
        Self::open_with_networks(driver, configuration, NetworkProviders::default()).await
    }

    /// As [`open`](Self::open), with a service's own networks instead of those that the options
    /// describe.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with_networks(
        driver: Driver,
        configuration: BackendConfiguration,
        networks: NetworkProviders,
    ) -> Result<Self> {
        Self::opened(driver, configuration, networks, Stage::Runs).await
    }

    /// Whether a backend would open with a version of its driver that is not the current one yet,
    /// its broker included. Nothing of it stays.
    ///
    /// # Errors
    /// As [`open`](Self::open) and [`broker`](Self::broker).
    pub(crate) async fn try_out(driver: Driver, configuration: BackendConfiguration) -> Result<()> {
        let networks = NetworkProviders::default();
        let backend = Self::opened(driver, configuration, networks, Stage::TriedOut).await?;
        backend.broker().await.map(drop)
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

    /// How its driver behaves: whether it is in quarantine or disabled.
    #[must_use]
    pub fn conduct(&self) -> &Conduct {
        &self.shared.conduct
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

    /// Waits until nobody else, in whatever process, holds this share network, and holds it. For
    /// services that choose the server for something new, or set one up: without it, two that find
    /// none at the same time each set one up. Upstream: the lock around
    /// `_provide_share_server_for_share`.
    ///
    /// # Errors
    /// When the lock's file cannot be made or locked.
    pub async fn hold_share_network(&self, share_network_id: &str) -> Result<HeldShareNetwork> {
        self.shared.powers.locks.hold_share_network(share_network_id, &fresh_id()).await
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

    /// The options with the values that hold, sorted by name. Of a secret option that is where its
    /// value is kept.
    pub fn option_rows(&self) -> impl Iterator<Item = &OptionRow> {
        self.options().rows()
    }

    pub(crate) fn powers(&self) -> Arc<Powers> {
        Arc::clone(&self.shared.powers)
    }

    pub(crate) fn options(&self) -> &OptionValues {
        &self.shared.powers.options
    }

    /// Where it is counted.
    pub(crate) fn metrics(&self) -> &BackendMetrics {
        &self.shared.powers.metrics
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
    let done_there = [Import::Command, Import::Files, Import::Mounts];
    driver.imports().iter().any(|import| done_there.contains(import))
}

/// Reads a policy.
///
/// # Errors
/// When the file cannot be read or the policy is wrong.
pub fn read_policy(file: &Path) -> Result<Policy> {
    let text = read_text(file, POLICY_BYTES)?;
    Ok(Policy::parse(&text, &file.display().to_string())?)
}

/// Identifies a call that makes nothing and so has no record.
pub(crate) fn fresh_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Seconds since the epoch.
fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}
