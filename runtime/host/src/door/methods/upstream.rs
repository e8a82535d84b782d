//! Every method of `Backend`, under upstream's name: its parameters and its answer. A new method is
//! one entry here.

use super::{Answer, Method, methods, read, write};
use crate::backend::BackendStats;
use crate::door::Door;
use crate::network::ShareNetwork;
use crate::types::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

methods! {
    /// Prepares the backend; it was done once when the service began.
    do_setup(backend: String) -> () = |door| door.backend(&backend)?.do_setup().await?;
    /// Asks whether the backend can work.
    check_for_setup_error(backend: String) -> () = |door| {
        door.backend(&backend)?.check_for_setup_error().await?;
    };
    /// What a scheduler should know; measured anew with `refresh`.
    get_share_stats(backend: String, refresh: Option<bool>) -> BackendStats = |door| {
        door.backend(&backend)?.get_share_stats(refresh.unwrap_or_default()).await?
    };

    /// Makes a share.
    create_share(backend: String, share: Share, share_server: Option<ShareServer>)
        -> Vec<ExportLocation> = |door| {
        door.backend(&backend)?.create_share(&share, share_server.as_ref()).await?
    };
    /// Makes a share with the content of a snapshot.
    create_share_from_snapshot(
        backend: String, share: Share, snapshot: Snapshot, share_server: Option<ShareServer>,
    ) -> Vec<ExportLocation> = |door| {
        let backend = door.backend(&backend)?;
        backend.create_share_from_snapshot(&share, &snapshot, share_server.as_ref()).await?
    };
    /// Removes a share with its data.
    delete_share(backend: String, share: Share, share_server: Option<ShareServer>) -> () = |door| {
        door.backend(&backend)?.delete_share(&share, share_server.as_ref()).await?;
    };
    /// Makes sure that a share is served as it should, and says where.
    ensure_share(backend: String, share: Share, share_server: Option<ShareServer>)
        -> Vec<ExportLocation> = |door| {
        door.backend(&backend)?.ensure_share(&share, share_server.as_ref()).await?
    };
    /// Says in which pool a share lies.
    get_pool(backend: String, share: Share) -> Option<String> = |door| {
        door.backend(&backend)?.get_pool(&share).await?
    };
    /// Makes a share larger; the new size is in GiB.
    extend_share(
        backend: String, share: Share, new_size: u64, share_server: Option<ShareServer>,
    ) -> () = |door| {
        door.backend(&backend)?.extend_share(&share, new_size, share_server.as_ref()).await?;
    };
    /// Makes a share smaller, unless data would be lost; the new size is in GiB.
    shrink_share(
        backend: String, share: Share, new_size: u64, share_server: Option<ShareServer>,
    ) -> () = |door| {
        door.backend(&backend)?.shrink_share(&share, new_size, share_server.as_ref()).await?;
    };
    /// Keeps a share's present content.
    create_snapshot(backend: String, snapshot: Snapshot, share_server: Option<ShareServer>) -> ()
        = |door| door.backend(&backend)?.create_snapshot(&snapshot, share_server.as_ref()).await?;
    /// Removes a snapshot.
    delete_snapshot(backend: String, snapshot: Snapshot, share_server: Option<ShareServer>) -> ()
        = |door| door.backend(&backend)?.delete_snapshot(&snapshot, share_server.as_ref()).await?;
    /// Makes the rules of a share those of `access_rules`; with both other lists empty all anew.
    update_access(
        backend: String, share: Share, access_rules: Vec<AccessRule>,
        add_rules: Option<Vec<AccessRule>>, delete_rules: Option<Vec<AccessRule>>,
        share_server: Option<ShareServer>,
    ) -> () = |door| {
        let (add, delete) = (add_rules.unwrap_or_default(), delete_rules.unwrap_or_default());
        let backend = door.backend(&backend)?;
        backend.update_access(&share, &access_rules, &add, &delete, share_server.as_ref()).await?;
    };

    /// Lets somebody in by one more rule.
    allow_access(
        backend: String, share: Share, access_rule: AccessRule, share_server: Option<ShareServer>,
    ) -> () = |door| {
        door.backend(&backend)?.allow_access(&share, &access_rule, share_server.as_ref()).await?;
    };
    /// Takes one rule back.
    deny_access(
        backend: String, share: Share, access_rule: AccessRule, share_server: Option<ShareServer>,
    ) -> () = |door| {
        door.backend(&backend)?.deny_access(&share, &access_rule, share_server.as_ref()).await?;
    };

    /// Takes over a share that is there already.
    manage_existing(backend: String, share: Share, driver_options: Pairs) -> ManagedShare = |door| {
        door.backend(&backend)?.manage_existing(&share, &driver_options.0).await?
    };
    /// Lets a share go; it stays where it is.
    unmanage(backend: String, share: Share) -> () = |door| {
        door.backend(&backend)?.unmanage(&share).await?;
    };
    /// Takes over a snapshot that is there already.
    manage_existing_snapshot(
        backend: String, snapshot: Snapshot, share: Share, driver_options: Pairs,
    ) -> ManagedSnapshot = |door| {
        let backend = door.backend(&backend)?;
        backend.manage_existing_snapshot(&snapshot, &share, &driver_options.0).await?
    };
    /// Lets a snapshot go; it stays where it is.
    unmanage_snapshot(backend: String, snapshot: Snapshot) -> () = |door| {
        door.backend(&backend)?.unmanage_snapshot(&snapshot).await?;
    };

    /// How many addresses on the users' side a share server needs.
    get_network_allocations_number(backend: String) -> u32 = |door| {
        door.backend(&backend)?.get_network_allocations_number().await?
    };
    /// How many addresses on the operator's side a share server needs.
    get_admin_network_allocations_number(backend: String) -> u32 = |door| {
        door.backend(&backend)?.get_admin_network_allocations_number().await?
    };
    /// Leases addresses on the users' side; as many as the driver says where no count is given.
    allocate_network(
        backend: String, server_id: String, share_network: Option<ShareNetwork>,
        count: Option<u32>,
    ) -> Vec<NetworkAllocation> = |door| {
        let network = share_network.as_ref();
        door.backend(&backend)?.allocate_network(&server_id, network, count).await?
    };
    /// Leases addresses on the operator's side; as many as the driver says where no count is given.
    allocate_admin_network(
        backend: String, server_id: String, share_network: Option<ShareNetwork>,
        count: Option<u32>,
    ) -> Vec<NetworkAllocation> = |door| {
        let network = share_network.as_ref();
        door.backend(&backend)?.allocate_admin_network(&server_id, network, count).await?
    };
    /// Ends all leases of a share server.
    deallocate_network(backend: String, server_id: String) -> () = |door| {
        door.backend(&backend)?.deallocate_network(&server_id).await?;
    };
    /// Leases addresses and sets up a share server; null where share servers are not handled.
    setup_server(backend: String, network_info: NetworkInfo, metadata: Option<Pairs>)
        -> Option<ShareServer> = |door| {
        let metadata = metadata.unwrap_or_default();
        door.backend(&backend)?.setup_server(network_info, &metadata.0).await?
    };
    /// Removes a share server and ends its leases.
    teardown_server(
        backend: String, share_server: ShareServer,
        security_services: Option<Vec<SecurityService>>,
    ) -> () = |door| {
        let services = security_services.unwrap_or_default();
        door.backend(&backend)?.teardown_server(&share_server, &services).await?;
    };
    /// The pools in which a share server can have shares.
    get_share_server_pools(backend: String, share_server: ShareServer) -> Vec<String> = |door| {
        door.backend(&backend)?.get_share_server_pools(&share_server).await?
    };
    /// Chooses the share server for a share; null where a new one is needed.
    choose_share_server_compatible_with_share(
        backend: String, share_servers: Vec<ShareServer>, share: Share,
        snapshot: Option<Snapshot>, consistency_group: Option<ConsistencyGroup>,
    ) -> Option<String> = |door| {
        let (snapshot, group) = (snapshot.as_ref(), consistency_group.as_ref());
        let backend = door.backend(&backend)?;
        let servers = &share_servers;
        backend.choose_share_server_compatible_with_share(servers, &share, snapshot, group).await?
    };
    /// Chooses the share server for a consistency group; null where a new one is needed.
    choose_share_server_compatible_with_cg(
        backend: String, share_servers: Vec<ShareServer>, consistency_group: ConsistencyGroup,
        cgsnapshot: Option<Cgsnapshot>,
    ) -> Option<String> = |door| {
        let (group, snapshot) = (&consistency_group, cgsnapshot.as_ref());
        let backend = door.backend(&backend)?;
        backend.choose_share_server_compatible_with_cg(&share_servers, group, snapshot).await?
    };

    /// Makes a consistency group without members.
    create_consistency_group(
        backend: String, consistency_group: ConsistencyGroup, share_server: Option<ShareServer>,
    ) -> () = |door| {
        let backend = door.backend(&backend)?;
        backend.create_consistency_group(&consistency_group, share_server.as_ref()).await?;
    };
    /// Makes a consistency group whose members have the content of a group snapshot.
    create_consistency_group_from_cgsnapshot(
        backend: String, consistency_group: ConsistencyGroup, cgsnapshot: Cgsnapshot,
        share_server: Option<ShareServer>,
    ) -> Vec<CgShareUpdate> = |door| {
        let (group, server) = (&consistency_group, share_server.as_ref());
        let backend = door.backend(&backend)?;
        backend.create_consistency_group_from_cgsnapshot(group, &cgsnapshot, server).await?
    };
    /// Removes a consistency group that has no members.
    delete_consistency_group(
        backend: String, consistency_group: ConsistencyGroup, share_server: Option<ShareServer>,
    ) -> () = |door| {
        let backend = door.backend(&backend)?;
        backend.delete_consistency_group(&consistency_group, share_server.as_ref()).await?;
    };
    /// Takes a snapshot of all members of a consistency group at one point in time.
    create_cgsnapshot(backend: String, cgsnapshot: Cgsnapshot, share_server: Option<ShareServer>)
        -> Vec<CgsnapshotMemberUpdate> = |door| {
        door.backend(&backend)?.create_cgsnapshot(&cgsnapshot, share_server.as_ref()).await?
    };
    /// Removes a group snapshot.
    delete_cgsnapshot(backend: String, cgsnapshot: Cgsnapshot, share_server: Option<ShareServer>)
        -> () = |door| {
        door.backend(&backend)?.delete_cgsnapshot(&cgsnapshot, share_server.as_ref()).await?;
    };

    /// Makes a replica of a share.
    create_replica(
        backend: String, replica_list: Vec<Replica>, new_replica: Replica,
        access_rules: Vec<AccessRule>, replica_snapshots: Vec<ReplicaSnapshotPair>,
        share_server: Option<ShareServer>,
    ) -> Option<ReplicaUpdate> = |door| {
        let (backend, server) = (door.backend(&backend)?, share_server.as_ref());
        let (all, rules, snapshots) = (&replica_list, &access_rules, &replica_snapshots);
        backend.create_replica(all, &new_replica, rules, snapshots, server).await?
    };
    /// Removes a replica that is not the active one.
    delete_replica(
        backend: String, replica_list: Vec<Replica>, replica_snapshots: Vec<ReplicaSnapshot>,
        replica: Replica, share_server: Option<ShareServer>,
    ) -> () = |door| {
        let (backend, server) = (door.backend(&backend)?, share_server.as_ref());
        backend.delete_replica(&replica_list, &replica_snapshots, &replica, server).await?;
    };
    /// Makes a replica the active one, and says what became of each.
    promote_replica(
        backend: String, replica_list: Vec<Replica>, replica: Replica,
        access_rules: Vec<AccessRule>, share_server: Option<ShareServer>,
    ) -> Vec<ReplicaUpdate> = |door| {
        let (backend, server) = (door.backend(&backend)?, share_server.as_ref());
        backend.promote_replica(&replica_list, &replica, &access_rules, server).await?
    };
    /// Brings a replica nearer to the active one, and says what it is; null where that is as before.
    update_replica_state(
        backend: String, replica_list: Vec<Replica>, replica: Replica,
        access_rules: Vec<AccessRule>, replica_snapshots: Vec<ReplicaSnapshotPair>,
        share_server: Option<ShareServer>,
    ) -> Option<ReplicaState> = |door| {
        let (backend, server) = (door.backend(&backend)?, share_server.as_ref());
        let (all, rules, snapshots) = (&replica_list, &access_rules, &replica_snapshots);
        backend.update_replica_state(all, &replica, rules, snapshots, server).await?
    };
    /// Takes a snapshot on all replicas of a share.
    create_replicated_snapshot(
        backend: String, replica_list: Vec<Replica>, replica_snapshots: Vec<ReplicaSnapshot>,
        share_server: Option<ShareServer>,
    ) -> Vec<ReplicaSnapshotUpdate> = |door| {
        let (backend, server) = (door.backend(&backend)?, share_server.as_ref());
        backend.create_replicated_snapshot(&replica_list, &replica_snapshots, server).await?
    };
    /// Removes a snapshot from all replicas of a share.
    delete_replicated_snapshot(
        backend: String, replica_list: Vec<Replica>, replica_snapshots: Vec<ReplicaSnapshot>,
        share_server: Option<ShareServer>,
    ) -> Vec<ReplicaSnapshotUpdate> = |door| {
        let (backend, server) = (door.backend(&backend)?, share_server.as_ref());
        backend.delete_replicated_snapshot(&replica_list, &replica_snapshots, server).await?
    };
    /// Says what has become of a snapshot on one replica.
    update_replicated_snapshot(
        backend: String, replica_list: Vec<Replica>, share_replica: Replica,
        replica_snapshots: Vec<ReplicaSnapshot>, replica_snapshot: ReplicaSnapshot,
        share_server: Option<ShareServer>,
    ) -> Option<ReplicaSnapshotUpdate> = |door| {
        let (backend, server) = (door.backend(&backend)?, share_server.as_ref());
        let (all, one, snapshots) = (&replica_list, &replica_snapshot, &replica_snapshots);
        backend.update_replicated_snapshot(all, &share_replica, snapshots, one, server).await?
    };

    /// What the destination of a migration has to know of the driver.
    migration_get_driver_info(backend: String, share: Share, share_server: Option<ShareServer>)
        -> Pairs = |door| {
        let backend = door.backend(&backend)?;
        Pairs(backend.migration_get_driver_info(&share, share_server.as_ref()).await?)
    };
    /// How to mount and unmount a share for copying it.
    migration_get_info(backend: String, share: Share, share_server: Option<ShareServer>)
        -> MountCommands = |door| {
        door.backend(&backend)?.migration_get_info(&share, share_server.as_ref()).await?
    };
    /// Begins to move a share.
    migration_start(
        backend: String, share: Share, share_server: Option<ShareServer>,
        destination: MigrationDestination, driver_info: Pairs, notify: Option<bool>,
    ) -> MigrationStarted = |door| {
        let (backend, server) = (door.backend(&backend)?, share_server.as_ref());
        let notify = notify.unwrap_or(true);
        backend.migration_start(&share, server, &destination, &driver_info.0, notify).await?
    };
    /// Ends a migration: the share is where it should go.
    migration_complete(
        backend: String, share: Share, share_server: Option<ShareServer>, driver_info: Pairs,
    ) -> Vec<ExportLocation> = |door| {
        let (backend, server) = (door.backend(&backend)?, share_server.as_ref());
        backend.migration_complete(&share, server, &driver_info.0).await?
    };
    /// Gives a migration up: the share stays where it was.
    migration_cancel(
        backend: String, share: Share, share_server: Option<ShareServer>, driver_info: Pairs,
    ) -> () = |door| {
        let (backend, server) = (door.backend(&backend)?, share_server.as_ref());
        backend.migration_cancel(&share, server, &driver_info.0).await?;
    };
    /// Ends the record of a share that has gone to another back end.
    forget_share(backend: String, share: Share) -> () = |door| {
        door.backend(&backend)?.forget_share(&share).await?;
    };
    /// How far a migration is, in percent.
    migration_get_progress(
        backend: String, share: Share, share_server: Option<ShareServer>, driver_info: Pairs,
    ) -> u8 = |door| {
        let (backend, server) = (door.backend(&backend)?, share_server.as_ref());
        backend.migration_get_progress(&share, server, &driver_info.0).await?
    };

    /// What the driver knows about shares, for periodic hooks.
    get_periodic_hook_data(backend: String, shares: Vec<Share>) -> Vec<HookData> = |door| {
        door.backend(&backend)?.get_periodic_hook_data(&shares).await?
    };
}
