//! The interface `access-by-rule`: who may use a share, one rule at a time.
//!
//! For back ends that know no more; the runtime asks `access` first. Upstream:
//! `allow_access`, `deny_access`.
//!
//! Implemented by drivers as [`AccessByRule`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/access-by-rule.wit`.

crate::interface::interface!(
    AccessByRule,
    access_by_rule,
    "abaca:sdk/access-by-rule",
    "export_access_by_rule"
);
