//! What can be asked of `abaca`: its command line as types, with the help texts. Nothing is
//! done here. Used by `main` and by each noun's file.

use std::path::PathBuf;

use abaca::types::{AccessLevel, AccessType, ShareProtocol};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

const AFTER_HELP: &str = "\
A share or snapshot is named by its display name, its id, or at least 4 characters that only its
id begins with.

Exit codes:
  0    done
  1    Abaca itself failed in a way that it does not expect
  2    the operator: usage, configuration, policy, or a request that is refused
  3    the driver
  4    the backend: the storage, its programs
  5    the runtime, or the machine beneath it
  130  interrupted";

/// Shares on any storage, by drivers that run in a sandbox under your policy.
#[derive(Debug, Parser)]
#[command(name = "abaca", version, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, Args)]
pub struct Global {
    /// The configuration [default: ./abaca.toml, then /etc/abaca/abaca.toml]
    #[arg(long, global = true, value_name = "FILE", env = "ABACA_CONFIG")]
    pub config: Option<PathBuf>,
    /// The backend [default: the only one; `list` covers all]
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
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Drivers: what a component offers and asks for
    #[command(subcommand)]
    Driver(DriverCommand),
    /// Policies: whether one is right, and what it grants
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Backends: which there are, and whether they work
    #[command(subcommand)]
    Backend(BackendCommand),
    /// Shares
    #[command(subcommand)]
    Share(ShareCommand),
    /// Snapshots of shares
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Who may use a share
    #[command(subcommand)]
    Access(AccessCommand),
    /// Print a script that completes this command line
    Completions {
        /// The shell that reads it
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub enum DriverCommand {
    /// Show what a driver is, offers, asks for and can be told
    Inspect {
        /// The driver's component
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check a policy and show what it grants
    Check {
        /// The policy
        file: PathBuf,
    },
    /// Say which rule grants a command line, or why each does not; exit code 2 if none does
    Explain {
        /// A backend, a driver of one, or the file of a policy
        policy: String,
        /// The command line as the driver asks for it: the program's name, its arguments
        #[arg(last = true, required = true, value_name = "ARGV")]
        argv: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum BackendCommand {
    /// List the configured backends
    List,
    /// Prepare a backend, ask whether it can work, and measure it
    Check {
        /// The backend [default: every one]
        name: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum ShareCommand {
    /// Make a share
    Create(CreateShare),
    /// List the shares
    List,
    /// Show all that is recorded about a share
    Show { share: String },
    /// Remove a share with its data
    Delete { share: String },
    /// Make a share larger
    Extend {
        share: String,
        /// The new size in GiB
        #[arg(long, value_name = "GIB", value_parser = SIZE)]
        size: u64,
    },
    /// Make a share smaller; refused if data would be lost
    Shrink {
        share: String,
        /// The new size in GiB
        #[arg(long, value_name = "GIB", value_parser = SIZE)]
        size: u64,
    },
}

/// Nothing has less than one GiB.
const SIZE: clap::builder::RangedU64ValueParser<u64> = at_least_one();

const fn at_least_one() -> clap::builder::RangedU64ValueParser<u64> {
    todo!()
}
