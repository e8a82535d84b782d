//! `abaca consistency-group`: makes, shows and removes groups of shares whose snapshots are taken
//! at one point in time. The members are the shares that name the group; the snapshots are
//! `cgsnapshot`'s.

mod create;
mod view;

use abaca::types::{ConsistencyGroup, ConsistencyGroupStatus, Share};
use abaca::{ConsistencyGroupRecord, Records};

use self::view::View;
use crate::answers;
use crate::cli::ConsistencyGroupCommand;
use crate::failure::{Failure, Result};
use crate::found::Found;
use crate::naming::Placed;
use crate::output::{Output, notes, table, word};
use crate::recorded::{Recorded, WholeShare};
use crate::service::Service;

/// Does what was asked.
///
/// # Errors
/// What the service or the driver answers.
pub async fn run(
    command: ConsistencyGroupCommand,
    service: &Service,
    output: Output,
) -> Result<()> {
    match command {
        ConsistencyGroupCommand::Create(asked) => create::create(asked, service, output).await,
        ConsistencyGroupCommand::List => list(service, output).await,
        ConsistencyGroupCommand::Show { group } => {
            let (group, unreadable) = service.all::<ConsistencyGroupRecord>().await.one(&group)?;
            let records = service.records(group.entry).await?;
            let view = View::new(&group, &members(&records, &group.record).await?);
            answers::one(&view, &unreadable, output, || view.text())
        }
        ConsistencyGroupCommand::Delete { group } => delete(&group, service, output).await,
    }
}

/// The shares that are members of a group.
///
/// # Errors
/// When the records cannot be read.
pub async fn members(
    records: &Records,
    group: &ConsistencyGroupRecord,
) -> abaca::Result<Vec<WholeShare>> {
    let id = Some(&group.consistency_group.id);
    let mut shares = WholeShare::all(records).await?;
    shares.retain(|one| one.share().consistency_group_id.as_ref() == id);
    Ok(shares)
}

/// The group as a driver is told of it: with the members that it has now.
pub fn with_members(group: &ConsistencyGroupRecord, members: &[WholeShare]) -> ConsistencyGroup {
    let shares: Vec<Share> = members.iter().map(|one| one.share().clone()).collect();
    ConsistencyGroup { shares, ..group.consistency_group.clone() }
}

/// Refuses what a call works on. One that died left another status.
///
/// # Errors
/// When the status is one of those that hold during a call.
pub fn check_settled(noun: &str, status: ConsistencyGroupStatus) -> Result<()> {
    use ConsistencyGroupStatus as S;
    if !matches!(status, S::Creating | S::Deleting) {
        return Ok(());
    }
    Err(Failure::refused(
        format!("the {noun}'s status is {}: another call works on it", word(&status)),
        "wait until that has ended; its `list` shows when",
    ))
}

async fn list(service: &Service, output: Output) -> Result<()> {
    let Found { all, unreadable } = service.all::<ConsistencyGroupRecord>().await;
    let mut views = Vec::new();
    for group in &all {
        let records = service.records(group.entry).await?;
        views.push(View::new(group, &members(&records, &group.record).await?));
    }
    answers::list::<ConsistencyGroupRecord, _>(&views, unreadable, output, || {
        let headers = ["name", "id", "backend", "status", "members"];
        let notes = notes(views.iter().map(|view| (&view.id, &view.message)));
        table(headers, views.iter().map(View::row)) + &notes
    })
}

async fn delete(wanted: &str, service: &Service, output: Output) -> Result<()> {
    let Placed { entry, record } = service.one::<ConsistencyGroupRecord>(wanted, output).await?;
    let id = &record.consistency_group.id;
    check_settled("consistency group", record.consistency_group.status)?;
    let records = service.records(entry).await?;
    let members = members(&records, &record).await?;
    if let Some(member) = members.first().map(WholeShare::share) {
        let name = member.display_name.as_deref().unwrap_or_default();
        return Err(Failure::refused(
            format!("the consistency group has members: {}, first `{name}`", members.len()),
            format!("remove them first: `abaca share delete {}`", member.share_id),
        ));
    }
    let taken = records.cgsnapshots().await?.into_iter().map(|one| one.cgsnapshot);
    if let Some(cgsnapshot) = taken.into_iter().find(|one| one.consistency_group_id == *id) {
        let name = cgsnapshot.name.as_deref().unwrap_or_default();
        return Err(Failure::refused(
            format!("the consistency group has the cgsnapshot `{name}` ({})", cgsnapshot.id),
            format!("remove it first: `abaca cgsnapshot delete {}`", cgsnapshot.id),
        ));
    }
    let group = with_members(&record, &members);
    let server = match &group.share_server_id {
        Some(id) => Some(crate::share_server::find(&records, id).await?),
        None => None,
    };
    let backend = service.ready(entry, output).await?;
    let work = Box::pin(backend.delete_consistency_group(&group, server.as_ref()));
    output.wait("removing a consistency group", work).await?;
    answers::gone("deleted", &record, output)
}
