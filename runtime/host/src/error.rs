//! The one error of the library. It says what failed and whose fault it was; that decides the
//! message, the exit code and the audit line.
//!
//! Two kinds of failure meet here: what a driver answered (`Error::Driver`,
//! `Error::Create`), which its caller handles as upstream's exceptions, and what ended a call
//! or kept it from beginning.

mod document;
mod driver;
mod limit;

use std::path::PathBuf;
use std::time::Duration;

use crate::approval::Changed;
use crate::compiler::CompileError;
use crate::contract::Interface;
use crate::quarantine::Standing;
use crate::types;

pub use self::document::{ErrorDocument, ErrorKind};
use self::driver::{driver_blame, driver_text};
pub use self::limit::{Limit, Part};

/// What this library answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault a failure was, and so who can mend it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// Whoever asked, configured or wrote the policy.
    Operator,
    /// The driver.
    Driver,
    /// The storage, its programs, its servers.
    Backend,
    /// Abaca, or the machine beneath it.
    Runtime,
}

impl Blame {
    /// The word for it, in JSON and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Driver => "driver",
            Self::Backend => "backend",
            Self::Runtime => "runtime",
        }
    }
}

impl std::fmt::Display for Blame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The configuration is wrong.
    #[error(transparent)]
    Configuration(#[from] crate::configuration::ConfigurationError),
    /// A file is no transcript.
    #[error(transparent)]
    Transcript(#[from] crate::testing::TranscriptError),
    /// The policy is wrong.
    #[error(transparent)]
    Policy(#[from] Box<abaca_policy::PolicyError>),
    /// An option of a backend does not do.
    #[error("backend `{backend}`: {error}")]
    Option {
        /// The backend.
        backend: String,
        /// Which option, and why.
        error: crate::options::OptionError,
    },
    /// Driver, policy and configuration do not fit together.
    #[error("{0}")]
    Mismatch(String),
    /// What would run is not what the operator has approved.
    #[error("{}: {changed}", policy.display())]
    Unapproved {
        /// The policy.
        policy: PathBuf,
        /// What is not as it was approved.
        changed: Changed,
    },
    /// The file is not a driver that this runtime can run.
    #[error("{driver} is not a driver that can be loaded: {reason}")]
    Component {
        /// The file, or a name for the bytes.
        driver: String,
        /// Why.
        reason: String,
    },
    /// The file has no compiled code that could be run.
    #[error("{driver} is not a driver that can be loaded: {error}")]
    Compile {
        /// The file, or a name for the bytes.
        driver: String,
        /// Why.
        error: CompileError,
    },
    /// The driver does not offer what was asked; it was not called.
    #[error(
        "the driver `{driver}` does not offer the interface `{interface}`, which {method} needs"
    )]
    NotOffered {
        /// The driver's name.
        driver: String,
        /// What it would have to export.
        interface: Interface,
        /// What was asked.
        method: &'static str,
    },
    /// The request makes no sense; the driver was not called.
    #[error("{0}")]
    Invalid(String),
    /// Something else is under way on the same thing; nothing was begun. Asked again when that has
    /// ended, it can be done.
    #[error("{0}")]
    Busy(String),
    /// The driver answered an error.
    #[error("{}", driver_text(.0))]
    Driver(types::Error),
    /// The driver could not make a share, and says what there is of it.
    #[error("{}", driver_text(&.0.error))]
    Create(types::CreateError),
    /// The driver could not set up a share server, and says what there is of it.
    #[error("{}", driver_text(&.0.error))]
    Setup(types::SetupError),
    /// The driver broke the contract in what it answered.
    #[error("the driver answered {method} against the contract: {reason}")]
    Contract {
        /// What was asked.
        method: &'static str,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The driver crashed.
    #[error("the driver crashed in {method}: {reason}")]
    Trap {
        /// What was asked.
        method: &'static str,
        /// The engine's words.
        reason: String,
    },
    /// The call used up a limit.
    #[error("{method} was ended: it used up its limit of {limit}{}", in_brackets(.detail))]
    Limit {
        /// What was asked.
        method: &'static str,
        /// Which limit.
        limit: Limit,
        /// The figure.
        detail: String,
    },
    /// The call's time ran out. Everything it had started is gone.
    #[error("{method} was ended: its {} ran out during {part}", seconds(*.wall))]
    Deadline {
        /// What was asked.
        method: &'static str,
        /// What was at work then.
        part: Part,
        /// How long it was allowed.
        wall: Duration,
    },
    /// The backend is in quarantine; nothing was begun.
    #[error("the backend `{backend}` is in quarantine{}", .standing.quarantined())]
    Quarantined {
        /// The backend.
        backend: String,
        /// Why, and until when.
        standing: Box<Standing>,
    },
    /// The operator has disabled the backend; nothing was begun.
    #[error("the backend `{backend}` is disabled{}", .standing.disabled())]
    Disabled {
        /// The backend.
        backend: String,
        /// Since when, and why.
        standing: Box<Standing>,
    },
    /// The broker cannot be used.
    #[error("the broker {0}")]
    Broker(String),
    /// The records or the driver's state cannot be read or written.
    #[error("the state in {}: {reason}", path.display())]
    State {
        /// The database.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The audit cannot be written; nothing that needs it is done.
    #[error("the audit {}: {reason}", path.display())]
    Audit {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A part of Abaca panicked, or something that a service lent it. It was caught, and ended no
    /// more than this.
    #[error("{part} was ended by a mistake outside of the driver, a panic: {reason}")]
    Panic {
        /// What was ended.
        part: &'static str,
        /// The panic's words.
        reason: String,
    },
    /// The engine or the machine failed.
    #[error("{0}")]
    Runtime(String),
}

impl Error {
    /// Whose fault it was.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Read { .. }
            | Self::Write { .. }
            | Self::Configuration(_)
            | Self::Transcript(_)
            | Self::Policy(_)
            | Self::Option { .. }
            | Self::Mismatch(_)
            | Self::Unapproved { .. }
            | Self::NotOffered { .. }
            | Self::Invalid(_)
            | Self::Busy(_)
            | Self::Disabled { .. } => Blame::Operator,
            Self::Component { .. }
            | Self::Contract { .. }
            | Self::Quarantined { .. }
            | Self::Trap { .. }
            | Self::Limit { .. } => Blame::Driver,
            Self::Deadline { part, .. } => match part {
                Part::Guest | Part::Rate => Blame::Driver,
                Part::Import(_) => Blame::Backend,
                Part::Queue => Blame::Runtime,
            },
            Self::Driver(error) => driver_blame(error),
            Self::Create(error) => driver_blame(&error.error),
            Self::Setup(error) => driver_blame(&error.error),
            Self::Compile { error, .. } => match error {
                CompileError::Compiler(_) => Blame::Runtime,
                _ => Blame::Driver,
            },
            Self::Broker(_)
            | Self::State { .. }
            | Self::Audit { .. }
            | Self::Panic { .. }
            | Self::Runtime(_) => Blame::Runtime,
        }
    }

    /// What to do about it, in one sentence; empty where the message says all.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Read { .. } => "check the path, and that you may read the file",
            Self::Write { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => {
                "name a file that is not there yet: nothing is written over"
            }
            Self::Write { .. } => "check the path, and that you may write there",
            Self::Unapproved { changed: Changed::Nothing, .. } => {
                "`abaca driver approve FILE` approves a driver; for a policy that you wrote by hand \
                 say `approved = false` in [backends.NAME]"
            }
            Self::Unapproved { .. } => {
                "put back what was approved, or go back with `abaca driver rollback`; \
                 `abaca driver approve FILE` asks anew"
            }
            Self::Compile { error: CompileError::Compiler(_), .. } => {
                "is `abaca-compiler` beside `abaca`, and of the same version?"
            }
            Self::Compile {
                error:
                    CompileError::Cpu(_)
                    | CompileError::Wall(_)
                    | CompileError::Memory(_)
                    | CompileError::Size(_),
                ..
            } => "if the driver is legitimate, raise the limit; else ask its vendor",
            Self::Component { .. } | Self::Compile { .. } => {
                "see `abaca driver inspect FILE`, and ask its vendor"
            }
            Self::NotOffered { .. } => "`abaca driver inspect FILE` shows what this driver offers",
            Self::Busy(_) => "wait until that has ended, and ask again",
            Self::Driver(types::Error::Denied(_))
            | Self::Create(types::CreateError { error: types::Error::Denied(_), .. }) => {
                "`abaca policy explain` shows why; grant it in the policy if the driver should have it"
            }
            Self::Driver(types::Error::ShareShrinkingPossibleDataLoss(_)) => {
                "nothing was changed; remove data or choose a larger size"
            }
            Self::Trap { .. } | Self::Contract { .. } => {
                "this is a mistake in the driver: report it to its vendor with the audit's lines"
            }
            Self::Limit { .. } => {
                "if the work is legitimate, raise the limit; else report it to the driver's vendor"
            }
            Self::Deadline { .. } => {
                "look whether the storage hangs; what was begun is recorded as failed"
            }
            Self::Quarantined { .. } => {
                "`abaca backend list` shows why; `abaca backend release NAME` lets it be called at \
                 once, for example when its driver was mended"
            }
            Self::Disabled { .. } => "`abaca backend enable NAME` lets it be called again",
            Self::Panic { .. } => {
                "report it, with the log's lines, to whoever wrote the part that it names; other \
                 calls go on"
            }
            Self::Broker(_) => "is `abaca-broker` beside `abaca`, and of the same version?",
            Self::State { .. } | Self::Audit { .. } => {
                "check the directory's owner, its permissions and the room that is left"
            }
            _ => "",
        }
    }
}

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<types::CreateError> for Error {
    fn from(error: types::CreateError) -> Self {
        Self::Create(error)
    }
}

impl From<types::SetupError> for Error {
    fn from(error: types::SetupError) -> Self {
        Self::Setup(error)
    }
}

impl From<abaca_policy::PolicyError> for Error {
    fn from(error: abaca_policy::PolicyError) -> Self {
        Self::Policy(Box::new(error))
    }
}

fn in_brackets(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}

/// A duration as people say it.
fn seconds(wall: Duration) -> String {
    if wall.subsec_millis() == 0 {
        format!("{} s", wall.as_secs())
    } else {
        format!("{} ms", wall.as_millis())
    }
}
