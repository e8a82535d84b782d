//! What drivers say about replicas: which of it can be, and what it changes. Called by the calls
//! that make and promote replicas.

use super::super::check_locations;
use crate::error::{Error, Result};
use crate::records::{Change, ShareEdit};
use crate::types::{ReplicaState, ReplicaUpdate, Share, ShareStatus};

/// What was said about a replica, as a change of its record alone: one in error is no longer
/// available.
pub(super) fn said(update: &ReplicaUpdate) -> Change {
    let locations = &update.export_locations;
    let edit = ShareEdit {
        status: (update.replica_state == Some(ReplicaState::Error)).then_some(ShareStatus::Error),
        replica_state: update.replica_state,
        access_rules_status: update.access_rules_status,
        export_locations: (!locations.is_empty()).then(|| locations.clone()),
        ..ShareEdit::default()
    };
    Change::EditShare(update.id.clone(), Box::new(edit))
}

/// What a driver that says nothing means by a promotion.
pub(super) fn promoted(shares: &[&Share], id: &str) -> Vec<ReplicaUpdate> {
    let update = |share: &&Share| {
        let state = if share.id == id {
            ReplicaState::Active
        } else if share.replica_state == Some(ReplicaState::Active) {
            ReplicaState::OutOfSync
        } else {
            return None;
        };
        Some(ReplicaUpdate {
            id: share.id.clone(),
            export_locations: Vec::new(),
            replica_state: Some(state),
            access_rules_status: None,
        })
    };
    shares.iter().filter_map(update).collect()
}

/// Only replicas that were given can be spoken of.
pub(super) fn check<'a>(
    method: &'static str,
    shares: &[&Share],
    updates: impl IntoIterator<Item = &'a ReplicaUpdate>,
) -> Result<()> {
    for update in updates {
        if !shares.iter().any(|share| share.id == update.id) {
            let reason = "it speaks of a replica that it was not given".to_owned();
            return Err(Error::Contract { method, reason });
        }
        check_locations(method, &update.export_locations)?;
    }
    Ok(())
}
