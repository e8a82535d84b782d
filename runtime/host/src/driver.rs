//! A loaded driver: a component that was scanned, compiled, checked against the contract and
//! asked what it is. It holds no grant; a `Backend` gives it those.
//!
//! ```text
//! bytes ─▶ manifest ─▶ cache, or scan and compile ─▶ imports and exports known and served?
//!       ─▶ linked ─▶ each exported function of the contract's type? ─▶ describe ─▶ Driver
//! ```

mod compiling;
mod description;
mod exports;
mod interfaces;
mod manifest;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use abaca_policy::Manifest;
use serde::Serialize;
use sha2::{Digest, Sha256};
use wasmtime::component::{Component, Instance, InstancePre};
use wasmtime::{Engine, Store};

use self::compiling::compile;
use self::description::{check_description, nobody};
pub(crate) use self::exports::Exports;
use self::interfaces::{imports, interfaces};
pub use self::manifest::ManifestInspection;
pub(crate) use self::manifest::find as manifest_of;
use crate::call::{Call, Room};
use crate::contract::{HOST_PACKAGE, Import, Interface, Served};
use crate::error::{Error, Result};
use crate::limits::{COMPONENT_BYTES, DESCRIBE_WALL, Limits};
use crate::runtime::Runtime;
use crate::storage::read;
use crate::text::hex;
use crate::types::Description;

/// What `describe` is called in messages.
const DESCRIBE: &str = "describe";

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
    manifest: Option<Manifest>,
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
    /// What it asks an operator for, if it says so.
    pub manifest: Option<ManifestInspection>,
    /// Where manifest and component do not say the same, a sentence each. Such a driver is not
    /// run.
    pub findings: Vec<String>,
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
        // Looking through all bytes takes a while: not on one of the async workers.
        let looking = tokio::task::spawn_blocking(move || (manifest::find(&bytes), bytes));
        let (manifest, bytes) = looking
            .await
            .map_err(|error| Error::Runtime(format!("looking into {name}: {error}")))?;
        let compiled = compile(runtime, bytes, &digest)
            .await
            .map_err(|error| Error::Compile { driver: name.to_owned(), error })?;
        // What is no component at all was refused as such.
        let manifest = manifest.map_err(refused)?;
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
            manifest,
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
        let mut limits = self.limits();
        limits.wall = limits.wall.min(DESCRIBE_WALL);
        let call = Call {
            driver: self,
            method: DESCRIBE,
            id: DESCRIBE,
            powers: None,
            witness: None,
            limits: &limits,
            tally: Arc::default(),
            account: &self.shared.runtime.shared().turns.account(),
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

    /// Why no backend can have this driver, if none can: it asks for what no policy grants yet. It
    /// can be tested all the same.
    #[must_use]
    pub fn only_tested(&self) -> Option<String> {
        let import = self.imports().iter().find(|one| one.served() == Served::OnStage)?;
        Some(format!(
            "the driver `{}` imports `{HOST_PACKAGE}/{import}` ({}), which no policy can grant yet: it \
             can be tested, by `abaca test` and `abaca replay`, and not run",
            self.description().name,
            import.purpose()
        ))
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
            manifest: self.manifest().map(ManifestInspection::from),
            findings: self.findings(),
        }
    }

    /// What the driver asks an operator for, if it carries a manifest.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.shared.manifest.as_ref()
    }

    /// Where manifest and component do not say the same, a sentence each.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        let Shared { description, imports, interfaces, .. } = &*self.shared;
        let findings = |manifest| manifest::findings(manifest, description, imports, interfaces);
        self.manifest().map(findings).unwrap_or_default()
    }

    /// The bounds of its calls: those of the runtime, or what it needs where that is less.
    pub(crate) fn limits(&self) -> Limits {
        let limits = self.shared.runtime.limits();
        match self.manifest() {
            Some(manifest) => manifest::bounded(limits, manifest.needs()),
            None => limits.clone(),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.shared.runtime.shared().engine
    }

    pub(crate) fn component(&self) -> &Component {
        self.shared.instance.component()
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
