//! What can be asked of `abaca`: its command line as types, with the help texts. Nothing is
//! done here. Used by `main` and by each noun's file; the larger nouns have a file each beside
//! this one.

mod audit;
mod consistency_group;
mod door;
mod driver;
mod migration;
mod owned;
mod policy;
mod replica;
mod share;
mod share_server;
mod snapshot;
mod test;
mod transcript;
mod values;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;

pub use self::audit::{AuditCommand, Verdict, Which};
pub use self::consistency_group::{
    CgsnapshotCommand, ConsistencyGroupCommand, CreateConsistencyGroup,
};
pub use self::door::{Call, Schema, Serve};
pub use self::driver::{Approve, Consent, DriverCommand, Floor, New, Pending, Upgrade};
pub use self::migration::{Destination, MigrationCommand};
pub use self::owned::{OwnedCommand, OwnedThing};
pub use self::policy::{Audits, PolicyCommand};
pub use self::replica::ReplicaCommand;
pub use self::share::{CreateShare, ManageShare, Resize, ShareCommand};
pub use self::share_server::{SetupShareServer, ShareServerCommand};
pub use self::snapshot::{ManageSnapshot, SnapshotCommand};
pub use self::test::{Against, Test};
pub use self::transcript::{Record, Replay};
pub use self::values::{Kind, Level};

const AFTER_HELP: &str = "\
A share, a snapshot, a consistency group or a cgsnapshot is named by its display name, its id, or
at least 4 characters that only its id begins with; a share server or a replica by its id or as
many of its characters.

Exit codes:
  0    done
  1    Abaca itself failed in a way that it does not expect
  2    the operator: usage, configuration, policy, or a request that is refused
  3    the driver
  4    the backend: the storage, its programs
  5    the runtime, or the machine beneath it
  130  interrupted: the call was given up, and its record will say so";

/// Shares on any storage, by drivers that run in a sandbox under your policy.
#[derive(Debug, Parser)]
#[command(name = "abaca", version, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// The command that is to be run: of a recording, the one that is recorded.
    ///
    /// # Errors
    /// When what is to be recorded is no command.
    pub fn recorded(self) -> Result<Self, clap::Error> {
        match self.command {
            Command::Record(record) => record.recorded(&self.global),
            _ => Ok(self),
        }
    }
}

/// What holds for every command.
#[derive(Debug, Args)]
pub struct Global {
    /// The configuration [default: ./abaca.toml, then /etc/abaca/abaca.toml]
    #[arg(long, global = true, value_name = "FILE", env = "ABACA_CONFIG")]
    pub config: Option<PathBuf>,
    /// The backend [default: the only one; `list` and `audit` cover all]
    #[arg(long, global = true, value_name = "NAME")]
    pub backend: Option<String>,
    /// Answer with one JSON document, errors too
    #[arg(long, global = true)]
    pub json: bool,
    /// Log more; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// The broker's program [default: `abaca-broker` beside this one]
    #[arg(long, global = true, hide = true, value_name = "PROGRAM", env = "ABACA_BROKER")]
    pub broker: Option<PathBuf>,
    /// Where the calls of drivers are recorded; said by `record`.
    #[arg(skip)]
    pub record: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Drivers: what a component offers and asks for, whether it may, and how to begin one
    #[command(subcommand)]
    Driver(DriverCommand),
    /// Policies: whether one is right, and what it grants
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Backends: which there are, and whether they work
    #[command(subcommand)]
    Backend(BackendCommand),
    /// The audit: what drivers asked for and what became of it, and whether that was changed
    #[command(subcommand)]
    Audit(AuditCommand),
    /// What backends have made, and so may use where their policies say `owner = "self"`
    #[command(subcommand)]
    Owned(OwnedCommand),
    /// Shares
    #[command(subcommand)]
    Share(ShareCommand),
    /// Snapshots of shares
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Who may use a share
    #[command(subcommand)]
    Access(AccessCommand),
    /// Share servers, which carry the shares of a share network
    #[command(subcommand)]
    ShareServer(ShareServerCommand),
    /// Consistency groups: shares whose snapshots are taken at one point in time
    #[command(subcommand)]
    ConsistencyGroup(ConsistencyGroupCommand),
    /// Snapshots of whole consistency groups
    #[command(subcommand)]
    Cgsnapshot(CgsnapshotCommand),
    /// Replicas of shares
    #[command(subcommand)]
    Replica(ReplicaCommand),
    /// Moving shares to other pools and backends
    #[command(subcommand)]
    Migration(MigrationCommand),
    /// Try what holds on this machine: the walls around commands, the limits of calls; exit code 5
    /// if something that drivers are kept in by does not hold
    Doctor(Doctor),
    /// Serve the backends to other programs: JSON-RPC 2.0, one message a line, over a Unix socket
    Serve(Serve),
    /// Call one method of a backend with JSON, as other programs do
    Call(Call),
    /// Print what can be called, its parameters and answers, as OpenRPC and JSON Schema
    Schema(Schema),
    /// Run another command, and write every call of a driver and all that it asked the host into a
    /// transcript
    Record(Record),
    /// Run a driver against a transcript, without its storage, and show where it does otherwise
    Replay(Replay),
    /// Check a driver: one suite for every driver, with errors, crashes and garbled output
    Test(Box<Test>),
    /// Print a script that completes this command line
    Completions {
        /// The shell that reads it
        shell: Shell,
    },
}

/// What `doctor` looks at.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Hit every limit of a driver's call as well, with a driver made for it
    #[arg(long)]
    pub limits: bool,
}

#[derive(Debug, Subcommand)]
pub enum BackendCommand {
    /// List the configured backends, and say which of them are not called now, and why
    List {
        /// Show the locks that their calls hold now, as --verbose does too
        #[arg(short, long)]
        locks: bool,
    },
    /// Prepare a backend, ask whether it can work, and measure it
    Check {
        /// The backend [default: all]
        name: Option<String>,
    },
    /// Compare what is recorded with what is on the storage, after something was killed, and name what
    /// does not fit
    Reconcile {
        /// The backend [default: all]
        name: Option<String>,
        /// Have the driver see to it that each share is served, as after a restart, and name those
        /// that are not
        #[arg(long)]
        ensure: bool,
    },
    /// End the quarantine of a backend whose driver was at fault again and again
    Release {
        /// The backend
        name: String,
    },
    /// Let no call of a backend begin until it is enabled; those under way are finished
    Disable {
        /// The backend
        name: String,
        /// Why: every call that is refused says it
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Let a disabled backend be called again
    Enable {
        /// The backend
        name: String,
    },
    /// Show the options of a backend, their values, and where each came from
    Options {
        /// The backend; not needed where there is one
        name: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// Let somebody in
    Allow {
        /// The share
        share: String,
        /// How TO is meant
        #[arg(value_enum, value_name = "TYPE")]
        kind: Kind,
        /// Whom: an address or network, a user, a certificate's name, a cephx identity
        to: String,
        /// What they may do
        #[arg(long, value_enum, default_value = "rw")]
        level: Level,
    },
    /// Take a rule back
    Deny {
        /// The share
        share: String,
        /// The rule's id, or with TO its type
        #[arg(value_name = "RULE_ID|TYPE")]
        rule: String,
        /// Whom the rule lets in
        to: Option<String>,
    },
    /// List the rules of a share
    List {
        /// The share
        share: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
