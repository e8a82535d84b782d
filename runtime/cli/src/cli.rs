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
    /// Show the options of a backend, their values, and where each came from
    Options {
        /// The backend
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum ShareCommand {
    /// Make a share
    Create(CreateShare),
    /// List the shares
    List,
    /// Show all that is recorded about a share
    Show {
        /// The share
        share: String,
    },
    /// Remove a share with its data
    Delete {
        /// The share
        share: String,
    },
    /// Make a share larger
    Extend(Resize),
    /// Make a share smaller; refused if data would be lost
    Shrink(Resize),
}

#[derive(Debug, Args)]
pub struct CreateShare {
    /// Its name, for people
    pub name: String,
    /// Its size in GiB [default with --from-snapshot: the snapshot's]
    #[arg(long, value_name = "GIB", required_unless_present = "from_snapshot")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub size: Option<u64>,
    /// How clients reach it [default: the snapshot's, else the first that the driver serves]
    #[arg(long, value_enum)]
    pub protocol: Option<Protocol>,
    /// Begin with the content of this snapshot
    #[arg(long, value_name = "SNAPSHOT")]
    pub from_snapshot: Option<String>,
    /// A note to keep with it; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub metadata: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub struct Resize {
    /// The share
    pub share: String,
    /// Its new size in GiB
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..))]
    pub size: u64,
}

#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Keep a share's present content
    Create {
        /// The share
        share: String,
        /// The snapshot's name, for people
        name: String,
    },
    /// List the snapshots
    List {
        /// Only those of this share
        share: Option<String>,
    },
    /// Remove a snapshot
    Delete {
        /// The snapshot
        snapshot: String,
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

macro_rules! mirrored {
    ($(#[$meta:meta])* $name:ident of $theirs:ident { $($variant:ident),* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
        pub enum $name { $($variant),* }

        impl From<$name> for $theirs {
            fn from(ours: $name) -> Self {
                match ours { $($name::$variant => Self::$variant),* }
            }
        }
    };
}

mirrored! {
    /// How clients reach a share.
    Protocol of ShareProtocol { Nfs, Cifs, Glusterfs, Hdfs, Cephfs }
}
mirrored! {
    /// How a rule names whom it lets in.
    Kind of AccessType { Ip, User, Cert, Cephx }
}
mirrored! {
    /// What a rule lets them do.
    Level of AccessLevel { Rw, Ro }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_new_share_has_a_size_unless_it_comes_from_a_snapshot() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        assert!(parse("abaca share create one --size 1").is_ok());
        assert!(parse("abaca share create one --from-snapshot two").is_ok());
        assert!(parse("abaca share create one").is_err());
        assert!(parse("abaca share create one --size 0").is_err());
    }

    #[test]
    fn metadata_is_a_key_and_a_value() {
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(pair("=b").is_err() && pair("a").is_err());
    }
}
