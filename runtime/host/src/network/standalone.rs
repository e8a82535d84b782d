//! The provider that needs no network service: it leases the addresses of one configured network,
//! lowest free one first, and keeps the leases in the backend's database.
//!
//! An address is leased once, whatever the server and the side, in one immediate transaction:
//! other threads and other processes of the same backend wait. Two *backends* have two databases
//! and know nothing of each other's leases; their operator gives them different ranges.
//! Upstream: `manila/network/standalone_network_plugin.py`; there IPv6 has a reserved "broadcast"
//! address and the IP version is looked at only when there are no ranges.

use std::collections::HashSet;
use std::net::IpAddr;

use rusqlite::types::Type;
use rusqlite::{Row, Transaction, params};

use super::options::StandaloneOptions;
use super::subnet::Subnet;
use super::{
    AllocationRequest, Lease, NetworkError, NetworkProvider, label_name, validate_segmentation,
};
use crate::database::Database;
use crate::types::{AllocationLabel, NetworkAllocation, NetworkType};

/// The most leases of one backend: each request reads the address of every lease, and a driver
/// may ask for as many servers as it likes.
const LEASES: usize = 65_536;

/// One network of one backend.
#[derive(Debug)]
pub(crate) struct StandaloneNetwork {
    subnet: Subnet,
    network_type: Option<NetworkType>,
    segmentation_id: Option<u32>,
    database: Database,
}

impl StandaloneNetwork {
    /// The network that these options make.
    ///
    /// # Errors
    /// [`NetworkError::BadConfiguration`] when they make none.
    pub(super) fn new(
        options: &StandaloneOptions,
        database: Database,
    ) -> Result<Self, NetworkError> {
        let subnet = Subnet::new(&options.gateway, &options.mask, &options.allowed_ip_ranges)
            .map_err(NetworkError::BadConfiguration)?;
        if options.ip_version != subnet.version() {
            return Err(NetworkError::BadConfiguration(format!(
                "ip_version is {}, and the network {} has version {}; make them agree",
                options.ip_version,
                subnet.cidr(),
                subnet.version()
            )));
        }
        let (network_type, segmentation_id) = (options.network_type, options.segmentation_id);
        validate_segmentation(network_type, segmentation_id)?;
        Ok(Self { subnet, network_type, segmentation_id, database })
    }

    fn allocation(&self, label: AllocationLabel, address: IpAddr) -> NetworkAllocation {
        NetworkAllocation {
            id: uuid::Uuid::new_v4().to_string(),
            label,
            ip_address: address.to_string(),
            ip_version: self.subnet.version(),
            cidr: Some(self.subnet.cidr()),
            network_type: self.network_type,
            segmentation_id: self.segmentation_id,
            mac_address: None,
        }
    }

    /// New leases, chosen but not yet written. It walks past each lease at most once, so its work
    /// is bounded by the leases and not by the network.
    fn choose(
        &self,
        taken: &HashSet<IpAddr>,
        request: &AllocationRequest,
    ) -> Result<Vec<NetworkAllocation>, NetworkError> {
        let wanted = usize::try_from(request.count).unwrap_or(usize::MAX);
        if taken.len().saturating_add(wanted) > LEASES {
            return Err(NetworkError::Limit(format!(
                "a backend has at most {LEASES} leases and this one has {}",
                taken.len()
            )));
        }
        let free = self.subnet.leasable().filter(|address| !taken.contains(address)).take(wanted);
        let chosen: Vec<_> = free.map(|address| self.allocation(request.label, address)).collect();
        if chosen.len() < wanted {
            return Err(NetworkError::Exhausted {
                within: self.subnet.allowed(),
                wanted: request.count,
                free: chosen.len(),
            });
        }
        Ok(chosen)
    }

    fn lease(
        &self,
        transaction: &Transaction<'_>,
        request: &AllocationRequest,
    ) -> rusqlite::Result<Result<Vec<NetworkAllocation>, NetworkError>> {
        let held = held(transaction, request)?;
        if u32::try_from(held.len()) == Ok(request.count) {
            return Ok(Ok(held));
        }
        if !held.is_empty() {
            return Ok(Err(NetworkError::Conflict {
                server_id: request.server_id.clone(),
                label: label_name(request.label),
                leased: held.len(),
                wanted: request.count,
            }));
        }
        let chosen = match self.choose(&taken(transaction)?, request) {
            Ok(chosen) => chosen,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut insert = transaction
            .prepare_cached("INSERT INTO network_allocations VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        for allocation in &chosen {
            let record = serde_json::to_string(allocation)
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            insert.execute(params![
                allocation.ip_address,
                allocation.id,
                request.server_id,
                label_name(request.label),
                request.request_id,
                record
            ])?;
        }
        Ok(Ok(chosen))
    }
}

impl NetworkProvider for StandaloneNetwork {
    fn allocate(
        &self,
        request: &AllocationRequest,
    ) -> Result<Vec<NetworkAllocation>, NetworkError> {
        self.database.write_now(|transaction| self.lease(transaction, request))?
    }

    fn deallocate(&self, server_id: &str) -> Result<(), NetworkError> {
        let end = |transaction: &Transaction<'_>| {
            transaction
                .execute("DELETE FROM network_allocations WHERE server_id = ?1", [server_id])
                .map(|_| ())
        };
        Ok(self.database.write_now(end)?)
    }

    fn leases(&self) -> Result<Vec<Lease>, NetworkError> {
        let read = |transaction: &Transaction<'_>| {
            transaction
                .prepare_cached(
                    "SELECT record, server_id, request FROM network_allocations ORDER BY rowid",
                )?
                .query_map([], |row| {
                    Ok(Lease {
                        allocation: allocation(row)?,
                        server_id: row.get(1)?,
                        request_id: row.get(2)?,
                    })
                })?
                .collect()
        };
        Ok(self.database.write_now(read)?)
    }
}

/// What this request has been given before.
fn held(
    transaction: &Transaction<'_>,
    request: &AllocationRequest,
) -> rusqlite::Result<Vec<NetworkAllocation>> {
    transaction
        .prepare_cached(
            "SELECT record FROM network_allocations
             WHERE server_id = ?1 AND label = ?2 AND request = ?3 ORDER BY rowid",
        )?
        .query_map(
            params![request.server_id, label_name(request.label), request.request_id],
            allocation,
        )?
        .collect()
}

/// The addresses that somebody has.
fn taken(transaction: &Transaction<'_>) -> rusqlite::Result<HashSet<IpAddr>> {
    transaction
        .prepare_cached("SELECT address FROM network_allocations")?
        .query_map([], |row| {
            row.get::<_, String>(0)?.parse().map_err(|error| unreadable(Box::new(error)))
        })?
        .collect()
}

fn allocation(row: &Row<'_>) -> rusqlite::Result<NetworkAllocation> {
    serde_json::from_str(&row.get::<_, String>(0)?).map_err(|error| unreadable(error.into()))
}

/// A row that this program did not write.
fn unreadable(error: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error)
}
