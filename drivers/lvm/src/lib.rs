//! Shares as logical volumes of one volume group, each with an ext4 file system of its own: sizes
//! that hold, snapshots, clones. Upstream: `manila/share/drivers/lvm.py`.
//!
//! What it is not: a file server. Clients are local, or the operator exports the root `mounts` by
//! other means; or, with `lvm_share_export = "ganesha"`, each share is an export of the NFS server
//! Ganesha, and with `"samba"` a share of the file server Samba. Upstream writes the kernel's table of
//! exports, for the whole machine at once.
//!
//! ```text
//! lvm_share_volume_group = "lvm-shares"
//! lvm-shares/share-ID                  a share, mounted at mounts:share-ID
//! lvm-shares/share-snapshot-ID         its snapshot, a volume of the share's size
//! ```
//! **Mounts** are the broker's: no command here mounts or unmounts. What upstream has `mount`,
//! `umount -f`, `mkdir` and `chmod` for are requests to it.
//!
//! **Making** a share can be cut short anywhere:
//! ```text
//! (nothing) ─▶ recorded ─ lvcreate ─ mkfs or copy ─▶ filled ─ mount, mode, export ─▶ a share
//! ```
//! A volume is recorded before it is made: what is there without a record is somebody else's, and
//! is neither handed out nor removed. One that is not `filled` is filled anew from the beginning.
//!
//! **Access** is permission bits of the share's directory, as the driver `directory` has them; with
//! Ganesha, addresses; with Samba, users and addresses.
//!
//! **Shrinking**, which upstream cannot at this commit, takes the share from its clients for a
//! while. File systems are never frozen.
//!
//! **Otherwise than upstream**, deliberately, beside what the walk of upstream's trace has in its tables
//! (`tests/src/traces/lvm.rs`):
//!
//! | upstream | here |
//! |---|---|
//! | a removed share takes its snapshots with it | it is busy, before any command |
//! | a snapshot in use cannot be removed: an error like any other | it is busy, and the service has it back |
//! | what is removed already is an error, by three attempts | it is removed |
//! | a share's directory is open to all users (0777), again when it is mounted anew | it is as `lvm_share_mode` and its rules say, which lies in its file system |
//! | a CIFS share is made before it is mounted, and unmounted before it is removed | the server never has a directory on which nothing is mounted |
//! | of all rules one that cannot be enforced keeps the others from being set anew | all others are set, and it is the error |
//! | over NFS, root of a client is nobody's at the level `ro` | it is root's at both levels: a block says it once, for all clients, by `ganesha_nfs_export_options` |
//! | `ensure_share` answers nothing | where the share is |
//! | its pool reserves nothing, whatever `reserved_share_percentage` says | what that says |
//!
//! **State**: under a share's and a snapshot's identifier `volume`, and of a share `filled`.
//!
//! Called by the runtime, through the interfaces named below.

mod access;
mod answers;
mod backend;
mod clones;
mod exports;
mod extending;
mod filesystem;
mod options;
mod places;
mod record;
mod shares;
mod shrinking;
mod snapshots;
mod volumes;

/// The driver.
struct Lvm;

abaca_sdk::manifest!("manifest.toml");
abaca_sdk::export!(
    Lvm: backend, shares, extending, shrinking, snapshots, clones, access
);
