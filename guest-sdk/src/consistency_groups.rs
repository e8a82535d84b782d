//! The interface `consistency-groups`: shares whose snapshots are taken at one point in time.
//!
//! Upstream: `create_consistency_group`, `create_cgsnapshot` and their counterparts.
//!
//! Implemented by drivers as [`ConsistencyGroups`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/consistency-groups.wit`.

crate::interface::interface!(
    ConsistencyGroups,
    consistency_groups,
    "abaca:sdk/consistency-groups",
    "export_consistency_groups"
);
