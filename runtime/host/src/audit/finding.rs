//! What `verify` answers: how far a chain goes, who else knows it, and each place where it is not
//! as it was written. Data only.

use serde::Serialize;

use super::kept::Anchor;
use super::line::Link;

/// What there is of an audit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verification {
    /// The backend.
    pub backend: String,
    /// Its files, the oldest first.
    pub files: Vec<String>,
    /// How many lines are as they were written.
    pub lines: u64,
    /// The first of them.
    pub first: Option<Link>,
    /// The last of them.
    pub last: Option<Link>,
    /// The last anchor that says what the chain says.
    pub anchor: Option<Anchor>,
    /// The last one that a system log took, as far as the state or the text given knows.
    pub system_log: Option<Anchor>,
    /// What is not as it was written, in the order of the files.
    pub findings: Vec<Finding>,
    /// What looks like it and is accounted for.
    pub notes: Vec<Finding>,
    /// Whether there were more findings than are told.
    pub more: bool,
}

impl Verification {
    /// Whether everything is as it was written.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }
}

/// One place, and what is the matter there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file's name.
    pub file: String,
    /// The line in it, from 1; none where it is about the whole file.
    pub line: Option<u64>,
    /// What it is.
    pub kind: FindingKind,
    /// The same for people.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// What can be the matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// A line's hash does not fit its text.
    Altered,
    /// Lines are missing between two others.
    Missing,
    /// A line stands after ones with higher numbers.
    Order,
    /// A line does not follow the one before it: one of them was written anew, hash and all.
    Replaced,
    /// Something outside knows another line with this number: from somewhere before it on, the
    /// chain was written anew.
    Rewritten,
    /// The end is missing.
    Truncated,
    /// The beginning is missing.
    Beginning,
    /// The line belongs to another backend or another chain.
    Foreign,
    /// `audit.head` or the backend's state is missing or damaged.
    Head,
    /// A line that a crash tore.
    Torn,
    /// Lines of the chain that `audit.head` does not know yet.
    Unknown,
    /// Old files were removed as configured.
    Removed,
}
