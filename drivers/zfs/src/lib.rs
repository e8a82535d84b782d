//! Shares as datasets of ZFS pools: quotas that hold, snapshots, clones, and replicas in another
//! pool of the same host. Upstream: `manila/share/drivers/zfsonlinux`.
//!
//! What it is not: a file server. The rules of a share are written into its property `sharenfs`, in
//! the form that the tool reads; who serves the share by it is the tool's affair, and with zfs-fuse
//! nobody does until an operator says `zfs share` (see `access`).
//! Nor does it reach another host: upstream's `zfs_use_ssh` and what goes with it are not here, so
//! that both ends of a replication are pools of this host, and no `ssh_cmd` is kept.
//!
//! ```text
//! zfs_zpool_list = ["tank", "pond/shares"]
//! tank/manila_share_ID                                     a share, by its identifier
//! tank/manila_share_ID@manila_share_snapshot_ID            its snapshot
//! pond/shares/manila_share_ID                              its replica
//! …@tmp_snapshot_for_replication__ID_time_T                up to where both have the same
//! ```
//! It speaks to OpenZFS and to zfs-fuse by the same command lines, but for the rules. Where they
//! differ, the tool is asked (`zfs version`) or what it says is read; no option says which it is.
//!
//! **Mounts.** Commands here can neither mount nor unmount. What the tool cannot do itself
//! therefore, the broker does: it unmounts a share before that is destroyed, and mounts one that
//! OpenZFS could not. zfs-fuse's daemon mounts by itself.
//!
//! **State**, by upstream's keys: under a share's identifier `entity_type`, `dataset_name`,
//! `pool_name`, `used_options`, of clones `receiving` and `received`, and of replicas `replica_type`, `repl_snapshot_tag` and `quota`;
//! under a snapshot's user-visible identifier `entity_type` and `snapshot_tag`; under a replicated
//! share's user-visible identifier `active_replica`. A share is written down before it is made:
//! what is there without a record is somebody else's.
//!
//! **Otherwise than upstream**, on purpose; `tests/src/traces/zfs.rs` has what its traces show of it:
//!
//! - A dataset that is there and was not made for a share is refused, not used. A share with snapshots is
//!   not removed, which is said before anything is done; one that is removed again is fine, and no pool
//!   called `None` is listed.
//! - `update_access` of a share whose dataset is gone is an error; upstream warns, and the service takes
//!   the rules for set. All rules of a replica that is not the active one are read-only, also by
//!   `update_access`.
//! - A replica that has nothing in common with the active one is out of sync and stays as it is; upstream
//!   fails, and the replica is in error. A former active one whose last changes did not reach the new one
//!   is out of sync too, and so is one that has more than the new one, where the active one was lost.
//! - A replica that follows gets the quota of a share that was extended. One that is removed takes the
//!   snapshots with it by which nobody follows any more.
//! - A snapshot is forgotten under the identifier by which it is kept; a clone's options are kept in
//!   words, not as a list's representation.
//! - The former active one is shut for writing: upstream's command for it lacks its first word.
//! - Networks in rules have no host; addresses of IPv6 are refused, whose colons end a client.
//!
//! Called by the runtime, through the interfaces named below.

mod access;
mod answers;
mod backend;
mod clones;
mod copying;
mod dataset;
mod extending;
mod managing;
mod managing_snapshots;
mod options;
mod places;
mod pools;
mod record;
mod replicas;
mod replicated_snapshots;
mod replication;
mod share_type;
mod sharenfs;
mod shares;
mod shrinking;
mod snapshots;
mod time;
mod tool;

/// The driver.
struct Zfs;

abaca_sdk::manifest!("manifest.toml");
abaca_sdk::export!(
    Zfs: backend, shares, pools, extending, shrinking, snapshots, clones, access, managing,
    managing-snapshots, replication, replicated-snapshots
);
