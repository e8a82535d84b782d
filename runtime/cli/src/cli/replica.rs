//! The command line of `abaca replica`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum ReplicaCommand {
    /// Make a replica of a share that was made with --replicated, in the share's own backend
    ///
    /// Replicas lie in the pools of one backend. A service that embeds the library can pass
    /// replicas of several back ends of one `replication_domain`; this command does not.
    Create {
        /// The share
        share: String,
        /// The pool that it shall lie in, as `abaca backend check` names them [default: the driver
        /// chooses]
        #[arg(long, value_name = "POOL")]
        pool: Option<String>,
    },
    /// List the replicas, active ones too
    List {
        /// Only those of this share
        share: Option<String>,
    },
    /// Make a replica the active one
    Promote {
        /// The replica
        replica: String,
        /// Although it is not in sync, or in error: what it lacks is lost
        #[arg(long)]
        force: bool,
    },
    /// Ask the driver for the state of replicas, which brings them nearer to the active one
    Update {
        /// The replica [default: all that are not active]
        replica: Option<String>,
    },
    /// Remove a replica with its snapshots
    Delete {
        /// The replica
        replica: String,
    },
}
