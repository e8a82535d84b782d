//! What an operator has approved: a component, its manifest and a policy that belong together,
//! by their digests, with who, when and why. It stands in a lock file beside the policy.
//!
//! ```text
//! directory.policy.toml   the policy, as it was shown
//! directory.policy.lock   component + manifest + policy, who, when, where the roots are, why
//! ```
//! Written by `abaca driver approve` and by upgrades, checked whenever a backend is opened. It
//! protects against a component or policy that was exchanged by mistake; whoever can write both
//! files can write anything.

mod answers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use abaca_policy::{Bound, Manifest, Policy};
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use sha2::{Digest, Sha256};

pub use self::answers::Answers;
use crate::audit::{Audit, Event};
use crate::backend::fresh_id;
use crate::database::Database;
use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::storage::{read_trusted_text, write_durably};
use crate::text::hex;

/// The largest lock file that is read, in bytes: 512 rules with a reason each fit.
const LOCK_BYTES: u64 = 1024 * 1024;

/// The one version of the file's form.
const SCHEMA: i64 = 1;

/// What the file begins with, for whoever opens it.
const HEADING: &str = "# What was approved, by digest. Written by `abaca driver approve`; a backend whose component,\n\
                       # manifest or policy is another one does not start.\n";

/// An approval, as the lock file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    schema: i64,
    /// The driver's name.
    pub driver: String,
    /// Its version, in its vendor's words.
    pub version: String,
    /// SHA-256 of the component.
    pub component: String,
    /// SHA-256 of the manifest's text.
    pub manifest: String,
    /// SHA-256 of the policy's text.
    pub policy: String,
    /// Who approved: the user's number, and his name where the system tells it.
    pub by: String,
    /// When, as RFC 3339 has it.
    pub at: String,
    /// The directories that the roots were bound to.
    #[serde(default)]
    pub roots: BTreeMap<String, String>,
    /// Why each rule that is as good as root was accepted, by its id.
    #[serde(default)]
    pub reasons: BTreeMap<String, String>,
}

/// What is not as it was approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// The component.
    Component,
    /// The manifest in it.
    Manifest,
    /// The policy.
    Policy,
    /// Nothing was approved, and it must be.
    Nothing,
}

impl Approval {
    /// The approval, here and now, of a driver under the policy that came of its manifest.
    ///
    /// # Errors
    /// When the driver has no manifest.
    pub fn now(
        driver: &Driver,
        bound: &Bound,
        roots: BTreeMap<String, String>,
        reasons: BTreeMap<String, String>,
    ) -> Result<Self> {
        let description = driver.description();
        let manifest = driver.manifest().ok_or_else(|| without_manifest(driver))?;
        Ok(Self {
            schema: SCHEMA,
            driver: description.name.clone(),
            version: description.version.clone(),
            component: driver.digest().to_owned(),
            manifest: manifest.digest().to_owned(),
            policy: bound.policy.digest().to_owned(),
            by: who(),
            at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            roots,
            reasons,
        })
    }

    /// Where the lock file of a policy is: beside it, with `.lock` for `.toml`.
    #[must_use]
    pub fn file(policy: &Path) -> PathBuf {
        let name = policy.file_name().unwrap_or_default().to_string_lossy();
        let name = name.strip_suffix(".toml").unwrap_or(&name);
        policy.with_file_name(format!("{name}.lock"))
    }

    /// The approval of a policy, if it has one.
    ///
    /// # Errors
    /// When the lock file is there and cannot be read, others can change it, or it is none.
    pub fn read(policy: &Path) -> Result<Option<Self>> {
        let file = Self::file(policy);
        let text = match read_trusted_text(&file, LOCK_BYTES) {
            Err(Error::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(None);
            }
            text => text?,
        };
        let damaged = |reason: &str| {
            Error::Mismatch(format!(
                "{} is no lock file of this version of Abaca: {reason}; approve the driver anew",
                file.display()
            ))
        };
        let approval: Self = toml::from_str(&text).map_err(|error| damaged(error.message()))?;
        if approval.schema != SCHEMA {
            return Err(damaged("its schema is unknown"));
        }
        Ok(Some(approval))
    }

    /// Writes the policy and, beside it, this approval; each file is there whole or not at all,
    /// and a policy whose approval is missing or older does not start.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, policy: &Path, bound: &Bound) -> Result<()> {
        let lock = self.text()?;
        write_durably(policy, bound.text.as_bytes())?;
        write_durably(&Self::file(policy), format!("{HEADING}{lock}").as_bytes())
    }

    fn text(&self) -> Result<String> {
        toml::to_string(self)
            .map_err(|error| Error::Runtime(format!("a lock file as TOML: {error}")))
    }

    /// Whether a driver and the policy in `file` are what was approved.
    ///
    /// # Errors
    /// When component, manifest or policy is another one.
    pub fn check(&self, driver: &Driver, policy: &Policy, file: &Path) -> Result<()> {
        let manifest = driver.manifest().map(Manifest::digest);
        self.check_digests(driver.digest(), manifest, policy.digest(), file)
    }

    /// As [`check`](Self::check), of digests.
    pub(crate) fn check_digests(
        &self,
        component: &str,
        manifest: Option<&str>,
        policy: &str,
        file: &Path,
    ) -> Result<()> {
        let changed = if self.component != component {
            Changed::Component
        } else if manifest != Some(&self.manifest) {
            Changed::Manifest
        } else if self.policy != policy {
            Changed::Policy
        } else {
            return Ok(());
        };
        Err(Error::Unapproved { policy: file.to_owned(), changed })
    }
}

/// Whether a driver may run under a policy: as far as the policy has an approval, it must be of
/// both; it must have one if `required`. Answers the approval.
pub(crate) fn check(
    driver: &Driver,
    policy: &Policy,
    file: &Path,
    required: bool,
) -> Result<Option<Approval>> {
    match Approval::read(file)? {
        Some(approval) => approval.check(driver, policy, file).map(|()| Some(approval)),
        None if required => {
            Err(Error::Unapproved { policy: file.to_owned(), changed: Changed::Nothing })
        }
        None => Ok(None),
    }
}

/// Writes an approval into the audit of a backend that is opened under another one than before, or
/// under its first: who decided what, and why, belongs to the chain before it is used.
pub(crate) fn take_up(approval: &Approval, audit: &Audit, database: &Database) -> Result<()> {
    let text = approval.text()?;
    let digest = hex(&Sha256::digest(&text));
    let last = database.write_now(|transaction| {
        let query = "SELECT digest FROM approval";
        transaction.query_row(query, [], |row| row.get::<_, String>(0)).optional()
    })?;
    if last.as_ref() == Some(&digest) {
        return Ok(());
    }
    let line = Map::from_iter([
        ("version".to_owned(), approval.version.clone().into()),
        ("manifest".to_owned(), approval.manifest.clone().into()),
        ("by".to_owned(), approval.by.clone().into()),
        ("at".to_owned(), approval.at.clone().into()),
        ("roots".to_owned(), json!(approval.roots)),
        ("reasons".to_owned(), json!(approval.reasons)),
    ]);
    audit.write(Event::Approval, &fresh_id(), line)?;
    database.write_now(|transaction| {
        let query = "INSERT OR REPLACE INTO approval VALUES (1, ?1)";
        transaction.execute(query, [&digest]).map(drop)
    })
}

/// A driver that cannot be approved, because it does not say what it asks for.
pub(crate) fn without_manifest(driver: &Driver) -> Error {
    Error::Mismatch(format!(
        "the driver `{}` carries no manifest, so there is nothing to approve; write its policy by \
         hand, or ask its vendor",
        driver.description().name
    ))
}

/// Who runs this process. The number is the kernel's word, the name that of the environment.
pub(crate) fn who() -> String {
    let number = rustix::process::getuid().as_raw();
    let named = |key: &str| std::env::var(key).ok().filter(|name| !name.is_empty());
    match named("SUDO_USER").or_else(|| named("USER")) {
        Some(name) => format!("uid {number} ({})", crate::text::printable(&name, 64)),
        None => format!("uid {number}"),
    }
}

impl std::fmt::Display for Changed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Component => {
                "the component is another one than the one that was approved with it"
            }
            Self::Manifest => "the manifest is another one than the one that was approved with it",
            Self::Policy => "it is not as it was approved",
            Self::Nothing => "it was not approved",
        })
    }
}
