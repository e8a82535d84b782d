//! What the broker says to the runtime.
//!
//! Data only. The runtime must treat what commands printed as hostile: it is in the body,
//! never in these headers.

use serde::{Deserialize, Serialize};

/// The header of a frame from the broker to the runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The id of the request answered, or [`UNASKED`](super::UNASKED).
    pub id: u64,
    /// What came of it.
    pub result: Outcome,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Outcome {
    /// The broker is ready. The first frame, with id [`UNASKED`](super::UNASKED).
    Hello(Box<Hello>),
    /// The broker cannot go on and ends; with id [`UNASKED`](super::UNASKED).
    Failed {
        /// Why, for the operator: names the file and what to do.
        message: String,
    },
    /// A command or a pipeline ran to its end, well or not. The body is its standard output
    /// followed by its standard error.
    Done(Box<Done>),
    /// A verb on files was done. What the body holds is said by `reply`.
    Files {
        /// The rules that permitted it: one, or one for each end of a rename or copy.
        rules: Vec<String>,
        /// The descriptors the work was done on, in the order of the request's places; behind them
        /// what the paths in a file lead to that was rebuilt, in their order.
        resolved: Vec<Identity>,
        /// What there is to say.
        reply: FilesReply,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// A verb on mounts was done. There is no body.
    Mounts {
        /// The rule that permitted it.
        rule: String,
        /// The directory that the mount was attached to; of what was mounted already, its own.
        resolved: Identity,
        /// Whether anything had to be done.
        changed: bool,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// The policy does not permit it. Nothing was done.
    Denied {
        /// The rule that came nearest, if one names this program or root.
        rule: Option<String>,
        /// Why.
        reason: String,
    },
    /// Its time ran out; no process of it is left.
    Deadline {
        /// The rule it ran under; of a pipeline or of two places, the first.
        rule: String,
    },
    /// It was cancelled; no process of it is left.
    Cancelled {
        /// The rule it ran under, as in `deadline`.
        rule: String,
    },
    /// It was permitted and could not be done.
    Error {
        /// What kind of failure, for programs.
        kind: ErrorKind,
        /// What happened, for people.
        message: String,
    },
}

/// Who the broker is and what it can enforce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Its [`VERSION`](super::VERSION).
    pub version: u32,
    /// SHA-256 of the policy's text, in hexadecimal.
    pub policy_digest: String,
    /// The driver that the policy is for.
    pub driver: String,
    /// The roots it holds open.
    pub roots: Vec<RootIdentity>,
    /// The kernel's version of Landlock; 0 where there is none.
    pub landlock_abi: u32,
    /// The user it runs as.
    pub user: u32,
    /// The walls it can put around a command on this kernel, with its rights.
    pub walls: Vec<Wall>,
}

/// A root as the broker opened it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootIdentity {
    /// Its name in the policy.
    pub name: String,
    /// Its path on this machine.
    pub path: String,
    /// The device's number.
    pub device: u64,
    /// The inode's number.
    pub inode: u64,
    /// The type of the file system it lies on.
    pub filesystem: String,
    /// Which of `nodev`, `noexec`, `nosuid` and `ro` that is mounted with.
    pub mount_options: Vec<String>,
}

/// Which file a path turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The device's number.
    pub device: u64,
    /// The inode's number.
    pub inode: u64,
}

/// How a command or pipeline ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// What ran: one for a command, one for each stage of a pipeline.
    pub stages: Vec<StageReport>,
    /// The status of the whole: of the last stage that failed, or of the last.
    pub status: Status,
    /// How many bytes of the body are standard output; they come first.
    pub stdout_len: u64,
    /// How many bytes of the body are standard error, of all stages together.
    pub stderr_len: u64,
    /// More was written to standard output than the rule keeps.
    pub stdout_truncated: bool,
    /// More was written to standard error than the rule keeps.
    pub stderr_truncated: bool,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// One command that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageReport {
    /// The rule that permitted it.
    pub rule: String,
    /// What was executed, rebuilt from the rule, program first; paths as `<root>/name`.
    pub argv: Vec<String>,
    /// What its path arguments were, in their order; of a new leaf, the parent.
    pub resolved: Vec<Identity>,
    /// The walls that stood around it.
    pub walls: Vec<Wall>,
    /// The number of the user it ran as, where its rule names one; else it is the broker's.
    pub user: Option<u32>,
    /// How it ended.
    pub status: Status,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It exited with this code.
    Exited(i32),
    /// This signal killed it.
    Signalled(i32),
}

/// What a verb on files has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FilesReply {
    /// It was done. The body is empty.
    Nothing,
    /// It was written: not the request's body, but what its rule made of that. The body is empty.
    Rebuilt {
        /// How many bytes the file has.
        bytes: u64,
        /// Their SHA-256, in lower-case hexadecimal.
        sha256: String,
    },
    /// Whether anything is at the place. The body is empty.
    There {
        /// Something is, be it a link that leads nowhere.
        there: bool,
    },
    /// The body is what was read.
    Contents {
        /// The size of the whole file when it was read, in bytes.
        size: u64,
    },
    /// The body is a JSON array of [`Entry`].
    Entries {
        /// There are names after the last one of this page.
        more: bool,
        /// Entries of the whole directory that are left out because their names are not
        /// UTF-8: no request could name them.
        unspeakable: u64,
    },
    /// What lies beneath, itself included. The body is empty.
    Usage {
        /// Bytes occupied on the device; a file with several names counts once.
        allocated: u64,
        /// The sizes of the files added up, counted alike.
        apparent: u64,
        /// The number of files and directories.
        entries: u64,
    },
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What it is; a link is itself, not what it points to.
    pub kind: EntryKind,
    /// Its size in bytes.
    pub size: u64,
    /// When its contents last changed, in seconds since the epoch.
    pub modified: i64,
}

/// What an entry of a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, a socket or a pipe.
    Other,
}

/// Something that holds a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wall {
    /// Its own session, without a terminal; its tree of processes is killed as a whole.
    Session,
    /// No descriptor but its streams and its path arguments.
    Descriptors,
    /// Three environment variables, none of them inherited.
    Environment,
    /// No core file, few descriptors, bounded CPU time and address space.
    Limits,
    /// Set-uid programs give it nothing.
    NoNewPrivileges,
    /// Only the rule's capabilities.
    Capabilities,
    /// Only the files of the rule's roots and of the system's programs.
    Files,
    /// No mode, owner, time or other attribute changes, or only those of what lies beneath the
    /// roots that the rule writes.
    Attributes,
    /// No TCP connection, in or out.
    Tcp,
    /// No signal to a process outside, no abstract socket of one.
    Scope,
    /// A network namespace without a single address.
    Network,
    /// No socket of any network; stands where the network's namespace cannot be made.
    Sockets,
    /// A bound on how many processes and threads it has together with what it starts; stands
    /// where the broker has a control group to make.
    Processes,
    /// Its processes, threads and their memory are counted, and it is ended when they are too many;
    /// stands where `processes` cannot.
    Watch,
    /// A bound on the memory of all of them together; stands like `processes`.
    Memory,
    /// No system call that storage tools do not need and attackers do.
    Syscalls,
}

impl Wall {
    /// All of them, in the order above.
    pub const ALL: [Wall; 16] = [
        Wall::Session,
        Wall::Descriptors,
        Wall::Environment,
        Wall::Limits,
        Wall::NoNewPrivileges,
        Wall::Capabilities,
        Wall::Files,
        Wall::Attributes,
        Wall::Tcp,
        Wall::Scope,
        Wall::Network,
        Wall::Sockets,
        Wall::Processes,
        Wall::Watch,
        Wall::Memory,
        Wall::Syscalls,
    ];

    /// Whether no command runs without it, or without the one that stands in its place: `sockets`
    /// for `network`, `watch` for `processes`. The other is a bound that only some users of some
    /// machines can set.
    pub const fn is_required(self) -> bool {
        !matches!(self, Wall::Memory)
    }

    /// What a machine needs so that it can be built, as half a sentence.
    pub const fn needs(self) -> &'static str {
        match self {
            Wall::Files | Wall::Tcp | Wall::Scope => {
                "needs Landlock 6: Linux 6.12, with `landlock` among the lsm= of its command line"
            }
            Wall::Attributes | Wall::Syscalls | Wall::Sockets => {
                "needs a kernel with seccomp filters"
            }
            Wall::Network => "needs the right to make a network namespace",
            Wall::Processes => {
                "needs a control group with the controller `pids` that the broker may divide: a \
                 service with Delegate=yes and DelegateSubgroup=main, or root"
            }
            Wall::Watch => {
                "needs nothing, and stands where the broker has no control group to divide"
            }
            Wall::Memory => {
                "needs a control group with the controller `memory` that the broker may divide: a \
                 service with Delegate=yes and DelegateSubgroup=main, or root; each process alone \
                 is bounded"
            }
            Wall::Session
            | Wall::Descriptors
            | Wall::Environment
            | Wall::Limits
            | Wall::NoNewPrivileges
            | Wall::Capabilities => "needs nothing that a Linux could lack",
        }
    }
}

/// What kind of failure an [`Outcome::Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// Nothing by that name.
    NotFound,
    /// The place is taken.
    AlreadyExists,
    /// A directory was needed.
    NotADirectory,
    /// A regular file was needed.
    NotAFile,
    /// The directory has entries.
    NotEmpty,
    /// Something works there, or it is mounted elsewhere.
    Busy,
    /// A link stands where none is followed.
    SymbolicLink,
    /// Another file system lies there.
    OtherDevice,
    /// The kernel refuses this to the broker's user.
    NotPermitted,
    /// No space or quota left.
    NoSpace,
    /// More bytes or entries than one request may carry.
    TooLarge,
    /// Too many requests at once.
    Limit,
    /// A parameter has no meaning, such as permission bits that are never set.
    Invalid,
    /// A root or a program is no longer the one that was checked.
    Changed,
    /// A wall that the command needs cannot be built on this machine.
    Wall,
    /// Anything else the system reported.
    Io,
}
