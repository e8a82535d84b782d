//! The interface `shrinking`: making shares smaller.
//!
//! With more in the share than the new size, nothing is changed and the answer is
//! `Error::ShareShrinkingPossibleDataLoss`. Upstream: `shrink_share`.
//!
//! Implemented by drivers as [`Shrinking`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/shrinking.wit`.

crate::interface::interface!(Shrinking, shrinking, "abaca:sdk/shrinking", "export_shrinking");
