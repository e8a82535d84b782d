//! `abaca share create`: a new share, empty or with a snapshot's content, as the service asks
//! a driver for it.

use std::time::{SystemTime, UNIX_EPOCH};

use abaca::types::{AccessRulesStatus, Share, ShareStatus, SnapshotStatus};
use abaca::{Backend, SnapshotRecord};

use super::show_again;
use crate::cli::CreateShare;
use crate::failure::{Failure, Result};
use crate::naming::{Placed, check_new_name};
use crate::output::{Output, word};
use crate::service::{Service, host};

/// Makes the share and shows it.
///
/// # Errors
/// What is refused, and what the service or the driver answers.
pub async fn create(asked: CreateShare, service: &Service, output: Output) -> Result<()> {
    let others = service.shares().await;
    others.unreadable.warn(output);
    check_new_name(&asked.name, &others.all)?;
    check_metadata(&asked.metadata)?;
    let source = match &asked.from_snapshot {
        Some(wanted) => Some(service.snapshot(wanted, output).await?),
        None => None,
    };
    if let Some(source) = &source {
        check_source(&source.record, asked.size)?;
    }
    let entry = match &source {
        Some(source) => source.entry,
        None => service.only()?,
    };
    let backend = service.ready(entry, output).await?;
    let share = new_share(asked, source.as_ref().map(|source| &source.record), &backend)?;
    let what = format!("making a share of {} GiB", share.size);
    let work = async {
        match &source {
            Some(Placed { record, .. }) => {
                backend.create_share_from_snapshot(&share, &record.snapshot, None).await
            }
            None => backend.create_share(&share, None).await,
        }
    };
    output.wait(&what, Box::pin(work)).await?;
    show_again(&share.id, entry, backend.records(), output).await
}

/// The share as the service asks for it.
fn new_share(
    asked: CreateShare,
    source: Option<&SnapshotRecord>,
    backend: &Backend,
) -> Result<Share> {
    let served = &backend.driver().description().protocols;
    let snapshot = source.map(|source| &source.snapshot);
    let protocol = asked.protocol.map(Into::into).or(snapshot.map(|snapshot| snapshot.protocol));
    let protocol = match protocol.or(served.first().copied()) {
        Some(protocol) if served.contains(&protocol) => protocol,
        refused => {
            let served: Vec<_> = served.iter().map(word).collect();
            return Err(Failure::refused(
                format!(
                    "this driver does not serve {}",
                    refused.as_ref().map(word).unwrap_or_default()
                ),
                format!("choose one that it serves with --protocol: {}", served.join(", ")),
            ));
        }
    };
    let id = uuid::Uuid::new_v4().to_string();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(Share {
        share_id: id.clone(),
        name: format!("share-{id}"),
        id,
        size: asked.size.or(snapshot.map(|snapshot| snapshot.size)).unwrap_or_default(),
        protocol,
        host: host(backend.name())?,
        pool: None,
        status: ShareStatus::Creating,
        access_rules_status: AccessRulesStatus::Active,
        replica_state: None,
        availability_zone: None,
        share_network_id: None,
        share_server_id: None,
        export_locations: Vec::new(),
        user_id: String::new(),
        project_id: String::new(),
        display_name: Some(asked.name),
        display_description: None,
        snapshot_id: snapshot.map(|snapshot| snapshot.id.clone()),
        share_type_id: None,
        extra_specs: Vec::new(),
        metadata: asked.metadata,
        is_public: false,
        consistency_group_id: None,
        source_cgsnapshot_member_id: None,
        created_at: Some(now),
        launched_at: None,
    })
}

fn check_source(source: &SnapshotRecord, size: Option<u64>) -> Result<()> {
    let snapshot = &source.snapshot;
    if snapshot.status != SnapshotStatus::Available {
        return Err(Failure::refused(
            format!(
                "the snapshot's status is {}, and a share is made from one that is available",
                word(&snapshot.status)
            ),
            "`abaca snapshot list` shows which are",
        ));
    }
    match size {
        Some(size) if size < snapshot.size => Err(Failure::refused(
            format!(
                "the snapshot has {} GiB, and a share from it cannot have {size}",
                snapshot.size
            ),
            format!("leave --size out, or give at least {}", snapshot.size),
        )),
        _ => Ok(()),
    }
}

fn check_metadata(metadata: &[(String, String)]) -> Result<()> {
    for (at, (key, _)) in metadata.iter().enumerate() {
        if metadata.iter().take(at).any(|(other, _)| other == key) {
            return Err(Failure::refused(
                format!("the metadata `{key}` is given twice"),
                "give each key once",
            ));
        }
    }
    Ok(())
}
