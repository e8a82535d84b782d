//! The interface `managing`: taking over shares made elsewhere, and letting them go.
//!
//! Only without share servers. Upstream: `manage_existing`, `unmanage`.
//!
//! Implemented by drivers as [`Managing`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/managing.wit`.

crate::interface::interface!(Managing, managing, "abaca:sdk/managing", "export_managing");
