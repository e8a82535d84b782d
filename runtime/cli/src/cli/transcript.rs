//! `abaca record` and `abaca replay`: what can be asked about transcripts.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches};

use super::{Cli, Command, Global};

/// What is recorded, and where.
#[derive(Debug, Args)]
pub struct Record {
    /// The transcript, a new file that you alone can read
    #[arg(short, long, value_name = "FILE", default_value = "transcript.jsonl")]
    pub output: PathBuf,
    /// The command, as it would stand behind `abaca`, for example `share create one --size 1`
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

/// What is replayed, and how.
#[derive(Debug, Args)]
pub struct Replay {
    /// The transcript
    pub transcript: PathBuf,
    /// The driver's component
    pub driver: PathBuf,
    /// Let the requests of a call come in any order, and compare neither log nor clock
    #[arg(long)]
    pub loose: bool,
    /// Write what happened as a transcript into this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

impl Record {
    /// The command line that is recorded, with what holds for every command as it stood before it.
    ///
    /// # Errors
    /// When it is no command line of `abaca`, or records itself.
    pub fn recorded(self, given: &Global) -> Result<Cli, clap::Error> {
        let words = std::iter::once("abaca".to_owned()).chain(self.command);
        let matches = Cli::command().try_get_matches_from(words)?;
        let mut cli = Cli::from_arg_matches(&matches)?;
        if matches!(cli.command, Command::Record(_)) {
            let text = "a recording cannot be recorded";
            return Err(Cli::command().error(clap::error::ErrorKind::InvalidSubcommand, text));
        }
        let global = &mut cli.global;
        global.config = global.config.take().or_else(|| given.config.clone());
        global.backend = global.backend.take().or_else(|| given.backend.clone());
        global.broker = global.broker.take().or_else(|| given.broker.clone());
        global.json |= given.json;
        global.verbose = global.verbose.max(given.verbose);
        global.record = Some(self.output);
        Ok(cli)
    }
}
