//! Where the functions of a driver's interfaces are in its component, and whether each is of the
//! contract's type. *Presence first, then parse*: an interface that is there but lacks a function
//! is an error, never absent.

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::call::Room;
use crate::contract::Interface;
use crate::contract::bindings::exports::abaca::driver as exported;

/// Where each interface's functions are in the component; none for one that it does not offer.
pub(crate) struct Exports {
    pub backend: exported::backend::GuestIndices,
    pub shares: exported::shares::GuestIndices,
    pub pools: Option<exported::pools::GuestIndices>,
    pub extending: Option<exported::extending::GuestIndices>,
    pub shrinking: Option<exported::shrinking::GuestIndices>,
    pub snapshots: Option<exported::snapshots::GuestIndices>,
    pub clones: Option<exported::clones::GuestIndices>,
    pub access: Option<exported::access::GuestIndices>,
    pub access_by_rule: Option<exported::access_by_rule::GuestIndices>,
    pub managing: Option<exported::managing::GuestIndices>,
    pub managing_snapshots: Option<exported::managing_snapshots::GuestIndices>,
    pub periodic_hook: Option<exported::periodic_hook::GuestIndices>,
    pub share_servers: Option<exported::share_servers::GuestIndices>,
    pub server_choice: Option<exported::server_choice::GuestIndices>,
    pub consistency_groups: Option<exported::consistency_groups::GuestIndices>,
    pub replication: Option<exported::replication::GuestIndices>,
    pub replicated_snapshots: Option<exported::replicated_snapshots::GuestIndices>,
    pub migration: Option<exported::migration::GuestIndices>,
    pub migration_info: Option<exported::migration_info::GuestIndices>,
}

macro_rules! exports {
    ($($required:ident: $required_interface:ident),* ; $($optional:ident: $interface:ident),*) => {
        impl Exports {
            /// Finds the functions of the interfaces that are there. *Presence first*: an
            /// interface that is there but lacks a function is an error, never absent.
            pub(super) fn find(instance: &InstancePre<Room>, there: &[Interface]) -> Result<Self, String> {
                Ok(Self {
                    $($required: exported::$required::GuestIndices::new(instance)
                        .map_err(|error| unlike(Interface::$required_interface, &error))?,)*
                    $($optional: there
                        .contains(&Interface::$interface)
                        .then(|| exported::$optional::GuestIndices::new(instance))
                        .transpose()
                        .map_err(|error| unlike(Interface::$interface, &error))?,)*
                })
            }

            /// Checks the type of every function that was found.
            pub(super) fn check(&self, store: &mut Store<Room>, instance: &Instance) -> Result<(), String> {
                $(self.$required.load(&mut *store, instance)
                    .map_err(|error| unlike(Interface::$required_interface, &error))?;)*
                $(if let Some(indices) = &self.$optional {
                    indices.load(&mut *store, instance)
                        .map_err(|error| unlike(Interface::$interface, &error))?;
                })*
                Ok(())
            }
        }
    };
}

exports! {
    backend: Backend, shares: Shares;
    pools: Pools, extending: Extending, shrinking: Shrinking, snapshots: Snapshots,
    clones: Clones, access: Access, access_by_rule: AccessByRule, managing: Managing,
    managing_snapshots: ManagingSnapshots, periodic_hook: PeriodicHook, share_servers: ShareServers,
    server_choice: ServerChoice, consistency_groups: ConsistencyGroups, replication: Replication, replicated_snapshots: ReplicatedSnapshots, migration: Migration, migration_info: MigrationInfo
}

fn unlike(interface: Interface, error: &wasmtime::Error) -> String {
    format!("its interface `{interface}` is not that of the contract: {error:#}")
}
