//! The interface `replicated-snapshots`: snapshots of shares that have replicas.
//!
//! Upstream: `create_replicated_snapshot`, `delete_replicated_snapshot`,
//! `update_replicated_snapshot`.
//!
//! Implemented by drivers as [`ReplicatedSnapshots`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/replicated-snapshots.wit`.

crate::interface::interface!(
    ReplicatedSnapshots,
    replicated_snapshots,
    "abaca:sdk/replicated-snapshots",
    "export_replicated_snapshots"
);
