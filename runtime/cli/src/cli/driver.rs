//! What can be asked of `driver`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum DriverCommand {
    /// Write a driver to begin yours with: its crate, manifest, policy, and tests that pass
    New(New),
    /// Show what a driver is, offers, asks for and can be told
    Inspect {
        /// The driver's component
        file: PathBuf,
    },
    /// Let a driver do what its manifest asks for: choose its directories, read its rules, and
    /// write its policy with a lock file beside it
    Approve(Approve),
    /// Take a new version of a backend's driver: it runs if it asks for nothing more and
    /// `allow_same_rights_upgrades` is set, else it waits and the old one keeps serving
    Upgrade(Upgrade),
    /// Show what a waiting version asks for more, let it run, or let it go
    Pending(Pending),
    /// Go back to the version that the current one replaced
    Rollback {
        /// The backend
        backend: String,
    },
    /// Say below which version of a backend's driver none runs any more
    Floor(Floor),
}

#[derive(Debug, Args)]
pub struct New {
    /// Its name: words of a-z and 0-9 joined by `-`, a letter first, for example my-array
    pub name: String,
    /// Where it goes, a directory that is not there yet [default: ./NAME]
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// The checkout of Abaca that it is built with [default: the one that this is called in, else the
    /// one that this program was built from]
    #[arg(long, value_name = "PATH")]
    pub sdk: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Upgrade {
    /// The backend
    pub backend: String,
    /// The new version's component
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub struct Pending {
    /// The backend
    pub backend: String,
    /// Let it run, as `driver approve` does; roots stay where they are
    #[arg(long, conflicts_with = "refuse")]
    pub approve: bool,
    /// Let it go
    #[arg(long)]
    pub refuse: bool,
    #[command(flatten)]
    pub consent: Consent,
}

#[derive(Debug, Args)]
pub struct Floor {
    /// The backend
    pub backend: String,
    /// The lowest version that may run, numbers and dots; it is never lowered
    pub version: String,
}

#[derive(Debug, Args)]
pub struct Approve {
    /// The driver's component
    pub file: PathBuf,
    #[command(flatten)]
    pub consent: Consent,
    /// Where the policy goes; the lock file goes beside it [default: DRIVER.policy.toml]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

/// What an operator says beforehand, and is not asked for then.
#[derive(Debug, Args)]
pub struct Consent {
    /// A directory for a root of the driver, once for each
    #[arg(long = "root", value_name = "NAME=PATH", value_parser = root)]
    pub roots: Vec<(String, String)>,
    /// A file with answers, for automation: `driver`, `manifest`, [roots], [reasons]
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    /// Approve without being asked; only for what is of risk R0 or R1
    #[arg(long)]
    pub yes: bool,
}

fn root(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_owned(), path.to_owned()))
        }
        _ => Err("write NAME=PATH, for example shares=/srv/abaca/shares".to_owned()),
    }
}
