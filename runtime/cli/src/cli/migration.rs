//! The command line of `abaca migration`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum MigrationCommand {
    /// Begin to move a share; clients find it where it was until `complete`. What the drivers do not
    /// move is copied, and only read by clients meanwhile
    Start {
        /// The share
        share: String,
        /// Where to; without HOST@ it is this host
        #[arg(long, value_name = "[HOST@]BACKEND#POOL")]
        to: Destination,
        /// Copy its data, and do not ask the drivers to move them
        #[arg(long)]
        force_host_copy: bool,
    },
    /// Ask how far a share that is being moved is
    Progress {
        /// The share
        share: String,
    },
    /// Switch over to where a share has been moved
    Complete {
        /// The share
        share: String,
    },
    /// Give up moving a share
    Cancel {
        /// The share
        share: String,
    },
    /// Show what drivers and movers of data are told about a share
    Info {
        /// The share
        share: String,
        /// Ask the driver there what it says to the one here [default: where it is going]
        #[arg(long, value_name = "[HOST@]BACKEND#POOL")]
        to: Option<Destination>,
    },
}

/// Where a share shall go, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// None for this host.
    pub host: Option<String>,
    pub backend: String,
    pub pool: String,
}

impl std::str::FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = || {
            let (place, pool) = text.split_once('#')?;
            let (host, backend) = match place.split_once('@') {
                Some((host, backend)) => (Some(host), backend),
                None => (None, place),
            };
            let whole = host != Some("") && !backend.is_empty() && !pool.is_empty();
            whole.then(|| Self {
                host: host.map(str::to_owned),
                backend: backend.to_owned(),
                pool: pool.to_owned(),
            })
        };
        parts()
            .ok_or_else(|| "write BACKEND#POOL; `abaca backend check` shows the pools".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_has_a_backend_and_a_pool() {
        let parsed = |text: &str| text.parse::<Destination>().ok();
        let there = Destination { host: None, backend: "b".to_owned(), pool: "p".to_owned() };
        assert_eq!(parsed("b#p"), Some(there.clone()));
        assert_eq!(parsed("h@b#p"), Some(Destination { host: Some("h".to_owned()), ..there }));
        for wrong in ["", "b", "h@b", "#p", "b#", "@b#p", "h@#p"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
