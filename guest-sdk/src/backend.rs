//! The interface `backend`: who the driver is and what there is of its storage.
//!
//! Required. `describe` runs before any option is known and may only log; the
//! others may ask for anything. Upstream: `do_setup`, `check_for_setup_error`,
//! `_update_share_stats` and the class's own attributes.
//!
//! Implemented by drivers as [`Backend`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/backend.wit`.

crate::interface::interface!(Backend, backend, "abaca:sdk/backend", "export_backend");
