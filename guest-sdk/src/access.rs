//! The interface `access`: who may use a share, told as the whole set.
//!
//! A driver has this or `access-by-rule`. With neither additions nor deletions it is
//! recovery: whatever is there is replaced. Upstream: `update_access`.
//!
//! Implemented by drivers as [`Access`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/access.wit`.

crate::interface::interface!(Access, access, "abaca:sdk/access", "export_access");
