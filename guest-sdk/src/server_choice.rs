//! The interface `server-choice`: choosing among the share servers that are there.
//!
//! Left out, the first server is taken, and for a share of a group the group's. Upstream:
//! `choose_share_server_compatible_with_share`, `..._with_cg`.
//!
//! Implemented by drivers as [`ServerChoice`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/server-choice.wit`.

crate::interface::interface!(
    ServerChoice,
    server_choice,
    "abaca:sdk/server-choice",
    "export_server_choice"
);
