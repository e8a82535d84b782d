//! What the commands stand on: the configuration, the records of its backends, and, for what
//! needs a driver, the backends themselves. Opened once for a command, by `main`.
//!
//! ```text
//! list, show:   configuration ─▶ records
//! all others:   configuration ─▶ records ─▶ checks ─▶ driver ─▶ policy ─▶ do-setup ─▶ the call
//! ```

use std::path::PathBuf;

use abaca::configuration::{BackendEntry, Configuration};
use abaca::{Backend, Records, Runtime, ShareRecord, SnapshotRecord};

use crate::cli::Global;
use crate::failure::{Failure, Result};
use crate::found::Found;
use crate::naming::Placed;
use crate::output::Output;

/// Where a configuration is looked for when none is named, in this order.
const PLACES: [&str; 2] = ["abaca.toml", "/etc/abaca/abaca.toml"];

/// The configured backends, as far as `--backend` covers them.
pub struct Service {
    file: PathBuf,
    configuration: Configuration,
    chosen: Option<String>,
    broker: Option<PathBuf>,
}

impl Service {
    /// Reads the configuration.
    ///
    /// # Errors
    /// When there is none, it is wrong, or `--backend` is not in it.
    pub fn open(global: &Global) -> Result<Self> {
        let file = match &global.config {
            Some(file) => file.clone(),
            None => {
                PLACES.iter().map(PathBuf::from).find(|file| file.exists()).ok_or_else(|| {
                    Failure::refused(
                        format!("there is no configuration: neither {}", PLACES.join(" nor ")),
                        "write one, or name it with --config FILE or ABACA_CONFIG",
                    )
                })?
            }
        };
        let configuration = Configuration::load(&file)?;
        let (chosen, broker) = (global.backend.clone(), global.broker.clone());
        let service = Self { file, configuration, chosen, broker };
        if service.configuration.backends().is_empty() {
            return Err(Failure::refused(
                format!("{} configures no backend", service.file.display()),
                "add a section [backends.NAME] with `driver` and `policy`",
            ));
        }
        if let Some(name) = &service.chosen {
            service.entry(name)?;
        }
        Ok(service)
    }

    /// The backends that `--backend` covers.
    pub fn entries(&self) -> impl Iterator<Item = &BackendEntry> {
        let covers =
            |entry: &&BackendEntry| self.chosen.as_ref().is_none_or(|chosen| *chosen == entry.name);
        self.configuration.backends().iter().filter(covers)
    }

    /// The backend of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn entry(&self, name: &str) -> Result<&BackendEntry> {
        let found = self.configuration.backends().iter().find(|entry| entry.name == name);
        found.ok_or_else(|| {
            Failure::refused(
                format!("{} has no backend `{name}`", self.file.display()),
                format!("it has: {}", self.names()),
            )
        })
    }

    /// The one backend that is meant where only one can be.
    ///
    /// # Errors
    /// When there are several.
    pub fn only(&self) -> Result<&BackendEntry> {
        let mut entries = self.entries();
        match (entries.next(), entries.next()) {
            (Some(entry), None) => Ok(entry),
            _ => Err(Failure::refused(
                "there are several backends, and this needs one",
                format!("choose it with --backend; there are: {}", self.names()),
            )),
        }
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.configuration.backends().iter().map(|one| &*one.name).collect();
        names.join(", ")
    }

    /// A backend that can be called; nothing is run yet.
    ///
    /// # Errors
    /// When driver, policy and configuration do not do, each or together.
    pub async fn backend(&self, entry: &BackendEntry) -> Result<Backend> {
        let configuration = &self.configuration;
        let mut builder =
            Runtime::builder().limits(configuration.limits().clone()).cache(configuration.cache());
        if let Some(broker) = &self.broker {
            builder = builder.broker(broker);
        }
        let driver = builder.build()?.load(&entry.driver).await?;
        Backend::open(driver, configuration.backend(entry))
            .await
            .map_err(|error| configuration.locate(&entry.name, error).into())
    }

    /// A backend that has been prepared, for the calls that change something.
    ///
    /// # Errors
    /// As [`backend`](Self::backend), and what the preparation answers.
    pub async fn ready(&self, entry: &BackendEntry, output: Output) -> Result<Backend> {
        let what = format!("preparing the backend {}", entry.name);
        let prepared = async {
            let backend = self.backend(entry).await?;
            backend.do_setup().await?;
            Ok(backend)
        };
        output.wait(&what, prepared).await
    }

    /// The records of a backend; its driver and policy are not looked at.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub async fn records(&self, entry: &BackendEntry) -> abaca::Result<Records> {
        Records::open(self.configuration.state(), &entry.name).await
    }

    /// All shares of the backends that are covered and can be read.
    pub async fn shares(&self) -> Found<'_, ShareRecord> {
        let mut found = Found::new();
        for entry in self.entries() {
            found.add(entry, async { self.records(entry).await?.shares().await }.await);
        }
        found
    }

    /// All snapshots of the backends that are covered and can be read.
    pub async fn snapshots(&self) -> Found<'_, SnapshotRecord> {
        let mut found = Found::new();
        for entry in self.entries() {
            found.add(entry, async { self.records(entry).await?.snapshots().await }.await);
        }
        found
    }

    /// The share that is meant by a name or an id. People are warned of backends that could not
    /// be read.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub async fn share(&self, wanted: &str, output: Output) -> Result<Placed<'_, ShareRecord>> {
        let (share, unreadable) = self.shares().await.one(wanted)?;
        unreadable.warn(output);
        Ok(share)
    }

    /// The snapshot that is meant by a name or an id, as [`share`](Self::share).
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub async fn snapshot(
        &self,
        wanted: &str,
        output: Output,
    ) -> Result<Placed<'_, SnapshotRecord>> {
        let (snapshot, unreadable) = self.snapshots().await.one(wanted)?;
        unreadable.warn(output);
        Ok(snapshot)
    }
}

/// `host@backend`, as a share service names where a share is.
///
/// # Errors
/// When the system does not tell its name.
#[expect(clippy::disallowed_methods, reason = "the kernel's name for this host, a fixed path")]
pub fn host(backend: &str) -> Result<String> {
    use anyhow::Context;
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").context("this host's name")?;
    Ok(format!("{}@{backend}", name.trim()))
}
