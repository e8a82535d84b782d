//! What drivers have in common whose shares are directories of this host: what clients may do
//! there, how much is promised, and the options that say so.
//!
//! Called by `drivers/directory`, `drivers/btrfs` and others of their kind. None of it is an interface: where a
//! driver needs something else, it leaves out what does not fit.
//!
//! ```text
//! options ── export root, capacity, mode ──▶ pool ── measured and promised GiB
//!                                     └────▶ access ── permission bits of a share's directory
//! exporting ── local, or by an NFS server
//! ```

mod access;
mod capacity;
mod exporting;
mod options;

pub use access::permission_bits;
pub use capacity::{FileSystem, Pool, check_fits, forget, holder, is_promised, promised};
pub use exporting::Exporting;
pub use options::{Options, export_location};
