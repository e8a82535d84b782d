//! The interface `migration-info`: how to mount a share so that somebody else can copy it.
//!
//! Left out, the operator's mount templates answer. Upstream: `migration_get_info`.
//!
//! Implemented by drivers as [`MigrationInfo`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/migration-info.wit`.

crate::interface::interface!(
    MigrationInfo,
    migration_info,
    "abaca:sdk/migration-info",
    "export_migration_info"
);
