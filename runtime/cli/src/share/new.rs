//! A share as the service asks a driver for it, before anything special is known of it. Used by
//! whatever makes shares: `create`, `manage`, replicas, and groups made from cgsnapshots.

use std::time::{SystemTime, UNIX_EPOCH};

use abaca::Backend;
use abaca::types::{AccessRulesStatus, Share, ShareProtocol, ShareStatus};

use crate::failure::{Failure, Result};
use crate::output::{Output, word};
use crate::service::host;

/// A new share without a size.
///
/// # Errors
/// When this host has no name.
pub fn new_share(backend: &Backend, name: String, protocol: ShareProtocol) -> Result<Share> {
    let id = uuid::Uuid::new_v4().to_string();
    Ok(Share {
        share_id: id.clone(),
        name: instance_name(&id),
        id,
        size: 0,
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
        display_name: Some(name),
        display_description: None,
        snapshot_id: None,
        share_type_id: None,
        extra_specs: Vec::new(),
        metadata: Vec::new(),
        is_public: false,
        consistency_group_id: None,
        source_cgsnapshot_member_id: None,
        created_at: Some(now()),
        launched_at: None,
    })
}

/// Another instance of a share, not made yet: the same to its user, another one to the storage.
pub fn another_instance(share: &Share) -> Share {
    instance_of(share, uuid::Uuid::new_v4().to_string())
}

/// The same with this identifier.
pub fn instance_of(share: &Share, id: String) -> Share {
    Share {
        name: instance_name(&id),
        id,
        status: ShareStatus::Creating,
        access_rules_status: AccessRulesStatus::Active,
        pool: None,
        export_locations: Vec::new(),
        created_at: Some(now()),
        launched_at: None,
        ..share.clone()
    }
}

/// The name to use on the back end, as upstream's `share_name_template`.
fn instance_name(id: &str) -> String {
    format!("share-{id}")
}

/// The protocol that was asked for, or the first that the driver serves.
///
/// # Errors
/// When the driver does not serve it.
pub fn served_protocol(backend: &Backend, asked: Option<ShareProtocol>) -> Result<ShareProtocol> {
    let served = &backend.driver().description().protocols;
    match asked.or(served.first().copied()) {
        Some(protocol) if served.contains(&protocol) => Ok(protocol),
        refused => {
            let served: Vec<_> = served.iter().map(word).collect();
            Err(Failure::refused(
                format!(
                    "this driver does not serve {}",
                    refused.as_ref().map(word).unwrap_or_default()
                ),
                format!("choose one that it serves with --protocol: {}", served.join(", ")),
            ))
        }
    }
}

/// The pool that was asked for, if the backend has it.
///
/// # Errors
/// When it has none of this name, and what the driver answers about its pools.
pub async fn chosen_pool(
    backend: &Backend,
    asked: Option<String>,
    output: Output,
) -> Result<Option<String>> {
    let Some(asked) = asked else { return Ok(None) };
    let work = Box::pin(backend.get_share_stats(true));
    let stats = output.wait("asking for the pools", work).await?;
    let pools: Vec<_> = stats.pools.iter().map(|pool| pool.name.as_str()).collect();
    if pools.contains(&asked.as_str()) {
        return Ok(Some(asked));
    }
    Err(Failure::refused(
        format!("the backend `{}` has no pool `{asked}`", backend.name()),
        match pools.is_empty() {
            true => "it has no pools: leave --pool out".to_owned(),
            false => format!("it has: {}", pools.join(", ")),
        },
    ))
}

/// Seconds since the epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
