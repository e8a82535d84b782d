//! The reference driver: every interface of the contract, and no storage at all.
//!
//! What it is not: a place for data. What it makes is a record in `state`; no
//! command runs and no file is touched, so it works anywhere and its policy is
//! empty. Authors of drivers read it to see what each interface should answer, and
//! tests load it to see what a runtime makes of the answers.
//!
//! ```text
//! interface (shares, access, …)   takes the call apart and puts the answer together
//!    └─ Call                      options, the delay and the failure that were asked for
//!         └─ World                what is held; decided on by pure functions, written at once
//!              └─ state           one entity for each share, snapshot, server and group
//! ```
//!
//! The state stands for the storage here, so each call reads all of it and writes what has
//! changed, or nothing if another call was faster. A driver with storage of its own reads
//! only the entities that its call is about.
//!
//! **Shares** lie in pools of equal size and have two export locations, one of them for the
//! operator alone. **Access**: NFS lets in by address; CIFS by user, or by address for
//! reading and writing. **Replicas and migrations** go on by one step whenever they are
//! asked how they are, never by time, so that tests need not wait.
//!
//! | share metadata | means |
//! |---|---|
//! | `used_gib` | how much of the share is in use, for shrinking |
//! | `fail` | `CASE`, `METHOD:CASE` or `METHOD:CASE=TEXT`: the error to answer |
//! | `sleep_ms` | how long calls for the share wait first |
//!
//! The options `dummy_fail` and `dummy_delay_ms` do the last two for the whole back end.
//!
//! Called by the runtime, through the interfaces named below.

mod access;
mod access_by_rule;
mod backend;
mod call;
mod capacity;
mod clones;
mod consistency_groups;
mod extending;
mod faults;
mod fields;
mod held;
mod managing;
mod managing_snapshots;
mod migration;
mod migration_info;
mod options;
mod periodic_hook;
mod places;
mod pools;
mod replicated_snapshots;
mod replication;
mod server_choice;
mod share_servers;
mod shares;
mod shrinking;
mod snapshots;
mod world;

#[cfg(test)]
mod samples;

/// The driver.
struct Dummy;

abaca_sdk::manifest!("manifest.toml");

abaca_sdk::export!(
    Dummy: backend, shares, pools, extending, shrinking, snapshots, clones, access,
    access-by-rule, managing, managing-snapshots, share-servers, server-choice,
    consistency-groups, replication, replicated-snapshots, migration, migration-info,
    periodic-hook
);
