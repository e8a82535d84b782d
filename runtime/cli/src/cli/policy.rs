//! What can be asked of `abaca policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Which;

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check a policy and show what it grants
    Check {
        /// The policy
        file: PathBuf,
    },
    /// Say which rule grants a command line and behind which walls it would run, or why each rule
    /// does not; exit code 2 if none does
    Explain {
        /// A backend, a driver of one, or the file of a policy
        policy: String,
        /// With `-- write PLACE`: the file that holds what the driver would write there, with
        /// `root:relative/path` where the rule has a path; shows what would be written in its place
        #[arg(long, value_name = "FILE")]
        content: Option<PathBuf>,
        /// The command line as the driver asks for it: the program's name, its arguments. Or what
        /// the broker does itself: `mount SOURCE PLACE FILESYSTEM [OPTION,…]`, or a verb on files
        /// with its paths, `remove shares:one`, `rename shares:one shares:two`; behind `write
        /// PLACE` may stand the lines that would be written
        #[arg(last = true, required = true, value_name = "ARGV")]
        argv: Vec<String>,
    },
    /// Compare two policies, most dangerous first; exit code 2 if NEW asks for more than OLD
    Diff {
        /// What is granted now: a backend, a driver of one, or the file of a policy
        old: String,
        /// What is asked for, named in the same ways
        new: String,
    },
    /// Print the least policy that would have granted what was asked, and what nobody used
    ///
    /// What is printed is a policy file: what was dropped or narrowed stands in comments before
    /// it. Capabilities, networks and limits, which a trial cannot show, stay as they are.
    Learn {
        /// A backend, a driver of one, or the file of a policy
        policy: String,
        #[command(flatten)]
        audits: Audits,
    },
    /// Decide old requests again; exit code 2 if any is decided otherwise, or cannot be decided
    Simulate {
        /// A backend, a driver of one, or the file of a policy [default: that of --backend]
        policy: Option<String>,
        #[command(flatten)]
        audits: Audits,
    },
    /// Say which filters of an OpenStack rootwrap file are as good as root; exit code 2 if any
    /// is or may be, or the file has faults
    Lint {
        /// The filter file, such as /etc/manila/rootwrap.d/share.filters
        file: PathBuf,
    },
}

/// Requests of the past.
#[derive(Debug, Args)]
pub struct Audits {
    /// A file of an audit, wherever it lies; may be given several times [default: the audit of
    /// the backend]
    #[arg(long = "audit", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub which: Which,
}
