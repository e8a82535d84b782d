//! How `abaca share` shows a share.

use abaca::ShareRecord;
use serde::Serialize;
use serde_json::Value;

use crate::naming::Placed;
use crate::output::{facts, time, word};
use crate::recorded::WholeShare;

/// What the command shows of a share, in this order.
#[derive(Debug, Serialize)]
pub struct View {
    pub id: String,
    name: Option<String>,
    backend: String,
    host: String,
    pool: Option<String>,
    status: String,
    size_gib: u64,
    protocol: String,
    export_locations: Vec<String>,
    access_rules_status: String,
    from_snapshot: Option<String>,
    share_network_id: Option<String>,
    share_server_id: Option<String>,
    consistency_group_id: Option<String>,
    replica_state: Option<String>,
    replicas: Vec<String>,
    migrating_to: Option<String>,
    metadata: serde_json::Map<String, Value>,
    created_at: Option<String>,
    launched_at: Option<String>,
    pub message: Option<String>,
}

impl View {
    pub fn new(placed: &Placed<'_, WholeShare>) -> Self {
        let WholeShare { active, migration, .. } = &placed.record;
        let ShareRecord { share, message } = active;
        let replicas = placed.record.instances().filter(|one| one.replica_state.is_some());
        Self {
            id: share.share_id.clone(),
            name: share.display_name.clone(),
            backend: placed.entry.name.clone(),
            host: share.host.clone(),
            pool: share.pool.clone(),
            status: word(&share.status),
            size_gib: share.size,
            protocol: word(&share.protocol),
            export_locations: share.export_locations.iter().map(|one| one.path.clone()).collect(),
            access_rules_status: word(&share.access_rules_status),
            from_snapshot: share.snapshot_id.clone(),
            share_network_id: share.share_network_id.clone(),
            share_server_id: share.share_server_id.clone(),
            consistency_group_id: share.consistency_group_id.clone(),
            replica_state: share.replica_state.as_ref().map(word),
            replicas: replicas.map(|one| one.id.clone()).collect(),
            migrating_to: migration.as_ref().map(|one| one.destination.host.clone()),
            metadata: share
                .metadata
                .iter()
                .cloned()
                .map(|(key, value)| (key, value.into()))
                .collect(),
            created_at: share.created_at.map(time),
            launched_at: share.launched_at.map(time),
            message: message.clone(),
        }
    }

    /// Its line in a list.
    pub fn row(&self) -> [String; 6] {
        let name = self.name.clone().unwrap_or_default();
        let size = format!("{} GiB", self.size_gib);
        let location = self.export_locations.first().cloned().unwrap_or_default();
        [name, self.id.clone(), self.backend.clone(), self.status.clone(), size, location]
    }

    pub fn text(&self) -> String {
        let or_nothing = |value: &Option<String>| value.clone().unwrap_or_default();
        let metadata: Vec<_> = self
            .metadata
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
            .collect();
        facts([
            ("name", or_nothing(&self.name)),
            ("id", self.id.clone()),
            ("host", self.host.clone()),
            ("pool", or_nothing(&self.pool)),
            ("status", self.status.clone()),
            ("message", or_nothing(&self.message)),
            ("migrating to", or_nothing(&self.migrating_to)),
            ("size", format!("{} GiB", self.size_gib)),
            ("protocol", self.protocol.clone()),
            ("export locations", self.export_locations.join("  ")),
            ("access rules", self.access_rules_status.clone()),
            ("from snapshot", or_nothing(&self.from_snapshot)),
            ("share network", or_nothing(&self.share_network_id)),
            ("share server", or_nothing(&self.share_server_id)),
            ("consistency group", or_nothing(&self.consistency_group_id)),
            ("replica state", or_nothing(&self.replica_state)),
            ("replicas", self.replicas.join("  ")),
            ("metadata", metadata.join("  ")),
            ("created", or_nothing(&self.created_at)),
            ("available since", or_nothing(&self.launched_at)),
        ])
    }
}
