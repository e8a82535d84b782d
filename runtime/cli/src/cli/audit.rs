//! What can be asked of `abaca audit`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Show the last lines, a row for each; with --json as they were written
    Tail {
        /// How many
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: usize,
        /// Go on with those that come, until interrupted
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        which: Which,
    },
    /// Show lines with all that they say; with --json as they were written
    Show {
        /// Only the lines with these numbers
        seq: Vec<u64>,
        #[command(flatten)]
        which: Which,
    },
    /// Look whether all lines are as they were written; exit code 5 if not
    Verify {
        /// What the system log wrote, to compare its anchors too, for example the output of
        /// `journalctl -t abaca-audit`; `-` reads standard input
        #[arg(long, value_name = "FILE")]
        anchors: Option<PathBuf>,
    },
}

/// Which lines.
#[derive(Debug, Args)]
pub struct Which {
    /// Only about this rule of the policy
    #[arg(long, value_name = "ID")]
    pub rule: Option<String>,
    /// Only requests that were granted or denied, or ends of calls and requests
    #[arg(long, value_enum)]
    pub verdict: Option<Verdict>,
    /// Only about this import, for example `command` or `command.run`
    #[arg(long, value_name = "NAME")]
    pub import: Option<String>,
    /// Only of this call: its id, or how that begins
    #[arg(long, value_name = "ID")]
    pub call: Option<String>,
    /// Only from then on: 2026-11-23T08:00:00Z, or how long ago, for example 2h
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<f64>,
    /// Only before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<f64>,
}

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Verdict {
    /// Requests that the policy grants, before and after they are done
    Granted,
    /// Requests that every driver is granted, about what is its backend's own: state, locks, options
    Permitted,
    /// Requests that are not granted
    Denied,
    /// Calls that ended well
    Ok,
    /// Calls and granted requests that did not
    Failed,
    /// Calls that were given up
    Interrupted,
}

/// A time of day with its date, or how long ago; in seconds since the epoch.
fn moment(text: &str) -> Result<f64, String> {
    let since_epoch = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
    if let Ok(time) = humantime::parse_rfc3339_weak(text) {
        return Ok(since_epoch(time).as_secs_f64());
    }
    let now = since_epoch(SystemTime::now());
    let ago = |ago: Duration| now.saturating_sub(ago).as_secs_f64();
    humantime::parse_duration(text).map(ago).map_err(|_| {
        "write a time such as 2026-11-23T08:00:00Z (UTC), or how long ago: 90s, 2h, 3days"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_or_how_long_ago() {
        assert_eq!(moment("1970-01-01T00:01:00Z"), Ok(60.0));
        assert_eq!(moment("1970-01-01 00:01:00"), Ok(60.0));
        assert!(moment("2h").unwrap() + 7_199.0 < moment("0s").unwrap());
        assert!(moment("yesterday").is_err());
    }
}
