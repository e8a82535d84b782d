//! `abaca snapshot`: takes, takes over, lists and removes snapshots. Of a share that has replicas
//! there is an instance on each, which is `replicated`'s business; to its user it is one snapshot,
//! as in upstream's API. Shares are made from them in `share`.

mod manage;
pub mod replicated;
mod view;

use abaca::types::{Share, Snapshot, SnapshotStatus};

use self::view::View;
use crate::answers;
use crate::cli::SnapshotCommand;
use crate::failure::{Failure, Result};
use crate::found::Found;
use crate::naming::{Placed, check_new_name};
use crate::output::{Output, notes, table, word};
use crate::recorded::{Recorded, WholeShare, WholeSnapshot, again};
use crate::service::Service;
use crate::share::{check_served, now};
use crate::share_server::carrying;

/// Does what was asked.
///
/// # Errors
/// What the service or the driver answers.
pub async fn run(command: SnapshotCommand, service: &Service, output: Output) -> Result<()> {
    match command {
        SnapshotCommand::Create { share, name } => create(&share, name, service, output).await,
        SnapshotCommand::Manage(asked) => manage::manage(asked, service, output).await,
        SnapshotCommand::Unmanage { snapshot } => {
            manage::unmanage(&snapshot, service, output).await
        }
        SnapshotCommand::List { share } => list(share.as_deref(), service, output).await,
        SnapshotCommand::Show { snapshot } => {
            let (snapshot, unreadable) = service.all::<WholeSnapshot>().await.one(&snapshot)?;
            let view = View::new(&snapshot);
            answers::one(&view, &unreadable, output, || view.text())
        }
        SnapshotCommand::Update { snapshot } => update(snapshot.as_deref(), service, output).await,
        SnapshotCommand::Delete { snapshot } => delete(&snapshot, service, output).await,
    }
}

async fn create(wanted: &str, name: String, service: &Service, output: Output) -> Result<()> {
    // Of what cannot be read, the search for the share warns.
    check_new_name(&name, &service.all::<WholeSnapshot>().await.all)?;
    let Placed { entry, record: whole } = service.one::<WholeShare>(wanted, output).await?;
    check_served(&whole)?;
    let share = whole.share();
    let snapshot = new_snapshot(share, name);
    let server = carrying(&service.records(entry).await?, share).await?;
    let backend = service.ready(entry, output).await?;
    let work = async {
        match whole.others.is_empty() {
            true => Ok(backend.create_snapshot(&snapshot, server.as_ref()).await?),
            false => replicated::create(&backend, &whole, &snapshot).await,
        }
    };
    output.wait("taking a snapshot", Box::pin(work)).await?;
    show(&again(entry, backend.records(), &snapshot.snapshot_id).await?, output)
}

/// Shows what is recorded after a call.
fn show(snapshot: &Placed<'_, WholeSnapshot>, output: Output) -> Result<()> {
    let view = View::new(snapshot);
    output.answer(&view, || view.text())
}

/// The snapshot as the service asks for it.
fn new_snapshot(share: &Share, name: String) -> Snapshot {
    let id = uuid::Uuid::new_v4().to_string();
    Snapshot {
        snapshot_id: id.clone(),
        name: instance_name(&id),
        id,
        share_instance_id: share.id.clone(),
        share_id: share.share_id.clone(),
        share_name: share.name.clone(),
        size: share.size,
        protocol: share.protocol,
        status: SnapshotStatus::Creating,
        provider_location: None,
        display_name: Some(name),
        project_id: share.project_id.clone(),
        created_at: Some(now()),
    }
}

/// The name to use on the back end, as upstream's `share_snapshot_name_template`.
fn instance_name(id: &str) -> String {
    format!("share-snapshot-{id}")
}

async fn list(of: Option<&str>, service: &Service, output: Output) -> Result<()> {
    let Found { all, unreadable } = match of {
        Some(wanted) => of_share(wanted, service, output).await?,
        None => service.all().await,
    };
    let views: Vec<_> = all.iter().map(View::new).collect();
    answers::list::<WholeSnapshot, _>(&views, unreadable, output, || text(&views))
}

fn text(views: &[View]) -> String {
    let headers = ["name", "id", "share", "status", "size", "created"];
    table(headers, views.iter().map(View::row))
        + &notes(views.iter().map(|view| (&view.id, &view.message)))
}

/// The snapshots of one share. Its backend has them all.
async fn of_share<'a>(
    wanted: &str,
    service: &'a Service,
    output: Output,
) -> Result<Found<'a, WholeSnapshot>> {
    let Placed { entry, record } = service.one::<WholeShare>(wanted, output).await?;
    let snapshots = record.snapshots(&service.records(entry).await?).await?;
    let mut found = Found::new();
    found.add(entry, Ok(snapshots));
    Ok(found)
}

/// Asks what has become of one snapshot, or of all whose share has replicas.
async fn update(wanted: Option<&str>, service: &Service, output: Output) -> Result<()> {
    let Found { all, unreadable } = match wanted {
        Some(wanted) => {
            let (one, unreadable) = service.all::<WholeSnapshot>().await.one(wanted)?;
            Found { all: vec![one], unreadable }
        }
        None => service.all().await,
    };
    let (mut views, mut failures) = (Vec::new(), Vec::new());
    for Placed { entry, record } in &all {
        let records = service.records(entry).await?;
        let Some(whole) = replicated::share_of(&records, record).await? else { continue };
        let id = record.snapshot().snapshot_id.clone();
        let backend = service.ready(entry, output).await?;
        let work = Box::pin(replicated::update(&backend, &whole, record));
        failures.extend(output.wait("asking after a snapshot", work).await.err());
        let left = WholeSnapshot::all(backend.records()).await?;
        let left = left.into_iter().find(|one| one.snapshot().snapshot_id == id);
        views.extend(left.map(|record| View::new(&Placed { entry, record })));
    }
    answers::updated::<WholeSnapshot, _>(&views, failures, unreadable, output, || text(&views))
}

async fn delete(wanted: &str, service: &Service, output: Output) -> Result<()> {
    let Placed { entry, record } = service.one::<WholeSnapshot>(wanted, output).await?;
    let records = service.records(entry).await?;
    let replicated = replicated::share_of(&records, &record).await?;
    check_settled(&record, replicated.is_some())?;
    let snapshot = record.snapshot();
    let server = match records.share(&snapshot.share_instance_id).await? {
        Some(source) => carrying(&records, &source.share).await?,
        None => None,
    };
    let backend = service.ready(entry, output).await?;
    let work = async {
        match &replicated {
            Some(whole) if !whole.others.is_empty() => {
                replicated::delete(&backend, whole, &record).await
            }
            _ => Ok(backend.delete_snapshot(snapshot, server.as_ref()).await?),
        }
    };
    output.wait("removing a snapshot", Box::pin(work)).await?;
    let left = WholeSnapshot::all(backend.records()).await?;
    match left.into_iter().find(|one| one.snapshot().snapshot_id == snapshot.snapshot_id) {
        // Replicas may follow later.
        Some(record) => show(&Placed { entry, record }, output),
        None => answers::gone("deleted", &record, output),
    }
}

/// Refuses a snapshot that a call works on. One that died left another status; instances on
/// replicas are asked after.
fn check_settled(whole: &WholeSnapshot, is_replicated: bool) -> Result<()> {
    let status = whole.status();
    if !matches!(
        status,
        SnapshotStatus::Creating
            | SnapshotStatus::Deleting
            | SnapshotStatus::Managing
            | SnapshotStatus::Unmanaging
    ) {
        return Ok(());
    }
    let status = word(&status);
    let id = &whole.snapshot().snapshot_id;
    Err(match is_replicated {
        true => Failure::refused(
            format!("the snapshot's status is {status} on a replica of its share"),
            format!("`abaca snapshot update {id}` asks the driver what has become of it"),
        ),
        false => Failure::refused(
            format!("the snapshot's status is {status}: another call works on it"),
            "wait until that has ended; `abaca snapshot list` shows when",
        ),
    })
}
