//! `abaca migration`: moves a share to another pool, or to another backend of this configuration,
//! in two phases. The drivers move it; this command asks them, and lets the records follow. What
//! drivers leave to their service is copied: see `host`.
//!
//! ```text
//! start ─▶ migrating ─ progress, as often as wanted ─▶ complete ─▶ at its destination
//!              └────────────── cancel ─▶ as before
//! ```

mod destination;
mod follow;
mod host;

use abaca::types::{MigrationDestination, Share, ShareServer, ShareStatus};
use abaca::{Backend, MigrationRecord};
use serde::Serialize;
use serde_json::json;

use self::destination::There;
use crate::cli::{Destination, MigrationCommand};
use crate::failure::{Failure, Result};
use crate::naming::{Placed, is_meant};
use crate::output::{Output, facts, word};
use crate::recorded::{WholeShare, again};
use crate::service::Service;
use crate::share::{check_alone, check_idle, check_no_snapshots, show};
use crate::share_server::carrying;

/// What the command shows of a share that is being moved.
#[derive(Serialize)]
struct View<'a> {
    share_id: &'a str,
    name: Option<&'a str>,
    status: String,
    destination: &'a str,
    progress: Option<u8>,
}

/// Does what was asked.
///
/// # Errors
/// What the service or the drivers answer.
pub async fn run(command: MigrationCommand, service: &Service, output: Output) -> Result<()> {
    match command {
        MigrationCommand::Start { share, to, force_host_copy } => {
            start(&share, &to, force_host_copy, service, output).await
        }
        MigrationCommand::Progress { share } => progress(&share, service, output).await,
        MigrationCommand::Complete { share } => complete(&share, service, output).await,
        MigrationCommand::Cancel { share } => cancel(&share, service, output).await,
        MigrationCommand::Info { share, to } => info(&share, to.as_ref(), service, output).await,
    }
}

async fn start(
    wanted: &str,
    to: &Destination,
    force_host_copy: bool,
    service: &Service,
    output: Output,
) -> Result<()> {
    let Placed { entry, record: whole } = service.one::<WholeShare>(wanted, output).await?;
    if host::is_copied(&whole) {
        return host::again(entry, &whole, to, service, output).await;
    }
    check_idle(&whole)?;
    check_alone(&whole)?;
    let share = whole.share();
    if share.status != ShareStatus::Available {
        return Err(Failure::refused(
            format!(
                "the share's status is {}, and only an available one is moved",
                word(&share.status)
            ),
            format!("`abaca share show {}` says why it is", share.share_id),
        ));
    }
    let records = service.records(entry).await?;
    check_no_snapshots(&whole, &records).await?;
    let server = carrying(&records, share).await?;
    let here = service.ready(entry, output).await?;
    let there = There::of(to, &here, service, output).await?;
    there.check(share)?;
    let destination = there.destination(output).await?;
    if force_host_copy {
        return host::copy(entry, share, &here, &there, &destination, output).await;
    }
    let driver_info = driver_info(&there.backend, share, server.as_ref(), output).await?;
    let work = here.migration_start(share, server.as_ref(), &destination, &driver_info, false);
    let started = output.wait("beginning to move a share", Box::pin(work)).await?;
    if !started.moved {
        return host::copy(entry, share, &here, &there, &destination, output).await;
    }
    let now = again::<WholeShare>(entry, here.records(), &share.share_id).await?.record;
    tell(&now, &destination.host, None, output)
}

/// What the driver of a destination says to the one that the share is at.
async fn driver_info(
    there: &Backend,
    share: &Share,
    server: Option<&ShareServer>,
    output: Output,
) -> Result<Vec<(String, String)>> {
    let work = Box::pin(there.migration_get_driver_info(share, server));
    Ok(output.wait("asking the destination", work).await?)
}

fn tell(whole: &WholeShare, host: &str, progress: Option<u8>, output: Output) -> Result<()> {
    let share = whole.share();
    let view = View {
        share_id: &share.share_id,
        name: share.display_name.as_deref(),
        status: word(&share.status),
        destination: host,
        progress,
    };
    output.answer(&view, || {
        facts([
            ("name", view.name.unwrap_or_default().to_owned()),
            ("id", view.share_id.to_owned()),
            ("status", view.status.clone()),
            ("destination", view.destination.to_owned()),
            ("progress", progress.map(|percent| format!("{percent} %")).unwrap_or_default()),
        ])
    })
}

/// A share that is going or has gone, and where to.
async fn going<'a>(
    wanted: &str,
    service: &'a Service,
    output: Output,
) -> Result<(Placed<'a, WholeShare>, MigrationRecord)> {
    let mut found = service.all::<WholeShare>().await;
    // A share that has gone may be recorded at its destination already.
    let goes = |one: &Placed<'_, WholeShare>| {
        one.record.migration.is_some() && is_meant(wanted, &one.record)
    };
    if found.all.iter().any(goes) {
        found.all.retain(goes);
    }
    let (mut share, unreadable) = found.one(wanted)?;
    unreadable.warn(output);
    match share.record.migration.take() {
        Some(migration) => Ok((share, migration)),
        None => Err(not_moving(share.record.share())),
    }
}

fn not_moving(share: &Share) -> Failure {
    Failure::refused(
        "the share is not being moved",
        format!("`abaca migration start {} --to BACKEND#POOL` begins that", share.share_id),
    )
}

/// As [`going`], with its first phase under way.
async fn moving<'a>(
    wanted: &str,
    service: &'a Service,
    output: Output,
) -> Result<(Placed<'a, WholeShare>, MigrationRecord)> {
    let (share, migration) = going(wanted, service, output).await?;
    match share.record.share().status {
        ShareStatus::Migrating => Ok((share, migration)),
        _ => Err(not_moving(share.record.share())),
    }
}

async fn progress(wanted: &str, service: &Service, output: Output) -> Result<()> {
    let (Placed { entry, record: whole }, migration) = moving(wanted, service, output).await?;
    let share = whole.share();
    let server = carrying(&service.records(entry).await?, share).await?;
    let backend = service.ready(entry, output).await?;
    let info = &migration.driver_info;
    let work = Box::pin(backend.migration_get_progress(share, server.as_ref(), info));
    let percent = output.wait("asking how far a share is", work).await?;
    tell(&whole, &migration.destination.host, Some(percent), output)
}

async fn complete(wanted: &str, service: &Service, output: Output) -> Result<()> {
    let (Placed { entry, record: mut whole }, migration) = going(wanted, service, output).await?;
    let here = service.ready(entry, output).await?;
    if migration.copy.is_some() {
        return host::complete(whole.share(), &migration, &here, service, output).await;
    }
    let id = whole.share().share_id.clone();
    if whole.share().status != ShareStatus::Available {
        let (share, migration) = (whole.share(), &migration);
        if share.status != ShareStatus::Migrating {
            return Err(not_moving(share));
        }
        let server = carrying(here.records(), share).await?;
        let info = &migration.driver_info;
        let work = Box::pin(here.migration_complete(share, server.as_ref(), info));
        output.wait("switching over", work).await?;
        let now = again::<WholeShare>(entry, here.records(), &id).await?;
        if now.record.migration.is_none() {
            return show(&now, output);
        }
        whole = now.record;
    }
    // It is at another backend now, and its record follows. What fails here is done again by the
    // same command.
    let there = service.ready(follow::entry(&migration.destination, service)?, output).await?;
    let work = Box::pin(follow::follow(whole.share(), &migration.destination, &here, &there));
    output.wait("recording a share where it is now", work).await?;
    let entry = service.entry(there.name())?;
    show(&again(entry, there.records(), &id).await?, output)
}

async fn cancel(wanted: &str, service: &Service, output: Output) -> Result<()> {
    let (Placed { entry, record: whole }, migration) = moving(wanted, service, output).await?;
    let share = whole.share();
    let server = carrying(&service.records(entry).await?, share).await?;
    let backend = service.ready(entry, output).await?;
    if migration.copy.is_some() {
        host::cancel(share, &migration, &backend, service, output).await?;
        return show(&again(entry, backend.records(), &share.share_id).await?, output);
    }
    let info = &migration.driver_info;
    let work = Box::pin(backend.migration_cancel(share, server.as_ref(), info));
    output.wait("giving up moving a share", work).await?;
    show(&again(entry, backend.records(), &share.share_id).await?, output)
}

async fn info(
    wanted: &str,
    to: Option<&Destination>,
    service: &Service,
    output: Output,
) -> Result<()> {
    let Placed { entry, record: whole } = service.one::<WholeShare>(wanted, output).await?;
    let share = whole.share();
    let server = carrying(&service.records(entry).await?, share).await?;
    let here = service.ready(entry, output).await?;
    let work = Box::pin(here.migration_get_info(share, server.as_ref()));
    let commands = output.wait("asking how to mount a share", work).await?;
    let told = match (to, &whole.migration) {
        (Some(to), _) => {
            let there = There::of(to, &here, service, output).await?;
            let destination = there.destination(output).await?;
            let info = driver_info(&there.backend, share, server.as_ref(), output).await?;
            Some((destination, info))
        }
        (None, Some(going)) => Some((going.destination.clone(), going.driver_info.clone())),
        (None, None) => None,
    };
    let (destination, info): (Option<MigrationDestination>, _) = told.unzip();
    let pairs = info.map(|info| {
        info.into_iter().map(|(key, value)| (key, value.into())).collect::<serde_json::Map<_, _>>()
    });
    let host = destination.map(|one| one.host);
    let document = json!({
        "share_id": share.share_id,
        "mount": commands.mount,
        "unmount": commands.unmount,
        "destination": host,
        "driver_info": pairs,
    });
    output.answer(&document, || {
        let pair = |(key, value): (String, serde_json::Value)| {
            format!("{key}={}", value.as_str().unwrap_or_default())
        };
        let pairs: Vec<_> = pairs.into_iter().flatten().map(pair).collect();
        facts([
            ("id", share.share_id.clone()),
            ("mount", commands.mount.join(" ")),
            ("unmount", commands.unmount.join(" ")),
            ("destination", host.unwrap_or_default()),
            ("its driver says", pairs.join("  ")),
        ])
    })
}
