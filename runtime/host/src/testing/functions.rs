//! Functions of a driver called by their names, with arguments in JSON: past the records and the
//! base class's behaviour of a backend, which would not let a test ask for the same thing twice.
//! Used by the replay and by the conformance suite.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Instance, Val};

use super::values::{from_json, to_json};
use crate::call::{Call, Room};
use crate::contract::{DRIVER_PACKAGE, Interface};
use crate::driver::Driver;
use crate::error::Error;
use crate::gate::{Ending, Powers, Witness};
use crate::limits::Limits;

/// Every function of the contract, by its interface.
pub const FUNCTIONS: &[(Interface, &[&str])] = &[
    (Interface::Backend, &["describe", "do-setup", "check-for-setup-error", "get-share-stats"]),
    (Interface::Shares, &["create-share", "delete-share", "ensure-share"]),
    (Interface::Pools, &["get-pool"]),
    (Interface::Extending, &["extend-share"]),
    (Interface::Shrinking, &["shrink-share"]),
    (Interface::Snapshots, &["create-snapshot", "delete-snapshot"]),
    (Interface::Clones, &["create-share-from-snapshot"]),
    (Interface::Access, &["update-access"]),
    (Interface::AccessByRule, &["allow-access", "deny-access"]),
    (Interface::Managing, &["manage-existing", "unmanage"]),
    (Interface::ManagingSnapshots, &["manage-existing-snapshot", "unmanage-snapshot"]),
    (
        Interface::ShareServers,
        &[
            "get-network-allocations-number",
            "get-admin-network-allocations-number",
            "setup-server",
            "teardown-server",
            "get-share-server-pools",
        ],
    ),
    (
        Interface::ServerChoice,
        &["choose-share-server-compatible-with-share", "choose-share-server-compatible-with-cg"],
    ),
    (
        Interface::ConsistencyGroups,
        &[
            "create-consistency-group",
            "create-consistency-group-from-cgsnapshot",
            "delete-consistency-group",
            "create-cgsnapshot",
            "delete-cgsnapshot",
        ],
    ),
    (
        Interface::Replication,
        &["create-replica", "delete-replica", "promote-replica", "update-replica-state"],
    ),
    (
        Interface::ReplicatedSnapshots,
        &["create-replicated-snapshot", "delete-replicated-snapshot", "update-replicated-snapshot"],
    ),
    (
        Interface::Migration,
        &[
            "migration-get-driver-info",
            "migration-start",
            "migration-complete",
            "migration-cancel",
            "migration-get-progress",
        ],
    ),
    (Interface::MigrationInfo, &["migration-get-info"]),
    (Interface::PeriodicHook, &["get-periodic-hook-data"]),
];

/// What a function of a driver answers: its result, or its error.
pub type Answer = Result<Value, Value>;

/// Where a function is in a driver's component.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    index: ComponentExportIndex,
    /// Its name in the contract.
    pub name: &'static str,
}

/// The function of this name.
///
/// # Errors
/// When the contract has none, or the driver does not offer its interface.
pub(crate) fn find(driver: &Driver, name: &str) -> Result<Function, Error> {
    let found = FUNCTIONS.iter().find_map(|(interface, functions)| {
        let name = functions.iter().find(|function| **function == name)?;
        Some((*interface, *name))
    });
    let Some((interface, name)) = found else {
        return Err(Error::Invalid(format!("the contract has no function `{name}`")));
    };
    let absent =
        || Error::NotOffered { driver: driver.description().name.clone(), interface, method: name };
    if !driver.offers(interface) {
        return Err(absent());
    }
    let component = driver.component();
    // Its version's patch number is the driver's own.
    let begins = format!("{DRIVER_PACKAGE}/{interface}@");
    let ty = component.component_type();
    let exported = ty.exports(driver.engine()).map(|(exported, _)| exported);
    let index = exported
        .filter(|exported| exported.starts_with(&begins))
        .find_map(|exported| component.get_export_index(None, exported))
        .and_then(|instance| component.get_export_index(Some(&instance), name));
    index.map(|index| Function { index, name }).ok_or_else(absent)
}

/// Calls it.
async fn call(
    function: &Function,
    arguments: &[Value],
    store: &mut Store<Room>,
    instance: &Instance,
) -> wasmtime::Result<Answer> {
    let name = function.name;
    let fault = |text: String| wasmtime::Error::from(Ending::Fault(Error::Invalid(text)));
    let wrong = |reason: String| fault(format!("the arguments of {name}: {reason}"));
    let called = instance
        .get_func(&mut *store, function.index)
        .ok_or_else(|| fault(format!("the driver exports no function `{name}`")))?;
    let ty = called.ty(&*store);
    let wanted: Vec<_> = ty.params().collect();
    if wanted.len() != arguments.len() {
        let (has, given) = (wanted.len(), arguments.len());
        return Err(wrong(format!("it takes {has}, and there are {given}")));
    }
    let values = arguments.iter().zip(&wanted).map(|(json, (parameter, ty))| {
        from_json(json, ty).map_err(|error| wrong(format!("`{parameter}`: {error}")))
    });
    let values = values.collect::<Result<Vec<_>, _>>()?;
    let mut results = vec![Val::Bool(false); ty.results().len()];
    called.call_async(&mut *store, &values, &mut results).await?;
    let contract = |reason| fault(format!("the answer of {name}: {reason}"));
    let (Some(answer), Some(ty)) = (results.first(), ty.results().next()) else {
        return Ok(Ok(Value::Null));
    };
    let json = to_json(answer, &ty).map_err(contract)?;
    Ok(if matches!(answer, Val::Result(Err(_))) { Err(json) } else { Ok(json) })
}

/// Calls a function in a sandbox of its own, under the eyes of a witness: the one way of everything
/// that tests a driver. Without powers the witness answers all that is asked.
///
/// # Errors
/// What ended the call, and arguments that are not of the function's types.
pub(crate) async fn run(
    driver: &Driver,
    function: &Function,
    arguments: &[Value],
    id: &str,
    powers: Option<Arc<Powers>>,
    witness: Arc<dyn Witness>,
    limits: &Limits,
) -> Result<Answer, Error> {
    let call = Call {
        driver,
        method: function.name,
        id,
        powers,
        witness: Some(witness),
        limits,
        tally: Arc::default(),
        account: &driver.runtime().shared().turns.account(),
        began: Instant::now(),
    };
    call.run(async |store: &mut Store<Room>, instance: &Instance| {
        self::call(function, arguments, store, instance).await
    })
    .await
}
