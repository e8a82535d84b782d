//! The command line of `abaca snapshot`.

use clap::{Args, Subcommand};

use super::values::pair;

#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Keep a share's present content
    Create {
        /// The share
        share: String,
        /// The snapshot's name, for people
        name: String,
    },
    /// Take over a snapshot that is on the storage already
    Manage(ManageSnapshot),
    /// Let go of a snapshot and keep it on the storage
    Unmanage {
        /// The snapshot
        snapshot: String,
    },
    /// List the snapshots
    List {
        /// Only those of this share
        share: Option<String>,
    },
    /// Show a snapshot, with what there is of it on each replica of its share
    Show {
        /// The snapshot
        snapshot: String,
    },
    /// Ask the driver what has become of a snapshot on the replicas that were not ready
    Update {
        /// The snapshot [default: all that are being made or removed]
        snapshot: Option<String>,
    },
    /// Remove a snapshot
    Delete {
        /// The snapshot
        snapshot: String,
    },
}

#[derive(Debug, Args)]
pub struct ManageSnapshot {
    /// The share that it was taken of
    pub share: String,
    /// Where the storage keeps it, in the driver's own words
    pub location: String,
    /// Its name, for people
    pub name: String,
    /// A hint for the driver, in its own words; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub option: Vec<(String, String)>,
}
