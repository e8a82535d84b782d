//! A driver that answers what each call tells it to, so that tests can see which answers its
//! runtime accepts.
//!
//! The metadata of the share that a call is about says what to answer:
//!
//! | metadata | answered by |
//! |---|---|
//! | `replica_state` | `create_replica`, `update_replica_state`, and `promote_replica` for each replica that has it |
//! | `snapshot_status` | the calls about replicated snapshots, for every snapshot |
//! | `progress` | those too, and `migration_get_progress` |
//!
//! What is not told is not answered: no state, no update, no progress. Beside that it makes
//! nothing and keeps nothing. It handles share servers only, and knows access rules one by one
//! only. Loaded by tests only.

mod words;

use abaca_sdk::{
    AccessByRule, AccessRule, Backend, Capacity, CreateError, Description, Error, ExportLocation,
    Migration, MigrationDestination, MigrationStarted, NetworkInfo, Pair, Replica, ReplicaSnapshot,
    ReplicaSnapshotPair, ReplicaSnapshotUpdate, ReplicaState, ReplicaUpdate, ReplicatedSnapshots,
    Replication, Result, SecurityService, SetupError, Share, ShareProtocol, ShareServer,
    ShareServers, ShareStats, Shares, SnapshotStatus, export,
};

struct Obedient;

/// What the share's metadata says under a name, read as `read` does.
fn told<T>(share: &Share, name: &str, read: fn(&str) -> Option<T>) -> Result<Option<T>> {
    let Some((_, word)) = share.metadata.iter().find(|pair| pair.0 == name) else {
        return Ok(None);
    };
    let value = read(word);
    value.map(Some).ok_or_else(|| Error::InvalidShare(format!("{name} = `{word}` says nothing")))
}

fn told_state(share: &Share) -> Result<Option<ReplicaState>> {
    told(share, "replica_state", words::replica_state)
}

fn told_progress(share: &Share) -> Result<Option<u8>> {
    told(share, "progress", |word| word.parse().ok())
}

impl Backend for Obedient {
    fn describe() -> Description {
        Description::new("obedient", env!("CARGO_PKG_VERSION"), ShareProtocol::Nfs)
            .vendor("Abaca")
            .share_server_modes(&[true])
    }

    fn do_setup() -> Result<()> {
        Ok(())
    }

    fn check_for_setup_error() -> Result<()> {
        Ok(())
    }

    fn get_share_stats() -> Result<ShareStats> {
        Ok(ShareStats::new(Capacity::Unknown, Capacity::Unknown))
    }
}

impl Shares for Obedient {
    fn create_share(
        share: Share,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        Ok(vec![location(&share)])
    }

    fn delete_share(_: Share, _: Option<ShareServer>) -> Result<()> {
        Ok(())
    }

    fn ensure_share(share: Share, _: Option<ShareServer>) -> Result<Vec<ExportLocation>> {
        Ok(vec![location(&share)])
    }
}

fn location(share: &Share) -> ExportLocation {
    ExportLocation::new(format!("192.0.2.1:/obedient/{}", share.name))
}

impl AccessByRule for Obedient {
    fn allow_access(_: Share, _: AccessRule, _: Option<ShareServer>) -> Result<()> {
        Ok(())
    }

    fn deny_access(_: Share, _: AccessRule, _: Option<ShareServer>) -> Result<()> {
        Ok(())
    }
}

impl ShareServers for Obedient {
    fn get_network_allocations_number() -> Result<u32> {
        Ok(0)
    }

    fn get_admin_network_allocations_number() -> Result<u32> {
        Ok(0)
    }

    fn setup_server(_: NetworkInfo, _: Vec<Pair>) -> Result<Vec<Pair>, SetupError> {
        Ok(Vec::new())
    }

    fn teardown_server(_: Vec<Pair>, _: Vec<SecurityService>) -> Result<()> {
        Ok(())
    }

    fn get_share_server_pools(_: ShareServer) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

impl Replication for Obedient {
    fn create_replica(
        _: Vec<Replica>,
        new_replica: Replica,
        _: Vec<AccessRule>,
        _: Vec<ReplicaSnapshotPair>,
        _: Option<ShareServer>,
    ) -> Result<Option<ReplicaUpdate>> {
        update(&new_replica)
    }

    fn delete_replica(
        _: Vec<Replica>,
        _: Vec<ReplicaSnapshot>,
        _: Replica,
        _: Option<ShareServer>,
    ) -> Result<()> {
        Ok(())
    }

    fn promote_replica(
        replica_list: Vec<Replica>,
        _: Replica,
        _: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<Vec<ReplicaUpdate>> {
        replica_list.iter().filter_map(|replica| update(replica).transpose()).collect()
    }

    fn update_replica_state(
        _: Vec<Replica>,
        replica: Replica,
        _: Vec<AccessRule>,
        _: Vec<ReplicaSnapshotPair>,
        _: Option<ShareServer>,
    ) -> Result<Option<ReplicaState>> {
        told_state(&replica.share)
    }
}

/// The state that a replica is told to have.
fn update(replica: &Replica) -> Result<Option<ReplicaUpdate>> {
    let state = told_state(&replica.share)?;
    Ok(state.map(|state| ReplicaUpdate {
        id: replica.share.id.clone(),
        export_locations: Vec::new(),
        replica_state: Some(state),
        access_rules_status: None,
    }))
}

impl ReplicatedSnapshots for Obedient {
    fn create_replicated_snapshot(
        replica_list: Vec<Replica>,
        replica_snapshots: Vec<ReplicaSnapshot>,
        _: Option<ShareServer>,
    ) -> Result<Vec<ReplicaSnapshotUpdate>> {
        updates(replica_list.first(), &replica_snapshots)
    }

    fn delete_replicated_snapshot(
        replica_list: Vec<Replica>,
        replica_snapshots: Vec<ReplicaSnapshot>,
        _: Option<ShareServer>,
    ) -> Result<Vec<ReplicaSnapshotUpdate>> {
        updates(replica_list.first(), &replica_snapshots)
    }

    fn update_replicated_snapshot(
        _: Vec<Replica>,
        share_replica: Replica,
        _: Vec<ReplicaSnapshot>,
        replica_snapshot: ReplicaSnapshot,
        _: Option<ShareServer>,
    ) -> Result<Option<ReplicaSnapshotUpdate>> {
        Ok(updates(Some(&share_replica), &[replica_snapshot])?.pop())
    }
}

/// What a replica's share tells of each snapshot.
fn updates(
    replica: Option<&Replica>,
    snapshots: &[ReplicaSnapshot],
) -> Result<Vec<ReplicaSnapshotUpdate>> {
    let Some(share) = replica.map(|replica| &replica.share) else { return Ok(Vec::new()) };
    let Some(status) = told(share, "snapshot_status", words::snapshot_status)? else {
        return Ok(Vec::new());
    };
    let progress = told_progress(share)?;
    let update = |one: &ReplicaSnapshot| said(&one.snapshot.id, status, progress);
    Ok(snapshots.iter().map(update).collect())
}

fn said(id: &str, status: SnapshotStatus, progress: Option<u8>) -> ReplicaSnapshotUpdate {
    ReplicaSnapshotUpdate { id: id.to_owned(), status, progress, provider_location: None }
}

impl Migration for Obedient {
    fn migration_get_driver_info(_: Share, _: Option<ShareServer>) -> Result<Vec<Pair>> {
        Ok(Vec::new())
    }

    fn migration_start(
        _: Share,
        _: Option<ShareServer>,
        _: MigrationDestination,
        _: Vec<Pair>,
        _: bool,
    ) -> Result<MigrationStarted> {
        Ok(MigrationStarted { moved: true, export_locations: Vec::new() })
    }

    fn migration_complete(
        _: Share,
        _: Option<ShareServer>,
        _: Vec<Pair>,
    ) -> Result<Vec<ExportLocation>> {
        Ok(Vec::new())
    }

    fn migration_cancel(_: Share, _: Option<ShareServer>, _: Vec<Pair>) -> Result<()> {
        Ok(())
    }

    fn migration_get_progress(share: Share, _: Option<ShareServer>, _: Vec<Pair>) -> Result<u8> {
        Ok(told_progress(&share)?.unwrap_or_default())
    }
}

export!(
    Obedient: backend, shares, access-by-rule, share-servers, replication, replicated-snapshots,
    migration
);
