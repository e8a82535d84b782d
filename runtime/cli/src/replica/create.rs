//! `abaca replica create`: another replica of a share, with the share's rules, and then with an
//! instance of each of its snapshots.

use abaca::types::{Replica, ReplicaState, Share, ShareStatus, SnapshotStatus};
use abaca::{Backend, Interface};

use super::{Of, replica_list, show_again};
use crate::failure::{Failure, Result};
use crate::naming::Placed;
use crate::output::Output;
use crate::recorded::{WholeShare, WholeSnapshot};
use crate::service::Service;
use crate::share::{another_instance, check_idle, chosen_pool};
use crate::share_server::choice::{Wish, for_share};
use crate::snapshot::replicated::{instance, started};

/// Makes a replica and shows it.
///
/// # Errors
/// What is refused, and what the service or the driver answers.
pub async fn create(
    wanted: &str,
    pool: Option<String>,
    service: &Service,
    output: Output,
) -> Result<()> {
    let whole = service.one::<WholeShare>(wanted, output).await?;
    check_idle(&whole.record)?;
    let active = whole.record.share();
    check_active(active)?;
    let backend = service.ready(whole.entry, output).await?;
    let records = backend.records();
    let snapshots = whole.record.snapshots(records).await?;
    check_snapshots(&backend, &snapshots)?;
    let pool = chosen_pool(&backend, pool, output).await?;
    let mut share =
        Share { replica_state: None, share_server_id: None, pool, ..another_instance(active) };
    let wish = Wish { network: active.share_network_id.clone(), server: None };
    let share_server = for_share(&backend, &mut share, wish, None, None, output).await?;
    let new = Replica { share, share_server };
    let mut replicas = replica_list(records, &whole.record).await?;
    replicas.push(new.clone());
    let rules = records.access_rules(&active.id).await?;
    let server = new.share_server.as_ref();
    let work = Box::pin(backend.create_replica(&replicas, &new, &rules, &[], server));
    output.wait("making a replica", work).await?;
    let of = Of::new(Placed { entry: whole.entry, record: &new.share }, records).await?;
    let work = Box::pin(bring_snapshots(&backend, &of, &snapshots));
    output.wait("bringing the snapshots to a replica", work).await?;
    show_again(&of, records, output).await
}

/// Refuses a share that has nothing to make a replica of.
fn check_active(share: &Share) -> Result<()> {
    match (share.replica_state, share.status) {
        (Some(ReplicaState::Active), ShareStatus::Available) => Ok(()),
        (None, _) => Err(Failure::refused(
            "the share was not made to have replicas",
            "make one that can have them: `abaca share create --replicated`",
        )),
        _ => Err(Failure::refused(
            "the share has no active replica that is available, to make another one of",
            format!("`abaca replica list {}` shows how they are", share.share_id),
        )),
    }
}

/// Refuses a share with snapshots that its driver could not bring to another replica.
fn check_snapshots(backend: &Backend, snapshots: &[WholeSnapshot]) -> Result<()> {
    let needed = Interface::ReplicatedSnapshots;
    let Some(first) = snapshots.first().filter(|_| !backend.driver().offers(needed)) else {
        return Ok(());
    };
    Err(Failure::refused(
        format!(
            "the share has snapshots, and the driver `{}` does not offer the interface `{needed}`",
            backend.driver().description().name
        ),
        format!("remove them first: `abaca snapshot delete {}`", first.snapshot().snapshot_id),
    ))
}

/// Begins an instance of each available snapshot on a new replica: asked after it, the driver
/// begins to make it.
async fn bring_snapshots(
    backend: &Backend,
    of: &Of<'_>,
    snapshots: &[WholeSnapshot],
) -> Result<()> {
    let Of { replicas, replica, .. } = of;
    let is_available = |one: &&WholeSnapshot| one.snapshot().status == SnapshotStatus::Available;
    for snapshot in snapshots.iter().filter(is_available) {
        let new = instance(snapshot.snapshot(), replica);
        let mut instances: Vec<_> = snapshot.instances().cloned().map(started).collect();
        instances.push(new.clone());
        let server = replica.share_server.as_ref();
        backend.update_replicated_snapshot(replicas, replica, &instances, &new, server).await?;
    }
    Ok(())
}
