//! How `abaca share-server` shows a share server.

use abaca::ShareServerRecord;
use serde::Serialize;
use serde_json::Value;

use crate::naming::Placed;
use crate::output::{facts, word};

/// What the command shows of a share server, in this order.
#[derive(Debug, Serialize)]
pub struct View {
    pub id: String,
    backend: String,
    status: String,
    share_network_id: Option<String>,
    addresses: Vec<Address>,
    details: serde_json::Map<String, Value>,
    pub message: Option<String>,
}

/// An address that is leased to a server.
#[derive(Debug, Serialize)]
struct Address {
    label: String,
    ip_address: String,
    cidr: Option<String>,
    network_type: Option<String>,
    segmentation_id: Option<u32>,
}

impl View {
    pub fn new(placed: &Placed<'_, ShareServerRecord>) -> Self {
        let ShareServerRecord { share_server, message } = &placed.record;
        let network = &share_server.share_network_id;
        let addresses = share_server.network_allocations.iter().map(|one| Address {
            label: word(&one.label),
            ip_address: one.ip_address.clone(),
            cidr: one.cidr.clone(),
            network_type: one.network_type.as_ref().map(word),
            segmentation_id: one.segmentation_id,
        });
        let details = share_server.backend_details.iter().cloned();
        Self {
            id: share_server.id.clone(),
            backend: placed.entry.name.clone(),
            status: word(&share_server.status),
            share_network_id: (!network.is_empty()).then(|| network.clone()),
            addresses: addresses.collect(),
            details: details.map(|(name, value)| (name, value.into())).collect(),
            message: message.clone(),
        }
    }

    /// Its line in a list.
    pub fn row(&self) -> [String; 5] {
        let network = self.share_network_id.clone().unwrap_or_default();
        [self.id.clone(), self.backend.clone(), self.status.clone(), network, self.addresses()]
    }

    pub fn text(&self) -> String {
        let or_nothing = |value: &Option<String>| value.clone().unwrap_or_default();
        let details: Vec<_> = self
            .details
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
            .collect();
        facts([
            ("id", self.id.clone()),
            ("backend", self.backend.clone()),
            ("status", self.status.clone()),
            ("message", or_nothing(&self.message)),
            ("share network", or_nothing(&self.share_network_id)),
            ("addresses", self.addresses()),
            ("details", details.join("  ")),
        ])
    }

    fn addresses(&self) -> String {
        let address = |one: &Address| format!("{} ({})", one.ip_address, one.label);
        self.addresses.iter().map(address).collect::<Vec<_>>().join("  ")
    }
}
