//! How `abaca consistency-group` shows a group.

use abaca::ConsistencyGroupRecord;
use serde::Serialize;

use crate::naming::Placed;
use crate::output::{facts, word};
use crate::recorded::WholeShare;

/// What the command shows of a consistency group, in this order.
#[derive(Debug, Serialize)]
pub struct View {
    pub id: String,
    name: Option<String>,
    backend: String,
    host: String,
    status: String,
    from_cgsnapshot: Option<String>,
    share_network_id: Option<String>,
    share_server_id: Option<String>,
    members: Vec<Member>,
    pub message: Option<String>,
}

/// One share of the group.
#[derive(Debug, Serialize)]
struct Member {
    id: String,
    name: Option<String>,
    status: String,
}

impl View {
    pub fn new(placed: &Placed<'_, ConsistencyGroupRecord>, members: &[WholeShare]) -> Self {
        let ConsistencyGroupRecord { consistency_group: group, message } = &placed.record;
        let members = members.iter().map(|one| Member {
            id: one.share().share_id.clone(),
            name: one.share().display_name.clone(),
            status: word(&one.share().status),
        });
        Self {
            id: group.id.clone(),
            name: group.name.clone(),
            backend: placed.entry.name.clone(),
            host: group.host.clone(),
            status: word(&group.status),
            from_cgsnapshot: group.source_cgsnapshot_id.clone(),
            share_network_id: group.share_network_id.clone(),
            share_server_id: group.share_server_id.clone(),
            members: members.collect(),
            message: message.clone(),
        }
    }

    /// Its line in a list.
    pub fn row(&self) -> [String; 5] {
        let (name, members) = (self.name.clone().unwrap_or_default(), self.members.len());
        let (backend, status) = (self.backend.clone(), self.status.clone());
        [name, self.id.clone(), backend, status, members.to_string()]
    }

    pub fn text(&self) -> String {
        let or_nothing = |value: &Option<String>| value.clone().unwrap_or_default();
        let name = |one: &Member| one.name.clone().unwrap_or_else(|| one.id.clone());
        facts([
            ("name", or_nothing(&self.name)),
            ("id", self.id.clone()),
            ("host", self.host.clone()),
            ("status", self.status.clone()),
            ("message", or_nothing(&self.message)),
            ("from cgsnapshot", or_nothing(&self.from_cgsnapshot)),
            ("share network", or_nothing(&self.share_network_id)),
            ("share server", or_nothing(&self.share_server_id)),
            ("members", self.members.iter().map(name).collect::<Vec<_>>().join("  ")),
        ])
    }
}
