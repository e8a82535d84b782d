//! `abaca share manage` and `unmanage`: taking over a share that is on the storage already, and
//! letting one go with its data.

use abaca::Records;
use abaca::types::{ExportLocation, Share, ShareProtocol, ShareStatus};

use super::new::{new_share, served_protocol};
use super::{check_alone, check_idle, check_no_snapshots, check_not_in_cgsnapshot, show};
use crate::answers;
use crate::cli::ManageShare;
use crate::failure::{Failure, Result};
use crate::naming::{Placed, check_keys, check_new_name};
use crate::output::Output;
use crate::recorded::{WholeShare, again};
use crate::service::Service;

/// Takes over a share and shows it.
///
/// # Errors
/// What is refused, and what the service or the driver answers.
pub async fn manage(asked: ManageShare, service: &Service, output: Output) -> Result<()> {
    let others = service.all::<WholeShare>().await;
    others.unreadable.warn(output);
    check_new_name(&asked.name, &others.all)?;
    check_keys("the option", &asked.option)?;
    let entry = service.only()?;
    let backend = service.ready(entry, output).await?;
    let protocol = served_protocol(&backend, asked.protocol.map(Into::into))?;
    check_new_location(&asked.location, protocol, backend.records()).await?;
    let location =
        ExportLocation { path: asked.location, is_admin_only: false, metadata: Vec::new() };
    let share = Share {
        status: ShareStatus::Managing,
        export_locations: vec![location],
        ..new_share(&backend, asked.name, protocol)?
    };
    let work = Box::pin(backend.manage_existing(&share, &asked.option));
    output.wait("taking over a share", work).await?;
    show(&again(entry, backend.records(), &share.share_id).await?, output)
}

/// Two records of one share would be removed one by one.
async fn check_new_location(
    location: &str,
    protocol: ShareProtocol,
    records: &Records,
) -> Result<()> {
    let shares = records.shares().await?;
    let is_there = |share: &Share| {
        share.protocol == protocol && share.export_locations.iter().any(|one| one.path == location)
    };
    let Some(holder) = shares.iter().map(|one| &one.share).find(|share| is_there(share)) else {
        return Ok(());
    };
    let (name, id) = (holder.display_name.as_deref().unwrap_or_default(), &holder.share_id);
    let advice = match holder.status {
        ShareStatus::ManageError => {
            format!("to try again, let go of it first: `abaca share unmanage {id}`")
        }
        _ => format!("`abaca share show {id}` shows it"),
    };
    Err(Failure::refused(format!("`{location}` is the share `{name}` ({id}) already"), advice))
}

/// Lets go of a share.
///
/// # Errors
/// What is refused, and what the service or the driver answers.
pub async fn unmanage(wanted: &str, service: &Service, output: Output) -> Result<()> {
    let Placed { entry, record: whole } = service.one::<WholeShare>(wanted, output).await?;
    check_idle(&whole)?;
    check_alone(&whole)?;
    let records = service.records(entry).await?;
    check_no_snapshots(&whole, &records).await?;
    check_not_in_cgsnapshot(&whole, &records).await?;
    let backend = service.ready(entry, output).await?;
    let work = Box::pin(backend.unmanage(whole.share()));
    output.wait("letting go of a share", work).await?;
    answers::gone("unmanaged", &whole, output)
}
