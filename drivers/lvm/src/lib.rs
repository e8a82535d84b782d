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
