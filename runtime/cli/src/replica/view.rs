//! How `abaca replica` shows a replica.

use abaca::ShareRecord;
use serde::Serialize;

use crate::naming::Placed;
use crate::output::{facts, time, word};
use crate::recorded::ReplicaRecord;

/// What the command shows of a replica, in this order.
#[derive(Debug, Serialize)]
pub struct View {
    pub id: String,
    share_id: String,
    share_name: Option<String>,
    backend: String,
    host: String,
    status: String,
    replica_state: String,
    access_rules_status: String,
    export_locations: Vec<String>,
    share_server_id: Option<String>,
    created_at: Option<String>,
    launched_at: Option<String>,
    pub message: Option<String>,
}

impl View {
    pub fn new(placed: &Placed<'_, ReplicaRecord>) -> Self {
        let ReplicaRecord(ShareRecord { share, message }) = &placed.record;
        Self {
            id: share.id.clone(),
            share_id: share.share_id.clone(),
            share_name: share.display_name.clone(),
            backend: placed.entry.name.clone(),
            host: share.host.clone(),
            status: word(&share.status),
            replica_state: share.replica_state.as_ref().map(word).unwrap_or_default(),
            access_rules_status: word(&share.access_rules_status),
            export_locations: share.export_locations.iter().map(|one| one.path.clone()).collect(),
            share_server_id: share.share_server_id.clone(),
            created_at: share.created_at.map(time),
            launched_at: share.launched_at.map(time),
            message: message.clone(),
        }
    }

    /// Its line in a list.
    pub fn row(&self) -> [String; 6] {
        let share = self.share_name.clone().unwrap_or_else(|| self.share_id.clone());
        let location = self.export_locations.first().cloned().unwrap_or_default();
        let (status, state) = (self.status.clone(), self.replica_state.clone());
        [self.id.clone(), share, self.backend.clone(), status, state, location]
    }

    pub fn text(&self) -> String {
        let or_nothing = |value: &Option<String>| value.clone().unwrap_or_default();
        facts([
            ("id", self.id.clone()),
            ("share", or_nothing(&self.share_name)),
            ("share id", self.share_id.clone()),
            ("host", self.host.clone()),
            ("status", self.status.clone()),
            ("replica state", self.replica_state.clone()),
            ("message", or_nothing(&self.message)),
            ("export locations", self.export_locations.join("  ")),
            ("access rules", self.access_rules_status.clone()),
            ("share server", or_nothing(&self.share_server_id)),
            ("created", or_nothing(&self.created_at)),
            ("available since", or_nothing(&self.launched_at)),
        ])
    }
}
