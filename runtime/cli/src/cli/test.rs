//! What can be asked of `abaca test`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What a driver is checked against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Against {
    /// A made-up world: files in memory, and programs as the stage's script says
    #[default]
    Simulated,
    /// What transcripts hold of the storage
    Recorded,
    /// The storage of a configured backend
    Real,
}

/// Which driver is checked, against what, and how that is told.
#[derive(Debug, Args)]
#[command(after_help = "\
With -v each check is told as it ends, and why one was skipped. A configuration that is named with
--config gives a stage the options and the policy of its backend.

Exit codes: 0 where every check passes or is known to fail, 3 where one does not, 2 for a mistake in
what was asked.")]
pub struct Test {
    /// The driver's component
    #[arg(required_unless_present = "list")]
    pub driver: Option<PathBuf>,
    /// What is granted [default: what the driver's manifest asks for]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// What it is checked against
    #[arg(long, value_enum, default_value_t)]
    pub against: Against,
    /// What is on the stage: programs, options, what is there, known failures
    #[arg(long, value_name = "FILE")]
    pub stage: Option<PathBuf>,
    /// A transcript of the driver; with `--against recorded`
    #[arg(long = "transcript", value_name = "FILE", required_if_eq("against", "recorded"))]
    pub transcripts: Vec<PathBuf>,
    /// Only this check, or those that begin so: `create-share/*`
    #[arg(long, value_name = "CHECK")]
    pub only: Vec<String>,
    /// Write the findings in JUnit's XML into this file
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Name all checks, with what they mean and why, and run none
    #[arg(long)]
    pub list: bool,
    /// Instead of the checks, run made-up stories of calls with faults at random requests
    #[arg(long, conflicts_with_all = ["only", "transcripts", "junit", "list"])]
    pub faults: bool,
    /// Where the stories begin; the same seed makes the same stories
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// How many stories [default: 100]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub stories: Option<u64>,
}
