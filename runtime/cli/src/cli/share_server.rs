//! The command line of `abaca share-server`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::values::{Segmentation, pair};

#[derive(Debug, Subcommand)]
pub enum ShareServerCommand {
    /// Set up a share server, with addresses of its own
    Setup(SetupShareServer),
    /// List the share servers
    List {
        /// Show the leased addresses whose share servers are not recorded, too
        #[arg(short, long)]
        leases: bool,
    },
    /// Show all that is recorded about a share server
    Show {
        /// The share server
        server: String,
    },
    /// Remove a share server that carries nothing, and end its leases
    Teardown {
        /// The share server
        server: String,
        /// A file that describes a security service that it was joined to; as with `setup`
        #[arg(long, value_name = "FILE")]
        security_service: Vec<PathBuf>,
    },
    /// End the leases of a share server that is not recorded
    Release {
        /// The share server's whole id, as `list --leases` shows it
        server_id: String,
    },
}

#[derive(Debug, Args)]
pub struct SetupShareServer {
    /// The share network that it serves
    #[arg(long, value_name = "ID")]
    pub share_network: Option<String>,
    /// How the network is segmented, where no address is leased: a lease says it itself
    #[arg(long, value_enum, value_name = "TYPE")]
    pub network_type: Option<Segmentation>,
    /// Which segment of it, where no address is leased
    #[arg(long, value_name = "N")]
    pub segmentation_id: Option<u32>,
    /// A TOML file that describes a security service to join: `type` = "ldap", "kerberos" or
    /// "active-directory", and `name`, `dns_ip`, `server`, `domain`, `user`, `password`; may be
    /// given several times
    #[arg(long, value_name = "FILE")]
    pub security_service: Vec<PathBuf>,
    /// A note for the driver; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub metadata: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::Parser;

    #[test]
    fn a_network_is_described_in_the_contracts_words() {
        let parses = |line: &str| Cli::try_parse_from(line.split(' ')).is_ok();
        assert!(parses("abaca share-server setup"));
        assert!(parses("abaca share-server setup --network-type vlan --segmentation-id 7"));
        assert!(!parses("abaca share-server setup --network-type token-ring"));
        assert!(!parses("abaca share-server setup --segmentation-id -1"));
    }
}
