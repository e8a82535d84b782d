//! What the runtime says to the broker.
//!
//! Data only; what each request may do is decided by the policy, in the broker.

use serde::{Deserialize, Serialize};

/// The header of a frame from the runtime to the broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Chosen by the runtime: not [`UNASKED`](super::UNASKED), and not that of a request still unanswered.
    pub id: u64,
    /// What is asked.
    pub kind: RequestKind,
}

/// What the runtime asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RequestKind {
    /// Run one program. The frame's body is the values of `secrets`, then its standard input.
    Command {
        /// The program's file name, as the policy's rules name it.
        program: String,
        /// The guest's arguments, without the program. They are matched, never executed.
        args: Vec<String>,
        /// The secrets that its rule passes on: all of them, and no other.
        secrets: Vec<Secret>,
        /// Milliseconds from when the broker reads the request, waiting in the queue
        /// included. A rule's own timeout may be shorter, never longer.
        deadline_ms: u64,
    },
    /// Run several programs, the output of each joined to the input of the next. The
    /// frame's body is the values of `secrets`, then the standard input of the first.
    Pipeline {
        /// One to [`STAGES_MAX`](super::STAGES_MAX) programs, in the order of the data.
        stages: Vec<Stage>,
        /// As in `command`, of all rules together.
        secrets: Vec<Secret>,
        /// As in `command`; the shortest timeout among the rules counts for all.
        deadline_ms: u64,
    },
    /// Do one thing to a file or directory beneath a root.
    Files {
        /// What to do.
        request: FilesRequest,
        /// As in `command`.
        deadline_ms: u64,
    },
    /// Mount or unmount something at a place beneath a root.
    Mounts {
        /// What to do.
        request: MountsRequest,
        /// As in `command`.
        deadline_ms: u64,
    },
    /// Stop the request `target`, which then answers `cancelled`. Naming one that was
    /// answered already is no mistake and does nothing.
    Cancel {
        /// The id of the request to stop.
        target: u64,
    },
}

/// A secret option's value in a frame's body: never in a header, which may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// The option's name.
    pub option: String,
    /// How many bytes of the body are its value, 1 to [`SECRET_MAX`](super::SECRET_MAX).
    pub bytes: u32,
}

/// One program of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The program's file name.
    pub program: String,
    /// The guest's arguments, without the program.
    pub args: Vec<String>,
}

/// A place beneath a root, in the guest's spelling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The root's name in the policy.
    pub root: String,
    /// Components joined by `/`; empty for the root itself.
    pub path: String,
}

/// A verb on files, with its parameters. Symbolic links are never followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FilesRequest {
    /// Say whether anything is there. Answered with `there`. Permitted wherever a rule reaches,
    /// whatever its verbs: it is asked so that another request can be decided.
    Look {
        /// The place.
        at: Place,
    },
    /// Read part of a regular file. Answered with `contents`.
    Read {
        /// The file.
        at: Place,
        /// The first byte wanted.
        offset: u64,
        /// At most this many bytes, 0 to [`CONTENTS_MAX`](super::CONTENTS_MAX).
        length: u64,
    },
    /// Make the frame's body the whole contents of a file, new or replaced, atomically and
    /// durably. At most [`CONTENTS_MAX`](super::CONTENTS_MAX) bytes. A file that is
    /// replaced leaves its owner to the new one, if the broker has the right to give it.
    /// Where its rule says what the file must look like, the body is matched, never written:
    /// what the rule makes of it is, and the answer is `rebuilt`.
    Write {
        /// The file.
        at: Place,
        /// Permission bits, at most 0o1777. Without it: those of the file that is replaced,
        /// cut to 0o777, or 0o640 for a new one.
        mode: Option<u32>,
        /// The place must be free: nothing is replaced.
        new: bool,
    },
    /// List a directory, sorted by the bytes of the names. Answered with `entries`.
    List {
        /// The directory.
        at: Place,
        /// Only names greater than this one: the last of the page before.
        after: Option<String>,
        /// At most this many, 1 to [`ENTRIES_MAX`](super::ENTRIES_MAX).
        limit: u32,
    },
    /// Make one directory.
    MakeDir {
        /// The directory to be. Its parent must exist, itself must not.
        at: Place,
        /// Permission bits, at most 0o3777: never set-user.
        mode: u32,
    },
    /// Remove a file, a link or a directory; never the root itself.
    Remove {
        /// What to remove.
        at: Place,
        /// Remove a directory with everything in it. Without it a directory must be empty.
        recursive: bool,
    },
    /// Rename within one file system. The new place must be free.
    Rename {
        /// What is renamed.
        from: Place,
        /// What it is called afterwards.
        to: Place,
    },
    /// Copy one regular file, contents and permission bits. The new place must be free.
    Copy {
        /// The file to copy.
        from: Place,
        /// The copy.
        to: Place,
    },
    /// Set permission bits.
    SetMode {
        /// The file or directory.
        at: Place,
        /// Permission bits, at most 0o3777 for a directory and 0o1777 for anything else.
        mode: u32,
    },
    /// Set the owner.
    SetOwner {
        /// The file or directory.
        at: Place,
        /// The user's number; without it the user stays.
        uid: Option<u32>,
        /// The group's number; without it the group stays.
        gid: Option<u32>,
    },
    /// Add up what lies beneath. Answered with `usage`.
    Usage {
        /// The file or directory.
        at: Place,
    },
}

/// A verb on mounts. Answered with `mounts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case", deny_unknown_fields)]
pub enum MountsRequest {
    /// Mount something. The same there already is success.
    Mount {
        /// What to mount.
        source: MountSource,
        /// Where: a directory that exists, never a root itself.
        at: Place,
        /// The type of the file system, or `bind` for a directory.
        filesystem: String,
        /// Options, each for itself; those that are forced may be left out.
        options: Vec<String>,
    },
    /// Unmount what a mount rule might have mounted there. Nothing there is success.
    Unmount {
        /// Where.
        at: Place,
    },
}

/// What to mount, in the guest's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum MountSource {
    /// An image file or a directory beneath a root.
    Path {
        /// Which.
        at: Place,
    },
    /// A volume.
    Device {
        /// `GROUP/VOLUME`.
        name: String,
    },
    /// An export of another machine.
    Remote {
        /// As its file system names it.
        name: String,
    },
}
