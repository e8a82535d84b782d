//! The interface `periodic-hook`: facts about shares for hooks that run from time to time.
//!
//! Upstream: `get_periodic_hook_data`.
//!
//! Implemented by drivers as [`PeriodicHook`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/periodic-hook.wit`.

crate::interface::interface!(
    PeriodicHook,
    periodic_hook,
    "abaca:sdk/periodic-hook",
    "export_periodic_hook"
);
