//! A tree on its way from one broker to another: frames of an [`Item`] and its bytes, as they are
//! sent with `send` and taken in with `receive`. The runtime in between passes them on.
//!
//! ```text
//! begin ─▶ tree ─▶ attribute … ─▶ end
//! tree:  (directory ─▶ tree ─▶ attribute … ─▶ close │ file ─▶ data … ─▶ attribute … ─▶ close
//!         │ again │ link │ node) …
//! ```
//! Data only. Whoever reads it trusts nothing of it: names are single components, and data lies
//! within the size that was said.

use serde::{Deserialize, Serialize};

/// The most bytes of a file in one frame.
pub const PIECE_MAX: usize = 1024 * 1024;

/// One step of a tree. What its frame's body holds is said with each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Item {
    /// How much is going to come, as it was counted before. The open directory is the top.
    Begin {
        /// What there is to send.
        tally: Tally,
        /// Of the top.
        about: About,
    },
    /// A directory in the open one; it is open from now on. Body: its name.
    Directory {
        /// Of it.
        about: About,
    },
    /// A regular file in the open directory; it is open from now on. Body: its name.
    File {
        /// Of it.
        about: About,
        /// How long it is.
        size: u64,
        /// Its number, where it has more names that are to come.
        number: Option<u64>,
    },
    /// Bytes of the open file; what is not said is a hole. Body: the bytes.
    Data {
        /// Where they begin.
        offset: u64,
    },
    /// An extended attribute of what is open. Body: its name, a NUL, its value.
    Attribute,
    /// What was open is whole; the directory that it is in is open again.
    Close,
    /// One more name for a file that was sent. Body: the name.
    Again {
        /// The file's number.
        number: u64,
    },
    /// A symbolic link. Body: its name, a NUL, where it leads.
    Link {
        /// Of it.
        about: About,
    },
    /// A pipe or a socket. Body: its name.
    Node {
        /// Of it.
        about: About,
        /// It is a socket.
        socket: bool,
    },
    /// There is no more; this was sent.
    End {
        /// As it was counted on the way.
        tally: Tally,
    },
}

/// How much a tree is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Everything that has a name in it.
    pub entries: u64,
    /// How long its regular files are; one with several names counts once.
    pub bytes: u64,
}

/// Whose something is, who may use it, and since when it is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Permission bits.
    pub mode: u32,
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// When it was last read: seconds since the epoch, and nanoseconds.
    pub accessed: (i64, u32),
    /// When it was last changed, alike.
    pub modified: (i64, u32),
}
