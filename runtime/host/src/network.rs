//! Addresses for share servers: who can lease them, what a lease is, and what can be wrong with a
//! network. Called by `backend/` around `setup-server` and `teardown-server`, and by the `network`
//! import. It configures no interface and no switch: a lease is only the promise that nobody else
//! gets the address.
//!
//! ```text
//! get-network-allocations-number ─▶ allocate ─▶ validate_segmentation ─▶ setup-server ─▶ active
//!                                                     └── failed ───────────┴──▶ deallocate
//! teardown-server ─▶ done ─▶ deallocate      teardown-server ─▶ failed ─▶ the leases stay
//! ```
//! Upstream: `manila/network/__init__.py`.

mod leases;
pub(crate) mod options;
pub(crate) mod parts;
pub(crate) mod power;
pub(crate) mod standalone;
mod subnet;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::bindings::abaca::host::types as host;
use crate::error::Error;
use crate::gate::Refusal;
use crate::types::{self, AllocationLabel, NetworkAllocation, NetworkInfo, NetworkType};

/// The request under which the runtime leases what the driver's own numbers say.
pub const SETUP_REQUEST: &str = "setup-server";

/// The request under which the `network` import leases what a driver wants beside that.
pub const DRIVER_REQUEST: &str = "driver";

/// Who leases addresses to the share servers of a backend. A service can bring its own; the
/// runtime brings one that needs no network service (options `standalone_network_plugin_*`).
///
/// The methods may block: the runtime calls them away from its async workers. A call that was
/// given up does not end them, which is why a request can be repeated.
pub trait NetworkProvider: Send + Sync + fmt::Debug {
    /// Leases addresses: all of them or none. The same server, label and request identifier
    /// asked again answer the same leases.
    ///
    /// # Errors
    /// When there are not enough addresses, when that request was answered with another number
    /// of them, or when the leases cannot be made.
    fn allocate(&self, request: &AllocationRequest)
    -> Result<Vec<NetworkAllocation>, NetworkError>;

    /// Ends all leases of a server, for users and operator alike; a server without any is
    /// success.
    ///
    /// # Errors
    /// When the leases cannot be ended; then all of them stay.
    fn deallocate(&self, server_id: &str) -> Result<(), NetworkError>;

    /// Every lease that holds now, for users and operator alike, in the order they were made.
    ///
    /// # Errors
    /// When the leases cannot be read.
    fn leases(&self) -> Result<Vec<Lease>, NetworkError>;
}

/// A service's own networks, for [`Backend::open_with_networks`](crate::Backend). A side that is
/// none has what the backend's options describe.
#[derive(Clone, Debug, Default)]
pub struct NetworkProviders {
    /// For the users' side.
    pub user: Option<Arc<dyn NetworkProvider>>,
    /// For the operator's side.
    pub admin: Option<Arc<dyn NetworkProvider>>,
}

/// A network in which a project has its share servers, as far as its service knows it: what a
/// provider that asks a network service has to know. Upstream: the share network that plugins get.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ShareNetwork {
    /// Its identifier.
    pub id: Option<String>,
    /// The project whose network it is, where the service said it.
    pub project_id: Option<String>,
    /// The network in Neutron.
    pub neutron_net_id: Option<String>,
    /// The subnet in Neutron.
    pub neutron_subnet_id: Option<String>,
    /// The network in Nova.
    pub nova_net_id: Option<String>,
    /// How it is segmented.
    pub network_type: Option<NetworkType>,
    /// Its segment.
    pub segmentation_id: Option<u32>,
    /// Its addresses.
    pub cidr: Option<String>,
}

impl From<&NetworkInfo> for ShareNetwork {
    fn from(info: &NetworkInfo) -> Self {
        Self {
            id: info.share_network_id.clone(),
            project_id: None,
            neutron_net_id: info.neutron_net_id.clone(),
            neutron_subnet_id: info.neutron_subnet_id.clone(),
            nova_net_id: info.nova_net_id.clone(),
            network_type: info.network_type,
            segmentation_id: info.segmentation_id,
            cidr: info.cidr.clone(),
        }
    }
}

/// What is asked of a [`NetworkProvider`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AllocationRequest {
    /// The share server.
    pub server_id: String,
    /// For whom.
    pub label: AllocationLabel,
    /// How many addresses; never 0.
    pub count: u32,
    /// Which request of this server this is: [`SETUP_REQUEST`] or [`DRIVER_REQUEST`].
    pub request_id: String,
    /// The network that the server is for, where the service said it.
    pub share_network: Option<ShareNetwork>,
    /// What the service said beside that when it asked for the server: the metadata of
    /// `setup_server`, which its driver is given too. Upstream: the keyword arguments.
    pub metadata: Vec<(String, String)>,
}

impl AllocationRequest {
    pub(crate) fn new(
        server_id: &str,
        label: AllocationLabel,
        count: u32,
        request_id: &str,
    ) -> Self {
        Self {
            server_id: server_id.to_owned(),
            label,
            count,
            request_id: request_id.to_owned(),
            share_network: None,
            metadata: Vec::new(),
        }
    }
}

/// An address that is promised to a share server.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct Lease {
    /// The share server.
    pub server_id: String,
    /// The request that it was made for.
    pub request_id: String,
    /// The address and what is known of its network.
    pub allocation: NetworkAllocation,
}

/// Why there are no addresses, or why a network cannot carry a share server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The network is not described as it must be. Upstream: `NetworkBadConfigurationException`.
    #[error("the network is badly configured: {0}")]
    BadConfiguration(String),
    /// There are too few free addresses. Upstream: `NetworkBadConfigurationException`.
    #[error(
        "{wanted} free addresses are needed and {free} are left in {within}; allow more addresses, \
         or tear down share servers, of this backend or of another one on this network"
    )]
    Exhausted {
        /// Where was looked: ranges, or the whole network.
        within: String,
        /// How many are needed.
        wanted: u32,
        /// How many there are.
        free: usize,
    },
    /// The request was answered before, with another number of addresses.
    #[error(
        "share server {server_id:?} has {leased} {label} addresses from this request and {wanted} \
         are asked for now; deallocate them first"
    )]
    Conflict {
        /// The share server.
        server_id: String,
        /// `user` or `admin`.
        label: &'static str,
        /// How many it has.
        leased: usize,
        /// How many are asked for.
        wanted: u32,
    },
    /// More is asked for than is ever given; the text names the limit.
    #[error("too many addresses: {0}")]
    Limit(String),
    /// A network service does not do what it should. The standalone provider has none.
    #[error("the network service: {0}")]
    Service(String),
    /// Abaca's own fault: its leases cannot be read or written.
    #[error(transparent)]
    Runtime(#[from] Error),
}

/// As a service sees it: upstream's exceptions.
impl From<NetworkError> for Error {
    fn from(error: NetworkError) -> Self {
        let text = error.to_string();
        Self::Driver(match error {
            NetworkError::Runtime(error) => return error,
            // The reason alone: that the network does not fit is said by the error around it.
            NetworkError::BadConfiguration(reason) => types::Error::NetworkBadConfiguration(reason),
            NetworkError::Exhausted { .. } | NetworkError::Limit(_) => {
                types::Error::NetworkBadConfiguration(text)
            }
            NetworkError::Conflict { .. } | NetworkError::Service(_) => {
                types::Error::ShareServerFailed(text)
            }
        })
    }
}

/// As a driver sees it.
impl From<NetworkError> for Refusal {
    fn from(error: NetworkError) -> Self {
        let text = error.to_string();
        Self::Answer(match error {
            NetworkError::Runtime(error) => return Self::Fault(error),
            NetworkError::Exhausted { .. } | NetworkError::Limit(_) => host::Error::Limit(text),
            NetworkError::Conflict { .. } => host::Error::Conflict(text),
            NetworkError::BadConfiguration(_) | NetworkError::Service(_) => {
                host::Error::Failed(text)
            }
        })
    }
}

/// Whether a network of this kind can have this segment. Called before a share server is set up,
/// with what its leases say, and when a network is configured. Upstream:
/// `_validate_segmentation_id`, where 0 is another way to say "none" of a flat network.
///
/// # Errors
/// [`NetworkError::BadConfiguration`] when it cannot.
pub fn validate_segmentation(
    network_type: Option<NetworkType>,
    segmentation_id: Option<u32>,
) -> Result<(), NetworkError> {
    let last = match network_type {
        None | Some(NetworkType::Flat) => 0,
        // What the tag on the wire has room for, without the numbers that mean something else.
        Some(NetworkType::Vlan) => 4094,
        Some(NetworkType::Vxlan) => (1 << 24) - 1,
        Some(NetworkType::Gre) => u32::MAX,
    };
    let name = network_type.map_or("none", network_type_name);
    let id = segmentation_id.unwrap_or(0);
    let reason = if last == 0 && id != 0 {
        format!("it has the segmentation id {id}, and a network of type {name} has none; omit it")
    } else if last != 0 && !(1..=last).contains(&id) {
        let given = segmentation_id
            .map_or("no segmentation id".to_owned(), |id| format!("the segmentation id {id}"));
        format!("it has {given}, and a network of type {name} needs one from 1 to {last}")
    } else {
        return Ok(());
    };
    Err(NetworkError::BadConfiguration(reason))
}

/// The word for whom an address is.
pub(crate) fn label_name(label: AllocationLabel) -> &'static str {
    match label {
        AllocationLabel::User => "user",
        AllocationLabel::Admin => "admin",
    }
}

/// The word for how a network is segmented.
pub(crate) fn network_type_name(network_type: NetworkType) -> &'static str {
    match network_type {
        NetworkType::Flat => "flat",
        NetworkType::Vlan => "vlan",
        NetworkType::Vxlan => "vxlan",
        NetworkType::Gre => "gre",
    }
}
