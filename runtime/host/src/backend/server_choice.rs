//! `server-choice`: which share server shall carry a share or a group.

use wasmtime::Store;
use wasmtime::component::Instance;

use super::Backend;
use super::calling::ask;
use crate::call::Room;
use crate::contract::Interface;
use crate::error::{Error, Result};
use crate::types::{Cgsnapshot, ConsistencyGroup, Share, ShareServer, Snapshot};

impl Backend {
    /// The identifier of the server, one of `share_servers`, that shall carry the share; none
    /// asks for a new one. A driver that does not offer `server-choice` gets the first one, or
    /// with a group the group's own. Upstream: `choose_share_server_compatible_with_share`.
    ///
    /// # Errors
    /// What the driver says, what ended the call, or a choice that is none of the servers.
    pub async fn choose_share_server_compatible_with_share(
        &self,
        share_servers: &[ShareServer],
        share: &Share,
        snapshot: Option<&Snapshot>,
        consistency_group: Option<&ConsistencyGroup>,
    ) -> Result<Option<String>> {
        const METHOD: &str = "choose-share-server-compatible-with-share";
        let indices = self.driver().exports().server_choice.as_ref();
        let Ok(indices) = self.offered(Interface::ServerChoice, METHOD, indices) else {
            return Ok(match consistency_group {
                Some(group) => share_servers
                    .iter()
                    .find(|server| group.share_server_id.as_ref() == Some(&server.id))
                    .map(|server| server.id.clone()),
                None => share_servers.first().map(|server| server.id.clone()),
            });
        };
        let id = super::fresh_id();
        self.judged(
            METHOD,
            &id,
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_choose_share_server_compatible_with_share(
                        share_servers,
                        share,
                        snapshot,
                        consistency_group
                    )
                )
            },
            |answer| (answer.and_then(|found| checked(METHOD, share_servers, found)), Vec::new()),
        )
        .await
        .0
    }

    /// The identifier of the server that shall carry the group; none asks for a new one. A driver
    /// that does not offer `server-choice` gets the first one. Upstream:
    /// `choose_share_server_compatible_with_cg`.
    ///
    /// # Errors
    /// What the driver says, what ended the call, or a choice that is none of the servers.
    pub async fn choose_share_server_compatible_with_cg(
        &self,
        share_servers: &[ShareServer],
        consistency_group: &ConsistencyGroup,
        cgsnapshot: Option<&Cgsnapshot>,
    ) -> Result<Option<String>> {
        const METHOD: &str = "choose-share-server-compatible-with-cg";
        let indices = self.driver().exports().server_choice.as_ref();
        let Ok(indices) = self.offered(Interface::ServerChoice, METHOD, indices) else {
            return Ok(share_servers.first().map(|server| server.id.clone()));
        };
        let id = super::fresh_id();
        self.judged(
            METHOD,
            &id,
            async |store: &mut Store<Room>, instance: &Instance| {
                ask!(
                    store,
                    instance,
                    indices.call_choose_share_server_compatible_with_cg(
                        share_servers,
                        consistency_group,
                        cgsnapshot
                    )
                )
            },
            |answer| (answer.and_then(|found| checked(METHOD, share_servers, found)), Vec::new()),
        )
        .await
        .0
    }
}

/// The choice, if it is one of the servers.
fn checked(
    method: &'static str,
    share_servers: &[ShareServer],
    chosen: Option<String>,
) -> Result<Option<String>> {
    match chosen {
        Some(id) if !share_servers.iter().any(|server| server.id == id) => {
            let reason = "it chose a share server that it was not given".to_owned();
            Err(Error::Contract { method, reason })
        }
        chosen => Ok(chosen),
    }
}
