//! The interface `replication`: keeping a share in several places.
//!
//! Upstream: `create_replica`, `delete_replica`, `promote_replica`,
//! `update_replica_state`.
//!
//! Implemented by drivers as [`Replication`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/replication.wit`.

crate::interface::interface!(
    Replication,
    replication,
    "abaca:sdk/replication",
    "export_replication"
);
