//! What a backend has made, as it is recorded: each thing with what went wrong with it last.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::{Cgsnapshot, ConsistencyGroup, Share, ShareServer, Snapshot};

/// A share as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShareRecord {
    /// The share, with the status and locations that hold now.
    pub share: Share,
    /// What went wrong last, where something did.
    pub message: Option<String>,
}

/// A snapshot as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotRecord {
    /// The snapshot, with the status that holds now.
    pub snapshot: Snapshot,
    /// What went wrong last, where something did.
    pub message: Option<String>,
}

/// A share server as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShareServerRecord {
    /// The server, with the status, details and leases that hold now.
    pub share_server: ShareServer,
    /// What went wrong last, where something did.
    pub message: Option<String>,
}

/// A consistency group as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConsistencyGroupRecord {
    /// The group, with the status that holds now.
    pub consistency_group: ConsistencyGroup,
    /// What went wrong last, where something did.
    pub message: Option<String>,
}

/// A group snapshot as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CgsnapshotRecord {
    /// The group snapshot, with the status that holds now.
    pub cgsnapshot: Cgsnapshot,
    /// What went wrong last, where something did.
    pub message: Option<String>,
}
