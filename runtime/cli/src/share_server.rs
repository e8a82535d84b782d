//! `abaca share-server`: sets up, shows and removes share servers, and finds the leases that no
//! server has. Which server carries a new share is decided in `choice`.

pub mod choice;
mod list;
mod security_service;
mod setup;
mod view;

use abaca::types::{Share, ShareServer, ShareServerStatus};
use abaca::{Records, ShareServerRecord};
use serde_json::json;

use self::view::View;
use crate::answers;
use crate::cli::ShareServerCommand;
use crate::failure::{Failure, Result};
use crate::naming::Placed;
use crate::output::{Output, plain, word};
use crate::service::Service;

/// Does what was asked.
///
/// # Errors
/// What the service or the driver answers.
pub async fn run(
    command: ShareServerCommand,
    verbose: bool,
    service: &Service,
    output: Output,
) -> Result<()> {
    match command {
        ShareServerCommand::Setup(asked) => setup::setup(asked, service, output).await,
        ShareServerCommand::List { leases } => list::list(leases || verbose, service, output).await,
        ShareServerCommand::Show { server } => {
            let (server, unreadable) = service.all::<ShareServerRecord>().await.one(&server)?;
            let view = View::new(&server);
            answers::one(&view, &unreadable, output, || view.text())
        }
        ShareServerCommand::Teardown { server, security_service } => {
            let services = security_service::read(&security_service)?;
            let Placed { entry, record } =
                service.one::<ShareServerRecord>(&server, output).await?;
            let server = &record.share_server;
            check_settled(server)?;
            check_empty(server, &service.records(entry).await?).await?;
            let backend = service.ready(entry, output).await?;
            let work = Box::pin(backend.teardown_server(server, &services));
            output.wait("removing a share server", work).await?;
            answers::gone("deleted", &record, output)
        }
        ShareServerCommand::Release { server_id } => release(&server_id, service, output).await,
    }
}

/// The recorded share server that carries a share, which every call about the share is given.
///
/// # Errors
/// When the share has one that is not recorded.
pub async fn carrying(records: &Records, share: &Share) -> Result<Option<ShareServer>> {
    match &share.share_server_id {
        Some(id) => find(records, id).await.map(Some),
        None => Ok(None),
    }
}

/// The recorded share server of this id.
///
/// # Errors
/// When it is not recorded.
pub async fn find(records: &Records, id: &str) -> Result<ShareServer> {
    let servers = records.share_servers().await?.into_iter().map(|one| one.share_server);
    servers.into_iter().find(|server| server.id == id).ok_or_else(|| {
        Failure::refused(
            format!("the share server {id} carries it, and is not recorded"),
            "`abaca share-server list` shows which are",
        )
    })
}

/// Refuses a server that a call works on. One that died left another status.
fn check_settled(server: &ShareServer) -> Result<()> {
    if matches!(server.status, ShareServerStatus::Active | ShareServerStatus::Error) {
        return Ok(());
    }
    Err(Failure::refused(
        format!("the share server's status is {}: another call works on it", word(&server.status)),
        "wait until that has ended; `abaca share-server list` shows when",
    ))
}

/// Refuses a server that carries something, as upstream's API.
async fn check_empty(server: &ShareServer, records: &Records) -> Result<()> {
    let refused = |what: &str, name: Option<&str>, id: &str, remove: &str| {
        let name = name.unwrap_or_default();
        Err(Failure::refused(
            format!("the share server carries the {what} `{name}` ({id})"),
            format!("remove what it carries first: `{remove} {id}`"),
        ))
    };
    let shares = records.shares().await?.into_iter().map(|one| one.share);
    let mut carried =
        shares.into_iter().filter(|one| one.share_server_id.as_ref() == Some(&server.id));
    if let Some(share) = carried.next() {
        let name = share.display_name.as_deref();
        return refused("share", name, &share.share_id, "abaca share delete");
    }
    let groups = records.consistency_groups().await?.into_iter().map(|one| one.consistency_group);
    let mut carried =
        groups.into_iter().filter(|one| one.share_server_id.as_ref() == Some(&server.id));
    match carried.next() {
        Some(group) => {
            let name = group.name.as_deref();
            refused("consistency group", name, &group.id, "abaca consistency-group delete")
        }
        None => Ok(()),
    }
}

/// Ends the leases of a server that is not recorded.
async fn release(server_id: &str, service: &Service, output: Output) -> Result<()> {
    let entry = service.only()?;
    let backend = service.ready(entry, output).await?;
    let leases = backend.orphaned_leases().await?;
    let ended = leases.iter().filter(|lease| lease.server_id == server_id).count();
    if ended == 0 {
        return Err(Failure::refused(
            format!("no share server `{server_id}` that is not recorded has leases"),
            "`abaca share-server list --leases` shows which have; one that is recorded is removed \
             with `abaca share-server teardown`",
        ));
    }
    backend.deallocate_network(server_id).await?;
    output.answer(&json!({ "released": { "server_id": server_id, "leases": ended } }), || {
        format!("ended {ended} leases of the share server {}\n", plain(server_id))
    })
}
