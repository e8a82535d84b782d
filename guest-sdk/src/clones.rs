//! The interface `clones`: new shares with the content of a snapshot.
//!
//! The share is independent of the snapshot from then on. Upstream:
//! `create_share_from_snapshot`.
//!
//! Implemented by drivers as [`Clones`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/clones.wit`.

crate::interface::interface!(Clones, clones, "abaca:sdk/clones", "export_clones");
