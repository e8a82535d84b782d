//! `share-servers`: servers that are made for a share network and carry its shares.
//!
//! ```text
//! counts ─▶ lease ─▶ segmentation fits? ─▶ setup-server ─▶ active ─▶ teardown-server ─▶ leases end
//!             ▲                               └─ failed: error, leases end       │
//!             └── asked again, the same leases                failed: error, leases stay
//! ```
//! A record never names an address that may be somebody else's: it names what is leased after that is
//! leased, and no longer before that ends.

use std::collections::BTreeSet;

use wasmtime::Store;
use wasmtime::component::Instance;

use super::calling::ask;
use super::{Backend, check_pairs};
use crate::call::Room;
use crate::contract::Interface;
use crate::contract::bindings::exports::abaca::driver::share_servers::GuestIndices;
use crate::error::{Error, Result};
use crate::network::{
    AllocationRequest, Lease, SETUP_REQUEST, ShareNetwork, validate_segmentation,
};
use crate::records::{Beginning, Change, Condition};
use crate::types::{
    AllocationLabel, NetworkAllocation, NetworkInfo, SecurityService, SetupError, ShareServer,
    ShareServerStatus,
};

/// The longest detail of a share server, in characters: what upstream's table holds.
const DETAIL_CHARACTERS: usize = 1023;

impl Backend {
    /// How many addresses a share server needs on the users' side. Upstream:
    /// `get_network_allocations_number`.
    ///
    /// # Errors
    /// When the driver does not offer `share-servers`, what it says, or what ended the call.
    pub async fn get_network_allocations_number(&self) -> Result<u32> {
        const METHOD: &str = "get-network-allocations-number";
        let (indices, id) = (self.serving(METHOD)?, super::fresh_id());
        self.call(METHOD, &id, async |store: &mut Store<Room>, instance: &Instance| {
            ask!(store, instance, indices.call_get_network_allocations_number())
        })
        .await
    }

    /// How many addresses a share server needs on the operator's side: none for a driver that
    /// does not offer `share-servers`. Upstream: `get_admin_network_allocations_number`.
    ///
    /// # Errors
    /// What the driver says, or what ended the call.
    pub async fn get_admin_network_allocations_number(&self) -> Result<u32> {
        const METHOD: &str = "get-admin-network-allocations-number";
        let Ok(indices) = self.serving(METHOD) else { return Ok(0) };
        let id = super::fresh_id();
        self.call(METHOD, &id, async |store: &mut Store<Room>, instance: &Instance| {
            ask!(store, instance, indices.call_get_admin_network_allocations_number())
        })
        .await
    }

    /// Leases addresses on the users' side, of the network that is given, where its provider leases of
    /// several: as many as the driver says, if no count is given; none for 0. Asked again for the same server, it answers the same. Upstream:
    /// `allocate_network`.
    ///
    /// # Errors
    /// When there are too few addresses, or no network.
    pub async fn allocate_network(
        &self,
        server_id: &str,
        share_network: Option<&ShareNetwork>,
        count: Option<u32>,
    ) -> Result<Vec<NetworkAllocation>> {
        self.lease(server_id, AllocationLabel::User, share_network, &[], count).await
    }

    /// As [`allocate_network`](Self::allocate_network), on the operator's side. Upstream:
    /// `allocate_admin_network`.
    ///
    /// # Errors
    /// When there are too few addresses, or addresses are needed and the operator has set up no
    /// network for it.
    pub async fn allocate_admin_network(
        &self,
        server_id: &str,
        share_network: Option<&ShareNetwork>,
        count: Option<u32>,
    ) -> Result<Vec<NetworkAllocation>> {
        self.lease(server_id, AllocationLabel::Admin, share_network, &[], count).await
    }

    /// Ends all leases of a server that is not recorded, on both sides; one without any is success.
    /// Those of a server that is end when it is torn down. Upstream: `deallocate_network`, which
    /// never ends those on the operator's side.
    ///
    /// # Errors
    /// When the server is recorded or is just being set up, or the leases cannot be ended.
    pub async fn deallocate_network(&self, server_id: &str) -> Result<()> {
        check_server_id(server_id)?;
        let beginning = Beginning {
            method: "deallocate-network",
            changes_of: vec![server_id.to_owned()],
            conditions: vec![Condition::NoShareServer(server_id.to_owned())],
            ..Beginning::default()
        };
        // Written down, so that no server of this identifier is set up between the look and the end.
        self.written(beginning, async |_: &str| (self.end_leases(server_id).await, Vec::new()))
            .await
    }

    async fn end_leases(&self, server_id: &str) -> Result<()> {
        Ok(self.shared.powers.network.deallocate(server_id).await?)
    }

    /// Ends the leases of a server that the call works on. Its record stops naming the addresses
    /// first: whenever this is cut short, it names none that somebody else may have by then.
    async fn give_back(&self, call: &str, server_id: &str) -> Result<()> {
        let none = || Change::ShareServerAllocations(server_id.to_owned(), Vec::new());
        self.records().amend(call, none(), none()).await?;
        self.end_leases(server_id).await
    }

    /// Leases whose servers are not recorded: what was left when something went wrong.
    ///
    /// # Errors
    /// When leases or records cannot be read.
    pub async fn orphaned_leases(&self) -> Result<Vec<Lease>> {
        let recorded = async || {
            let servers = self.records().share_servers().await?.into_iter();
            Ok::<BTreeSet<_>, Error>(servers.map(|one| one.share_server.id).collect())
        };
        // Before, because one may be torn down meanwhile; after, because one may be set up.
        let before = recorded().await?;
        let mut leases = self.shared.powers.network.leases().await?;
        let after = recorded().await?;
        let known = |id: &String| before.contains(id) || after.contains(id);
        leases.retain(|lease| !known(&lease.server_id));
        Ok(leases)
    }

    /// Sets up a share server: leases what it needs, checks the network, asks the driver, and
    /// answers the server with its details. Of the network's type, segment and addresses the driver
    /// gets what the leases say; what the service says holds where nothing is leased. Where share servers are not handled there is nothing
    /// to do, and the answer is none. Upstream: `setup_server` and what its manager does around
    /// it.
    ///
    /// # Errors
    /// When there is a server of this identifier, the driver does not offer `share-servers`, or the
    /// addresses or the network do not do; what the driver says, or what ended the call. The server is recorded in error then, with
    /// the details that the driver gave all the same, and its leases have ended.
    pub async fn setup_server(
        &self,
        network_info: NetworkInfo,
        metadata: &[(String, String)],
    ) -> Result<Option<ShareServer>> {
        const METHOD: &str = "setup-server";
        if !self.driver_handles_share_servers() {
            tracing::info!(
                backend = self.name(),
                "share servers are not handled: {METHOD} skipped"
            );
            return Ok(None);
        }
        self.serving(METHOD)?;
        check_server_id(&network_info.server_id)?;
        let server = ShareServer {
            id: network_info.server_id.clone(),
            host: self.name().to_owned(),
            share_network_id: network_info.share_network_id.clone().unwrap_or_default(),
            status: ShareServerStatus::Creating,
            backend_details: network_info.backend_details.clone(),
            network_allocations: Vec::new(),
        };
        let put = |server: &ShareServer, status| {
            Change::PutShareServer(Box::new(ShareServer { status, ..server.clone() }))
        };
        let beginning = Beginning {
            method: METHOD,
            changes_of: vec![server.id.clone()],
            conditions: vec![Condition::ShareServerIsNew(server.id.clone())],
            changes: vec![put(&server, ShareServerStatus::Creating)],
            if_failed: vec![put(&server, ShareServerStatus::Error)],
            ..Beginning::default()
        };
        self.tracked(beginning, async |id: &str| {
            let mut server = server.clone();
            match self.set_up(id, network_info, metadata, &mut server).await {
                Ok(()) => {
                    let change = put(&server, ShareServerStatus::Active);
                    server.status = ShareServerStatus::Active;
                    (Ok(Some(server)), vec![change])
                }
                Err(error) => {
                    if let Err(kept) = self.give_back(id, &server.id).await {
                        tracing::error!(error = %kept, server = server.id, "leases were not ended");
                    } else {
                        server.network_allocations.clear();
                    }
                    (Err(error), vec![put(&server, ShareServerStatus::Error)])
                }
            }
        })
        .await
    }

    /// The steps of setting up; `server` learns what is known after each.
    async fn set_up(
        &self,
        id: &str,
        mut info: NetworkInfo,
        metadata: &[(String, String)],
        server: &mut ShareServer,
    ) -> Result<()> {
        const METHOD: &str = "setup-server";
        let network = ShareNetwork::from(&info);
        let lease =
            async |label| self.lease(&server.id, label, Some(&network), metadata, None).await;
        info.network_allocations = lease(AllocationLabel::User).await?;
        server.network_allocations.clone_from(&info.network_allocations);
        info.admin_network_allocations = lease(AllocationLabel::Admin).await?;
        server.network_allocations.extend(info.admin_network_allocations.iter().cloned());
        // If nobody can say how this ends, the record says which addresses are leased.
        let put =
            |status| Change::PutShareServer(Box::new(ShareServer { status, ..server.clone() }));
        self.records()
            .amend(id, put(ShareServerStatus::Creating), put(ShareServerStatus::Error))
            .await?;
        // As upstream, where a plugin that leases writes over what the share network said: what the
        // service says of it may be older than the network is.
        if let Some(first) = info.network_allocations.first() {
            info.network_type = first.network_type;
            info.segmentation_id = first.segmentation_id;
            if first.cidr.is_some() {
                info.cidr.clone_from(&first.cidr);
            }
        }
        validate_segmentation(info.network_type, info.segmentation_id)?;
        let indices = self.serving(METHOD)?;
        let answer = self
            .call(METHOD, id, async |store: &mut Store<Room>, instance: &Instance| {
                store.data_mut().gate.share_server = Some(info.server_id.clone());
                store.data_mut().gate.share_network = Some(ShareNetwork::from(&info));
                ask!(store, instance, indices.call_setup_server(&info, metadata))
            })
            .await;
        let details = match answer {
            Ok(details) => details,
            Err(Error::Setup(SetupError { error, server_details })) => {
                if check_details(METHOD, &server_details).is_ok() {
                    merge(&mut server.backend_details, &server_details);
                }
                return Err(Error::Setup(SetupError { error, server_details }));
            }
            Err(error) => return Err(error),
        };
        check_details(METHOD, &details)?;
        merge(&mut server.backend_details, &details);
        Ok(())
    }

    /// Removes a share server, then ends its leases. Which details the driver gets, and what stays
    /// recorded after a failure, is what was recorded: of the caller's copy the identifier alone
    /// counts. Where share servers are not handled there is nothing to do. Upstream:
    /// `teardown_server` and what its manager does after it.
    ///
    /// # Errors
    /// When it is not recorded, or shares or consistency groups are on it (upstream: `ShareServerInUse`), or the driver does not offer
    /// `share-servers`; what it says, or what ended the call: the server is recorded in error then, and its leases stay, for its addresses may be in use.
    pub async fn teardown_server(
        &self,
        share_server: &ShareServer,
        security_services: &[SecurityService],
    ) -> Result<()> {
        const METHOD: &str = "teardown-server";
        if !self.driver_handles_share_servers() {
            tracing::info!(
                backend = self.name(),
                "share servers are not handled: {METHOD} skipped"
            );
            return Ok(());
        }
        let indices = self.serving(METHOD)?;
        let server_id = &share_server.id;
        let status = |status| Change::ShareServerStatus(server_id.clone(), status);
        let beginning = Beginning {
            method: METHOD,
            changes_of: vec![server_id.clone()],
            conditions: vec![
                Condition::ShareServerIsRecorded(server_id.clone()),
                Condition::NothingIsOn(server_id.clone()),
            ],
            changes: vec![status(ShareServerStatus::Deleting)],
            if_failed: vec![status(ShareServerStatus::Error)],
            ..Beginning::default()
        };
        self.tracked(beginning, async |id: &str| {
            let server = match self.recorded_server(server_id).await {
                Ok(server) => server,
                Err(error) => return (Err(error), Vec::new()),
            };
            let answer = self
                .call(METHOD, id, async |store: &mut Store<Room>, instance: &Instance| {
                    store.data_mut().gate.share_server = Some(server_id.clone());
                    let details = &server.backend_details;
                    ask!(store, instance, indices.call_teardown_server(details, security_services))
                })
                .await;
            if let Err(error) = answer {
                return (Err(error), Vec::new());
            }
            match self.give_back(id, server_id).await {
                Ok(()) => (Ok(()), vec![Change::RemoveShareServer(server_id.clone())]),
                Err(error) => {
                    // They are still its own.
                    let kept = server.network_allocations;
                    (Err(error), vec![Change::ShareServerAllocations(server_id.clone(), kept)])
                }
            }
        })
        .await
    }

    /// A server that a call works on, so that nobody else changes it.
    async fn recorded_server(&self, server_id: &str) -> Result<ShareServer> {
        let servers = self.records().share_servers().await?.into_iter();
        let mut servers = servers.map(|one| one.share_server);
        servers.find(|server| server.id == server_id).ok_or_else(|| {
            Error::Runtime(format!("the record of the share server {server_id:?} is gone"))
        })
    }

    /// The pools that a server can use: none for a driver that does not offer `share-servers`.
    /// Upstream: `get_share_server_pools`.
    ///
    /// # Errors
    /// What the driver says, or what ended the call.
    pub async fn get_share_server_pools(&self, share_server: &ShareServer) -> Result<Vec<String>> {
        const METHOD: &str = "get-share-server-pools";
        let Ok(indices) = self.serving(METHOD) else { return Ok(Vec::new()) };
        let id = super::fresh_id();
        self.call(METHOD, &id, async |store: &mut Store<Room>, instance: &Instance| {
            ask!(store, instance, indices.call_get_share_server_pools(share_server))
        })
        .await
    }

    async fn lease(
        &self,
        server_id: &str,
        label: AllocationLabel,
        share_network: Option<&ShareNetwork>,
        metadata: &[(String, String)],
        count: Option<u32>,
    ) -> Result<Vec<NetworkAllocation>> {
        check_server_id(server_id)?;
        let count = match (count, label) {
            (Some(count), _) => count,
            (None, AllocationLabel::User) => self.get_network_allocations_number().await?,
            (None, AllocationLabel::Admin) => self.get_admin_network_allocations_number().await?,
        };
        let request = AllocationRequest {
            share_network: share_network.cloned(),
            metadata: metadata.to_vec(),
            ..AllocationRequest::new(server_id, label, count, SETUP_REQUEST)
        };
        Ok(self.shared.powers.network.allocate(request).await?)
    }

    /// Adds that a call makes something on a share server: it is active, and nobody removes it
    /// meanwhile. `named` is the server's identifier as the new thing has it.
    ///
    /// # Errors
    /// When the new thing and the call speak of different servers, or share servers are not handled
    /// and there is a server or a share network.
    pub(super) fn on_server(
        &self,
        beginning: &mut Beginning,
        share_network_id: Option<&String>,
        named: Option<&String>,
        share_server: Option<&ShareServer>,
    ) -> Result<()> {
        let refused = |reason: &str| Err(Error::Invalid(reason.to_owned()));
        if !self.driver_handles_share_servers()
            && (share_network_id.is_some() || named.is_some() || share_server.is_some())
        {
            return refused(
                "a share network or a share server needs driver_handles_share_servers = true",
            );
        }
        match (named, share_server.map(|server| &server.id)) {
            (None, None) => Ok(()),
            (Some(named), Some(given)) if named == given => {
                beginning.uses.push(given.clone());
                beginning.conditions.push(Condition::ShareServerIsActive(given.clone()));
                Ok(())
            }
            _ => refused(
                "the share server that it is on, `share_server_id`, and the one that the call is \
                 given are not the same",
            ),
        }
    }

    fn serving(&self, method: &'static str) -> Result<&GuestIndices> {
        let indices = self.driver().exports().share_servers.as_ref();
        self.offered(Interface::ShareServers, method, indices)
    }
}

/// A server has an identifier, else all that have none would be one.
fn check_server_id(server_id: &str) -> Result<()> {
    if server_id.is_empty() {
        return Err(Error::Invalid("a share server has an identifier".to_owned()));
    }
    Ok(())
}

/// Details come back in every later call, and are kept as upstream's table keeps them.
fn check_details(method: &'static str, details: &[(String, String)]) -> Result<()> {
    check_pairs(method, "a server's details", details)?;
    if details.iter().any(|(_, value)| value.chars().count() > DETAIL_CHARACTERS) {
        let reason = format!("a server's detail is longer than {DETAIL_CHARACTERS} characters");
        return Err(Error::Contract { method, reason });
    }
    Ok(())
}

/// Adds details, the new ones instead of those of the same name.
fn merge(details: &mut Vec<(String, String)>, more: &[(String, String)]) {
    details.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    details.extend_from_slice(more);
}
