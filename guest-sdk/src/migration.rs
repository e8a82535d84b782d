//! The interface `migration`: moving a share to another back end, by the driver itself.
//!
//! Two phases; left out, the service copies. Upstream: `migration_start`,
//! `migration_complete`, `migration_cancel`, `migration_get_progress`,
//! `migration_get_driver_info`.
//!
//! Implemented by drivers as [`Migration`], called by the runtime. The trait
//! and its documentation are generated from `wit/driver/migration.wit`.

crate::interface::interface!(Migration, migration, "abaca:sdk/migration", "export_migration");
