//! What a component imports and exports, by name: all of it known and served, and nothing missing
//! that a driver must have.

use std::collections::BTreeMap;

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::contract::{DRIVER_PACKAGE, HOST_PACKAGE, Import, Interface, Need, Served, VERSION};

/// What a component imports, all of it known and served.
pub(super) fn imports(component: &Component, engine: &Engine) -> Result<Vec<Import>, String> {
    let mut found = Vec::new();
    for (name, item) in component.component_type().imports(engine) {
        let interface = named(name, HOST_PACKAGE)?.map(str::to_owned);
        let is_types = |wanted: &str| interface.as_deref() == Some(wanted);
        if is_types("types") || is_driver_types(name) {
            continue;
        }
        let import = interface.as_deref().and_then(Import::from_name).ok_or_else(|| {
            format!("it imports `{name}`, which this runtime does not know and never grants")
        })?;
        if import.served() == Served::Nowhere {
            return Err(format!(
                "it imports `{name}` ({}), which this version of Abaca does not serve yet",
                import.purpose()
            ));
        }
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            return Err(format!("it imports `{name}` as something else than an interface"));
        };
        if found.contains(&import) {
            return Err(format!("it imports the interface `{import}` twice"));
        }
        // Another interface has its types: of this one it uses nothing.
        let is_function = |ty| matches!(ty, ComponentItem::ComponentFunc(_));
        if !instance.exports(engine).any(|(_, item)| is_function(item.ty)) {
            continue;
        }
        found.push(import);
    }
    found.sort_unstable();
    Ok(found)
}

/// The interfaces that a component exports, all of them known and served, and none missing
/// that a driver must have.
pub(super) fn interfaces(component: &Component, engine: &Engine) -> Result<Vec<Interface>, String> {
    let mut found = BTreeMap::new();
    for (name, item) in component.component_type().exports(engine) {
        if is_driver_types(name) {
            continue;
        }
        let interface =
            named(name, DRIVER_PACKAGE)?.and_then(Interface::from_name).ok_or_else(|| {
                format!("it exports `{name}`, which this runtime does not know; is it a driver?")
            })?;
        if interface.served() == Served::Nowhere {
            return Err(format!(
                "it exports `{name}` ({}), which this version of Abaca does not serve yet",
                interface.purpose()
            ));
        }
        if !matches!(item.ty, ComponentItem::ComponentInstance(_)) {
            return Err(format!("it exports `{name}` as something else than an interface"));
        }
        if found.insert(interface, ()).is_some() {
            return Err(format!("it exports the interface `{interface}` twice"));
        }
    }
    let found: Vec<_> = found.into_keys().collect();
    let missing: Vec<_> = Interface::ALL
        .iter()
        .filter(|one| one.need() == Need::Required && !found.contains(one))
        .map(|one| format!("`{DRIVER_PACKAGE}/{one}`"))
        .collect();
    if !missing.is_empty() {
        return Err(format!(
            "it does not export {}, which every driver must",
            missing.join(" and ")
        ));
    }
    check_access(&found)?;
    Ok(found)
}

/// A share that nobody can be let into is of no use.
pub(super) fn check_access(there: &[Interface]) -> Result<(), String> {
    if there.iter().any(|one| one.need() == Need::OneOfAccess) {
        return Ok(());
    }
    Err("it offers neither `access` nor `access-by-rule`".to_owned())
}

/// The interface in `package/interface@version`, or none for another package.
fn named<'a>(name: &'a str, package: &str) -> Result<Option<&'a str>, String> {
    let Some(rest) = name.strip_prefix(package).and_then(|rest| rest.strip_prefix('/')) else {
        return Ok(None);
    };
    let (interface, version) = rest.split_once('@').unwrap_or((rest, ""));
    let (major, minor) = VERSION;
    if version.starts_with(&format!("{major}.{minor}.")) {
        return Ok(Some(interface));
    }
    Err(format!("`{name}` is of another version; this runtime speaks {package}@{major}.{minor}"))
}

fn is_driver_types(name: &str) -> bool {
    matches!(named(name, DRIVER_PACKAGE), Ok(Some("types")))
}
