//! The parts of a loaded policy: roots, command rules, files rules, verbs.
//!
//! Plain data with public fields, to be read. Only the loader makes them, and a
//! `Policy` lends them out by reference.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::content::Content;
use crate::guest_path::GuestPath;
use crate::matcher::name::NameType;
use crate::owned::Owner;
use crate::syscalls::SyscallGroup;
use crate::template::Template;
use crate::text::shown;
use crate::user::User;

/// A directory of the host that a driver may be let into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// What guests call it.
    pub name: String,
    /// Where it is: absolute and plain.
    pub path: String,
    /// The type of the file system that must be there; none if any may.
    pub filesystem: Option<String>,
    /// The options that its mount must have.
    pub mount_options: Vec<&'static str>,
}

impl Root {
    /// True if it is the same directory, and this root demands nothing of what it lies on that
    /// `other` does not demand as well.
    pub fn covers(&self, other: &Root) -> bool {
        self.name == other.name
            && self.path == other.path
            && (self.filesystem.is_none() || self.filesystem == other.filesystem)
            && self.mount_options.iter().all(|option| other.mount_options.contains(option))
    }
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
    /// The only contents that the program may have: their SHA-256, in lower-case hexadecimal.
    pub sha256: Option<String>,
    /// The arguments, without the program.
    pub args: Template,
    /// Names of the roots its sandbox may read.
    pub read: Vec<String>,
    /// Names of the roots its sandbox may write, and so read.
    pub write: Vec<String>,
    /// Whom it runs as; none if as the broker.
    pub user: Option<User>,
    /// The capabilities it keeps, named without `CAP_`.
    pub caps: Vec<&'static str>,
    /// The system calls it keeps beyond those that every command has.
    pub syscalls: Vec<SyscallGroup>,
    /// Whether it may use the network.
    pub network: bool,
    /// How long it may run.
    pub timeout: Duration,
    /// Most bytes of standard output that are kept.
    pub stdout_max: u64,
    /// Most bytes of standard error that are kept.
    pub stderr_max: u64,
    /// Most bytes of standard input that it is given.
    pub stdin_max: u64,
    /// Whether it removes what its `owner = "self"` holes name: after a clean exit that is no
    /// longer the backend's own.
    pub removes: bool,
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

    /// True if whatever `other` grants is granted here: the same command line
    /// of the same program, in a sandbox that is no narrower. Roots are compared
    /// by name; what they are is [`Policy::covers`](crate::Policy::covers)'s to
    /// compare. Never wrongly true; wrongly false where a hole is covered only
    /// by several holes together, or by one of another kind.
    pub fn covers(&self, other: &CommandRule) -> bool {
        let readable = |root| self.read.contains(root) || self.write.contains(root);
        self.program == other.program
            && self.args.covers(&other.args)
            && other.read.iter().all(readable)
            && other.write.iter().all(|root| self.write.contains(root))
            && self.user == other.user
            && other.caps.iter().all(|capability| self.caps.contains(capability))
            && other.syscalls.iter().all(|group| self.syscalls.contains(group))
            && (self.network || !other.network)
            && (self.sha256.is_none() || self.sha256 == other.sha256)
            && self.removes == other.removes
            && self.timeout >= other.timeout
            && self.stdout_max >= other.stdout_max
            && self.stderr_max >= other.stderr_max
            && self.stdin_max >= other.stdin_max
    }
}

impl fmt::Display for CommandRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{} {}", self.program_name(), self.args);
        f.write_str(line.trim_end())
    }
}

/// What the broker may do itself on files beneath one root. Its `Display` is its verbs and its
/// place: `list, remove <shares/NAME:share>`; and the lines that may be written.
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
    /// Whether what is there already must be the backend's own.
    pub own: bool,
    /// What is written there must look like this; none if it may be anything.
    pub content: Option<Content>,
}

impl FilesRule {
    /// True if the rule is about this place. The components are already known
    /// to be ordinary names of files.
    pub(crate) fn reaches(&self, path: &GuestPath) -> bool {
        self.root == path.root
            && match (&self.name, path.components.first()) {
                (None, None) => true,
                (Some(name), Some(first)) => {
                    path.components.len() <= self.depth && name.accepts(first)
                }
                _ => false,
            }
    }

    /// True if every place that `other` is about is one of this rule's, and whatever it writes may
    /// be written by this rule. Roots are compared by name, as in [`CommandRule::covers`].
    pub(crate) fn covers_places(&self, other: &FilesRule) -> bool {
        self.root == other.root
            && (!self.own || other.own)
            && match (&self.content, &other.content) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(a), Some(b)) => a.covers(b),
            }
            && match (&self.name, &other.name) {
                (None, None) => true,
                (Some(a), Some(b)) => a.covers(b) && self.depth >= other.depth,
                _ => false,
            }
    }

    /// Where it may be done, for people: `<shares/NAME:share>`.
    pub(crate) fn place(&self) -> String {
        let name = self.name.as_ref().map(|name| format!("/NAME:{}", name.name()));
        let deeper = if self.depth > 1 { format!(" {} deep", self.depth) } else { String::new() };
        let own = Owner::shown(self.own.then_some(Owner::Own));
        format!("<{}{}{deeper}{own}>", self.root, name.unwrap_or_default())
    }

    /// True if some verb on some path suits both.
    pub(crate) fn overlaps(&self, other: &FilesRule) -> bool {
        self.verbs.iter().any(|verb| other.verbs.contains(verb)) && self.meets(other)
    }

    /// True if some path suits both.
    pub(crate) fn meets(&self, other: &FilesRule) -> bool {
        self.root == other.root
            && match (&self.name, &other.name) {
                (None, None) => true,
                (Some(a), Some(b)) => a.intersects(b),
                _ => false,
            }
    }

    /// True if what is done by it may change what some path of the other is, or leads through: it
    /// meets it, or is about the root in which all of the other's names are.
    pub(crate) fn leads_to(&self, other: &FilesRule) -> bool {
        self.meets(other) || (self.root == other.root && self.name.is_none())
    }
}

impl fmt::Display for FilesRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verbs: Vec<_> = self.verbs.iter().map(|verb| verb.as_str()).collect();
        write!(f, "{} {}", verbs.join(", "), self.place())?;
        self.content.as_ref().map_or(Ok(()), |content| write!(f, " with the lines {content}"))
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
    /// Read a whole tree, to be copied to another backend: by the runtime itself, never for a
    /// driver.
    Send,
    /// Take a tree in that another backend sends, in place of what is there; alike.
    Receive,
}

impl Verb {
    /// All verbs.
    pub const ALL: [Verb; 12] = [
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
        Verb::Send,
        Verb::Receive,
    ];

    /// Whether it is about two places: from one to the other.
    pub const fn is_of_two(self) -> bool {
        matches!(self, Verb::Rename | Verb::Copy)
    }

    /// Whether, on a place or on the directory that it is in, it can put other contents there than
    /// were written, or let somebody else do that: a rule that says what is written must not be
    /// passed by.
    pub(crate) const fn passes_by_content(self) -> bool {
        match self {
            Verb::Write
            | Verb::Rename
            | Verb::Copy
            | Verb::SetMode
            | Verb::SetOwner
            | Verb::Receive => true,
            Verb::Read | Verb::List | Verb::MakeDir | Verb::Remove | Verb::Usage | Verb::Send => {
                false
            }
        }
    }

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
            Verb::Send => "send",
            Verb::Receive => "receive",
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
