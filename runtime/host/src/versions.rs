//! The versions of a backend's driver: which runs, which waits for its operator, which were
//! before, and below which none runs. A directory in the backend's state; a backend without it
//! runs what `abaca.toml` names.
//!
//! ```text
//! STATE/BACKEND/versions/versions.toml     which is current, which pending; the floor
//!                        N.wasm            the component of version N
//!                        N.policy.toml     its policy, and beside it its lock file; not while it
//!                        N.policy.lock     is pending
//!
//! upgrade ─▶ pending ──approved──▶ current ──upgrade, approved──▶ replaced
//!               └──refused──▶ gone    ▲───────────rollback───────────┘
//! ```
//! What was written for a version that ran never changes, and no number is given twice: whoever runs
//! one goes on with it, and whoever begins anew takes the current one. Changed by `keeper` alone; read by `Configuration::active`
//! and by `Backend::open`.

mod floor;
mod keeper;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::keeper::{Consent, Keeper};
use crate::configuration::BackendEntry;
use crate::error::{Error, Result};
use crate::storage::{read_text, sha256_of};

/// The directory's name in the backend's.
const DIRECTORY: &str = "versions";

/// The file that says which is which.
const FILE: &str = "versions.toml";

/// The largest such file that is read, in bytes: thousands of versions fit.
const FILE_BYTES: u64 = 1024 * 1024;

/// The one version of the file's form.
const SCHEMA: i64 = 1;

/// The versions of one backend's driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    schema: i64,
    /// The number of the version that runs.
    pub current: u32,
    /// The number of the one that waits for its operator.
    pub pending: Option<u32>,
    /// The number that the next one gets: none is given twice, or two would have one name.
    #[serde(default)]
    next: u32,
    /// No version of the driver below this one runs.
    pub floor: Option<String>,
    configured: Configured,
    /// All that are known, by number.
    pub versions: Vec<Version>,
}

/// What `abaca.toml` said when the first version was recorded. If it says something else later,
/// nobody can know which of the two is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Configured {
    driver: PathBuf,
    policy: PathBuf,
    /// SHA-256 of that policy. The component may be replaced there at any time: what runs is
    /// what was kept.
    policy_digest: String,
}

/// One version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Its number, from 1.
    pub number: u32,
    /// The driver's own version, in its vendor's words.
    pub version: String,
    /// SHA-256 of the component.
    pub component: String,
    /// SHA-256 of its policy's text; none as long as it was never approved.
    pub policy: Option<String>,
    /// The number of the version that it replaced when it began to run.
    pub replaces: Option<u32>,
    /// When it was recorded, as RFC 3339 has it.
    pub at: String,
}

impl Versions {
    /// The versions of a backend; none if its driver was never upgraded.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn read(state: &Path, backend: &str) -> Result<Option<Self>> {
        let file = directory(state, backend).join(FILE);
        let text = match read_text(&file, FILE_BYTES) {
            Err(Error::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(None);
            }
            text => text?,
        };
        let damaged = |reason: String| Error::State { path: file.clone(), reason };
        let versions: Self =
            toml::from_str(&text).map_err(|error| damaged(error.message().to_owned()))?;
        if versions.schema != SCHEMA {
            return Err(damaged(format!("it has the unknown schema {}", versions.schema)));
        }
        Ok(Some(versions))
    }

    /// The version of this number.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.iter().find(|one| one.number == number)
    }

    /// The component and the policy of a version of a backend's driver.
    #[must_use]
    pub fn files(state: &Path, backend: &str, number: u32) -> (PathBuf, PathBuf) {
        files(state, backend, number)
    }

    /// The backend as it runs now: what is configured, with component and policy of the current
    /// version.
    pub(crate) fn active(&self, state: &Path, entry: &BackendEntry) -> Result<BackendEntry> {
        let name = &entry.name;
        let Configured { driver, policy, policy_digest } = &self.configured;
        let changed = if *driver != entry.driver || *policy != entry.policy {
            Some("names other files than".to_owned())
        } else {
            match sha256_of(policy) {
                Ok(now) if now != *policy_digest => {
                    Some(format!("names {}, which is not as it was", policy.display()))
                }
                // Nobody means what is not there: what runs is what was kept.
                Ok(_) | Err(Error::Read { .. }) => None,
                Err(error) => return Err(error),
            }
        };
        if let Some(changed) = changed {
            let floor = self.floor.as_ref().map(|floor| {
                format!(
                    "; that forgets the floor {floor} as well: say it anew with `abaca driver \
                     floor {name} {floor}`, or older versions run again"
                )
            });
            return Err(Error::Mismatch(format!(
                "backend `{name}`: the configuration {changed} when its driver was first upgraded, \
                 and version {} of that runs; take a new version with `abaca driver upgrade`, or \
                 remove {} to begin anew with what is configured{}",
                self.current,
                directory(state, name).display(),
                floor.unwrap_or_default()
            )));
        }
        let (driver, policy) = files(state, name, self.current);
        Ok(BackendEntry { driver, policy, ..entry.clone() })
    }
}

fn files(state: &Path, backend: &str, number: u32) -> (PathBuf, PathBuf) {
    let directory = directory(state, backend);
    (directory.join(format!("{number}.wasm")), directory.join(format!("{number}.policy.toml")))
}

/// Whether these may run together for a backend: if its driver was ever upgraded, only as one of
/// its versions. An embedder that loads what the configuration names without asking for the
/// active version is told so here.
pub(crate) fn check(state: &Path, backend: &str, component: &str, policy: &str) -> Result<()> {
    let Some(versions) = Versions::read(state, backend)? else { return Ok(()) };
    let is_it = |one: &Version| one.component == component && one.policy.as_deref() == Some(policy);
    if let Some(one) = versions.versions.iter().find(|one| is_it(one)) {
        return floor::check(backend, versions.floor.as_deref(), &one.version);
    }
    Err(Error::Mismatch(format!(
        "backend `{backend}`: its driver was upgraded, and this is none of its versions; open what \
         `Configuration::active` answers"
    )))
}

fn directory(state: &Path, backend: &str) -> PathBuf {
    state.join(backend).join(DIRECTORY)
}
