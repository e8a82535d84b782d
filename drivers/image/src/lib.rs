//! Shares as file systems of their own, ext4 or xfs, in image files on a file system that shares
//! blocks (xfs or btrfs): sizes that hold, snapshots and clones that cost nothing, for one host.
//! Needs a broker that runs as root.
//!
//! What it is not: a file server. Clients are local, or the operator exports the root `shares`
//! by other means; `image_export_root` says what clients mount.
//!
//! | root | holds |
//! |---|---|
//! | `images` | one image for each share, by the share's name |
//! | `snapshots` | one image for each snapshot, by the snapshot's name |
//! | `shares` | one directory for each share, where its image is mounted for clients |
//! | `staging` | the same while an image is looked at or made, where no client comes |
//!
//! `images` and `snapshots` lie on one file system. Nothing is ever changed in an image that is a
//! share's: what is made or resized is another file that shares its blocks, and takes its place.
//!
//! ```text
//! create ─▶ NAME.partial ─ file system, mode ─▶ NAME.whole ─▶ NAME, mounted at shares:NAME
//! clone  ─▶ NAME.partial, of a snapshot ──────────▲
//! resize ─▶ unmounted ─▶ NAME.partial, of NAME ───┘  NAME removed, NAME.whole renamed, mounted
//! ```
//! That the old image is removed is the moment at which a new one holds: before it, what a call
//! that was cut short has left is removed; after it, its last step is done again. Whichever call
//! comes next does so.
//!
//! **Size** is that of the image, of which the file system keeps a little for itself. A share is
//! resized while nobody works in it: else it is busy, and stays as it is. xfs cannot shrink.
//!
//! **A snapshot** is the image at one moment, as a power cut would leave it, with all that clients
//! had written when it began: a clone's journal is replayed before anyone sees it. Nobody has to
//! stop working for that.
//!
//! **Access** is permission bits of the share's top, as with the driver `directory`.
//!
//! **State**: under a share's identifier, `size` in GiB and its `name`: what is promised; and its
//! `filesystem`. Under a snapshot's, the `filesystem` too.
//!
//! Called by the runtime, through the interfaces named below.

mod access;
mod backend;
mod clones;
mod extending;
mod filesystem;
mod image;
mod migration_info;
mod mounted;
mod places;
mod resizing;
mod shares;
mod shrinking;
mod snapshots;

/// The driver.
struct Image;

abaca_sdk::manifest!("manifest.toml");

abaca_sdk::export!(
    Image: backend, shares, extending, shrinking, snapshots, clones, access, migration-info
);
