//! Shares as subvolumes of a btrfs file system: limits that hold, snapshots and clones that
//! cost nothing, for one host. Needs a broker that runs as root.
//!
//! What it is not: a file server. Clients are local, or the operator exports the root `shares`
//! by other means; `btrfs_export_root` says what clients mount.
//!
//! | root | holds |
//! |---|---|
//! | `shares` | one subvolume for each share, by the share's name |
//! | `snapshots` | one read-only subvolume for each snapshot, by the snapshot's name |
//! | `groups` | one subvolume for each consistency group, with a directory for each member |
//! | `staging` | shares and groups that are being made, where no client comes |
//!
//! All four lie in one mount of one btrfs file system with quotas on.
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
//! **Access** is permission bits of the share's directory, as with the driver `directory`.
//!
//! **State**: under a share's identifier, `size` in GiB and its `name`: what is promised; of a
//! member, its `group`. All
//! else is asked of btrfs.
//!
//! Called by the runtime, through the interfaces named below.

mod access;
mod backend;
mod clones;
mod consistency_groups;
mod extending;
mod group;
mod making;
mod managing;
mod managing_snapshots;
mod migration_info;
mod places;
mod quota;
mod shares;
mod shrinking;
mod snapshots;
mod subvolume;

/// The driver.
struct Btrfs;

abaca_sdk::export!(
    Btrfs: backend, shares, extending, shrinking, snapshots, clones, access, managing,
    managing-snapshots, consistency-groups, migration-info
);
