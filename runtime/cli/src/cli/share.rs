//! The command line of `abaca share`.

use clap::{Args, Subcommand};

use super::values::{Protocol, pair};

#[derive(Debug, Subcommand)]
pub enum ShareCommand {
    /// Make a share
    Create(CreateShare),
    /// Take over a share that is on the storage already
    Manage(ManageShare),
    /// Let go of a share and keep its data
    Unmanage {
        /// The share
        share: String,
    },
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
    /// Make it a member of this consistency group
    #[arg(long, value_name = "GROUP")]
    pub consistency_group: Option<String>,
    /// Let it have replicas; it is the first of them, and active
    #[arg(long)]
    pub replicated: bool,
    /// The share network of its share server, chosen among those that fit or set up
    #[arg(long, value_name = "ID")]
    pub share_network: Option<String>,
    /// The share server that shall carry it
    #[arg(long, value_name = "SERVER")]
    pub share_server: Option<String>,
    /// The pool that it shall lie in, as `abaca backend check` names them [default: the driver chooses]
    #[arg(long, value_name = "POOL")]
    pub pool: Option<String>,
    /// A note to keep with it; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub metadata: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub struct ManageShare {
    /// Where clients find it now
    pub location: String,
    /// Its name, for people
    pub name: String,
    /// How clients reach it [default: the first that the driver serves]
    #[arg(long, value_enum)]
    pub protocol: Option<Protocol>,
    /// A hint for the driver, in its own words; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub option: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub struct Resize {
    /// The share
    pub share: String,
    /// Its new size in GiB
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u64).range(1..))]
    pub size: u64,
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::Parser;

    fn parses(line: &str) -> bool {
        Cli::try_parse_from(line.split(' ')).is_ok()
    }

    #[test]
    fn a_new_share_has_a_size_unless_it_comes_from_a_snapshot() {
        assert!(parses("abaca share create one --size 1"));
        assert!(parses("abaca share create one --from-snapshot two"));
        assert!(!parses("abaca share create one"));
        assert!(!parses("abaca share create one --size 0"));
    }

    #[test]
    fn a_share_is_managed_by_location_and_name() {
        assert!(parses("abaca share manage host:/one one --option size=3 --option a=b"));
        assert!(!parses("abaca share manage host:/one"));
        assert!(!parses("abaca share manage host:/one one --option size"));
    }
}
