//! Shares, snapshots and access rules as a service describes them to a backend.

use abaca::types::{
    AccessLevel, AccessRule, AccessRulesStatus, AccessType, Share, ShareProtocol, ShareStatus,
    Snapshot, SnapshotStatus,
};

/// A share as a service describes it to a backend.
pub fn share(display_name: &str, size: u64) -> Share {
    let id = uuid::Uuid::new_v4().to_string();
    Share {
        share_id: id.clone(),
        name: format!("share-{id}"),
        id,
        size,
        protocol: ShareProtocol::Nfs,
        host: "test@home".to_owned(),
        pool: None,
        status: ShareStatus::Creating,
        access_rules_status: AccessRulesStatus::Active,
        replica_state: None,
        availability_zone: None,
        share_network_id: None,
        share_server_id: None,
        export_locations: Vec::new(),
        user_id: "user".to_owned(),
        project_id: "project".to_owned(),
        display_name: Some(display_name.to_owned()),
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

/// A share that makes the hostile driver do this.
pub fn attack_share(attack: &str, arguments: &[&str]) -> Share {
    let mut one = share(attack, 1);
    one.metadata.push(("attack".to_owned(), attack.to_owned()));
    let numbered = arguments.iter().enumerate();
    one.metadata.extend(numbered.map(|(at, text)| (format!("argument{at}"), (*text).to_owned())));
    one
}

/// A snapshot of a share as a service describes it.
pub fn snapshot(share: &Share) -> Snapshot {
    let id = uuid::Uuid::new_v4().to_string();
    Snapshot {
        snapshot_id: id.clone(),
        name: format!("share-snapshot-{id}"),
        id,
        share_instance_id: share.id.clone(),
        share_id: share.share_id.clone(),
        share_name: share.name.clone(),
        size: share.size,
        protocol: share.protocol,
        status: SnapshotStatus::Creating,
        provider_location: None,
        display_name: None,
        project_id: share.project_id.clone(),
        created_at: None,
    }
}

/// A rule that lets a user in.
pub fn rule(access_to: &str, access_level: AccessLevel) -> AccessRule {
    AccessRule {
        id: uuid::Uuid::new_v4().to_string(),
        access_type: AccessType::User,
        access_to: access_to.to_owned(),
        access_level,
    }
}
