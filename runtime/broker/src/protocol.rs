//! The language spoken between the runtime and the broker.
//!
//! It is data only: no socket, no process, no decision. Both ends use it: the runtime as
//! `abaca_broker::protocol`, and the broker itself. How a message lies on the wire is
//! `frame`, what the runtime says is `request`, what the broker says is `response`.
//!
//! ```text
//! runtime                               broker
//!    |   <------------- hello (id 0) ------|   first, unasked; or failed (id 0), then the end
//!    |------ command 1 ------------------> |
//!    |------ files 2 --------------------> |
//!    |   <------------- files 2 -----------|   answers come in the order of completion
//!    |------ cancel 1 -------------------> |   a cancel has no answer of its own
//!    |   <------------- cancelled 1 -------|   sent when the whole tree of processes is gone
//! ```
//! With `send` and `receive` comes a descriptor, for the tree that is sent or taken in (`stream`).
//! Every request but `cancel` is answered exactly once, whatever happens to the work.
//! A frame that cannot be understood is answered `failed` with id 0 and ends the connection.

mod frame;
mod request;
mod response;
mod stream;
mod tried;

pub use frame::{BODY_MAX, Decoder, Frame, HEADER_MAX, ProtocolError, encode};
pub use request::{
    FilesRequest, MountSource, MountsRequest, Place, Request, RequestKind, Secret, Stage,
};
pub use response::{
    Done, Entry, EntryKind, ErrorKind, FilesReply, Hello, Identity, Outcome, Response,
    RootIdentity, StageReport, Status, Wall,
};
pub use stream::{About, Item, PIECE_MAX, Tally};
pub use tried::TriedWall;

/// The version of this protocol. Runtime and broker are released together: anything but
/// the same number is a mistake in the installation.
pub const VERSION: u32 = 4;

/// The id of what the broker says unasked (`hello`, `failed`). No request may carry it.
pub const UNASKED: u64 = 0;

/// The option that makes the broker's program try the walls instead of serving.
pub const TRY_WALLS: &str = "--try-walls";

/// The same without what `Wall::Watch` would end it for.
pub const TRY_WALLS_ALONE: &str = "--try-walls-alone";

/// The option that makes it start more processes and threads than a command may have, for
/// [`Wall::Watch`], which ends it.
pub const TRY_PROCESSES: &str = "--try-processes";

/// The option that makes it take [`TRIED_MEMORY`] twice over. A command whose only argument this is has
/// a group with so much memory, whatever its program: it can only lose by that.
pub const TRY_MEMORY: &str = "--try-memory";

/// What a group holds in which memory is tried, in bytes: what enforces a small figure enforces a
/// large one, and all the memory that a command may have is not there on every machine.
pub const TRIED_MEMORY: u64 = 64 << 20;

/// The most bytes one `read` returns or one `write` takes: with the header's limit it stays
/// below [`BODY_MAX`].
pub const CONTENTS_MAX: u64 = 16 * 1024 * 1024;

/// The most entries one `list` returns. With the longest names, each byte escaped, they
/// still fit into [`BODY_MAX`].
pub const ENTRIES_MAX: u32 = 10_000;

/// The longest value of a secret, in bytes: keys and chains of certificates, with room.
pub const SECRET_MAX: u32 = 64 * 1024;

/// The most stages of a pipeline: send, filter, compress, receive come to four.
pub const STAGES_MAX: usize = 8;
