//! Shares as directories below a granted root: works on any Linux file system and
//! without root, for one host and for trying things out.
//!
//! What it is not: a file server. Clients are local, or the operator exports the
//! root `shares` by other means, and `directory_export_root` says what clients mount; or, with
//! `directory_export = "ganesha"`, each share is an export of the NFS server Ganesha.
//! Sizes are promises that are kept count of, not quotas.
//!
//! | root | holds |
//! |---|---|
//! | `shares` | one directory for each share, by the share's name |
//! | `snapshots` | one directory for each snapshot, by the snapshot's name |
//! | `exports` | with Ganesha: the blocks of its exports, and their index |
//!
//! A copy is made beside its place under a name that ends in `.partial` and renamed
//! when it is whole, so a crash never leaves half a snapshot that looks like one.
//!
//! **Access** is permission bits of the share's directory. A rule is of type `user`
//! and names `group` (the group that owns the directory) or `everyone`; level `rw`
//! or `ro`. Without rules, `directory_mode` holds. `ro` keeps its readers from making and
//! removing entries of the share itself; what lies deeper has modes of its own, which are the
//! business of whoever made it.
//!
//! With Ganesha a rule is of type `ip`, an address or a network, and nothing but rules lets
//! clients in; the permission bits are `directory_mode` for all. An export is one directory of a
//! file system, and NFS knows files by numbers of the file system: clients who forge them reach
//! other shares in it. Where clients do not trust each other, use a driver whose shares are file
//! systems or subvolumes.
//!
//! **State**: under a share's identifier, `size` in GiB and its `name`. The promise
//! is written before the directory is made and removed after it, so whatever is
//! on the storage is accounted for.
//!
//! Called by the runtime, through the interfaces named below.

mod access;
mod backend;
mod clones;
mod exports;
mod extending;
mod migration_info;
mod places;
mod shares;
mod shrinking;
mod snapshots;
#[cfg(test)]
mod tests;

/// The driver.
struct Directory;

abaca_sdk::manifest!("manifest.toml");

abaca_sdk::export!(
    Directory: backend, shares, extending, shrinking, snapshots, clones, access, migration-info
);
