//! Records as a service would pass them, with what most tests do not care about filled in; every
//! field is public for what a test does care about. Names are as upstream's templates make them.

use crate::types::{
    AccessLevel, AccessRule, AccessRulesStatus, AccessType, Cgsnapshot, CgsnapshotMember,
    ConsistencyGroup, ConsistencyGroupStatus, Replica, ReplicaState, Share, ShareProtocol,
    ShareServer, ShareServerStatus, ShareStatus, Snapshot, SnapshotStatus,
};

/// A backend as services name it.
pub const HOST: &str = "stage@backend";

/// Who asks.
const PROJECT: &str = "project-1";

/// When everything was made, in seconds since the epoch: when the clock of a stage begins.
const CREATED: u64 = 1_767_225_600;

/// A share of this name and size in GiB, for NFS. Its identifiers are the name with something behind
/// it, so that a driver that takes the one for the other is found out.
#[must_use]
pub fn share(name: &str, size: u64) -> Share {
    Share {
        id: format!("{name}-id"),
        share_id: format!("{name}-share-id"),
        name: name.to_owned(),
        size,
        protocol: ShareProtocol::Nfs,
        host: HOST.to_owned(),
        pool: None,
        status: ShareStatus::Available,
        access_rules_status: AccessRulesStatus::Active,
        replica_state: None,
        availability_zone: None,
        share_network_id: None,
        share_server_id: None,
        export_locations: Vec::new(),
        user_id: "user-1".to_owned(),
        project_id: PROJECT.to_owned(),
        display_name: None,
        display_description: None,
        snapshot_id: None,
        share_type_id: None,
        extra_specs: Vec::new(),
        metadata: Vec::new(),
        is_public: false,
        consistency_group_id: None,
        source_cgsnapshot_member_id: None,
        created_at: Some(CREATED),
        launched_at: None,
    }
}

/// A snapshot of this name of a share.
#[must_use]
pub fn snapshot(name: &str, of: &Share) -> Snapshot {
    Snapshot {
        id: format!("{name}-id"),
        snapshot_id: format!("{name}-snapshot-id"),
        name: name.to_owned(),
        share_instance_id: of.id.clone(),
        share_id: of.share_id.clone(),
        share_name: of.name.clone(),
        size: of.size,
        protocol: of.protocol,
        status: SnapshotStatus::Available,
        provider_location: None,
        display_name: None,
        project_id: of.project_id.clone(),
        created_at: Some(CREATED),
    }
}

/// A rule that lets somebody in.
#[must_use]
pub fn rule(access_type: AccessType, access_to: &str, access_level: AccessLevel) -> AccessRule {
    AccessRule {
        id: format!("rule-{access_to}"),
        access_type,
        access_to: access_to.to_owned(),
        access_level,
    }
}

/// A share server that is up.
#[must_use]
pub fn server(id: &str) -> ShareServer {
    ShareServer {
        id: id.to_owned(),
        host: HOST.to_owned(),
        share_network_id: "share-network-1".to_owned(),
        status: ShareServerStatus::Active,
        backend_details: Vec::new(),
        network_allocations: Vec::new(),
    }
}

/// A share as a replica in this state.
#[must_use]
pub fn replica(share: &Share, state: ReplicaState) -> Replica {
    let share = Share { replica_state: Some(state), ..share.clone() };
    Replica { share, share_server: None }
}

/// A consistency group of shares.
#[must_use]
pub fn consistency_group(id: &str, shares: Vec<Share>) -> ConsistencyGroup {
    ConsistencyGroup {
        id: id.to_owned(),
        name: None,
        description: None,
        project_id: PROJECT.to_owned(),
        host: HOST.to_owned(),
        status: ConsistencyGroupStatus::Available,
        source_cgsnapshot_id: None,
        share_network_id: None,
        share_server_id: None,
        share_type_ids: Vec::new(),
        shares,
    }
}

/// A snapshot of a consistency group.
#[must_use]
pub fn cgsnapshot(id: &str, of: &ConsistencyGroup) -> Cgsnapshot {
    let member = |share: &Share| CgsnapshotMember {
        id: format!("{id}-{}", share.id),
        share: share.clone(),
        size: share.size,
        protocol: share.protocol,
        status: SnapshotStatus::Available,
        provider_location: None,
    };
    Cgsnapshot {
        id: id.to_owned(),
        consistency_group_id: of.id.clone(),
        name: None,
        description: None,
        project_id: of.project_id.clone(),
        status: ConsistencyGroupStatus::Available,
        members: of.shares.iter().map(member).collect(),
    }
}
