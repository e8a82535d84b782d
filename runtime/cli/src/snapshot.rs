//! `abaca snapshot`: takes, lists and removes snapshots. Shares are made from them in `share`.

use std::time::{SystemTime, UNIX_EPOCH};

use abaca::SnapshotRecord;
use abaca::types::{Share, Snapshot, SnapshotStatus};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::SnapshotCommand;
use crate::failure::{Failure, Result};
use crate::found::Found;
use crate::naming::{Placed, check_new_name};
use crate::output::{Output, facts, notes, plain, table, time, word};
use crate::service::Service;
use crate::share::check_served;

/// What the command shows of a snapshot.
#[derive(Debug, Serialize)]
struct View {
    id: String,
    name: Option<String>,
    share_id: String,
    backend: String,
    status: String,
    size_gib: u64,
    protocol: String,
    created_at: Option<String>,
    message: Option<String>,
}

/// The answer to `list`.
#[derive(Serialize)]
struct List<'a> {
    snapshots: &'a [View],
    unreadable: Vec<Value>,
}

/// Does what was asked.
///
/// # Errors
/// What the service or the driver answers.
pub async fn run(command: SnapshotCommand, service: &Service, output: Output) -> Result<()> {
    match command {
        SnapshotCommand::Create { share, name } => create(&share, name, service, output).await,
        SnapshotCommand::List { share } => list(share.as_deref(), service, output).await,
        SnapshotCommand::Delete { snapshot } => delete(&snapshot, service, output).await,
    }
}

async fn create(wanted: &str, name: String, service: &Service, output: Output) -> Result<()> {
    // Of what cannot be read, the search for the share warns.
    check_new_name(&name, &service.snapshots().await.all)?;
    let Placed { entry, record } = service.share(wanted, output).await?;
    check_served(&record.share)?;
    let snapshot = new_snapshot(&record.share, name);
    let backend = service.ready(entry, output).await?;
    let work = Box::pin(backend.create_snapshot(&snapshot, None));
    output.wait("taking a snapshot", work).await?;
    let taken = backend.records().snapshots().await?;
    match taken.into_iter().find(|one| one.snapshot.id == snapshot.id) {
        Some(record) => {
            let view = View::new(&Placed { entry, record });
            output.answer(&view, || view.text())
        }
        None => {
            let gone =
                anyhow::anyhow!("the snapshot {} was taken, and its record is gone", snapshot.id);
            Err(gone.into())
        }
    }
}

/// The snapshot as the service asks for it.
fn new_snapshot(share: &Share, name: String) -> Snapshot {
    let id = uuid::Uuid::new_v4().to_string();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Snapshot {
        snapshot_id: id.clone(),
        name: format!("share-snapshot-{id}"),
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
        created_at: Some(now),
    }
}

async fn list(of: Option<&str>, service: &Service, output: Output) -> Result<()> {
    let Found { all, unreadable } = match of {
        Some(wanted) => of_share(wanted, service, output).await?,
        None => service.snapshots().await,
    };
    let views: Vec<_> = all.iter().map(View::new).collect();
    let document = List { snapshots: &views, unreadable: unreadable.documents() };
    output.answer(&document, || {
        if views.is_empty() {
            return format!("no snapshots{}\n", unreadable.reservation());
        }
        let rows = views.iter().map(|view| {
            let name = view.name.clone().unwrap_or_default();
            let created = view.created_at.clone().unwrap_or_default();
            let size = format!("{} GiB", view.size_gib);
            [name, view.id.clone(), view.share_id.clone(), view.status.clone(), size, created]
        });
        table(["name", "id", "share", "status", "size", "created"], rows)
            + &notes(views.iter().map(|view| (&view.id, &view.message)))
    })?;
    unreadable.into_outcome(output)
}

/// The snapshots of one share. Its backend has them all.
async fn of_share<'a>(
    wanted: &str,
    service: &'a Service,
    output: Output,
) -> Result<Found<'a, SnapshotRecord>> {
    let Placed { entry, record } = service.share(wanted, output).await?;
    let mut snapshots = service.records(entry).await?.snapshots().await?;
    snapshots.retain(|one| one.snapshot.share_instance_id == record.share.id);
    let mut found = Found::new();
    found.add(entry, Ok(snapshots));
    Ok(found)
}

async fn delete(wanted: &str, service: &Service, output: Output) -> Result<()> {
    let Placed { entry, record: SnapshotRecord { snapshot, .. } } =
        service.snapshot(wanted, output).await?;
    if matches!(snapshot.status, SnapshotStatus::Creating | SnapshotStatus::Deleting) {
        return Err(Failure::refused(
            format!(
                "the snapshot's status is {}: another call works on it",
                word(&snapshot.status)
            ),
            "wait until that has ended; `abaca snapshot list` shows when",
        ));
    }
    let backend = service.ready(entry, output).await?;
    let work = Box::pin(backend.delete_snapshot(&snapshot, None));
    output.wait("removing a snapshot", work).await?;
    let name = snapshot.display_name.unwrap_or_default();
    output.answer(&json!({ "deleted": { "id": snapshot.id, "name": name } }), || {
        format!("deleted the snapshot {} ({})\n", plain(&name), snapshot.id)
    })
}

impl View {
    fn new(placed: &Placed<'_, SnapshotRecord>) -> Self {
        let SnapshotRecord { snapshot, message } = &placed.record;
        Self {
            id: snapshot.id.clone(),
            name: snapshot.display_name.clone(),
            share_id: snapshot.share_instance_id.clone(),
            backend: placed.entry.name.clone(),
            status: word(&snapshot.status),
            size_gib: snapshot.size,
            protocol: word(&snapshot.protocol),
            created_at: snapshot.created_at.map(time),
            message: message.clone(),
        }
    }

    fn text(&self) -> String {
        let or_nothing = |value: &Option<String>| value.clone().unwrap_or_default();
        facts([
            ("name", or_nothing(&self.name)),
            ("id", self.id.clone()),
            ("share", self.share_id.clone()),
            ("backend", self.backend.clone()),
            ("status", self.status.clone()),
            ("message", or_nothing(&self.message)),
            ("size", format!("{} GiB", self.size_gib)),
            ("created", or_nothing(&self.created_at)),
        ])
    }
}
