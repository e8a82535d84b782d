//! `abaca consistency-group create`: a new group, empty or with a copy of each member of a
//! cgsnapshot, as the service asks a driver for it.

use abaca::configuration::BackendEntry;
use abaca::types::{Cgsnapshot, CgsnapshotMember, ConsistencyGroup, ConsistencyGroupStatus, Share};
use abaca::{Backend, CgsnapshotRecord, ConsistencyGroupRecord, ShareServerRecord};

use super::members;
use super::view::View;
use crate::cli::CreateConsistencyGroup;
use crate::failure::{Failure, Result};
use crate::naming::{Placed, check_new_name};
use crate::output::{Output, word};
use crate::recorded::{WholeShare, again};
use crate::service::{Service, host};
use crate::share::new_share;
use crate::share_server::choice::{Wish, for_group};

/// Makes the group and shows it.
///
/// # Errors
/// What is refused, and what the service or the driver answers.
pub async fn create(
    asked: CreateConsistencyGroup,
    service: &Service,
    output: Output,
) -> Result<()> {
    let others = service.all::<ConsistencyGroupRecord>().await;
    others.unreadable.warn(output);
    check_new_name(&asked.name, &others.all)?;
    let source = match &asked.from_cgsnapshot {
        Some(wanted) => Some(service.one::<CgsnapshotRecord>(wanted, output).await?),
        None => None,
    };
    let server = match &asked.share_server {
        Some(wanted) => Some(service.one::<ShareServerRecord>(wanted, output).await?),
        None => None,
    };
    let entry = entry(source.as_ref(), server.as_ref(), service)?;
    let source = source.map(|source| source.record.cgsnapshot);
    check_source(source.as_ref())?;
    let backend = service.ready(entry, output).await?;
    let wish = Wish {
        network: asked.share_network,
        server: server.map(|server| server.record.share_server),
    };
    let mut group = ConsistencyGroup {
        id: uuid::Uuid::new_v4().to_string(),
        name: Some(asked.name),
        description: None,
        project_id: String::new(),
        host: host(backend.name())?,
        status: ConsistencyGroupStatus::Creating,
        source_cgsnapshot_id: source.as_ref().map(|source| source.id.clone()),
        share_network_id: None,
        share_server_id: None,
        share_type_ids: Vec::new(),
        shares: Vec::new(),
    };
    // Before a server is set up for what is refused then.
    let copies = copies(&group, source.as_ref(), &backend)?;
    let shares = service.all::<WholeShare>().await.all;
    for copy in &copies {
        check_new_name(copy.display_name.as_deref().unwrap_or_default(), &shares)?;
    }
    let server = for_group(&backend, &mut group, wish, source.as_ref(), output).await?;
    group.shares = copies.into_iter().map(|copy| beside(copy, &group)).collect();
    let work = async {
        match &source {
            Some(source) => backend
                .create_consistency_group_from_cgsnapshot(&group, source, server.as_ref())
                .await
                .map(drop),
            None => backend.create_consistency_group(&group, server.as_ref()).await,
        }
    };
    output.wait("making a consistency group", Box::pin(work)).await?;
    let placed = again(entry, backend.records(), &group.id).await?;
    let view = View::new(&placed, &members(backend.records(), &placed.record).await?);
    output.answer(&view, || view.text())
}

/// The backend in which the cgsnapshot and the server are; without them the only one.
fn entry<'a>(
    source: Option<&Placed<'a, CgsnapshotRecord>>,
    server: Option<&Placed<'a, ShareServerRecord>>,
    service: &'a Service,
) -> Result<&'a BackendEntry> {
    match (source.map(|one| one.entry), server.map(|one| one.entry)) {
        (Some(source), Some(server)) if source.name != server.name => Err(Failure::refused(
            format!(
                "the cgsnapshot is in the backend `{}`, and the share server in `{}`",
                source.name, server.name
            ),
            "name a share server of the cgsnapshot's backend, or none",
        )),
        (Some(entry), _) | (None, Some(entry)) => Ok(entry),
        (None, None) => service.only(),
    }
}

fn check_source(source: Option<&Cgsnapshot>) -> Result<()> {
    match source {
        Some(source) if source.status != ConsistencyGroupStatus::Available => {
            Err(Failure::refused(
                format!(
                    "the cgsnapshot's status is {}, and a group is made from one that is available",
                    word(&source.status)
                ),
                "`abaca cgsnapshot list` shows which are",
            ))
        }
        _ => Ok(()),
    }
}

/// The members of a new group, each a copy of a member of the cgsnapshot under a name of its own.
fn copies(
    group: &ConsistencyGroup,
    source: Option<&Cgsnapshot>,
    backend: &Backend,
) -> Result<Vec<Share>> {
    let copy = |member: &CgsnapshotMember| {
        let of = member.share.display_name.as_ref().unwrap_or(&member.share.share_id);
        let name = format!("{}-{of}", group.name.as_deref().unwrap_or_default());
        Ok(Share {
            size: member.size,
            source_cgsnapshot_member_id: Some(member.id.clone()),
            ..new_share(backend, name, member.protocol)?
        })
    };
    source.into_iter().flat_map(|source| &source.members).map(copy).collect()
}

/// A member where its group lies.
fn beside(share: Share, group: &ConsistencyGroup) -> Share {
    Share {
        consistency_group_id: Some(group.id.clone()),
        share_network_id: group.share_network_id.clone(),
        share_server_id: group.share_server_id.clone(),
        ..share
    }
}
