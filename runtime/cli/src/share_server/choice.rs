//! Which share server carries something new: the one that was named, one that the driver chooses
//! among those of its share network, or a new one. What upstream's manager does in
//! `_provide_share_server_for_share` and `_provide_share_server_for_cg`.
//!
//! ```text
//! named? ─▶ that one
//! else the network: given, else of what the content comes from
//!   ─▶ the network is held: two that find no server at once would each set one up
//!   ─▶ servers that are there: of the content's share, else all of the network
//!   ─▶ the driver chooses one ─▶ that one
//!                     └─ none ─▶ a new one is set up
//! ```

use abaca::types::{Cgsnapshot, ConsistencyGroup, Share, ShareServer, ShareServerStatus, Snapshot};
use abaca::{Backend, HeldShareNetwork};

use super::setup::{network, not_handled, set_up};
use super::{carrying, find};
use crate::failure::{Failure, Result};
use crate::output::{Output, word};

/// What was asked.
#[derive(Debug, Default)]
pub struct Wish {
    /// The share network.
    pub network: Option<String>,
    /// The server itself.
    pub server: Option<ShareServer>,
}

/// The servers that may carry something, and the share network that it then has.
enum Place {
    /// Servers are not handled.
    None,
    /// This one, whatever the driver would choose.
    On(ShareServer),
    /// One of these, or a new one of the network, which nobody else looks at meanwhile.
    Among(Vec<ShareServer>, String, HeldShareNetwork),
}

/// The server for a new share, which then names it and its network. None where share servers are
/// not handled.
///
/// # Errors
/// When what was asked does not fit together, and what the driver answers.
pub async fn for_share(
    backend: &Backend,
    share: &mut Share,
    wish: Wish,
    snapshot: Option<&Snapshot>,
    group: Option<&ConsistencyGroup>,
    output: Output,
) -> Result<Option<ShareServer>> {
    let parent = match snapshot {
        Some(snapshot) => of_source(backend, snapshot).await?,
        None => None,
    };
    let wish = Wish {
        network: wish.network.or_else(|| group.and_then(|one| one.share_network_id.clone())),
        ..wish
    };
    let place = place(backend, wish, parent, output).await?;
    if let Place::Among(_, network, _) = &place {
        share.share_network_id = Some(network.clone());
    }
    let choose = async |servers: &[ShareServer]| {
        let work =
            backend.choose_share_server_compatible_with_share(servers, share, snapshot, group);
        output.wait("choosing a share server", Box::pin(work)).await
    };
    let server = settle(backend, place, choose, output).await?;
    if let Some(server) = &server {
        share.share_network_id = Some(server.share_network_id.clone()).filter(|id| !id.is_empty());
        share.share_server_id = Some(server.id.clone());
    }
    Ok(server)
}

/// The server for a new consistency group, as [`for_share`].
///
/// # Errors
/// When what was asked does not fit together, and what the driver answers.
pub async fn for_group(
    backend: &Backend,
    group: &mut ConsistencyGroup,
    wish: Wish,
    source: Option<&Cgsnapshot>,
    output: Output,
) -> Result<Option<ShareServer>> {
    let parent = match source.and_then(|source| source.members.first()) {
        Some(member) => carrying(backend.records(), &member.share).await?,
        None => None,
    };
    let place = place(backend, wish, parent, output).await?;
    if let Place::Among(_, network, _) = &place {
        group.share_network_id = Some(network.clone());
    }
    let choose = async |servers: &[ShareServer]| {
        let work = backend.choose_share_server_compatible_with_cg(servers, group, source);
        output.wait("choosing a share server", Box::pin(work)).await
    };
    let server = settle(backend, place, choose, output).await?;
    if let Some(server) = &server {
        group.share_network_id = Some(server.share_network_id.clone()).filter(|id| !id.is_empty());
        group.share_server_id = Some(server.id.clone());
    }
    Ok(server)
}

/// The server that carries the share of a snapshot.
async fn of_source(backend: &Backend, snapshot: &Snapshot) -> Result<Option<ShareServer>> {
    match backend.records().share(&snapshot.share_instance_id).await? {
        Some(source) => carrying(backend.records(), &source.share).await,
        None => Ok(None),
    }
}

/// Where something may lie, by what was asked and what its content comes from.
async fn place(
    backend: &Backend,
    wish: Wish,
    parent: Option<ShareServer>,
    output: Output,
) -> Result<Place> {
    let hold = async |network: &str| {
        let work = Box::pin(backend.hold_share_network(network));
        output.wait("waiting for others in the share network", work).await
    };
    if !backend.driver_handles_share_servers() {
        return match wish {
            Wish { network: None, server: None } => Ok(Place::None),
            _ => Err(not_handled(backend)),
        };
    }
    let fixed = wish.server.as_ref().or(parent.as_ref());
    if let Some(server) = fixed {
        check_active(server)?;
        check_network(server, wish.network.as_deref())?;
    }
    match (wish.server, parent, wish.network) {
        (Some(named), Some(parent), _) if named.id != parent.id => Err(Failure::refused(
            format!(
                "the content is on the share server {}, and cannot be brought to {}",
                parent.id, named.id
            ),
            "leave --share-server out",
        )),
        (Some(named), ..) => Ok(Place::On(named)),
        (None, Some(parent), _) => {
            let network = parent.share_network_id.clone();
            let held = hold(&network).await?;
            Ok(Place::Among(vec![parent], network, held))
        }
        (None, None, Some(network)) => {
            let held = hold(&network).await?;
            let servers = backend.records().share_servers().await?.into_iter();
            let fits = |server: &ShareServer| {
                server.share_network_id == network && server.status == ShareServerStatus::Active
            };
            let servers = servers.map(|one| one.share_server).filter(fits).collect();
            Ok(Place::Among(servers, network, held))
        }
        (None, None, None) => Err(Failure::refused(
            format!("the backend `{}` handles share servers, and none is named", backend.name()),
            "give --share-network ID to have one chosen or set up, or --share-server SERVER",
        )),
    }
}

/// The server in the end.
async fn settle(
    backend: &Backend,
    place: Place,
    choose: impl AsyncFnOnce(&[ShareServer]) -> abaca::Result<Option<String>>,
    output: Output,
) -> Result<Option<ShareServer>> {
    let (servers, network_id, _held) = match place {
        Place::None => return Ok(None),
        Place::On(server) => return Ok(Some(server)),
        Place::Among(servers, network_id, held) => (servers, network_id, held),
    };
    let chosen = match servers.is_empty() {
        true => None,
        false => choose(&servers).await?,
    };
    match chosen {
        Some(id) => find(backend.records(), &id).await.map(Some),
        None => {
            let network_id = Some(network_id).filter(|id| !id.is_empty());
            set_up(backend, network(network_id), &[], output).await.map(Some)
        }
    }
}

fn check_active(server: &ShareServer) -> Result<()> {
    if server.status == ShareServerStatus::Active {
        return Ok(());
    }
    Err(Failure::refused(
        format!(
            "the status of the share server {} is {}, and only an active one carries more",
            server.id,
            word(&server.status)
        ),
        "`abaca share-server list` shows which are",
    ))
}

fn check_network(server: &ShareServer, network: Option<&str>) -> Result<()> {
    match network {
        Some(network) if network != server.share_network_id => Err(Failure::refused(
            format!(
                "the share server {} is in the share network `{}`, not in `{network}`",
                server.id, server.share_network_id
            ),
            "leave --share-network out",
        )),
        _ => Ok(()),
    }
}
