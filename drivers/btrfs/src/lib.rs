//! Shares as subvolumes of a btrfs file system: limits that hold, snapshots and clones that
//! cost nothing, for one host; with a second file system, replicas there, and shares that move
//! there. Needs a broker that runs as root.
//!
//! What it is not: a file server. Clients are local, or the operator exports the root `shares`
//! by other means, and `btrfs_export_root` says what clients mount; or, with one pool, without
//! groups, and with `btrfs_export = "ganesha"`, each share is an export of the NFS server Ganesha
//! (see `exports`).
//!
//! | root | holds |
//! |---|---|
//! | `shares` | one subvolume for each share, by the share's name |
//! | `snapshots` | one read-only subvolume for each snapshot, by the snapshot's name |
//! | `groups` | one subvolume for each consistency group, with a directory for each member |
//! | `staging` | shares and groups that are being made, where no client comes |
//!
//! | `replicas` | copies on their way to the other pool, a directory for each share |
//!
//! All but the last lie in one mount of one btrfs file system with quotas on: the pool `first`.
//! With the option `btrfs_second_export_root` there is a second one, the pool `second`, with the
//! roots `second-shares`, `second-snapshots`, `second-staging` and `second-replicas`; groups are in
//! the first alone. `replicas` is a mount of its own, because `btrfs send` opens the top of a mount
//! and shall see nothing else there. With one pool there are neither those roots nor their rules
//! (`policy.toml`; with two: `policy-two-pools.toml`), a share has no replicas, and its migration is
//! left to the service.
//!
//! ```text
//! create: staging:NAME made ─ mode, limit ─▶ shares:NAME      clients see a whole share or none
//! clone:  snapshots:SNAP ─ writable snapshot ─▶ staging:NAME ─ mode, limit ─▶ shares:NAME
//! ```
//! A call that was cut short leaves something in `staging` at most; the repeated call, or the
//! removal of the share, removes it.
//!
//! **Size** is the limit of the subvolume's quota group, on what it refers to: a client that
//! writes past it gets EDQUOT. Snapshots are not counted against their share. A local client
//! may make subvolumes inside its share: btrfs counts those by themselves, without a limit, and
//! a share that holds some is not removed until they are.
//!
//! **Groups** of shares are kept at one moment by one snapshot, which btrfs takes of one subvolume
//! only: members are directories of their group's. What holds for each by itself then holds for
//! the group: its limit is the sum of its members' sizes, and a member is kept with its group
//! alone. Without `btrfs_groups_export_root` there are no groups.
//!
//! **Between the pools** a share goes as `btrfs send | btrfs receive` of a read-only snapshot,
//! then of what has changed since the last one that both pools have (see `copies`, `replication`,
//! `migration`). Nothing is ever frozen for it: btrfs hangs on that. Whether a copy has arrived is
//! told by what lies in the pool, as is whether it is up to date. Sending takes as long as the call
//! may (`[limits] wall_seconds`); one that is cut short begins anew. Where something has arrived its
//! owner is told by the directory that it lies in, which the backend has made.
//!
//! **Access** is permission bits of the share's directory, as with the driver `directory`; with
//! Ganesha, rules of type `ip`, and nothing but rules lets clients in.
//!
//! **State**: under a share's identifier, `size` in GiB and its `name`: what is promised; of a
//! member, its `group`; the `pool` that it lies in; whether it is a `replica` or is `moving`. All
//! else is asked of btrfs.
//!
//! Called by the runtime, through the interfaces named below.

mod access;
mod backend;
mod clones;
mod consistency_groups;
mod copies;
mod exports;
mod extending;
mod group;
mod making;
mod managing;
mod managing_snapshots;
mod migration;
mod places;
mod pools;
mod quota;
mod replicated_snapshots;
mod replication;
mod shares;
mod shrinking;
mod snapshots;
mod stream;
mod subvolume;

/// The driver.
struct Btrfs;

abaca_sdk::manifest!("manifest.toml");

abaca_sdk::export!(
    Btrfs: backend, shares, pools, extending, shrinking, snapshots, clones, access, managing,
    managing-snapshots, consistency-groups, replication, replicated-snapshots, migration
);
