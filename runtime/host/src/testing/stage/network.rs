//! The interface `network` of a stage: addresses of a range for documentation, for each side of each
//! share server. Called by `world`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::storage::denied;
use super::world::{said, told};
use crate::contract::bindings::abaca::host::network::{
    AllocateRequest, Allocation, DeallocateRequest, Label,
};
use crate::contract::bindings::abaca::host::types::Error as HostError;
use crate::gate::Seen;

/// The range of each side: these belong to nobody.
const USER: &str = "192.0.2";
const ADMIN: &str = "198.51.100";

/// The most addresses of a side.
const ADDRESSES: usize = 250;

/// What share servers have leased.
#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    leases: BTreeMap<(String, &'static str), Vec<Allocation>>,
    given: usize,
}

impl Network {
    /// Leases or gives back, for the share server that the call is about.
    pub(super) fn answer(&mut self, server: Option<&str>, verb: &str, request: Value) -> Seen {
        let own = |asked: &str| match server == Some(asked) {
            true => Ok(()),
            false => Err(denied(format!("the call is not about the share server {asked}"))),
        };
        match verb {
            "allocate" => {
                let AllocateRequest { server_id, count, label } = said(request)?;
                own(&server_id)?;
                told(&self.allocate(server_id, count, label)?)
            }
            "deallocate" => {
                let DeallocateRequest { server_id } = said(request)?;
                own(&server_id)?;
                self.leases.retain(|(server, _), _| *server != server_id);
                told(&())
            }
            _ => Err(HostError::Failed(format!("a stage has no network.{verb}"))),
        }
    }

    /// Leases addresses, once for each side of a server.
    pub(super) fn allocate(
        &mut self,
        server: String,
        count: Option<u32>,
        label: Label,
    ) -> Result<Vec<Allocation>, HostError> {
        let (side, range) = match label {
            Label::User => ("user", USER),
            Label::Admin => ("admin", ADMIN),
        };
        let count = count.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        if let Some(there) = self.leases.get(&(server.clone(), side)) {
            return match count.is_none_or(|count| count == there.len()) {
                true => Ok(there.clone()),
                false => Err(HostError::Conflict(format!("{server} has {} of them", there.len()))),
            };
        }
        let count = count.unwrap_or_default();
        if self.given.saturating_add(count) > ADDRESSES {
            return Err(HostError::Limit(format!("{ADDRESSES} addresses in {range}.0/24")));
        }
        let allocation = |number: usize| Allocation {
            id: format!("{server}-{side}-{number}"),
            label,
            ip_address: format!("{range}.{}", number.saturating_add(1)),
            ip_version: 4,
            cidr: Some(format!("{range}.0/24")),
            network_type: Some("flat".to_owned()),
            segmentation_id: None,
            mac_address: None,
        };
        let leased: Vec<_> = (self.given..self.given + count).map(allocation).collect();
        self.given += count;
        self.leases.insert((server.clone(), side), leased.clone());
        Ok(leased)
    }

    /// All leases, a sentence each.
    pub(super) fn facts(&self) -> impl Iterator<Item = String> {
        self.leases.iter().flat_map(|((server, side), leased)| {
            leased.iter().map(move |one| format!("{side} address of {server}: {}", one.ip_address))
        })
    }
}
