//! `abaca:host/network`: addresses for share servers, beside those that the runtime leases before
//! `setup-server`. Granted where the operator gave the backend a network on that side: the pool
//! and its ranges are the grant. The calls `setup-server` and `teardown-server` may ask, each for
//! its own share server: no other call may change what a server has, for the record that its
//! service was given would be wrong, and no driver the leases of a server that it is not called
//! for.
//!
//! - `allocate` with a count is one request for each server and side: repeated it answers the
//!   same leases, with another count it is a conflict.
//! - `allocate` without a count asks the driver's own numbers. A driver that is being called
//!   cannot be called for them; the runtime has asked them before `setup-server`, and the answer
//!   is what it leased then, which is nothing where the number was 0.
//! - `deallocate` ends all leases of the server, the runtime's too, as upstream's does.

use abaca_policy::Denial;
use serde_json::Value;

use crate::call::Room;
use crate::contract::bindings::abaca::host::network::{
    AllocateRequest, Allocation, DeallocateRequest, Host, Label,
};
use crate::contract::bindings::abaca::host::types::Error;
use crate::gate::{Crossing, Done, Gate, Powers, Refusal};
use crate::network::power::NetworkPower;
use crate::network::{
    AllocationRequest, DRIVER_REQUEST, NetworkError, SETUP_REQUEST, label_name, network_type_name,
};
use crate::types::{AllocationLabel, NetworkAllocation};

/// How often one call may lease or end leases. A driver does each once or twice; whoever repeats it would keep
/// other backends waiting, with whom it shares the database of leases.
const REQUESTS: u32 = 64;

impl Host for Room {
    async fn allocate(
        &mut self,
        request: AllocateRequest,
    ) -> wasmtime::Result<Result<Vec<Allocation>, Error>> {
        self.gate.cross(request).await
    }

    async fn deallocate(
        &mut self,
        request: DeallocateRequest,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.gate.cross(request).await
    }
}

impl Crossing for AllocateRequest {
    const IMPORT: &'static str = "network.allocate";
    const PRIVILEGED: bool = true;
    type Answer = Vec<Allocation>;

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("server", self.server_id.clone().into()),
            ("label", label_name(label(self.label)).into()),
            ("count", self.count.map_or_else(|| "the driver's own number".into(), Value::from)),
        ]
    }

    fn share_server(&self) -> Option<&str> {
        Some(&self.server_id)
    }

    fn permitted(&self, powers: &Powers) -> Result<Option<String>, Denial> {
        let label = label(self.label);
        if powers.network.has(label) {
            return Ok(Some(grant(label)));
        }
        Err(Denial { rule: None, reason: powers.network.absence(label) })
    }

    async fn perform(
        self,
        gate: &mut Gate,
        powers: &Powers,
    ) -> Result<Done<Self::Answer>, Refusal> {
        one_more(gate)?;
        let label = label(self.label);
        let leased = match self.count {
            None => leased_for_setup(&powers.network, &self.server_id, label).await?,
            Some(count) => {
                let request = AllocationRequest {
                    share_network: gate.share_network.clone(),
                    ..AllocationRequest::new(&self.server_id, label, count, DRIVER_REQUEST)
                };
                powers.network.allocate(request).await?
            }
        };
        let addresses: Vec<String> = leased.iter().map(|one| one.ip_address.clone()).collect();
        Ok(Done {
            answer: leased.into_iter().map(Allocation::from).collect(),
            facts: vec![("addresses", addresses.into())],
        })
    }
}

impl Crossing for DeallocateRequest {
    const IMPORT: &'static str = "network.deallocate";
    const PRIVILEGED: bool = true;
    type Answer = ();

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![("server", self.server_id.clone().into())]
    }

    fn share_server(&self) -> Option<&str> {
        Some(&self.server_id)
    }

    fn permitted(&self, powers: &Powers) -> Result<Option<String>, Denial> {
        let sides = [AllocationLabel::User, AllocationLabel::Admin];
        let granted: Vec<_> =
            sides.into_iter().filter(|side| powers.network.has(*side)).map(grant).collect();
        if granted.is_empty() {
            return Err(Denial { rule: None, reason: "this backend has no network".to_owned() });
        }
        Ok(Some(granted.join(" + ")))
    }

    async fn perform(self, gate: &mut Gate, powers: &Powers) -> Result<Done<()>, Refusal> {
        one_more(gate)?;
        powers.network.deallocate(&self.server_id).await?;
        Ok(Done::plain(()))
    }
}

fn one_more(gate: &mut Gate) -> Result<(), Refusal> {
    gate.leasing = gate.leasing.saturating_add(1);
    if gate.leasing > REQUESTS {
        return Err(Error::Limit(format!("{REQUESTS} requests about addresses in one call")).into());
    }
    Ok(())
}

/// What the driver's own numbers got this server before its `setup-server`.
async fn leased_for_setup(
    network: &NetworkPower,
    server_id: &str,
    label: AllocationLabel,
) -> Result<Vec<NetworkAllocation>, NetworkError> {
    let mut leases = network.leases().await?;
    leases.retain(|lease| {
        lease.server_id == server_id
            && lease.request_id == SETUP_REQUEST
            && lease.allocation.label == label
    });
    Ok(leases.into_iter().map(|lease| lease.allocation).collect())
}

/// What the audit calls the operator's decision that a request stands on.
fn grant(label: AllocationLabel) -> String {
    format!("network {}", label_name(label))
}

fn label(label: Label) -> AllocationLabel {
    match label {
        Label::User => AllocationLabel::User,
        Label::Admin => AllocationLabel::Admin,
    }
}

impl From<NetworkAllocation> for Allocation {
    fn from(leased: NetworkAllocation) -> Self {
        Self {
            id: leased.id,
            label: match leased.label {
                AllocationLabel::User => Label::User,
                AllocationLabel::Admin => Label::Admin,
            },
            ip_address: leased.ip_address,
            ip_version: leased.ip_version,
            cidr: leased.cidr,
            network_type: leased.network_type.map(|one| network_type_name(one).to_owned()),
            segmentation_id: leased.segmentation_id,
            mac_address: leased.mac_address,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{DRIVER_REQUEST, SETUP_REQUEST, leased_for_setup};
    use crate::network::power::NetworkPower;
    use crate::network::{AllocationRequest, Lease, NetworkError, NetworkProvider};
    use crate::types::{AllocationLabel, NetworkAllocation};

    /// A provider with leases of its own making.
    #[derive(Debug)]
    struct Holding(Vec<Lease>);

    impl NetworkProvider for Holding {
        fn allocate(&self, _: &AllocationRequest) -> Result<Vec<NetworkAllocation>, NetworkError> {
            Err(NetworkError::Service("not asked here".to_owned()))
        }

        fn deallocate(&self, _: &str) -> Result<(), NetworkError> {
            Ok(())
        }

        fn leases(&self) -> Result<Vec<Lease>, NetworkError> {
            Ok(self.0.clone())
        }
    }

    fn lease(id: &str, server_id: &str, request_id: &str, label: AllocationLabel) -> Lease {
        let allocation = NetworkAllocation {
            id: id.to_owned(),
            label,
            ip_address: "192.0.2.1".to_owned(),
            ip_version: 4,
            cidr: None,
            network_type: None,
            segmentation_id: None,
            mac_address: None,
        };
        Lease { server_id: server_id.to_owned(), request_id: request_id.to_owned(), allocation }
    }

    #[tokio::test]
    async fn the_drivers_own_number_is_what_setup_leased() {
        let (user, admin) = (AllocationLabel::User, AllocationLabel::Admin);
        let held = Holding(vec![
            lease("mine", "one", SETUP_REQUEST, user),
            lease("asked for", "one", DRIVER_REQUEST, user),
            lease("other side", "one", SETUP_REQUEST, admin),
            lease("other server", "two", SETUP_REQUEST, user),
        ]);
        let network = NetworkPower { user: Some(Arc::new(held)), ..NetworkPower::default() };
        let leased = leased_for_setup(&network, "one", user).await.unwrap();
        assert_eq!(leased.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["mine"]);
        assert!(leased_for_setup(&network, "three", user).await.unwrap().is_empty());
    }
}
