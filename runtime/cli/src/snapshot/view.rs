//! How `abaca snapshot` shows a snapshot.

use serde::Serialize;

use crate::naming::Placed;
use crate::output::{facts, time, word};
use crate::recorded::WholeSnapshot;

/// What the command shows of a snapshot, in this order.
#[derive(Debug, Serialize)]
pub struct View {
    pub id: String,
    name: Option<String>,
    share_id: String,
    backend: String,
    status: String,
    size_gib: u64,
    protocol: String,
    provider_location: Option<String>,
    instances: Vec<Instance>,
    created_at: Option<String>,
    pub message: Option<String>,
}

/// What there is of it on one replica of its share.
#[derive(Debug, Serialize)]
struct Instance {
    id: String,
    share_instance_id: String,
    status: String,
    provider_location: Option<String>,
}

impl View {
    pub fn new(placed: &Placed<'_, WholeSnapshot>) -> Self {
        let whole = &placed.record;
        let snapshot = whole.snapshot();
        let instances = whole.instances().map(|one| Instance {
            id: one.id.clone(),
            share_instance_id: one.share_instance_id.clone(),
            status: word(&one.status),
            provider_location: one.provider_location.clone(),
        });
        Self {
            id: snapshot.snapshot_id.clone(),
            name: snapshot.display_name.clone(),
            share_id: snapshot.share_id.clone(),
            backend: placed.entry.name.clone(),
            status: word(&whole.status()),
            size_gib: snapshot.size,
            protocol: word(&snapshot.protocol),
            provider_location: snapshot.provider_location.clone(),
            instances: instances.collect(),
            created_at: snapshot.created_at.map(time),
            message: whole.records().find_map(|one| one.message.clone()),
        }
    }

    /// Its line in a list.
    pub fn row(&self) -> [String; 6] {
        let name = self.name.clone().unwrap_or_default();
        let created = self.created_at.clone().unwrap_or_default();
        let size = format!("{} GiB", self.size_gib);
        [name, self.id.clone(), self.share_id.clone(), self.status.clone(), size, created]
    }

    pub fn text(&self) -> String {
        let or_nothing = |value: &Option<String>| value.clone().unwrap_or_default();
        let instance = |one: &Instance| format!("{} on {}", one.status, one.share_instance_id);
        let instances: Vec<_> = match self.instances.as_slice() {
            [_] => Vec::new(),
            several => several.iter().map(instance).collect(),
        };
        facts([
            ("name", or_nothing(&self.name)),
            ("id", self.id.clone()),
            ("share", self.share_id.clone()),
            ("backend", self.backend.clone()),
            ("status", self.status.clone()),
            ("message", or_nothing(&self.message)),
            ("size", format!("{} GiB", self.size_gib)),
            ("location", or_nothing(&self.provider_location)),
            ("replicas", instances.join("  ")),
            ("created", or_nothing(&self.created_at)),
        ])
    }
}
