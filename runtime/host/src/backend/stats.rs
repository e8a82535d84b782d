//! `backend`: how much there is. The driver measures; what all drivers have in common is added
//! here. Upstream: `get_share_stats`, `_update_share_stats`.

use std::sync::PoisonError;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wasmtime::Store;
use wasmtime::component::Instance;

use super::calling::ask;
use super::{Backend, check_pairs, check_text};
use crate::call::Room;
use crate::contract::Interface;
use crate::error::{Error, Result};
use crate::types::{Capacity, PoolStats, ShareProtocol, ShareStats};

const METHOD: &str = "get-share-stats";

/// The most pools of one back end.
const POOLS: usize = 1_000;

/// What a scheduler is told about a backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackendStats {
    /// The option `share_backend_name`, or the backend's name.
    pub share_backend_name: String,
    /// Whether share servers are handled.
    pub driver_handles_share_servers: bool,
    /// Who makes the driver.
    pub vendor_name: String,
    /// The driver's version.
    pub driver_version: String,
    /// The protocols that it serves.
    pub storage_protocol: Vec<ShareProtocol>,
    /// All of it, where there are no pools.
    pub total_capacity: Capacity,
    /// What is left of it, where there are no pools.
    pub free_capacity: Capacity,
    /// The option `reserved_share_percentage`.
    pub reserved_percentage: u8,
    /// The option `max_over_subscription_ratio`.
    pub max_over_subscription_ratio: f64,
    /// Whether quality of service can be set.
    pub qos: bool,
    /// Whether snapshots can be taken and made into shares: computed from the exports.
    pub snapshot_support: bool,
    /// The option `replication_domain`.
    pub replication_domain: Option<String>,
    /// How replicas can be used.
    pub replication_type: Option<String>,
    /// What kind of group snapshot there is.
    pub consistency_group_support: Option<String>,
    /// The pools; what a pool leaves out is the backend's.
    pub pools: Vec<PoolStats>,
    /// Further facts.
    #[serde(with = "crate::types::pairs")]
    #[schemars(with = "crate::types::Pairs")]
    pub extra: Vec<(String, String)>,
}

impl Backend {
    /// What a scheduler should know. Without `refresh` it is what was measured last, and is
    /// measured only if it never was. Upstream: `get_share_stats`.
    ///
    /// # Errors
    /// What the driver says, what ended the call, or figures that make no sense.
    pub async fn get_share_stats(&self, refresh: bool) -> Result<BackendStats> {
        // Never held while the driver measures: who wants what is known must not wait for that.
        let cached = || self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner);
        if let (false, Some(stats)) = (refresh, cached().clone()) {
            return Ok(stats);
        }
        let indices = &self.driver().exports().backend;
        let id = super::fresh_id();
        let measured = self
            .judged(
                METHOD,
                &id,
                async |store: &mut Store<Room>, instance: &Instance| {
                    ask!(store, instance, indices.call_get_share_stats())
                },
                |answer| (answer.and_then(checked), Vec::new()),
            )
            .await
            .0?;
        let stats = self.merge(measured);
        *cached() = Some(stats.clone());
        Ok(stats)
    }

    fn merge(&self, measured: ShareStats) -> BackendStats {
        let (options, description) = (self.options(), self.driver().description());
        let offers = |interface| self.driver().offers(interface);
        let reserved = options.integer("reserved_share_percentage").unwrap_or_default();
        let reserved = u8::try_from(reserved).unwrap_or_default();
        let ratio = options.float("max_over_subscription_ratio").unwrap_or(1.0);
        let mut pools = measured.pools;
        for pool in &mut pools {
            pool.reserved_percentage.get_or_insert(reserved);
            pool.max_over_subscription_ratio.get_or_insert(ratio);
        }
        BackendStats {
            share_backend_name: options
                .text("share_backend_name")
                .unwrap_or_else(|| self.name().to_owned()),
            driver_handles_share_servers: self.driver_handles_share_servers(),
            vendor_name: description.vendor.clone(),
            driver_version: description.version.clone(),
            storage_protocol: description.protocols.clone(),
            total_capacity: measured.total_capacity,
            free_capacity: measured.free_capacity,
            reserved_percentage: reserved,
            max_over_subscription_ratio: ratio,
            qos: measured.qos,
            snapshot_support: offers(Interface::Snapshots) && offers(Interface::Clones),
            replication_domain: options.text("replication_domain"),
            replication_type: measured.replication_type,
            consistency_group_support: measured.consistency_group_support,
            pools,
            extra: measured.extra,
        }
    }
}

/// The figures, if they make sense.
fn checked(measured: ShareStats) -> Result<ShareStats> {
    check(&measured).map_err(|reason| Error::Contract { method: METHOD, reason })?;
    check_pairs(METHOD, "what it adds", &measured.extra)?;
    let backend = [&measured.replication_type, &measured.consistency_group_support];
    let pools = measured.pools.iter();
    for text in backend.into_iter().chain(pools.clone().map(|pool| &pool.replication_type)) {
        check_text(METHOD, "a kind of replication or group", text.as_deref().unwrap_or_default())?;
    }
    for pool in pools {
        check_text(METHOD, "a pool's name", &pool.name)?;
        check_pairs(METHOD, "what it adds to a pool", &pool.extra)?;
    }
    Ok(measured)
}

/// A scheduler computes with these figures.
fn check(stats: &ShareStats) -> Result<(), String> {
    let mut capacities = vec![stats.total_capacity, stats.free_capacity];
    if stats.pools.len() > POOLS {
        return Err(format!("it names {} pools; {POOLS} are allowed", stats.pools.len()));
    }
    for (at, pool) in stats.pools.iter().enumerate() {
        if pool.name.is_empty() {
            return Err("a pool has no name".to_owned());
        }
        if stats.pools.iter().take(at).any(|other| other.name == pool.name) {
            return Err("two pools have the same name".to_owned());
        }
        capacities.extend([pool.total_capacity, pool.free_capacity]);
        capacities.extend(pool.allocated_capacity);
        capacities.extend(pool.provisioned_capacity);
        if pool.reserved_percentage.is_some_and(|percent| percent > 100) {
            return Err("a pool reserves more than all of it".to_owned());
        }
        if pool
            .max_over_subscription_ratio
            .is_some_and(|ratio| !(ratio.is_finite() && ratio >= 1.0))
        {
            return Err("a pool's max_over_subscription_ratio is less than 1".to_owned());
        }
    }
    let sensible = |capacity: &Capacity| match capacity {
        Capacity::Gib(gib) => gib.is_finite() && *gib >= 0.0,
        Capacity::Infinite | Capacity::Unknown => true,
    };
    if capacities.iter().all(sensible) {
        return Ok(());
    }
    Err("a capacity is negative or not a number".to_owned())
}
