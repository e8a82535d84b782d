//! The interface `extending`: making shares larger.
//!
//! Repeating it succeeds. Upstream: `extend_share`.
//!
//! Implemented by drivers as [`Extending`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/extending.wit`.

crate::interface::interface!(Extending, extending, "abaca:sdk/extending", "export_extending");
