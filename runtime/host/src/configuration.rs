//! `abaca.toml`: which backends there are, each with its driver, its policy and its options.
//! Reading only: nothing is opened or run here.
//!
//! ```toml
//! schema = 1
//! state = "/var/lib/abaca"          # the records; default: `state` beside this file
//! cache = "/var/cache/abaca"        # compiled drivers; default: `cache` in the state
//!
//! [backends.home]
//! driver = "/usr/lib/abaca/directory.wasm"
//! policy = "/etc/abaca/directory.policy.toml"
//! approved = true                   # the default: only as `abaca driver approve` has left both
//! allow_same_rights_upgrades = true # a new version that asks for nothing more just goes on
//!
//! [backends.home.options]
//! driver_handles_share_servers = false
//! directory_export_root = "/srv/abaca/shares"
//! filer_token = { file = "secrets/token" }    # a secret option: its value stands in that file
//! other_token = { env = "OTHER_TOKEN" }       # or in that variable of the environment
//! ```
//! `[limits]` and `[quarantine]` bound each call and say when a backend is not called for a while.
//! `[networks.NAME]` describes a network that `network_config_group` or
//! `admin_network_config_group` names; several backends can be on one. Paths that do not begin with
//! `/` are beneath the directory of the file.
//!
//! What is wrong is told by line and column, never by the line itself: a secret may stand there, or
//! on the next line, under a misspelt key, behind an unclosed quote or in a comment.

mod audit;
mod quarantine;
mod source;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use abaca_policy::Policy;
use serde::Deserialize;
use toml::{Spanned, Value};

use crate::apart::check_apart;
use crate::audit::AuditSettings;
use crate::backend::BackendConfiguration;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::network::options::check_section;
use crate::network::parts::divide;
use crate::options::{OptionValue, is_variable};
use crate::quarantine::Quarantine;
use crate::storage::read_trusted_text;
use crate::versions::Versions;

use self::audit::FileAudit;
use self::quarantine::FileQuarantine;
pub use self::source::ConfigurationError;
use self::source::Source;

/// The largest configuration that is read, in bytes.
const BYTES: u64 = 1024 * 1024;

/// The one version of the file's form.
const SCHEMA: i64 = 1;

/// A configuration that was read. Its paths are absolute.
#[derive(Clone, Debug)]
pub struct Configuration {
    source: Source,
    /// Where it was read; none if it was not a file.
    file: Option<PathBuf>,
    state: PathBuf,
    cache: PathBuf,
    limits: Limits,
    audit: AuditSettings,
    quarantine: Quarantine,
    backends: Vec<BackendEntry>,
    networks: BTreeMap<String, BTreeMap<String, OptionValue>>,
}

/// One backend as configured.
#[derive(Clone, Debug)]
pub struct BackendEntry {
    /// Its name.
    pub name: String,
    /// The component.
    pub driver: PathBuf,
    /// The policy.
    pub policy: PathBuf,
    /// Whether the driver must have been approved under this policy; it must unless the file says
    /// otherwise.
    pub approved: bool,
    /// Whether a new version that asks for nothing more goes on without its operator.
    pub allow_same_rights_upgrades: bool,
    /// The options that are set.
    pub options: BTreeMap<String, OptionValue>,
    /// Where in the file each option stands.
    pub(crate) places: BTreeMap<String, Range<usize>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: Spanned<i64>,
    state: Option<PathBuf>,
    cache: Option<PathBuf>,
    #[serde(default)]
    limits: FileLimits,
    #[serde(default)]
    audit: FileAudit,
    #[serde(default)]
    quarantine: FileQuarantine,
    #[serde(default)]
    backends: BTreeMap<Spanned<String>, FileBackend>,
    #[serde(default)]
    networks: BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Spanned<Value>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileLimits {
    wall_seconds: Option<Spanned<u32>>,
    cpu_seconds: Option<Spanned<u32>>,
    memory_mib: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileBackend {
    driver: PathBuf,
    policy: PathBuf,
    #[serde(default = "must_be")]
    approved: bool,
    #[serde(default)]
    allow_same_rights_upgrades: bool,
    #[serde(default)]
    options: BTreeMap<Spanned<String>, Spanned<Value>>,
}

/// What runs was approved, unless its operator says that it need not be.
fn must_be() -> bool {
    true
}

impl Configuration {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, others can change it, or it is not a configuration: then with the
    /// place and what would be right.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let read = |source| Error::Read { path: path.to_owned(), source };
        let text = read_trusted_text(path, BYTES)?;
        let absolute = std::path::absolute(path).map_err(read)?;
        let directory = absolute.parent().unwrap_or(Path::new("/")).to_owned();
        let parsed = Self::parse(&text, &path.display().to_string(), &directory)?;
        Ok(Self { file: Some(absolute), ..parsed })
    }

    /// Reads a text; `file` names it in messages, `directory` is where its relative paths begin.
    ///
    /// # Errors
    /// When it is not a configuration.
    pub fn parse(text: &str, file: &str, directory: &Path) -> Result<Self, ConfigurationError> {
        let source = Source { file: file.to_owned(), text: Arc::from(text) };
        let parsed: File = toml::from_str(text).map_err(|error| source.misread(&error))?;
        if *parsed.schema.get_ref() != SCHEMA {
            let help = format!("write `schema = {SCHEMA}`");
            return Err(source.error(parsed.schema.span(), "unknown schema", Some(help)));
        }
        let limits = parsed.limits.limits(&source)?;
        let mut audit = parsed.audit.settings(directory, &source)?;
        audit.backends = u64::try_from(parsed.backends.len()).unwrap_or(u64::MAX);
        let quarantine = parsed.quarantine.quarantine(&source)?;
        let state = directory.join(parsed.state.unwrap_or_else(|| PathBuf::from("state")));
        let cache = parsed.cache.map_or_else(|| state.join("cache"), |path| directory.join(path));
        let backends = parsed
            .backends
            .into_iter()
            .map(|(name, backend)| backend.entry(name.into_inner(), directory, &source))
            .collect::<Result<Vec<_>, _>>()?;
        let networks = parsed
            .networks
            .into_iter()
            .map(|(name, options)| network(name, options, directory, &source))
            .collect::<Result<_, _>>()?;
        // The cache lies in the state's directory by default, beside the backends' own.
        if let Some(taken) = backends.iter().find(|one| state.join(&one.name) == cache) {
            let message =
                format!("a backend cannot be called `{}`: the cache is there", taken.name);
            return Err(source.error(0..0, &message, Some("choose another name".to_owned())));
        }
        let file = None;
        Ok(Self { source, file, state, cache, limits, audit, quarantine, backends, networks })
    }

    /// The backends, sorted by name.
    #[must_use]
    pub fn backends(&self) -> &[BackendEntry] {
        &self.backends
    }

    /// Where the records are.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Where compiled drivers are.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The bounds of each driver call.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How the audits are kept.
    #[must_use]
    pub fn audit(&self) -> &AuditSettings {
        &self.audit
    }

    /// When a backend is put in quarantine, and for how long.
    #[must_use]
    pub fn quarantine(&self) -> &Quarantine {
        &self.quarantine
    }

    /// A backend as it runs now: where its driver was upgraded, with the component and the policy
    /// of its current version in place of those that are configured.
    ///
    /// # Errors
    /// When the versions cannot be read, or the configuration has changed since the first of them.
    pub fn active(&self, entry: &BackendEntry) -> Result<BackendEntry> {
        match Versions::read(&self.state, &entry.name)? {
            Some(versions) => versions.active(&self.state, entry),
            None => Ok(entry.clone()),
        }
    }

    /// What [`Backend::open`](crate::Backend::open) needs for one of the backends.
    #[must_use]
    pub fn backend(&self, entry: &BackendEntry) -> BackendConfiguration {
        let (mut options, mut networks) = (entry.options.clone(), self.networks.clone());
        let others = self.backends.iter().filter(|other| other.name != entry.name);
        let others: Vec<_> = others.map(|other| &other.options).collect();
        divide(&mut options, &mut networks, &others);
        BackendConfiguration {
            name: entry.name.clone(),
            policy: entry.policy.clone(),
            approved: entry.approved,
            state: self.state.clone(),
            options,
            networks,
        }
    }

    /// Whether the roots of a policy lie apart from this file and from all backends' state and cache:
    /// what a backend of it may be opened with.
    ///
    /// # Errors
    /// When one does not, with both names.
    pub fn check_apart(&self, policy: &Policy) -> Result<()> {
        let own = [("the state", self.state.as_path()), ("the cache", self.cache.as_path())];
        let file = self.file.iter().map(|file| ("the configuration", file.as_path()));
        check_apart(policy, own.into_iter().chain(file))
    }

    /// Adds the place in this file to an error that is about one of its options.
    #[must_use]
    pub fn locate(&self, backend: &str, error: Error) -> Error {
        let Error::Option { error: option, .. } = &error else { return error };
        let entry = self.backends.iter().find(|entry| entry.name == backend);
        let place = entry.and_then(|entry| entry.places.get(&option.name)).cloned();
        // An option that is missing has no place; its backend's name must do.
        let place = place.or_else(|| {
            let header = format!("[backends.{backend}");
            self.source.text.find(&header).map(|at| at..at + header.len())
        });
        let message = format!("backend `{backend}`: {option}");
        self.source.error(place.unwrap_or(0..0), &message, option.help.clone()).into()
    }
}

impl FileBackend {
    fn entry(
        self,
        name: String,
        directory: &Path,
        source: &Source,
    ) -> Result<BackendEntry, ConfigurationError> {
        let (options, places) = read_options(self.options, directory, source)?;
        let (driver, policy) = (directory.join(self.driver), directory.join(self.policy));
        Ok(BackendEntry {
            name,
            driver,
            policy,
            approved: self.approved,
            allow_same_rights_upgrades: self.allow_same_rights_upgrades,
            options,
            places,
        })
    }
}

impl FileLimits {
    fn limits(self, source: &Source) -> Result<Limits, ConfigurationError> {
        let mut limits = Limits::default();
        let positive = |value: Option<Spanned<u32>>| match value {
            Some(value) if *value.get_ref() == 0 => {
                Err(source.error(value.span(), "a limit of 0 lets nothing run", None))
            }
            value => Ok(value.map(Spanned::into_inner)),
        };
        if let Some(seconds) = positive(self.wall_seconds)? {
            limits.wall = Duration::from_secs(seconds.into());
        }
        if let Some(seconds) = positive(self.cpu_seconds)? {
            limits.cpu = Duration::from_secs(seconds.into());
        }
        if let Some(mib) = positive(self.memory_mib)? {
            limits.memory_bytes =
                usize::try_from(mib).unwrap_or(usize::MAX).saturating_mul(1024 * 1024);
        }
        Ok(limits)
    }
}

/// A network with its options. It is checked although no backend may name it: a misspelt key would
/// be found only when somebody does.
fn network(
    name: Spanned<String>,
    options: BTreeMap<Spanned<String>, Spanned<Value>>,
    directory: &Path,
    source: &Source,
) -> Result<(String, BTreeMap<String, OptionValue>), ConfigurationError> {
    let header = name.span();
    let name = name.into_inner();
    let (options, places) = read_options(options, directory, source)?;
    check_section(&options).map_err(|error| {
        let place = places.get(&error.name).cloned().unwrap_or(header);
        source.error(place, &format!("network `{name}`: {error}"), error.help)
    })?;
    Ok((name, options))
}

/// Options by name, and where each stands.
type Options = (BTreeMap<String, OptionValue>, BTreeMap<String, Range<usize>>);

fn read_options(
    found: BTreeMap<Spanned<String>, Spanned<Value>>,
    directory: &Path,
    source: &Source,
) -> Result<Options, ConfigurationError> {
    let (mut options, mut places) = Options::default();
    for (key, value) in found {
        let place = key.span().start..value.span().end;
        let key = key.into_inner();
        let value = option_value(value.into_inner(), directory).map_err(|reason| {
            source.error(place.clone(), &format!("option `{key}`: {reason}"), None)
        })?;
        places.insert(key.clone(), place);
        options.insert(key, value);
    }
    Ok((options, places))
}

/// A value as it stands in the file; the file of a secret that does not begin with `/` is beneath
/// `directory`.
pub(crate) fn option_value(value: Value, directory: &Path) -> Result<OptionValue, String> {
    match value {
        Value::String(text) => Ok(OptionValue::Text(text)),
        Value::Integer(whole) => Ok(OptionValue::Integer(whole)),
        Value::Float(number) => Ok(OptionValue::Float(number)),
        Value::Boolean(yes) => Ok(OptionValue::Boolean(yes)),
        Value::Array(items) => items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                other => Err(format!("a list holds texts, not a {}", other.type_str())),
            })
            .collect::<Result<_, _>>()
            .map(OptionValue::TextList),
        Value::Table(table) => {
            let mut entries = table.into_iter();
            match (entries.next(), entries.next()) {
                (Some((key, Value::String(file))), None) if key == "file" && !file.is_empty() => {
                    Ok(OptionValue::SecretFile(directory.join(file)))
                }
                (Some((key, Value::String(name))), None) if key == "env" && is_variable(&name) => {
                    Ok(OptionValue::SecretVariable(name))
                }
                _ => Err("of a secret only is told where it is kept: { file = \"PATH\" } or \
                          { env = \"NAME\" }"
                    .to_owned()),
            }
        }
        Value::Datetime(_) => Err("a value is a text, a number, true, false, a list of texts, or \
             of a secret { file = \"PATH\" } or { env = \"NAME\" }, not a datetime"
            .to_owned()),
    }
}
