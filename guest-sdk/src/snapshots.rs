//! The interface `snapshots`: keeping a share's present content.
//!
//! Exporting it is what makes a back end report snapshot support. Upstream:
//! `create_snapshot`, `delete_snapshot`.
//!
//! Implemented by drivers as [`Snapshots`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/snapshots.wit`.

crate::interface::interface!(Snapshots, snapshots, "abaca:sdk/snapshots", "export_snapshots");
