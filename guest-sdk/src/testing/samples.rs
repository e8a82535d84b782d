//! Records as a service would pass them, with what most tests do not care about filled in. Called
//! by tests of drivers; every field is public for what a test does care about.

use crate::{
    AccessLevel, AccessRule, AccessRulesStatus, AccessType, Share, ShareProtocol, ShareServer,
    ShareServerStatus, ShareStatus, Snapshot, SnapshotStatus,
};

/// A backend as services name it.
const HOST: &str = "host@backend";

/// Who asks.
const PROJECT: &str = "project-1";

/// A share of this name and size in GiB, for NFS. Its identifier is the name with `-id` behind it,
/// so that a driver that takes the one for the other is found out.
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
        created_at: None,
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
        created_at: None,
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
