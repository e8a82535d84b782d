//! How an interface of `abaca:driver` becomes a trait, and how a driver's type
//! becomes a component's exports.
//!
//! Called by the rooms of the interfaces (`interface!`) and by drivers
//! ([`export!`](crate::export)). It knows nothing of what the interfaces mean.

/// Makes the room of one exported interface: the generated trait under its own
/// name, and the export macro that [`export!`](crate::export) finds.
macro_rules! interface {
    ($trait:ident, $room:ident, $world:tt, $export_macro:tt) => {
        #[doc(hidden)]
        #[allow(missing_docs, unsafe_code, unused_qualifications, clippy::all, clippy::pedantic)]
        #[allow(clippy::unreachable, clippy::indexing_slicing, clippy::unwrap_used)]
        #[allow(clippy::panic, clippy::expect_used, clippy::redundant_clone)]
        #[allow(clippy::semicolon_if_nothing_returned)]
        pub mod generated {
            wit_bindgen::generate!({
                world: $world,
                path: ["../wit/host", "../wit/driver", "wit"],
                with: { "abaca:driver/types@0.1.0": crate::bindings::abaca::driver::types },
                pub_export_macro: true,
                export_macro_name: $export_macro,
            });
        }
        pub use generated::exports::abaca::driver::$room::Guest as $trait;
    };
}
pub(crate) use interface;

/// Makes a component of a driver: `export!(Directory: backend, shares, access)`.
///
/// The first word is the type that implements the traits; then come the interfaces
/// it offers, as `wit/driver` names them. An interface that is left out is not
/// part of the component, and the service sees that the back end cannot do it.
/// `backend`, `shares` and one of `access` and `access-by-rule` are required by the
/// runtime.
///
/// A panic of the driver is written to the log with its place before it ends the
/// call.
#[macro_export]
macro_rules! export {
    ($driver:ident : $($interfaces:tt)+) => {
        $crate::__export_interfaces! { $driver; $($interfaces)+ }

        // Constructors run before the first exported function does.
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code)]
        const _: () = {
            #[used]
            #[unsafe(link_section = ".init_array")]
            static PANICS_ARE_LOGGED: extern "C" fn() = $crate::panics::log_them;
        };
    };
}

/// Takes the interfaces of [`export!`](crate::export) one by one.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_interfaces {
    ($driver:ident;) => {};
    ($driver:ident; backend $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, backend, export_backend }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; shares $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, shares, export_shares }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; pools $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, pools, export_pools }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; extending $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, extending, export_extending }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; shrinking $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, shrinking, export_shrinking }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; snapshots $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, snapshots, export_snapshots }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; clones $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, clones, export_clones }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; access $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, access, export_access }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; access - by - rule $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, access_by_rule, export_access_by_rule }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; managing $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, managing, export_managing }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; managing - snapshots $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, managing_snapshots, export_managing_snapshots }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; share - servers $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, share_servers, export_share_servers }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; server - choice $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, server_choice, export_server_choice }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; consistency - groups $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, consistency_groups, export_consistency_groups }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; replication $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, replication, export_replication }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; replicated - snapshots $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, replicated_snapshots, export_replicated_snapshots }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; migration $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, migration, export_migration }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; migration - info $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, migration_info, export_migration_info }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; periodic - hook $(, $($rest:tt)*)?) => {
        $crate::__export_interface! { $driver, periodic_hook, export_periodic_hook }
        $crate::__export_interfaces! { $driver; $($($rest)*)? }
    };
    ($driver:ident; $($unknown:tt)*) => {
        compile_error!(concat!(
            "no interface of abaca:driver begins `",
            stringify!($($unknown)*),
            "`; write them as `wit/driver` does, with commas between: \
             backend, shares, pools, extending, shrinking, snapshots, clones, \
             access, access-by-rule, managing, managing-snapshots, share-servers, \
             server-choice, consistency-groups, replication, replicated-snapshots, \
             migration, migration-info, periodic-hook",
        ));
    };
}

/// Exports one interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_interface {
    ($driver:ident, $room:ident, $export_macro:ident) => {
        // The generated exports are unsafe by nature; drivers need not allow it.
        #[allow(unsafe_code, unused_qualifications, clippy::all, clippy::pedantic)]
        const _: () = {
            $crate::$room::generated::$export_macro!(
                $driver with_types_in $crate::$room::generated
            );
        };
    };
}
