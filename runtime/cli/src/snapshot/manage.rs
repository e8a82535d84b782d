//! `abaca snapshot manage` and `unmanage`: taking over a snapshot that is on the storage already,
//! and letting one go.

use abaca::types::{Snapshot, SnapshotStatus};

use super::{check_settled, new_snapshot, replicated, show};
use crate::answers;
use crate::cli::ManageSnapshot;
use crate::failure::{Failure, Result};
use crate::naming::{Named, Placed, check_keys, check_new_name};
use crate::output::Output;
use crate::recorded::{WholeShare, WholeSnapshot, again};
use crate::service::Service;
use crate::share::{check_alone, check_served};

/// Takes over a snapshot and shows it.
///
/// # Errors
/// What is refused, and what the service or the driver answers.
pub async fn manage(asked: ManageSnapshot, service: &Service, output: Output) -> Result<()> {
    check_new_name(&asked.name, &service.all::<WholeSnapshot>().await.all)?;
    check_keys("the option", &asked.option)?;
    let Placed { entry, record: whole } = service.one::<WholeShare>(&asked.share, output).await?;
    check_served(&whole)?;
    check_alone(&whole)?;
    check_new_location(&asked.location, &whole.snapshots(&service.records(entry).await?).await?)?;
    let share = whole.share();
    let snapshot = Snapshot {
        status: SnapshotStatus::Managing,
        size: 0,
        provider_location: Some(asked.location),
        ..new_snapshot(share, asked.name)
    };
    let backend = service.ready(entry, output).await?;
    let work = Box::pin(backend.manage_existing_snapshot(&snapshot, share, &asked.option));
    output.wait("taking over a snapshot", work).await?;
    show(&again(entry, backend.records(), &snapshot.snapshot_id).await?, output)
}

/// Two records of one snapshot would be removed one by one.
fn check_new_location(location: &str, snapshots: &[WholeSnapshot]) -> Result<()> {
    let is_there = |one: &&WholeSnapshot| {
        one.instances().any(|one| one.provider_location.as_deref() == Some(location))
    };
    let Some(holder) = snapshots.iter().find(is_there) else { return Ok(()) };
    let (name, id) = (holder.name().unwrap_or_default(), holder.id());
    let advice = match holder.status() {
        SnapshotStatus::ManageError => {
            format!("to try again, let go of it first: `abaca snapshot unmanage {id}`")
        }
        _ => format!("`abaca snapshot show {id}` shows it"),
    };
    Err(Failure::refused(format!("`{location}` is the snapshot `{name}` ({id}) already"), advice))
}

/// Lets go of a snapshot.
///
/// # Errors
/// What is refused, and what the service or the driver answers.
pub async fn unmanage(wanted: &str, service: &Service, output: Output) -> Result<()> {
    let Placed { entry, record } = service.one::<WholeSnapshot>(wanted, output).await?;
    let whole = replicated::share_of(&service.records(entry).await?, &record).await?;
    check_settled(&record, whole.is_some())?;
    if let Some(whole) = &whole {
        check_alone(whole)?;
    }
    let backend = service.ready(entry, output).await?;
    let work = Box::pin(backend.unmanage_snapshot(record.snapshot()));
    output.wait("letting go of a snapshot", work).await?;
    answers::gone("unmanaged", &record, output)
}
