//! The interface `pools`: back ends that are divided into pools.
//!
//! Only for a driver that reports pools in its stats. Upstream: `get_pool`.
//!
//! Implemented by drivers as [`Pools`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/pools.wit`.

crate::interface::interface!(Pools, pools, "abaca:sdk/pools", "export_pools");
