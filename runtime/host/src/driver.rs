//! A loaded driver: a component that was scanned, compiled, checked against the contract and
//! asked what it is. It holds no grant; a `Backend` gives it those.
//!
//! ```text
//! bytes ─▶ scan ─▶ cache or compile ─▶ imports and exports known and served?
//!       ─▶ linked ─▶ each exported function of the contract's type? ─▶ describe ─▶ Driver
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use sha2::{Digest, Sha256};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Instance, InstancePre};
use wasmtime::{Engine, Store};

use crate::call::{Call, Room};
use crate::contract::bindings::exports::abaca::driver as exported;
use crate::contract::{DRIVER_PACKAGE, HOST_PACKAGE, Import, Interface, Need, VERSION};
use crate::error::{Error, Result};
use crate::limits::{COMPONENT_BYTES, DESCRIBE_WALL};
use crate::options::OptionValues;
use crate::runtime::Runtime;
use crate::storage::read;
use crate::types::Description;

/// What `describe` is called in messages.
const DESCRIBE: &str = "describe";

/// The longest text of a description, in bytes.
const DESCRIPTION_BYTES: usize = 4 * 1024;

/// The most options that a driver may declare; upstream's largest has about sixty.
const OPTIONS: usize = 256;

/// A driver that is ready to be given to backends. Cheap to clone.
#[derive(Clone)]
pub struct Driver {
    shared: Arc<Shared>,
}

struct Shared {
    runtime: Runtime,
    instance: InstancePre<Room>,
    exports: Exports,
    interfaces: Vec<Interface>,
    imports: Vec<Import>,
    digest: String,
    description: Description,
}

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

/// What a driver offers, asks for and is, for people and programs.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// SHA-256 of the component.
    pub digest: String,
    /// What it says of itself.
    pub description: Description,
    /// The interfaces that it offers.
    pub offers: Vec<Interface>,
    /// Those that it could offer and does not.
    pub lacks: Vec<Interface>,
    /// The imports that it asks for.
    pub asks_for: Vec<Import>,
}

impl Driver {
    pub(crate) async fn load(runtime: &Runtime, file: &Path) -> Result<Self> {
        let path = file.to_owned();
        let bytes = tokio::task::spawn_blocking(move || read(&path, COMPONENT_BYTES))
            .await
            .map_err(|error| Error::Runtime(format!("reading {}: {error}", file.display())))??;
        Self::from_bytes(runtime, &file.display().to_string(), bytes).await
    }

    pub(crate) async fn from_bytes(runtime: &Runtime, name: &str, bytes: Vec<u8>) -> Result<Self> {
        let refused = |reason: String| Error::Component { driver: name.to_owned(), reason };
        let digest = hex(&Sha256::digest(&bytes));
        let compiled = {
            let (runtime, digest) = (runtime.clone(), digest.clone());
            // Compiling keeps a core busy for a while: not one of the async workers.
            tokio::task::spawn_blocking(move || compile(&runtime, &bytes, &digest))
                .await
                .map_err(|error| Error::Runtime(format!("compiling {name}: {error}")))?
                .map_err(refused)?
        };
        let component = compiled.component.clone();
        let shared = runtime.shared();
        let imports = imports(&component, &shared.engine).map_err(refused)?;
        let interfaces = interfaces(&component, &shared.engine).map_err(refused)?;
        let instance = shared.linker.instantiate_pre(&component).map_err(|error| {
            refused(format!("what it imports is not what the contract says: {error:#}"))
        })?;
        let exports = Exports::find(&instance, &interfaces).map_err(refused)?;
        let mut driver = Shared {
            runtime: runtime.clone(),
            instance,
            exports,
            interfaces,
            imports,
            digest,
            description: nobody(),
        };
        let described = Self { shared: Arc::new(driver) };
        let description = described.describe(name).await?;
        // Nothing else holds the driver yet; it is taken apart to say what it is.
        driver = Arc::into_inner(described.shared)
            .ok_or_else(|| Error::Runtime("a driver is held while it is loaded".to_owned()))?;
        driver.interfaces.retain(|one| {
            !description.withheld_interfaces.iter().any(|withheld| withheld == one.name())
        });
        check_description(&description, &driver.interfaces).map_err(refused)?;
        driver.description = description;
        compiled.keep(runtime).await;
        Ok(Self { shared: Arc::new(driver) })
    }

    /// Checks every exported function's type on a real instance, and asks what the driver is.
    async fn describe(&self, name: &str) -> Result<Description> {
        let mut limits = self.shared.runtime.limits().clone();
        limits.wall = limits.wall.min(DESCRIBE_WALL);
        let call = Call {
            driver: self,
            method: DESCRIBE,
            id: DESCRIBE,
            powers: None,
            limits: &limits,
            began: Instant::now(),
        };
        let exports = &self.shared.exports;
        let described = call
            .run(async |store: &mut Store<Room>, instance: &Instance| {
                if let Err(reason) = exports.check(store, instance) {
                    return Ok(Err(reason));
                }
                let guest = exports.backend.load(&mut *store, instance)?;
                guest.call_describe(store).await.map(Ok)
            })
            .await?;
        described.map_err(|reason| Error::Component { driver: name.to_owned(), reason })
    }

    /// What the driver says of itself.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.shared.description
    }

    /// SHA-256 of the component, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.shared.digest
    }

    /// Whether the driver offers an interface.
    #[must_use]
    pub fn offers(&self, interface: Interface) -> bool {
        self.shared.interfaces.contains(&interface)
    }

    /// The imports that the driver asks for.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.shared.imports
    }

    /// All that can be said about the driver without running it for a backend.
    #[must_use]
    pub fn inspect(&self) -> Inspection {
        let (offers, lacks) = Interface::ALL.iter().partition(|one| self.offers(**one));
        Inspection {
            digest: self.shared.digest.clone(),
            description: self.shared.description.clone(),
            offers,
            lacks,
            asks_for: self.shared.imports.clone(),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.shared.runtime.shared().engine
    }

    pub(crate) fn exports(&self) -> &Exports {
        &self.shared.exports
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.shared.runtime
    }

    pub(crate) async fn instantiate(&self, store: &mut Store<Room>) -> wasmtime::Result<Instance> {
        self.shared.instance.instantiate_async(store).await
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("inspection", &self.inspect()).finish()
    }
}

macro_rules! exports {
    ($($required:ident: $required_interface:ident),* ; $($optional:ident: $interface:ident),*) => {
        impl Exports {
            /// Finds the functions of the interfaces that are there. *Presence first*: an
            /// interface that is there but lacks a function is an error, never absent.
            fn find(instance: &InstancePre<Room>, there: &[Interface]) -> Result<Self, String> {
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
            fn check(&self, store: &mut Store<Room>, instance: &Instance) -> Result<(), String> {
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

/// A component, and under which name it shall be kept if it turns out to be a driver.
struct Compiled {
    component: Component,
    keep_as: Option<String>,
}

impl Compiled {
    /// Only drivers are kept: nobody fills the cache with what is refused.
    async fn keep(self, runtime: &Runtime) {
        let (component, shared) = (self.component, Arc::clone(runtime.shared()));
        let Some(name) = self.keep_as else { return };
        let kept = tokio::task::spawn_blocking(move || {
            if let Some(cache) = &shared.cache {
                cache.store(&name, &component);
            }
        });
        if let Err(error) = kept.await {
            tracing::warn!(%error, "a compiled component could not be kept in the cache");
        }
    }
}

fn compile(runtime: &Runtime, bytes: &[u8], digest: &str) -> Result<Compiled, String> {
    let shared = runtime.shared();
    let compiled_by = engine_digest(&shared.engine);
    let name = format!("{digest}-{compiled_by}-{}.compiled", crate::scan::RULES);
    if let Some(component) =
        shared.cache.as_ref().and_then(|cache| cache.load(&shared.engine, &name))
    {
        return Ok(Compiled { component, keep_as: None });
    }
    crate::scan::scan(bytes)?;
    let component = Component::new(&shared.engine, bytes)
        .map_err(|error| format!("it cannot be compiled: {error:#}"))?;
    Ok(Compiled { component, keep_as: Some(name) })
}

/// Which compiled code an engine can run: its version, settings and processor.
fn engine_digest(engine: &Engine) -> String {
    /// A SHA-256 as the engine's hash wants to be fed.
    struct Feed(Sha256);
    impl std::hash::Hasher for Feed {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut feed = Feed(Sha256::new());
    std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut feed);
    hex(&feed.0.finalize()).chars().take(16).collect()
}

/// What a component imports, all of it known and served.
fn imports(component: &Component, engine: &Engine) -> Result<Vec<Import>, String> {
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
        if !import.is_served() {
            return Err(format!(
                "it imports `{name}` ({}), which this version of Abaca does not serve yet",
                import.purpose()
            ));
        }
        if !matches!(item.ty, ComponentItem::ComponentInstance(_)) {
            return Err(format!("it imports `{name}` as something else than an interface"));
        }
        if found.contains(&import) {
            return Err(format!("it imports the interface `{import}` twice"));
        }
        found.push(import);
    }
    found.sort_unstable();
    Ok(found)
}

/// The interfaces that a component exports, all of them known and served, and none missing
/// that a driver must have.
fn interfaces(component: &Component, engine: &Engine) -> Result<Vec<Interface>, String> {
    let mut found = BTreeMap::new();
    for (name, item) in component.component_type().exports(engine) {
        if is_driver_types(name) {
            continue;
        }
        let interface =
            named(name, DRIVER_PACKAGE)?.and_then(Interface::from_name).ok_or_else(|| {
                format!("it exports `{name}`, which this runtime does not know; is it a driver?")
            })?;
        if !interface.is_served() {
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
fn check_access(there: &[Interface]) -> Result<(), String> {
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

/// What a driver says of itself must make sense before anything is built on it.
fn check_description(description: &Description, there: &[Interface]) -> Result<(), String> {
    let name_is_good = description.name.starts_with(|first: char| first.is_ascii_lowercase())
        && description.name.len() <= 64
        && description
            .name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !name_is_good {
        return Err(format!("it calls itself {:?}; a name is [a-z][a-z0-9-]*", description.name));
    }
    for (what, text) in [("vendor", &description.vendor), ("version", &description.version)] {
        if text.is_empty() || text.len() > DESCRIPTION_BYTES || text.chars().any(char::is_control) {
            return Err(format!("its {what} is empty, too long or has control characters"));
        }
    }
    if description.share_server_modes.is_empty() {
        return Err("it says neither that it handles share servers nor that it does without".into());
    }
    if description.protocols.is_empty() {
        return Err("it serves no protocol".into());
    }
    for withheld in &description.withheld_interfaces {
        let interface = Interface::from_name(withheld)
            .ok_or_else(|| format!("it withholds {withheld:?}, which is no interface"))?;
        if interface.need() == Need::Required {
            return Err(format!("it withholds `{interface}`, which every driver must offer"));
        }
    }
    // Once more: what is withheld is not there.
    check_access(there)?;
    if description.options.len() > OPTIONS {
        return Err(format!("it declares more than {OPTIONS} options"));
    }
    for option in &description.options {
        let good = option.name.starts_with(|first: char| first.is_ascii_lowercase())
            && option.name.len() <= 64
            && option
                .name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let prefix = description.name.replace('-', "_");
        let own = option.name.strip_prefix(&prefix).is_some_and(|rest| rest.starts_with('_'));
        if !good || !own {
            return Err(format!(
                "its option {:?} does not begin with `{prefix}_` or is not [a-z][a-z0-9_]*",
                option.name
            ));
        }
        if option.help.is_empty() || option.help.len() > DESCRIPTION_BYTES {
            return Err(format!("its option `{}` has no help, or too much of it", option.name));
        }
    }
    OptionValues::check_declarations(&description.options).map_err(|error| error.to_string())
}

/// Stands for the description until the driver has given it.
fn nobody() -> Description {
    Description {
        name: String::new(),
        vendor: String::new(),
        version: String::new(),
        protocols: Vec::new(),
        share_server_modes: Vec::new(),
        options: Vec::new(),
        withheld_interfaces: Vec::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
