//! What the commands stand on: the configuration, the records of its backends, and, for what
//! needs a driver, the backends themselves. Opened once for a command, by `main`.
//!
//! ```text
//! list, show:   configuration ─▶ records
//! all others:   configuration ─▶ records ─▶ checks ─▶ driver ─▶ policy ─▶ do-setup ─▶ the call
//! ```

use std::fmt::Write;
use std::path::{Path, PathBuf};

use abaca::configuration::{BackendEntry, Configuration};
use abaca::{Backend, Records, Runtime, ShareRecord, SnapshotRecord};

use crate::cli::Global;
use crate::failure::{Failure, Result};
use crate::output::{Output, plain, table, word};

/// Where a configuration is looked for when none is named, in this order.
const PLACES: [&str; 2] = ["abaca.toml", "/etc/abaca/abaca.toml"];

/// The fewest characters that may stand for an id: fewer would be names by accident.
const PREFIX: usize = 4;

/// How many candidates a message lists.
const CANDIDATES: usize = 10;

/// The configured backends, as far as `--backend` covers them.
pub struct Service {
    file: PathBuf,
    configuration: Configuration,
    chosen: Option<String>,
    broker: Option<PathBuf>,
}

/// A record and the backend that has it.
pub struct Placed<'a, T> {
    pub entry: &'a BackendEntry,
    pub record: T,
}

/// What can be asked for by name or id.
trait Named {
    fn id(&self) -> &str;
    fn name(&self) -> Option<&str>;
    fn status(&self) -> String;
}

impl Service {
    /// Reads the configuration.
    ///
    /// # Errors
    /// When there is none, it is wrong, or `--backend` is not in it.
    pub fn open(global: &Global) -> Result<Self> {
        let file = match &global.config {
            Some(file) => file.clone(),
            None => PLACES.iter().map(PathBuf::from).find(|file| file.exists()).ok_or_else(|| {
                Failure::refused(
                    format!("there is no configuration: neither {}", PLACES.join(" nor ")),
                    "write one, or name it with --config FILE or ABACA_CONFIG",
                )
            })?,
        };
        let configuration = Configuration::load(&file)?;
        let (chosen, broker) = (global.backend.clone(), global.broker.clone());
        let service = Self { file, configuration, chosen, broker };
        if let Some(name) = &service.chosen {
            service.entry(name)?;
        }
        if service.configuration.backends().is_empty() {
            return Err(Failure::refused(
                format!("{} configures no backend", service.file.display()),
                "add a section [backends.NAME] with `driver` and `policy`",
            ));
        }
        Ok(service)
    }

    /// The backends that `--backend` covers.
    pub fn entries(&self) -> impl Iterator<Item = &BackendEntry> {
        let covers = |entry: &&BackendEntry| {
            self.chosen.as_ref().is_none_or(|chosen| *chosen == entry.name)
        };
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
        let mut builder = Runtime::builder()
            .limits(configuration.limits().clone())
            .cache(configuration.cache());
        if let Some(broker) = &self.broker {
            builder = builder.broker(broker);
        }
        let driver = builder.build()?.load(&entry.driver).await?;
        Backend::open(driver, entry.backend(configuration.state()))
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
    pub async fn records(&self, entry: &BackendEntry) -> Result<Records> {
        Ok(Records::open(self.state(), &entry.name).await?)
    }

    fn state(&self) -> &Path {
        self.configuration.state()
    }

    /// All shares of the backends that are covered.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn shares(&self) -> Result<Vec<Placed<'_, ShareRecord>>> {
        let mut all = Vec::new();
        for entry in self.entries() {
            let shares = self.records(entry).await?.shares().await?;
            all.extend(shares.into_iter().map(|record| Placed { entry, record }));
        }
        Ok(all)
    }

    /// All snapshots of the backends that are covered.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn snapshots(&self) -> Result<Vec<Placed<'_, SnapshotRecord>>> {
        let mut all = Vec::new();
        for entry in self.entries() {
            let snapshots = self.records(entry).await?.snapshots().await?;
            all.extend(snapshots.into_iter().map(|record| Placed { entry, record }));
        }
        Ok(all)
    }

    /// The share that is meant by a name or an id.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub async fn share(&self, wanted: &str) -> Result<Placed<'_, ShareRecord>> {
        find("share", wanted, self.shares().await?)
    }

    /// The snapshot that is meant by a name or an id.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub async fn snapshot(&self, wanted: &str) -> Result<Placed<'_, SnapshotRecord>> {
        find("snapshot", wanted, self.snapshots().await?)
    }

    /// Refuses a name that a share or snapshot has already, and one that cannot be found again.
    ///
    /// # Errors
    /// When the name does not do.
    pub async fn check_new_name(&self, noun: Noun, name: &str) -> Result<()> {
        /// The longest display name, as upstream's.
        const CHARACTERS: usize = 255;
        if name.trim().is_empty() || name.chars().count() > CHARACTERS {
            return Err(Failure::refused(
                format!("a name has 1 to {CHARACTERS} characters"),
                "choose another name",
            ));
        }
        let taken = match noun {
            Noun::Share => holder(self.shares().await?, name),
            Noun::Snapshot => holder(self.snapshots().await?, name),
        };
        taken.map_or(Ok(()), |(id, backend)| {
            let noun = noun.word();
            Err(Failure::refused(
                format!("the backend {backend} has a {noun} `{name}` already: {id}"),
                format!("choose another name, or remove that one with `abaca {noun} delete {id}`"),
            ))
        })
    }
}

/// What has a display name.
#[derive(Clone, Copy, Debug)]
pub enum Noun {
    Share,
    Snapshot,
}

impl Noun {
    fn word(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Snapshot => "snapshot",
        }
    }
}

/// `host@backend`, as a share service names where a share is.
///
/// # Errors
/// When the system does not tell its name.
pub fn host(backend: &str) -> Result<String> {
    use anyhow::Context;
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").context("this host's name")?;
    Ok(format!("{}@{backend}", name.trim()))
}

/// The id and backend of the record of this display name.
fn holder<T: Named>(all: Vec<Placed<'_, T>>, name: &str) -> Option<(String, String)> {
    all.into_iter()
        .find(|one| one.record.name() == Some(name))
        .map(|one| (one.record.id().to_owned(), one.entry.name.clone()))
}

/// An id means its record; else a name and a prefix count alike, for whoever deletes by a word
/// that could be either should say which.
fn find<'a, T: Named>(
    noun: &str,
    wanted: &str,
    mut all: Vec<Placed<'a, T>>,
) -> Result<Placed<'a, T>> {
    let is_meant = |one: &Placed<'_, T>| {
        one.record.name() == Some(wanted)
            || (wanted.len() >= PREFIX && one.record.id().starts_with(wanted))
    };
    if let Some(at) = all.iter().position(|one| one.record.id() == wanted) {
        return Ok(all.swap_remove(at));
    }
    let mut meant: Vec<_> = all.extract_if(.., |one| is_meant(one)).collect();
    match (meant.pop(), meant.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(one), false) => {
            meant.push(one);
            Err(Failure::Candidates {
                message: format!("`{wanted}` is the name or the beginning of the id of several"),
                advice: "".to_owned(),
            })
        }
        (None, _) => todo!(),
    }
}
