//! The command lines of `abaca consistency-group` and `abaca cgsnapshot`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum ConsistencyGroupCommand {
    /// Make a consistency group; its members are made with `share create --consistency-group`
    Create(CreateConsistencyGroup),
    /// List the consistency groups
    List,
    /// Show all that is recorded about a consistency group, with its members
    Show {
        /// The consistency group
        group: String,
    },
    /// Remove a consistency group that has no members left
    Delete {
        /// The consistency group
        group: String,
    },
}

#[derive(Debug, Args)]
pub struct CreateConsistencyGroup {
    /// Its name, for people
    pub name: String,
    /// Begin with a copy of each member of this cgsnapshot
    #[arg(long, value_name = "CGSNAPSHOT")]
    pub from_cgsnapshot: Option<String>,
    /// The share network of its share server, chosen among those that fit or set up
    #[arg(long, value_name = "ID")]
    pub share_network: Option<String>,
    /// The share server that shall carry it
    #[arg(long, value_name = "SERVER")]
    pub share_server: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum CgsnapshotCommand {
    /// Keep the present content of all members of a consistency group, at one point in time
    Create {
        /// The consistency group
        group: String,
        /// The cgsnapshot's name, for people
        name: String,
    },
    /// List the cgsnapshots
    List,
    /// Show all that is recorded about a cgsnapshot, with its members
    Show {
        /// The cgsnapshot
        cgsnapshot: String,
    },
    /// Remove a cgsnapshot
    Delete {
        /// The cgsnapshot
        cgsnapshot: String,
    },
}
