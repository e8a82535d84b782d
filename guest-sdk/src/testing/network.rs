//! The interface `network` of a test's host: addresses of a network on each side, leased to share
//! servers. Called by `asking`, and by tests.

use std::net::IpAddr;

use super::Host;
use super::asking::{Context, Request};
use super::place::{denied, mistaken};
use crate::HostError;
use crate::imports::network::{AllocateRequest, Allocation, DeallocateRequest, Label};

/// The most leases of one network here; more than a test looks at.
const LEASES: usize = 10_000;

/// The networks that the operator gave, and what is leased of them.
#[derive(Debug, Default)]
pub(super) struct Networks {
    sides: Vec<Side>,
    leases: Vec<Lease>,
    made: u64,
}

/// A network.
#[derive(Clone, Debug)]
struct Side {
    label: Label,
    cidr: String,
    first: IpAddr,
    /// How many addresses it has, with that of the network and the last one.
    size: u128,
}

/// An address that is leased.
#[derive(Clone, Debug)]
struct Lease {
    server: String,
    /// It was leased by the runtime before `setup-server`.
    by_setup: bool,
    allocation: Allocation,
}

impl Request for AllocateRequest {
    const NAME: &'static str = "network.allocate";
    type Answer = Vec<Allocation>;

    fn words(&self) -> String {
        let count =
            self.count.map_or_else(|| "as many as said".to_owned(), |count| count.to_string());
        format!("{} {count} {:?}", self.server_id, self.label)
    }

    fn answer(&self, host: &Host, context: &Context) -> Result<Vec<Allocation>, HostError> {
        about_its_own(context, &self.server_id)?;
        let networks = &mut host.world().network;
        let side = networks.side(self.label)?;
        match self.count {
            None => Ok(networks.leased(&self.server_id, self.label, true)),
            Some(count) => networks.lease(&side, &self.server_id, count, false),
        }
    }
}

impl Request for DeallocateRequest {
    const NAME: &'static str = "network.deallocate";
    type Answer = ();

    fn words(&self) -> String {
        self.server_id.clone()
    }

    fn answer(&self, host: &Host, context: &Context) -> Result<(), HostError> {
        about_its_own(context, &self.server_id)?;
        let networks = &mut host.world().network;
        if networks.sides.is_empty() {
            return Err(denied("this backend has no network".to_owned()));
        }
        networks.leases.retain(|lease| lease.server != self.server_id);
        Ok(())
    }
}

/// Only the calls of a share server itself change what it has.
fn about_its_own(context: &Context, server: &str) -> Result<(), HostError> {
    if context.server.as_deref() == Some(server) {
        return Ok(());
    }
    Err(denied(
        "only `setup-server` and `teardown-server` may ask for it, each for its own share server; \
         a test runs them by Host::run_for_server"
            .to_owned(),
    ))
}

impl Networks {
    fn side(&self, label: Label) -> Result<Side, HostError> {
        let side = self.sides.iter().find(|side| side.label == label).cloned();
        side.ok_or_else(|| denied(format!("this backend has no network for {label:?}")))
    }

    fn leased(&self, server: &str, label: Label, by_setup: bool) -> Vec<Allocation> {
        let own = self.leases.iter().filter(|lease| {
            lease.server == server && lease.allocation.label == label && lease.by_setup == by_setup
        });
        own.map(|lease| lease.allocation.clone()).collect()
    }

    /// All of them or none; the same request once more is answered with the same leases.
    fn lease(
        &mut self,
        side: &Side,
        server: &str,
        count: u32,
        by_setup: bool,
    ) -> Result<Vec<Allocation>, HostError> {
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        let held = self.leased(server, side.label, by_setup);
        if held.len() == wanted {
            return Ok(held);
        }
        if !held.is_empty() {
            return Err(HostError::Conflict(format!(
                "share server `{server}` has {} addresses from this request and {count} are asked \
                 for now; deallocate them first",
                held.len()
            )));
        }
        if wanted > LEASES {
            return Err(HostError::Limit(format!("{LEASES} leases of one network")));
        }
        let taken: Vec<&str> =
            self.leases.iter().map(|lease| lease.allocation.ip_address.as_str()).collect();
        let free = side.addresses().map(|address| address.to_string());
        let free = free.filter(|address| !taken.contains(&address.as_str()));
        let chosen: Vec<String> = free.take(wanted).collect();
        if chosen.len() < wanted {
            return Err(HostError::Limit(format!(
                "{count} free addresses are needed and {} are left in {}",
                chosen.len(),
                side.cidr
            )));
        }
        for ip_address in chosen {
            self.made = self.made.saturating_add(1);
            let allocation = Allocation {
                id: format!("lease-{}", self.made),
                label: side.label,
                ip_address,
                ip_version: if side.first.is_ipv4() { 4 } else { 6 },
                cidr: Some(side.cidr.clone()),
                network_type: Some("flat".to_owned()),
                segmentation_id: None,
                mac_address: None,
            };
            self.leases.push(Lease { server: server.to_owned(), by_setup, allocation });
        }
        Ok(self.leased(server, side.label, by_setup))
    }
}

impl Side {
    /// `192.0.2.0/29`.
    fn parse(label: Label, cidr: &str) -> Option<Self> {
        let (address, length) = cidr.split_once('/')?;
        let (first, length): (IpAddr, u32) = (address.parse().ok()?, length.parse().ok()?);
        let bits = if first.is_ipv4() { 32_u32 } else { 128 };
        let size = 1_u128.checked_shl(bits.checked_sub(length)?).unwrap_or(u128::MAX);
        Some(Self { label, cidr: cidr.to_owned(), first, size })
    }

    /// Those that may be leased: not the network's own, nor in IPv4 the last one.
    fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let (first, is_v4) = match self.first {
            IpAddr::V4(first) => (u128::from(u32::from(first)), true),
            IpAddr::V6(first) => (u128::from(first), false),
        };
        let last = if is_v4 { self.size.saturating_sub(1) } else { self.size };
        (1..last).filter_map(move |at| {
            let address = first.checked_add(at)?;
            match is_v4 {
                true => u32::try_from(address).ok().map(|address| IpAddr::V4(address.into())),
                false => Some(IpAddr::V6(address.into())),
            }
        })
    }
}

impl Host {
    /// Gives the backend a network on one side, as `192.0.2.0/29`. Without it, every request for
    /// addresses of that side is denied.
    ///
    /// # Panics
    /// When that is no network.
    #[track_caller]
    pub fn network(&self, label: Label, cidr: &str) -> Self {
        let Some(side) = Side::parse(label, cidr) else {
            mistaken(&format!("`{cidr}` is no network; write it as 192.0.2.0/29"));
        };
        self.world().network.sides.push(side);
        self.clone()
    }

    /// Leases addresses as the runtime does before `setup_server`, by the driver's own numbers.
    ///
    /// # Errors
    /// As [`network::allocate`](crate::network::allocate).
    pub fn lease_for_setup(
        &self,
        server_id: &str,
        count: u32,
        label: Label,
    ) -> Result<Vec<Allocation>, HostError> {
        let networks = &mut self.world().network;
        let side = networks.side(label)?;
        networks.lease(&side, server_id, count, true)
    }

    /// The addresses that a share server has.
    #[must_use]
    pub fn addresses(&self, server_id: &str) -> Vec<String> {
        let world = self.world();
        let own = world.network.leases.iter().filter(|lease| lease.server == server_id);
        own.map(|lease| lease.allocation.ip_address.clone()).collect()
    }
}
