//! The interface `shares`: making, removing and finding shares.
//!
//! Required. All three may be repeated after a crash and then succeed. Upstream:
//! `create_share`, `delete_share`, `ensure_share`.
//!
//! Implemented by drivers as [`Shares`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/shares.wit`.

crate::interface::interface!(Shares, shares, "abaca:sdk/shares", "export_shares");
