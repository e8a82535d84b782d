//! What the drivers do not move is copied by the library, into a new instance of the share in
//! another backend. This file chooses that instance, shows how far it is, and switches over.

use std::io::IsTerminal;

use abaca::configuration::BackendEntry;
use abaca::types::{MigrationDestination, Share};
use abaca::{Backend, Error, MigrationRecord};
use indicatif::{ProgressBar, ProgressStyle};

use super::destination::There;
use super::{follow, tell};
use crate::cli::Destination;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::recorded::{WholeShare, again as recorded_again};
use crate::service::{Service, host};
use crate::share::{another_instance, instance_of, show};

/// Whether a share is being copied.
pub fn is_copied(whole: &WholeShare) -> bool {
    whole.migration.as_ref().is_some_and(|going| going.copy.is_some())
}

/// Copies a share to where it was never on its way to.
///
/// # Errors
/// When it cannot be copied, which says how a service can; what the library answers.
pub async fn copy(
    entry: &BackendEntry,
    share: &Share,
    here: &Backend,
    there: &There,
    destination: &MigrationDestination,
    output: Output,
) -> Result<()> {
    if there.is_here {
        return Err(Failure::refused(
            format!("the drivers do not move the share to {}", destination.host),
            "a share is copied to another backend only; choose one that `abaca backend list` shows",
        ));
    }
    let arriving = Share {
        host: host(there.backend.name())?,
        pool: Some(there.pool.clone()),
        ..another_instance(share)
    };
    go(entry, share, here, &there.backend, destination, &arriving, output).await
}

/// Goes on with a copy that was cut short.
///
/// # Errors
/// As [`copy`]; when it was on its way to somewhere else.
pub async fn again(
    entry: &BackendEntry,
    whole: &WholeShare,
    to: &Destination,
    service: &Service,
    output: Output,
) -> Result<()> {
    let share = whole.share();
    let going = whole.migration.as_ref().and_then(|going| Some((going, going.copy.as_ref()?)));
    let Some((going, copy)) = going else { return Err(super::not_moving(share)) };
    let host = &going.destination.host;
    if !host.ends_with(&format!("@{}#{}", to.backend, to.pool)) {
        return Err(Failure::refused(
            format!("the share is on its way to {host}"),
            format!("end that first: `abaca migration complete {}` or `cancel`", share.share_id),
        ));
    }
    let here = service.ready(entry, output).await?;
    let there = service.ready(follow::entry(&going.destination, service)?, output).await?;
    let arriving = Share {
        host: crate::service::host(there.name())?,
        pool: Some(to.pool.clone()),
        ..instance_of(share, copy.share_instance_id.clone())
    };
    go(entry, share, &here, &there, &going.destination, &arriving, output).await
}

async fn go(
    entry: &BackendEntry,
    share: &Share,
    here: &Backend,
    there: &Backend,
    destination: &MigrationDestination,
    arriving: &Share,
    output: Output,
) -> Result<()> {
    let bar = bar(output);
    let shown = |percent: u8| bar.set_position(percent.into());
    let work = here.host_migration_start(share, there, destination, arriving, shown);
    let copied = Box::pin(work).await;
    bar.finish_and_clear();
    copied.map_err(|error| match error {
        Error::Invalid(why) => Failure::refused(
            format!("the share is not copied to {}: {why}", destination.host),
            format!(
                "`abaca migration info {}` says how to mount it, to copy it by other means",
                share.share_id
            ),
        ),
        error => error.into(),
    })?;
    let now = recorded_again::<WholeShare>(entry, here.records(), &share.share_id).await?.record;
    tell(&now, &destination.host, Some(100), output)
}

/// Switches over to the copy.
///
/// # Errors
/// What the library answers.
pub async fn complete(
    share: &Share,
    going: &MigrationRecord,
    here: &Backend,
    service: &Service,
    output: Output,
) -> Result<()> {
    let entry = follow::entry(&going.destination, service)?;
    let there = service.ready(entry, output).await?;
    let work = Box::pin(here.host_migration_complete(share, &there));
    output.wait("switching over", work).await?;
    show(&recorded_again(entry, there.records(), &share.share_id).await?, output)
}

/// Gives a copy up.
///
/// # Errors
/// What the library answers.
pub async fn cancel(
    share: &Share,
    going: &MigrationRecord,
    here: &Backend,
    service: &Service,
    output: Output,
) -> Result<()> {
    let there = service.ready(follow::entry(&going.destination, service)?, output).await?;
    let work = Box::pin(here.host_migration_cancel(share, &there));
    Ok(output.wait("giving up copying a share", work).await?)
}

/// What shows on a terminal how far it is.
fn bar(output: Output) -> ProgressBar {
    if output.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("copying  {bar:40} {percent} %  {elapsed}");
    let bar = ProgressBar::new(100);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
