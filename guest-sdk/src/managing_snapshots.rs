//! The interface `managing-snapshots`: taking over snapshots made elsewhere, and letting them go.
//!
//! Only without share servers. Upstream: `manage_existing_snapshot`,
//! `unmanage_snapshot`.
//!
//! Implemented by drivers as [`ManagingSnapshots`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/managing-snapshots.wit`.

crate::interface::interface!(
    ManagingSnapshots,
    managing_snapshots,
    "abaca:sdk/managing-snapshots",
    "export_managing_snapshots"
);
