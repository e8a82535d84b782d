//! The command line of `abaca owned`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum OwnedCommand {
    /// List what backends have made and may use where their policies say `owner = "self"`
    List {
        /// The backend [default: all]
        #[arg(value_name = "BACKEND")]
        name: Option<String>,
    },
    /// Say that a backend has made something: a share that is taken over, or what is in doubt
    Add(OwnedThing),
    /// Give up something that a backend has made; what is there stays
    Remove(OwnedThing),
}

/// Something that a backend can have made.
#[derive(Debug, Args)]
pub struct OwnedThing {
    /// The backend
    #[arg(value_name = "BACKEND")]
    pub name: String,
    /// Where it has its name: root:NAME, group:NAME, dataset:NAME or space:NAME
    pub container: String,
    /// Its name there, for example `share-1`
    #[arg(value_name = "NAME")]
    pub thing: String,
}
