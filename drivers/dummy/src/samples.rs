//! Arguments for the unit tests of this crate, as plain as they can be.

use core::time::Duration;

use abaca_sdk::{
    AccessLevel, AccessRule, AccessType, AllocationLabel, Cgsnapshot, CgsnapshotMember,
    ConsistencyGroup, ConsistencyGroupStatus, NetworkAllocation, NetworkInfo, Replica,
    ReplicaSnapshot, ReplicaState, SecurityService, SecurityServiceType, Share, ShareProtocol,
    ShareServer, Snapshot, SnapshotStatus, testing,
};

use crate::options::Settings;
use crate::shares;
use crate::world::World;

/// The options' defaults.
pub fn settings() -> Settings {
    Settings {
        capacity_gib: 1000,
        export_host: "192.0.2.1".into(),
        pools: vec!["alpha".into(), "beta".into()],
        thin_ratio: None,
        usage: 0.0,
        replication_type: "readable".into(),
        network_allocations: 1,
        admin_network_allocations: 0,
        more_allocations: 0,
        allocate_for: None,
        allocate_times: 1,
        shares_per_server: 10,
        choice: None,
        secret: None,
        fail: None,
        delay: Duration::ZERO,
    }
}

/// An NFS share of so many GiB.
pub fn share(id: &str, size: u64) -> Share {
    Share {
        id: id.into(),
        share_id: format!("user-{id}"),
        name: format!("share-{id}"),
        host: "host@dummy".into(),
        ..testing::share(id, size)
    }
}

/// A world with one such share.
pub fn with_share(id: &str, size: u64) -> World {
    let mut world = World::default();
    shares::make(&mut world, &settings(), &share(id, size), None).unwrap();
    world
}

/// A snapshot of a share.
pub fn snapshot(id: &str, share: &str, size: u64) -> Snapshot {
    Snapshot {
        id: id.into(),
        snapshot_id: "user-snapshot".into(),
        name: format!("share-snapshot-{id}"),
        size,
        status: SnapshotStatus::Creating,
        ..testing::snapshot(id, &self::share(share, size))
    }
}

/// A snapshot on a replica, in a status.
pub fn replica_snapshot(id: &str, share: &str, status: SnapshotStatus) -> ReplicaSnapshot {
    ReplicaSnapshot { snapshot: Snapshot { status, ..snapshot(id, share, 1) }, progress: 0 }
}

/// A replica in a state.
pub fn replica(id: &str, state: ReplicaState) -> Replica {
    Replica { share: Share { replica_state: Some(state), ..share(id, 1) }, share_server: None }
}

/// A share server as the service knows it.
pub fn server(id: &str) -> ShareServer {
    ShareServer { host: "host@dummy".into(), ..testing::server(id) }
}

/// An address that is leased.
pub fn allocation(ip_address: &str, cidr: Option<&str>) -> NetworkAllocation {
    NetworkAllocation {
        id: ip_address.into(),
        label: AllocationLabel::User,
        ip_address: ip_address.into(),
        ip_version: 4,
        cidr: cidr.map(Into::into),
        network_type: None,
        segmentation_id: None,
        mac_address: None,
    }
}

/// An access rule.
pub fn rule(access_type: AccessType, access_to: &str, access_level: AccessLevel) -> AccessRule {
    AccessRule { id: "rule".into(), access_type, access_to: access_to.into(), access_level }
}

/// What a share server is told, with users' addresses and a service that has a password.
pub fn network_info(server_id: &str, network_allocations: Vec<NetworkAllocation>) -> NetworkInfo {
    NetworkInfo {
        server_id: server_id.into(),
        share_network_id: None,
        cidr: None,
        network_type: None,
        segmentation_id: None,
        neutron_net_id: None,
        neutron_subnet_id: None,
        nova_net_id: None,
        network_allocations,
        admin_network_allocations: Vec::new(),
        security_services: vec![SecurityService {
            id: "service".into(),
            service_type: SecurityServiceType::Ldap,
            name: None,
            dns_ip: None,
            server: None,
            domain: None,
            user: None,
            password: Some("hidden".into()),
        }],
        backend_details: Vec::new(),
    }
}

/// A consistency group with these members.
pub fn group(id: &str, shares: Vec<Share>) -> ConsistencyGroup {
    ConsistencyGroup {
        id: id.into(),
        name: None,
        description: None,
        project_id: "project".into(),
        host: "host@dummy".into(),
        status: ConsistencyGroupStatus::Creating,
        source_cgsnapshot_id: None,
        share_network_id: None,
        share_server_id: None,
        share_type_ids: Vec::new(),
        shares,
    }
}

/// A group snapshot with members, each of a share, both by identifier.
pub fn cgsnapshot(id: &str, group: &str, members: &[(&str, &str)]) -> Cgsnapshot {
    let member = |(id, of): &(&str, &str)| CgsnapshotMember {
        id: (*id).into(),
        share: share(of, 1),
        size: 1,
        protocol: ShareProtocol::Nfs,
        status: SnapshotStatus::Creating,
        provider_location: None,
    };
    Cgsnapshot {
        id: id.into(),
        consistency_group_id: group.into(),
        name: None,
        description: None,
        project_id: "project".into(),
        status: ConsistencyGroupStatus::Creating,
        members: members.iter().map(member).collect(),
    }
}
