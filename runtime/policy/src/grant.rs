//! The answers: what was granted, rebuilt from the rule, or why it was not.
//!
//! Nothing here decides. A [`CommandGrant`] is made by `Policy::decide_command`
//! only; the broker resolves its paths and runs it.

use std::fmt;

use crate::guest_path::GuestPath;
use crate::mount::MountRule;
use crate::owned::Claim;
use crate::rule::{CommandRule, FilesRule, Root};

/// A request that the policy does not grant. The reason is for people and
/// audits; it quotes foreign words escaped and cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("denied: {reason}{}", NearestRule(.rule))]
pub struct Denial {
    /// The rule that came nearest, if any was for this program or root.
    pub rule: Option<String>,
    /// Why, as half a sentence.
    pub reason: String,
}

struct NearestRule<'a>(&'a Option<String>);

impl fmt::Display for NearestRule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(id) => write!(f, " (nearest rule: `{id}`)"),
            None => Ok(()),
        }
    }
}

impl Denial {
    pub(crate) fn new(reason: impl Into<String>) -> Denial {
        Denial { rule: None, reason: reason.into() }
    }

    pub(crate) fn of_rule(rule: &str, reason: impl Into<String>) -> Denial {
        Denial { rule: Some(rule.to_owned()), reason: reason.into() }
    }
}

/// A command line that exactly one rule grants.
#[derive(Debug, Clone)]
pub struct CommandGrant<'p> {
    /// The rule; its `program` is what runs.
    pub rule: &'p CommandRule,
    /// The arguments to run with, without the program: the rule's literals and
    /// the canonical form of the values.
    pub argv: Vec<Argument>,
    /// What the holes were filled with: label (a type, a root, `size`, …) and
    /// canonical text, in the order of the arguments. Labels may repeat.
    pub values: Vec<(String, String)>,
    /// What it needs to be the backend's own, and what it makes, in the order of the arguments.
    pub claims: Vec<Claim>,
}

impl CommandGrant<'_> {
    /// The secrets that it is given, in the order of the arguments.
    pub fn secrets(&self) -> Vec<&SecretArgument> {
        let mut found = Vec::new();
        self.argv.iter().for_each(|argument| argument.secrets(&mut found));
        found
    }
}

/// A file operation that exactly one rule grants.
#[derive(Debug, Clone)]
pub struct FilesGrant<'p> {
    /// The rule.
    pub rule: &'p FilesRule,
    /// The root beneath which it happens.
    pub root: &'p Root,
    /// What is to be written, where the rule says what that must look like: this, and not what
    /// was asked with.
    pub content: Option<FileContent>,
}

/// What a file is to hold, rebuilt from the rule.
#[derive(Debug, Clone)]
pub struct FileContent {
    /// Its lines, each to be ended with a line feed: texts, and paths to be resolved first.
    pub lines: Vec<Argument>,
    /// What the holes were filled with, as in [`CommandGrant`].
    pub values: Vec<(String, String)>,
    /// What it needs to be the backend's own.
    pub claims: Vec<Claim>,
}

/// A mount that exactly one rule grants.
#[derive(Debug, Clone)]
pub struct MountGrant<'p> {
    /// The rule.
    pub rule: &'p MountRule,
    /// What to mount.
    pub source: GrantedSource,
    /// Where; never a root itself.
    pub place: GuestPath,
    /// The file system's type, or `bind`.
    pub filesystem: String,
    /// All its options, those that are forced among them, sorted.
    pub options: Vec<String>,
}

/// What to mount, rebuilt from the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantedSource {
    /// What lies beneath a root.
    Path {
        /// Where.
        path: GuestPath,
        /// A file that is an image, or a directory that is bound.
        leaf: Leaf,
    },
    /// A block device, by its absolute path.
    Device(String),
    /// A ZFS dataset, by its full name.
    Dataset(String),
    /// An export of another machine, as its file system names it.
    Remote(String),
}

/// One argument to run with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// Passed as it stands.
    Text(String),
    /// Resolved beneath its root first.
    Path(PathArgument),
    /// What the operator keeps in a secret option's file.
    Secret(SecretArgument),
    /// One word of several parts, without gap: texts, resolved paths and secrets.
    Joined(Vec<Argument>),
}

impl Argument {
    /// Adds what stands for it in a file. No file holds a secret.
    pub(crate) fn write_down(&self, path: &impl Fn(&PathArgument) -> String, file: &mut String) {
        match self {
            Argument::Text(text) => file.push_str(text),
            Argument::Path(place) => file.push_str(&path(place)),
            Argument::Joined(parts) => parts.iter().for_each(|part| part.write_down(path, file)),
            Argument::Secret(_) => {}
        }
    }

    fn secrets<'a>(&'a self, found: &mut Vec<&'a SecretArgument>) {
        match self {
            Argument::Secret(secret) => found.push(secret),
            Argument::Joined(parts) => parts.iter().for_each(|part| part.secrets(found)),
            Argument::Text(_) | Argument::Path(_) => {}
        }
    }
}

/// An argument whose value is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretArgument {
    /// The driver's option whose value it is.
    pub option: String,
    /// How the program is told the value.
    pub pass: SecretPass,
}

/// How a program is told a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretPass {
    /// By a file that only the program has, as `/proc/self/fd/N`.
    Fd,
    /// As its argument, which everybody on the machine can read while it runs.
    Argument,
}

impl SecretPass {
    /// The words of the policy file.
    pub(crate) const ALL: [(&'static str, SecretPass); 2] =
        [("fd", SecretPass::Fd), ("argument", SecretPass::Argument)];
}

/// An argument that names a place beneath a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathArgument {
    /// The name of the root.
    pub root: String,
    /// Names of files beneath it, outermost first; none for the root itself.
    pub components: Vec<String>,
    /// What the last component must be.
    pub leaf: Leaf,
    /// How the program is told the place.
    pub pass: Pass,
}

/// What stands, or does not yet stand, at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    /// Nothing yet: the program creates it; only the parent is resolved.
    New,
    /// A directory.
    Dir,
    /// A regular file.
    File,
    /// The root itself.
    Root,
}

impl Leaf {
    /// The words of the policy file.
    pub(crate) const ALL: [(&'static str, Leaf); 4] =
        [("new", Leaf::New), ("dir", Leaf::Dir), ("file", Leaf::File), ("root", Leaf::Root)];
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Leaf::New => "new",
            Leaf::Dir => "dir",
            Leaf::File => "file",
            Leaf::Root => "root",
        })
    }
}

/// How a program is told a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// By descriptor, as `/proc/self/fd/N`: nobody can swap what it means.
    Fd,
    /// By its absolute path, for tools that store what they are told.
    Path,
}

impl Pass {
    /// The words of the policy file.
    pub(crate) const ALL: [(&'static str, Pass); 2] = [("fd", Pass::Fd), ("path", Pass::Path)];
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Text(text) => f.write_str(text),
            Argument::Path(path) => path.fmt(f),
            Argument::Secret(secret) => secret.fmt(f),
            Argument::Joined(parts) => parts.iter().try_for_each(|part| part.fmt(f)),
        }
    }
}

/// Readable, and not a host path: `<shares>/share-1`.
impl fmt::Display for PathArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.root)?;
        self.components.iter().try_for_each(|component| write!(f, "/{component}"))
    }
}

/// The option and never its value: `<secret filer_token>`.
impl fmt::Display for SecretArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<secret {}>", self.option)
    }
}
