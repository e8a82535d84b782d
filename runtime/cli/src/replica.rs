//! `abaca replica`: makes, promotes, brings into sync and removes replicas. All replicas of a
//! share are in one backend here. The active one is what every other command calls the share.
//!
//! ```text
//! create ─▶ out of sync ─ update ─▶ in sync ─ promote ─▶ active, and the former one out of sync
//! ```

mod create;
mod view;

use abaca::types::{
    Error as DriverError, Replica, ReplicaSnapshotPair, ReplicaState, Share, ShareStatus,
    SnapshotStatus,
};
use abaca::{Backend, Error, Records, ShareRecord};

use self::view::View;
use crate::answers;
use crate::cli::ReplicaCommand;
use crate::failure::{Failure, Result};
use crate::found::Found;
use crate::naming::Placed;
use crate::output::{Output, notes, table, word};
use crate::recorded::{ReplicaRecord, WholeShare, WholeSnapshot, again};
use crate::service::Service;
use crate::share_server::carrying;
use crate::snapshot::replicated::started;

/// Does what was asked.
///
/// # Errors
/// What the service or the driver answers.
pub async fn run(command: ReplicaCommand, service: &Service, output: Output) -> Result<()> {
    match command {
        ReplicaCommand::Create { share, pool } => {
            create::create(&share, pool, service, output).await
        }
        ReplicaCommand::List { share } => list(share.as_deref(), service, output).await,
        ReplicaCommand::Promote { replica, force } => {
            promote(&replica, force, service, output).await
        }
        ReplicaCommand::Update { replica } => update(replica.as_deref(), service, output).await,
        ReplicaCommand::Delete { replica } => delete(&replica, service, output).await,
    }
}

/// The replicas of a share as a driver is told of them, the active one first.
///
/// # Errors
/// When the records cannot be read, or the share server of one is not recorded.
pub async fn replica_list(records: &Records, whole: &WholeShare) -> Result<Vec<Replica>> {
    let mut replicas = Vec::new();
    for share in whole.instances() {
        let share_server = carrying(records, share).await?;
        replicas.push(Replica { share: share.clone(), share_server });
    }
    Ok(replicas)
}

async fn list(of: Option<&str>, service: &Service, output: Output) -> Result<()> {
    let Found { mut all, unreadable } = service.all::<ReplicaRecord>().await;
    if let Some(wanted) = of {
        let share = service.one::<WholeShare>(wanted, output).await?;
        all.retain(|one| one.record.0.share.share_id == share.record.share().share_id);
    }
    let views: Vec<_> = all.iter().map(View::new).collect();
    answers::list::<ReplicaRecord, _>(&views, unreadable, output, || text(&views))
}

fn text(views: &[View]) -> String {
    let headers = ["id", "share", "backend", "status", "state", "export location"];
    table(headers, views.iter().map(View::row))
        + &notes(views.iter().map(|view| (&view.id, &view.message)))
}

/// Shows a replica as it is recorded after a call.
async fn show_again(of: &Of<'_>, records: &Records, output: Output) -> Result<()> {
    let view = View::new(&again(of.whole.entry, records, &of.replica.share.id).await?);
    output.answer(&view, || view.text())
}

/// The share of a replica, and the replica among all of the share's.
struct Of<'a> {
    whole: Placed<'a, WholeShare>,
    replicas: Vec<Replica>,
    replica: Replica,
}

impl<'a> Of<'a> {
    async fn find(wanted: &str, service: &'a Service, output: Output) -> Result<Self> {
        let Placed { entry, record } = service.one::<ReplicaRecord>(wanted, output).await?;
        Self::new(Placed { entry, record: &record.0.share }, &service.records(entry).await?).await
    }

    async fn new(placed: Placed<'a, &Share>, records: &Records) -> Result<Self> {
        let Placed { entry, record: share } = placed;
        let whole = again::<WholeShare>(entry, records, &share.share_id).await?;
        let replicas = replica_list(records, &whole.record).await?;
        let replica = replicas.iter().find(|one| one.share.id == share.id).cloned();
        let replica = replica.ok_or_else(|| anyhow::anyhow!("the replica {} is gone", share.id))?;
        Ok(Self { whole, replicas, replica })
    }
}

async fn promote(wanted: &str, force: bool, service: &Service, output: Output) -> Result<()> {
    let of = Of::find(wanted, service, output).await?;
    let Of { whole, replicas, replica } = &of;
    check_promotion(&replica.share, force)?;
    let backend = service.ready(whole.entry, output).await?;
    let records = backend.records();
    let rules = records.access_rules(&whole.record.share().id).await?;
    let server = replica.share_server.as_ref();
    let work = Box::pin(backend.promote_replica(replicas, replica, &rules, server));
    output.wait("promoting a replica", work).await?;
    show_again(&of, records, output).await
}

/// Refuses a replica that cannot take the active one's place, or would do it badly. By force one
/// can that is out of sync, for an older copy is better than none, or in error: a promotion that
/// failed left all replicas so.
fn check_promotion(share: &Share, force: bool) -> Result<()> {
    let id = &share.id;
    if share.replica_state == Some(ReplicaState::Active) {
        return Err(Failure::refused(
            format!("the replica {id} is the active one already"),
            format!("`abaca replica list {}` shows the others", share.share_id),
        ));
    }
    match share.status {
        ShareStatus::Available => {}
        ShareStatus::Error if force => return Ok(()),
        status => {
            return Err(Failure::refused(
                format!("the replica's status is {}, and this needs available", word(&status)),
                "promote another one, or after an error this one all the same with --force",
            ));
        }
    }
    if force || share.replica_state == Some(ReplicaState::InSync) {
        return Ok(());
    }
    Err(Failure::refused(
        format!(
            "the replica is {}: what it lacks would be lost",
            share.replica_state.as_ref().map(word).unwrap_or_default()
        ),
        format!(
            "bring it into sync with `abaca replica update {id}`, or promote it all the same with \
             --force"
        ),
    ))
}

/// Asks for the state of one replica, or of all that are not active.
async fn update(wanted: Option<&str>, service: &Service, output: Output) -> Result<()> {
    let Found { all, unreadable } = match wanted {
        Some(wanted) => {
            let (one, unreadable) = service.all::<ReplicaRecord>().await.one(wanted)?;
            check_follower(&one.record.0.share)?;
            Found { all: vec![one], unreadable }
        }
        None => {
            let mut found = service.all::<ReplicaRecord>().await;
            found.all.retain(|one| check_follower(&one.record.0.share).is_ok());
            found
        }
    };
    let (mut views, mut failures) = (Vec::new(), Vec::new());
    for Placed { entry, record } in &all {
        let share = &record.0.share;
        let backend = service.ready(entry, output).await?;
        let of = Of::new(Placed { entry, record: share }, backend.records()).await?;
        let work = Box::pin(update_one(&backend, &of));
        failures.extend(output.wait("asking a replica for its state", work).await.err());
        let now = again::<ReplicaRecord>(entry, backend.records(), &share.id).await?;
        views.push(View::new(&now));
    }
    answers::updated::<ReplicaRecord, _>(&views, failures, unreadable, output, || text(&views))
}

async fn update_one(backend: &Backend, of: &Of<'_>) -> Result<()> {
    let Of { whole, replicas, replica } = of;
    let (active, records) = (whole.record.share(), backend.records());
    let rules = records.access_rules(&active.id).await?;
    let snapshots = whole.record.snapshots(records).await?;
    // As upstream: only those that are available everywhere.
    let whole_ones = snapshots
        .iter()
        .filter(|one| one.instances().all(|one| one.status == SnapshotStatus::Available));
    let pair = |one: &WholeSnapshot| {
        let on = |id: &str| one.instances().find(|one| one.share_instance_id == id).cloned();
        Some(ReplicaSnapshotPair {
            active_replica_snapshot: started(on(&active.id)?),
            share_replica_snapshot: started(on(&replica.share.id)?),
        })
    };
    let pairs: Vec<_> = whole_ones.filter_map(pair).collect();
    let server = replica.share_server.as_ref();
    backend.update_replica_state(replicas, replica, &rules, &pairs, server).await?;
    Ok(())
}

/// Refuses what cannot be asked for its state: the active replica, and one that a call works on.
fn check_follower(share: &Share) -> Result<()> {
    if share.replica_state == Some(ReplicaState::Active) {
        return Err(Failure::refused(
            format!("the replica {} is the active one, which the others follow", share.id),
            format!("`abaca replica list {}` shows the others", share.share_id),
        ));
    }
    match share.status {
        ShareStatus::Creating | ShareStatus::Deleting | ShareStatus::ReplicationChange => {
            Err(Failure::refused(
                format!("the replica's status is {}: a call works on it", word(&share.status)),
                "wait until that has ended; `abaca replica list` shows when",
            ))
        }
        _ => Ok(()),
    }
}

async fn delete(wanted: &str, service: &Service, output: Output) -> Result<()> {
    let Of { whole, replicas, replica } = Of::find(wanted, service, output).await?;
    let share = &replica.share;
    if share.replica_state == Some(ReplicaState::Active) {
        return Err(Failure::refused(
            format!("the replica {} is the active one", share.id),
            format!(
                "promote another one first, or remove the whole share: `abaca share delete {}`",
                share.share_id
            ),
        ));
    }
    let backend = service.ready(whole.entry, output).await?;
    let records = backend.records();
    let rules = records.access_rules(&share.id).await?;
    let snapshots = whole.record.snapshots(records).await?;
    let snapshots: Vec<_> = snapshots
        .iter()
        .flat_map(|one| one.instances())
        .filter(|one| one.share_instance_id == share.id)
        .cloned()
        .map(started)
        .collect();
    let server = replica.share_server.as_ref();
    let work = async {
        // As with shares: first nobody is let in any more, then the data go.
        if !rules.is_empty() {
            match backend.update_access(share, &[], &[], &rules, server).await {
                Ok(()) | Err(Error::Driver(DriverError::ShareResourceNotFound(_))) => {}
                Err(error) => return Err(error),
            }
        }
        backend.delete_replica(&replicas, &snapshots, &replica, server).await
    };
    output.wait("removing a replica", Box::pin(work)).await?;
    let record = ShareRecord { share: share.clone(), message: None };
    answers::gone("deleted", &ReplicaRecord(record), output)
}
