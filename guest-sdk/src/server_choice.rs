//! The interface `server-choice`: choosing among the share servers that are there.
//!
//! Left out, the first server is taken for a share and none for a group. Upstream:
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
