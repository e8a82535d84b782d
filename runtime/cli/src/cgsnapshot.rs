//! `abaca cgsnapshot`: takes, shows and removes snapshots of whole consistency groups. Groups are
//! made from them in `consistency_group`.

use abaca::types::{
    Cgsnapshot, CgsnapshotMember, ConsistencyGroupStatus, ShareServer, SnapshotStatus,
};
use abaca::{CgsnapshotRecord, ConsistencyGroupRecord, Records};
use serde::Serialize;

use crate::answers;
use crate::cli::CgsnapshotCommand;
use crate::consistency_group::{check_settled, members};
use crate::failure::{Failure, Result};
use crate::found::Found;
use crate::naming::{Placed, check_new_name};
use crate::output::{Output, facts, notes, table, word};
use crate::recorded::{WholeShare, again};
use crate::service::Service;
use crate::share::check_served;
use crate::share_server;

/// What the command shows of a cgsnapshot, in this order.
#[derive(Debug, Serialize)]
struct View {
    id: String,
    name: Option<String>,
    consistency_group_id: String,
    backend: String,
    status: String,
    members: Vec<Member>,
    message: Option<String>,
}

/// What is kept of one share.
#[derive(Debug, Serialize)]
struct Member {
    id: String,
    share_id: String,
    share_name: Option<String>,
    size_gib: u64,
    provider_location: Option<String>,
}

/// Does what was asked.
///
/// # Errors
/// What the service or the driver answers.
pub async fn run(command: CgsnapshotCommand, service: &Service, output: Output) -> Result<()> {
    match command {
        CgsnapshotCommand::Create { group, name } => create(&group, name, service, output).await,
        CgsnapshotCommand::List => list(service, output).await,
        CgsnapshotCommand::Show { cgsnapshot } => {
            let (taken, unreadable) = service.all::<CgsnapshotRecord>().await.one(&cgsnapshot)?;
            let view = View::new(&taken);
            answers::one(&view, &unreadable, output, || view.text())
        }
        CgsnapshotCommand::Delete { cgsnapshot } => delete(&cgsnapshot, service, output).await,
    }
}

async fn create(wanted: &str, name: String, service: &Service, output: Output) -> Result<()> {
    // Of what cannot be read, the search for the group warns.
    check_new_name(&name, &service.all::<CgsnapshotRecord>().await.all)?;
    let Placed { entry, record } = service.one::<ConsistencyGroupRecord>(wanted, output).await?;
    let group = &record.consistency_group;
    if group.status != ConsistencyGroupStatus::Available {
        return Err(Failure::refused(
            format!(
                "the consistency group's status is {}, and this needs available",
                word(&group.status)
            ),
            format!("`abaca consistency-group show {}` says why it is", group.id),
        ));
    }
    let records = service.records(entry).await?;
    let members = members(&records, &record).await?;
    for member in &members {
        check_served(member)?;
    }
    let cgsnapshot = Cgsnapshot {
        id: uuid::Uuid::new_v4().to_string(),
        consistency_group_id: group.id.clone(),
        name: Some(name),
        description: None,
        project_id: group.project_id.clone(),
        status: ConsistencyGroupStatus::Creating,
        members: members.iter().map(member).collect(),
    };
    let server = carrying(&records, &group.id).await?;
    let backend = service.ready(entry, output).await?;
    let work = Box::pin(backend.create_cgsnapshot(&cgsnapshot, server.as_ref()));
    output.wait("taking a cgsnapshot", work).await?;
    let view = View::new(&again(entry, backend.records(), &cgsnapshot.id).await?);
    output.answer(&view, || view.text())
}

/// What shall be kept of a share.
fn member(whole: &WholeShare) -> CgsnapshotMember {
    let share = whole.share();
    CgsnapshotMember {
        id: uuid::Uuid::new_v4().to_string(),
        share: share.clone(),
        size: share.size,
        protocol: share.protocol,
        status: SnapshotStatus::Creating,
        provider_location: None,
    }
}

/// The share server that carries a group, if it is still recorded.
async fn carrying(records: &Records, group_id: &str) -> Result<Option<ShareServer>> {
    let groups = records.consistency_groups().await?.into_iter().map(|one| one.consistency_group);
    let group = groups.into_iter().find(|group| group.id == group_id);
    match group.and_then(|group| group.share_server_id) {
        Some(id) => share_server::find(records, &id).await.map(Some),
        None => Ok(None),
    }
}

async fn list(service: &Service, output: Output) -> Result<()> {
    let Found { all, unreadable } = service.all::<CgsnapshotRecord>().await;
    let views: Vec<_> = all.iter().map(View::new).collect();
    answers::list::<CgsnapshotRecord, _>(&views, unreadable, output, || {
        let headers = ["name", "id", "consistency group", "backend", "status", "members"];
        let notes = notes(views.iter().map(|view| (&view.id, &view.message)));
        table(headers, views.iter().map(View::row)) + &notes
    })
}

async fn delete(wanted: &str, service: &Service, output: Output) -> Result<()> {
    let Placed { entry, record } = service.one::<CgsnapshotRecord>(wanted, output).await?;
    let cgsnapshot = &record.cgsnapshot;
    check_settled("cgsnapshot", cgsnapshot.status)?;
    let server = carrying(&service.records(entry).await?, &cgsnapshot.consistency_group_id).await?;
    let backend = service.ready(entry, output).await?;
    let work = Box::pin(backend.delete_cgsnapshot(cgsnapshot, server.as_ref()));
    output.wait("removing a cgsnapshot", work).await?;
    answers::gone("deleted", &record, output)
}

impl View {
    fn new(placed: &Placed<'_, CgsnapshotRecord>) -> Self {
        let CgsnapshotRecord { cgsnapshot, message } = &placed.record;
        let members = cgsnapshot.members.iter().map(|one| Member {
            id: one.id.clone(),
            share_id: one.share.share_id.clone(),
            share_name: one.share.display_name.clone(),
            size_gib: one.size,
            provider_location: one.provider_location.clone(),
        });
        Self {
            id: cgsnapshot.id.clone(),
            name: cgsnapshot.name.clone(),
            consistency_group_id: cgsnapshot.consistency_group_id.clone(),
            backend: placed.entry.name.clone(),
            status: word(&cgsnapshot.status),
            members: members.collect(),
            message: message.clone(),
        }
    }

    /// Its line in a list.
    fn row(&self) -> [String; 6] {
        let name = self.name.clone().unwrap_or_default();
        let (group, backend) = (self.consistency_group_id.clone(), self.backend.clone());
        let members = self.members.len().to_string();
        [name, self.id.clone(), group, backend, self.status.clone(), members]
    }

    fn text(&self) -> String {
        let or_nothing = |value: &Option<String>| value.clone().unwrap_or_default();
        let name = |one: &Member| one.share_name.clone().unwrap_or_else(|| one.share_id.clone());
        facts([
            ("name", or_nothing(&self.name)),
            ("id", self.id.clone()),
            ("consistency group", self.consistency_group_id.clone()),
            ("backend", self.backend.clone()),
            ("status", self.status.clone()),
            ("message", or_nothing(&self.message)),
            ("members", self.members.iter().map(name).collect::<Vec<_>>().join("  ")),
        ])
    }
}
