//! Changes the versions of one backend's driver, one process at a time. What a version consists
//! of is written first, and then the one file that says which is current: so whatever is cut
//! short leaves the old one running.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use abaca_policy::Bound;
use serde::Serialize;
use serde_json::{Map, json};
use sha2::{Digest, Sha256};

use super::{Configured, FILE, SCHEMA, Version, Versions, directory, files, floor};
use crate::approval::{Approval, Changed, who};
use crate::audit::{Audit, AuditSettings, Event, Subject};
use crate::backend::{Backend, BackendConfiguration, fresh_id};
use crate::configuration::BackendEntry;
use crate::database::{self, Database};
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::limits::COMPONENT_BYTES;
use crate::storage::{private_directory, read, remove, write_durably};
use crate::text::hex;

/// The file whose lock its changer holds.
const LOCK: &str = "lock";

/// Holds the versions of one backend's driver for a change.
#[derive(Debug)]
pub struct Keeper {
    state: PathBuf,
    backend: String,
    versions: Versions,
    audit: Audit,
    _lock: File,
}

/// Why a version becomes the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// An operator has approved it.
    Approved,
    /// It asks for nothing more, and the configuration allows such a one without asking.
    Automatic,
}

/// What was decided, as the audit has it.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Decision {
    /// A new version waits.
    Pending,
    /// It waited, and a newer one waits in its place.
    Replaced,
    /// An operator has consented.
    Approved,
    /// Nobody was asked: it asks for nothing more, and the configuration allows that.
    Automatic,
    Refused,
    RolledBack,
    /// Nothing below a version runs any more.
    Floor,
}

impl Keeper {
    /// Waits until nobody else changes the versions of this backend, and holds them. `active` is
    /// what `Configuration::active` answers for `entry`: if there are no versions yet, it becomes
    /// the first. Each decision is a line of the backend's audit before it holds.
    ///
    /// # Errors
    /// When what runs was never approved or is not as it was, or the state cannot be read or
    /// written.
    pub fn open(state: &Path, entry: &BackendEntry, settings: &AuditSettings) -> Result<Self> {
        let path = directory(state, &entry.name);
        let failed = |reason: String| Error::State { path: path.clone(), reason };
        let own = state.join(&entry.name);
        let beside = private_directory(&own).map_err(failed)?;
        let opened = private_directory(&path).map_err(failed)?;
        let mut options = cap_std::fs::OpenOptions::new();
        options.write(true).create(true);
        let lock = opened.open_with(LOCK, &options).map(cap_std::fs::File::into_std);
        let lock = lock.and_then(|lock| lock.lock().map(|()| lock));
        let lock = lock.map_err(|error| failed(error.to_string()))?;
        let (state, backend) = (state.to_owned(), entry.name.clone());
        let audit = |driver: &str, component: &str, policy: &str| {
            let subject = Subject {
                backend: backend.clone(),
                driver: driver.to_owned(),
                component: component.to_owned(),
                policy: policy.to_owned(),
            };
            let database = Database::open(&own.join(database::FILE), &database::BACKEND)?;
            Audit::open(&own, &beside, database, settings, subject)
        };
        let approval = Approval::read(&entry.policy);
        if let Some(versions) = Versions::read(&state, &backend)? {
            // A damaged approval of what runs keeps nobody from going back.
            let driver = approval.ok().flatten().map(|one| one.driver).unwrap_or_default();
            let current = versions.version(versions.current);
            let component = current.map(|one| one.component.as_str()).unwrap_or_default();
            let policy = current.and_then(|one| one.policy.as_deref()).unwrap_or_default();
            let audit = audit(&driver, component, policy)?;
            return Ok(Self { state, backend, versions, audit, _lock: lock });
        }
        let approval = approval?.ok_or_else(|| Error::Unapproved {
            policy: entry.policy.clone(),
            changed: Changed::Nothing,
        })?;
        // What is kept as the first version for ever must be what was approved, all of it.
        let component = read(&entry.driver, COMPONENT_BYTES)?;
        let policy_text = read(&entry.policy, COMPONENT_BYTES)?;
        let lock_file = read(&Approval::file(&entry.policy), COMPONENT_BYTES)?;
        let manifest = crate::driver::manifest_of(&component)
            .map_err(|reason| Error::Component { driver: entry.name.clone(), reason })?;
        let policy_digest = hex(&Sha256::digest(&policy_text));
        approval.check_digests(
            &hex(&Sha256::digest(&component)),
            manifest.as_ref().map(abaca_policy::Manifest::digest),
            &policy_digest,
            &entry.policy,
        )?;
        let first = Version {
            number: 1,
            version: approval.version.clone(),
            component: approval.component.clone(),
            policy: Some(approval.policy.clone()),
            replaces: None,
            at: now(),
        };
        let (driver, policy) = (entry.driver.clone(), entry.policy.clone());
        let versions = Versions {
            schema: SCHEMA,
            current: 1,
            pending: None,
            next: 2,
            floor: None,
            configured: Configured { driver, policy, policy_digest },
            versions: vec![first],
        };
        let audit = audit(&approval.driver, &approval.component, &approval.policy)?;
        let keeper = Self { state, backend, versions, audit, _lock: lock };
        let (component_file, policy) = files(&keeper.state, &keeper.backend, 1);
        write_durably(&component_file, &component)?;
        write_durably(&policy, &policy_text)?;
        write_durably(&Approval::file(&policy), &lock_file)?;
        keeper.save()?;
        Ok(keeper)
    }

    /// What holds now.
    #[must_use]
    pub fn versions(&self) -> &Versions {
        &self.versions
    }

    fn files(&self, number: u32) -> (PathBuf, PathBuf) {
        files(&self.state, &self.backend, number)
    }

    /// Records a new version of the driver as pending, in place of one that is, and answers its
    /// number.
    ///
    /// # Errors
    /// When it is below the floor, runs already, or cannot be kept.
    pub fn add(&mut self, file: &Path, driver: &Driver) -> Result<u32> {
        let version = &driver.description().version;
        self.check_floor(version)?;
        if self.current().is_some_and(|one| one.component == driver.digest()) {
            return Err(Error::Invalid(format!(
                "backend `{}` runs this component already, as version {}",
                self.backend, self.versions.current
            )));
        }
        let last = self.versions.versions.iter().map(|one| one.number).max().unwrap_or(0);
        let number = self.versions.next.max(last.saturating_add(1));
        let (component, _) = self.files(number);
        self.keep_component(file, driver.digest(), &component)?;
        if let Some(replaced) = self.versions.pending {
            self.decided(Decision::Replaced, Some(replaced), None)?;
        }
        self.versions.versions.retain(|one| Some(one.number) != self.versions.pending);
        self.versions.versions.push(Version {
            number,
            version: version.clone(),
            component: driver.digest().to_owned(),
            policy: None,
            replaces: None,
            at: now(),
        });
        let replaced = self.versions.pending.replace(number);
        self.versions.next = number.saturating_add(1);
        self.decided(Decision::Pending, Some(number), None)?;
        self.save()?;
        if let Some(replaced) = replaced {
            remove(&self.files(replaced).0);
        }
        Ok(number)
    }

    /// Makes the pending version the current one, under a policy that was approved for it, if the
    /// backend opens with both. `driver` is that version, `configuration` what the backend has
    /// beside it. What runs goes on with the version it began with.
    ///
    /// # Errors
    /// When none is pending, the approval is of another component, the backend does not open with
    /// it, or it cannot be written. The version is pending as before then.
    pub async fn activate(
        &mut self,
        driver: &Driver,
        bound: &Bound,
        approval: &Approval,
        configuration: BackendConfiguration,
        consent: Consent,
    ) -> Result<u32> {
        let number = self.versions.pending.ok_or_else(|| self.nothing_pending())?;
        let current = self.versions.current;
        let policy_file = self.files(number).1;
        let pending = self.versions.version(number);
        let is_it = |one: &&Version| one.component == approval.component;
        let pending = pending.filter(is_it).filter(|_| approval.component == driver.digest());
        let version = pending.map(|one| one.version.clone()).ok_or_else(|| {
            let backend = &self.backend;
            Error::Mismatch(format!("backend `{backend}`: another version is pending by now"))
        })?;
        self.check_floor(&version)?;
        approval.write(&policy_file, bound)?;
        let policy = policy_file.clone();
        let tried = BackendConfiguration { policy, approved: true, ..configuration };
        if let Err(error) = Backend::try_out(driver.clone(), tried).await {
            self.remove_policy(number);
            return Err(error);
        }
        let found = self.versions.versions.iter_mut().find(|one| one.number == number);
        if let Some(pending) = found {
            pending.policy = Some(approval.policy.clone());
            pending.replaces = Some(current);
        }
        self.versions.current = number;
        self.versions.pending = None;
        let decision = match consent {
            Consent::Approved => Decision::Approved,
            Consent::Automatic => Decision::Automatic,
        };
        self.decided(decision, Some(number), Some(approval))?;
        self.save()?;
        Ok(number)
    }

    /// Lets go of the pending version.
    ///
    /// # Errors
    /// When none is pending, or that cannot be written.
    pub fn refuse(&mut self) -> Result<u32> {
        let number = self.versions.pending.take().ok_or_else(|| self.nothing_pending())?;
        self.decided(Decision::Refused, Some(number), None)?;
        self.versions.versions.retain(|one| one.number != number);
        self.save()?;
        remove(&self.files(number).0);
        Ok(number)
    }

    /// Goes back to the version that the current one replaced.
    ///
    /// # Errors
    /// When it replaced none, or that one is below the floor.
    pub fn rollback(&mut self) -> Result<u32> {
        let replaced = self.current().and_then(|one| one.replaces);
        let target =
            replaced.and_then(|number| self.versions.version(number)).ok_or_else(|| {
                Error::Invalid(format!(
                    "backend `{}`: version {} is the first, there is none to go back to",
                    self.backend, self.versions.current
                ))
            })?;
        let number = target.number;
        self.check_floor(&target.version.clone())?;
        self.decided(Decision::RolledBack, Some(number), None)?;
        self.versions.current = number;
        self.save()?;
        Ok(number)
    }

    /// From now on no version of the driver below this one runs. It is never lowered.
    ///
    /// # Errors
    /// When it is no version, is lower than the floor that there is, or the current one is below.
    pub fn raise_floor(&mut self, floor: &str) -> Result<()> {
        if !floor::is_version(floor) {
            return Err(Error::Invalid(format!("{floor:?} is no version: write numbers and dots")));
        }
        self.check_floor(floor)?;
        let current = self.current().map(|one| one.version.clone()).unwrap_or_default();
        let before = self.versions.floor.replace(floor.to_owned());
        if let Err(error) = self.check_floor(&current) {
            self.versions.floor = before;
            return Err(error);
        }
        self.decided(Decision::Floor, None, None)?;
        self.save()
    }

    /// Removes a policy that was never in force; that one stays there changes nothing.
    fn remove_policy(&self, number: u32) {
        let policy = self.files(number).1;
        for file in [Approval::file(&policy), policy] {
            remove(&file);
        }
    }

    /// Writes down what is about to hold: about the version of this number, or the floor.
    fn decided(
        &self,
        decision: Decision,
        number: Option<u32>,
        approval: Option<&Approval>,
    ) -> Result<()> {
        let found = number.and_then(|number| self.versions.version(number));
        let mut line = Map::from_iter([
            ("decision".to_owned(), json!(decision)),
            (
                "version".to_owned(),
                json!(found.map(|one| &one.version).or(self.versions.floor.as_ref())),
            ),
            ("by".to_owned(), who().into()),
        ]);
        if let Some(found) = found {
            line.insert("number".to_owned(), found.number.into());
            line.insert("new_component".to_owned(), found.component.clone().into());
            line.insert("new_policy".to_owned(), json!(found.policy));
        }
        if let Some(approval) = approval {
            line.insert("roots".to_owned(), json!(approval.roots));
            line.insert("reasons".to_owned(), json!(approval.reasons));
        }
        self.audit.write(Event::Version, &fresh_id(), line)
    }

    fn check_floor(&self, version: &str) -> Result<()> {
        floor::check(&self.backend, self.versions.floor.as_deref(), version)
    }

    fn current(&self) -> Option<&Version> {
        self.versions.version(self.versions.current)
    }

    fn nothing_pending(&self) -> Error {
        Error::Invalid(format!("backend `{}` has no pending version", self.backend))
    }

    /// Copies a component, if it is still the one that was loaded.
    fn keep_component(&self, file: &Path, digest: &str, to: &Path) -> Result<()> {
        let bytes = read(file, COMPONENT_BYTES)?;
        if hex(&Sha256::digest(&bytes)) != digest {
            return Err(Error::Mismatch(format!(
                "{} is not the component that was approved or looked at; try again",
                file.display()
            )));
        }
        write_durably(to, &bytes)
    }

    fn save(&self) -> Result<()> {
        let text = toml::to_string(&self.versions)
            .map_err(|error| Error::Runtime(format!("versions as TOML: {error}")))?;
        write_durably(&directory(&self.state, &self.backend).join(FILE), text.as_bytes())
    }
}

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
