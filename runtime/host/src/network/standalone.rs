//! The provider that needs no network service: it chooses among the addresses of one configured
//! network, lowest free one first. Who has which address is the business of `leases`.
//!
//! Upstream: `manila/network/standalone_network_plugin.py`; there IPv6 has a reserved "broadcast"
//! address, the IP version is looked at only when there are no ranges, and an address that is
//! leased in one segment is taken in all others too.

use std::net::IpAddr;

use super::leases::{Leases, Segment, Taken};
use super::options::{PREFIX, StandaloneOptions, wrong};
use super::subnet::Subnet;
use super::{AllocationRequest, Lease, NetworkError, NetworkProvider, validate_segmentation};
use crate::options::OptionError;
use crate::types::{AllocationLabel, NetworkAllocation, NetworkType};

/// The most leases in one segment: each request reads the address of every one of them.
pub(super) const LEASES: usize = 65_536;

/// The addresses of the network that these options make.
///
/// # Errors
/// When they make none.
pub(super) fn subnet(options: &StandaloneOptions) -> Result<Subnet, OptionError> {
    let subnet = Subnet::new(&options.gateway, &options.mask, &options.allowed_ip_ranges)?;
    if options.ip_version != subnet.version() {
        let reason = format!(
            "it is {}, and the network {} has version {}; make them agree",
            options.ip_version,
            subnet.cidr(),
            subnet.version()
        );
        return Err(wrong("ip_version", &reason));
    }
    match validate_segmentation(options.network_type, options.segmentation_id) {
        Err(NetworkError::BadConfiguration(reason)) => Err(wrong("segmentation_id", &reason)),
        Err(other) => Err(wrong("segmentation_id", &other.to_string())),
        Ok(()) => Ok(subnet),
    }
}

/// One network of one backend.
#[derive(Debug)]
pub(crate) struct StandaloneNetwork {
    subnet: Subnet,
    network_type: Option<NetworkType>,
    segmentation_id: Option<u32>,
    /// The most leases that the backend may have among the subnet's addresses.
    most: Option<u32>,
    leases: Leases,
}

impl StandaloneNetwork {
    /// The network that these options make.
    ///
    /// # Errors
    /// [`NetworkError::BadConfiguration`] when they make none.
    pub(super) fn new(options: &StandaloneOptions, leases: Leases) -> Result<Self, NetworkError> {
        let subnet = subnet(options)?;
        let (network_type, segmentation_id) = (options.network_type, options.segmentation_id);
        let most = options.max_addresses;
        Ok(Self { subnet, network_type, segmentation_id, most, leases })
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
        taken: &Taken,
        request: &AllocationRequest,
    ) -> Result<Vec<NetworkAllocation>, NetworkError> {
        let wanted = usize::try_from(request.count).unwrap_or(usize::MAX);
        if taken.all.len().saturating_add(wanted) > LEASES {
            return Err(NetworkError::Limit(format!(
                "a network segment has at most {LEASES} leases and this one has {}",
                taken.all.len()
            )));
        }
        let own = taken.own.iter().filter(|address| self.subnet.holds(**address)).count();
        let most = self.most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        if own.saturating_add(wanted) > most {
            return Err(NetworkError::Limit(format!(
                "this backend may have {most} addresses of {} and has {own}, and {wanted} more are \
                 asked for; backends that lease from the same addresses have equal parts unless \
                 `{PREFIX}max_addresses` says a number",
                self.subnet.allowed()
            )));
        }
        let free =
            self.subnet.leasable().filter(|address| !taken.all.contains(address)).take(wanted);
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
}

impl NetworkProvider for StandaloneNetwork {
    fn allocate(
        &self,
        request: &AllocationRequest,
    ) -> Result<Vec<NetworkAllocation>, NetworkError> {
        let segment = Segment::new(self.network_type, self.segmentation_id);
        self.leases.lease(&segment, request, |taken| self.choose(taken, request))
    }

    fn deallocate(&self, server_id: &str) -> Result<(), NetworkError> {
        self.leases.end(server_id)
    }

    fn leases(&self) -> Result<Vec<Lease>, NetworkError> {
        self.leases.all()
    }
}
