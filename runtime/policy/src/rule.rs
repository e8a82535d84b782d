//! The parts of a loaded policy: roots, command rules, files rules, verbs.
//!
//! Plain data with public fields, to be read. Only the loader makes them, and a
//! `Policy` lends them out by reference.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::guest_path::GuestPath;
use crate::matcher::name::NameType;
use crate::template::Template;
use crate::text::shown;

/// A directory of the host that a driver may be let into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// What guests call it.
    pub name: String,
    /// Where it is: absolute and plain.
    pub path: String,
}

/// One kind of command line that may run. Its `Display` is the command line
/// with its holes: `cp --archive -- <snapshots/NAME:snapshot dir>`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CommandRule {
    /// Its name in audits and refusals.
    pub id: String,
    /// The program's absolute path on the host.
    pub program: String,
    /// The arguments, without the program.
    pub args: Template,
    /// Names of the roots its sandbox may read.
    pub read: Vec<String>,
    /// Names of the roots its sandbox may write, and so read.
    pub write: Vec<String>,
    /// The capabilities it keeps, named without `CAP_`.
    pub caps: Vec<&'static str>,
    /// How long it may run.
    pub timeout: Duration,
    /// Most bytes of standard output that are kept.
    pub stdout_max: u64,
    /// Most bytes of standard error that are kept.
    pub stderr_max: u64,
    /// Most bytes of standard input that it is given.
    pub stdin_max: u64,
    /// Why the operator takes a rule that is as good as root.
    pub root_equivalent: Option<String>,
    /// What it is needed for.
    pub reason: Option<String>,
}

impl CommandRule {
    /// What guests call the program: the last component of its path.
    pub fn program_name(&self) -> &str {
        self.program.rsplit('/').next().unwrap_or(&self.program)
    }
}

impl fmt::Display for CommandRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{} {}", self.program_name(), self.args);
        f.write_str(line.trim_end())
    }
}

/// What the broker may do itself on files beneath one root.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FilesRule {
    /// Its name in audits and refusals.
    pub id: String,
    /// The name of the root.
    pub root: String,
    /// What may be done.
    pub verbs: Vec<Verb>,
    /// The type of the first component; none means the root itself.
    pub name: Option<Arc<NameType>>,
    /// The most components a path may have; 0 exactly if `name` is none.
    pub depth: usize,
}

impl FilesRule {
    /// True if the rule is about this place. The components are already known
    /// to be ordinary names of files.
    pub(crate) fn covers(&self, path: &GuestPath) -> bool {
        self.root == path.root
            && match (&self.name, path.components.first()) {
                (None, None) => true,
                (Some(name), Some(first)) => {
                    path.components.len() <= self.depth && name.accepts(first)
                }
                _ => false,
            }
    }

    /// True if some verb on some path suits both.
    pub(crate) fn overlaps(&self, other: &FilesRule) -> bool {
        self.root == other.root
            && self.verbs.iter().any(|verb| other.verbs.contains(verb))
            && match (&self.name, &other.name) {
                (None, None) => true,
                (Some(a), Some(b)) => a.intersects(b),
                _ => false,
            }
    }
}

/// What can be done on files. Written in kebab-case, as in the policy file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Read a file's contents.
    Read,
    /// Replace a file's contents, or make it.
    Write,
    /// List a directory.
    List,
    /// Make a directory.
    MakeDir,
    /// Remove a file or a tree.
    Remove,
    /// Give another name; needed at both ends.
    Rename,
    /// Copy one file; needed at both ends.
    Copy,
    /// Set permission bits.
    SetMode,
    /// Set owner and group.
    SetOwner,
    /// Count bytes and entries.
    Usage,
}

impl Verb {
    /// All verbs.
    pub const ALL: [Verb; 10] = [
        Verb::Read,
        Verb::Write,
        Verb::List,
        Verb::MakeDir,
        Verb::Remove,
        Verb::Rename,
        Verb::Copy,
        Verb::SetMode,
        Verb::SetOwner,
        Verb::Usage,
    ];

    /// The verb's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verb::Read => "read",
            Verb::Write => "write",
            Verb::List => "list",
            Verb::MakeDir => "make-dir",
            Verb::Remove => "remove",
            Verb::Rename => "rename",
            Verb::Copy => "copy",
            Verb::SetMode => "set-mode",
            Verb::SetOwner => "set-owner",
            Verb::Usage => "usage",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Verb {
    type Err = String;

    fn from_str(word: &str) -> Result<Verb, String> {
        Verb::ALL.into_iter().find(|verb| verb.as_str() == word).ok_or_else(|| {
            let allowed = Verb::ALL.map(Verb::as_str).join(", ");
            format!("{} is no verb on files; allowed: {allowed}", shown(word))
        })
    }
}
