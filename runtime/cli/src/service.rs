//! What the commands stand on: the configuration, the records of its backends, and, for what
//! needs a driver, the backends themselves. Opened once for a command, by `main`.
//!
//! ```text
//! list, show:   configuration ─▶ records
//! all others:   configuration ─▶ records ─▶ checks ─▶ driver ─▶ policy ─▶ do-setup ─▶ the call
//! ```

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use abaca::audit::AuditLog;
use abaca::configuration::{BackendEntry, Configuration};
use abaca::policy::Policy;
use abaca::quarantine::{Conduct, Standing};
use abaca::{Backend, BackendConfiguration, Keeper, Records, Runtime, Versions};

use crate::cli::Global;
use crate::failure::{Failure, Result};
use crate::found::Found;
use crate::naming::Placed;
use crate::output::{Output, complain, plain};
use crate::recorded::Recorded;

/// Where a configuration is looked for when none is named, in this order.
const PLACES: [&str; 2] = ["abaca.toml", "/etc/abaca/abaca.toml"];

/// The configured backends, as far as `--backend` covers them.
pub struct Service {
    file: PathBuf,
    configuration: Configuration,
    chosen: Option<String>,
    broker: Option<PathBuf>,
    /// Where its drivers' calls are recorded, if they are.
    record: Option<PathBuf>,
    /// Made when the first backend is opened.
    runtime: OnceLock<Runtime>,
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
        let (record, runtime) = (global.record.clone(), OnceLock::new());
        let service = Self { file, configuration, chosen, broker, record, runtime };
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
        let active = configuration.active(entry)?;
        let driver = self.runtime()?.load(&active.driver).await?;
        let backend = Backend::open(driver, configuration.backend(&active))
            .await
            .map_err(|error| configuration.locate(&entry.name, error))?;
        configuration.check_apart(backend.policy())?;
        Ok(backend)
    }

    /// Whether a policy may be approved for a backend, as far as that depends on where its roots are.
    ///
    /// # Errors
    /// When one of them holds something of Abaca's own, or lies in it.
    pub fn check_apart(&self, policy: &Policy) -> Result<()> {
        Ok(self.configuration.check_apart(policy)?)
    }

    /// The directory of the state of all backends.
    pub fn state(&self) -> &Path {
        self.configuration.state()
    }

    /// A backend as it runs now: with the current version of its driver.
    ///
    /// # Errors
    /// When the versions cannot be read, or the configuration has changed since the first.
    pub fn active(&self, entry: &BackendEntry) -> Result<BackendEntry> {
        Ok(self.configuration.active(entry)?)
    }

    /// The number of the version that a backend runs; none if its driver was never upgraded.
    ///
    /// # Errors
    /// When the versions cannot be read.
    pub fn version(&self, backend: &str) -> Result<Option<u32>> {
        Ok(self.versions_of(backend)?.map(|versions| versions.current))
    }

    /// The versions of a backend's driver, to look at; none if it was never upgraded.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn versions_of(&self, backend: &str) -> Result<Option<Versions>> {
        Ok(Versions::read(self.state(), backend)?)
    }

    /// The versions of a backend's driver, held for a change; `active` is the backend as it runs.
    ///
    /// # Errors
    /// When what runs was never approved, or the state cannot be read or written.
    pub fn versions(&self, active: &BackendEntry) -> Result<Keeper> {
        Ok(Keeper::open(self.state(), active, self.configuration.audit())?)
    }

    /// What a backend has beside its driver.
    pub fn beside(&self, entry: &BackendEntry) -> BackendConfiguration {
        self.configuration.backend(entry)
    }

    /// The failure of an error of a backend, with its place in the configuration if it has one.
    pub fn located(&self, entry: &BackendEntry, error: abaca::Error) -> Failure {
        self.configuration.locate(&entry.name, error).into()
    }

    /// One runtime carries all backends of a command.
    ///
    /// # Errors
    /// When the engine or the cache does not do.
    pub fn runtime(&self) -> Result<Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime.clone());
        }
        let configuration = &self.configuration;
        let mut builder = Runtime::builder()
            .limits(configuration.limits().clone())
            .audit(configuration.audit().clone())
            .quarantine(configuration.quarantine().clone())
            .cache(configuration.cache());
        if let Some(broker) = &self.broker {
            builder = builder.broker(broker);
        }
        if let Some(file) = &self.record {
            builder = builder.record(file);
        }
        let runtime = builder.build()?;
        Ok(self.runtime.get_or_init(|| runtime).clone())
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

    /// A backend that has been prepared and says that it can work.
    ///
    /// # Errors
    /// As [`ready`](Self::ready), and what the check answers.
    pub async fn working(&self, entry: &BackendEntry, output: Output) -> Result<Backend> {
        let backend = self.ready(entry, output).await?;
        backend.check_for_setup_error().await?;
        Ok(backend)
    }

    /// As [`working`](Self::working), but one that is in quarantine or disabled is opened and not
    /// prepared: drivers keep nothing in memory, and a service before this one has prepared it.
    ///
    /// # Errors
    /// As [`working`](Self::working).
    pub async fn served(&self, entry: &BackendEntry, output: Output) -> Result<Backend> {
        use abaca::Error::{Disabled, Quarantined};
        match self.working(entry, output).await {
            Err(Failure::Library(refusal @ (Quarantined { .. } | Disabled { .. }))) => {
                let (name, why) = (&entry.name, plain(&refusal.to_string()));
                complain(&format!("warning: {name} is served, but not called: {why}\n"));
                self.backend(entry).await
            }
            other => other,
        }
    }

    /// How a backend's driver behaves; driver and policy are not looked at.
    ///
    /// # Errors
    /// When its state cannot be opened.
    pub async fn conduct(&self, entry: &BackendEntry) -> abaca::Result<Conduct> {
        let configuration = &self.configuration;
        let (rules, audit) = (configuration.quarantine(), configuration.audit());
        Conduct::open(configuration.state(), &entry.name, rules, audit).await
    }

    /// How a backend stands; nothing is made where there is no state yet.
    ///
    /// # Errors
    /// When its state cannot be read.
    pub async fn standing(&self, entry: &BackendEntry) -> abaca::Result<Standing> {
        let configuration = &self.configuration;
        Conduct::look(configuration.state(), &entry.name, configuration.quarantine()).await
    }

    /// The records of a backend; its driver and policy are not looked at.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub async fn records(&self, entry: &BackendEntry) -> abaca::Result<Records> {
        Records::open(self.configuration.state(), &entry.name).await
    }

    /// The audit of a backend. Its driver and policy are not looked at.
    ///
    /// # Errors
    /// When it is not this user's.
    pub fn audit(&self, entry: &BackendEntry) -> abaca::Result<AuditLog> {
        AuditLog::open(self.configuration.state(), &entry.name)
    }

    /// All of a kind in the backends that are covered and can be read.
    pub async fn all<T: Recorded>(&self) -> Found<'_, T> {
        let mut found = Found::new();
        for entry in self.entries() {
            found.add(entry, async { T::all(&self.records(entry).await?).await }.await);
        }
        T::settle(&mut found.all);
        found
    }

    /// The one that is meant by a name or an id. People are warned of backends that could not be
    /// read.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub async fn one<T: Recorded>(&self, wanted: &str, output: Output) -> Result<Placed<'_, T>> {
        let (one, unreadable) = self.all::<T>().await.one(wanted)?;
        unreadable.warn(output);
        Ok(one)
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
