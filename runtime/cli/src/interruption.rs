//! What is left of a command that its user gives up: what its record will show, and what to do
//! then. Pure. `main` asks before it begins, for the command itself is dropped.
//!
//! The runtime writes down before each call what shall hold if nobody can say how it ended, and
//! whoever reads the records next finds that. So the sentences here tell the future.

use crate::cli::{AccessCommand, BackendCommand, Command, ShareCommand, SnapshotCommand};

/// What is told of a command that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// What became of it.
    pub message: &'static str,
    /// What to do.
    pub advice: &'static str,
}

/// Of what reads only.
const NOTHING: Interruption =
    Interruption { message: "interrupted: nothing was changed", advice: "" };

/// What would be told if the command were given up.
pub fn of(command: &Command) -> Interruption {
    match command {
        Command::Backend(BackendCommand::Check { .. }) => Interruption {
            message: "interrupted: the check was given up, and all that it had started was ended; \
                      no share is touched by it",
            advice: "repeat the check",
        },
        Command::Share(command) => of_share(command),
        Command::Snapshot(command) => of_snapshot(command),
        Command::Access(command) => of_access(command),
        Command::Backend(_)
        | Command::Driver(_)
        | Command::Policy(_)
        | Command::Completions { .. } => NOTHING,
    }
}

fn of_share(command: &ShareCommand) -> Interruption {
    match command {
        ShareCommand::Create(_) => Interruption {
            message: "interrupted: the call was given up, and all that it had started was ended; \
                      if it had begun, the share's record will show `error` and that it was \
                      interrupted",
            advice: "`abaca share list` shows it; `abaca share delete` removes what there is of it",
        },
        ShareCommand::Delete { .. } => Interruption {
            message: "interrupted: the call was given up, and all that it had started was ended; \
                      if it had begun, the share's record will show `error-deleting` and that it \
                      was interrupted",
            advice: "`abaca share list` shows it; repeat the command to remove the rest",
        },
        ShareCommand::Extend(_) => Interruption {
            message: "interrupted: the call was given up, and all that it had started was ended; \
                      if it had begun, the share's record will show `extending-error`, its old \
                      size, and that it was interrupted",
            advice: "`abaca share list` shows it; repeat the command",
        },
        ShareCommand::Shrink(_) => Interruption {
            message: "interrupted: the call was given up, and all that it had started was ended; \
                      if it had begun, the share's record will show `shrinking-error`, its old \
                      size, and that it was interrupted",
            advice: "`abaca share list` shows it; repeat the command",
        },
        ShareCommand::List | ShareCommand::Show { .. } => NOTHING,
    }
}

fn of_snapshot(command: &SnapshotCommand) -> Interruption {
    match command {
        SnapshotCommand::Create { .. } => Interruption {
            message: "interrupted: the call was given up, and all that it had started was ended; \
                      if it had begun, the snapshot's record will show `error` and that it was \
                      interrupted",
            advice: "`abaca snapshot list` shows it; `abaca snapshot delete` removes what there \
                     is of it",
        },
        SnapshotCommand::Delete { .. } => Interruption {
            message: "interrupted: the call was given up, and all that it had started was ended; \
                      if it had begun, the snapshot's record will show `error-deleting` and that \
                      it was interrupted",
            advice: "`abaca snapshot list` shows it; repeat the command to remove the rest",
        },
        SnapshotCommand::List { .. } => NOTHING,
    }
}

fn of_access(command: &AccessCommand) -> Interruption {
    match command {
        AccessCommand::Allow { .. } => Interruption {
            message: "interrupted: the call was given up, and all that it had started was ended; \
                      if it had begun, the share's rules will show `error` with the new one among \
                      them, for it may be in force",
            advice: "`abaca access list` shows it; take it back with `abaca access deny`, then \
                     repeat the command",
        },
        AccessCommand::Deny { .. } => Interruption {
            message: "interrupted: the call was given up, and all that it had started was ended; \
                      if it had begun, the share's rules will show `error` with this one still \
                      among them, for it may be in force",
            advice: "`abaca access list` shows it; repeat the command",
        },
        AccessCommand::List { .. } => NOTHING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    fn told(line: &str) -> Interruption {
        of(&Cli::try_parse_from(line.split(' ')).unwrap().command)
    }

    #[test]
    fn what_changes_something_says_what_its_record_will_show_and_what_next() {
        for (line, status, next) in [
            ("abaca share create a --size 1", "`error`", "abaca share delete"),
            ("abaca share delete a", "`error-deleting`", "repeat"),
            ("abaca share extend a --size 2", "`extending-error`", "repeat"),
            ("abaca share shrink a --size 1", "`shrinking-error`", "repeat"),
            ("abaca snapshot create a b", "`error`", "abaca snapshot delete"),
            ("abaca snapshot delete b", "`error-deleting`", "repeat"),
            ("abaca access allow a user b", "`error`", "abaca access deny"),
            ("abaca access deny a user b", "`error`", "repeat"),
        ] {
            let Interruption { message, advice } = told(line);
            assert!(message.contains("given up") && message.contains(status), "{line}: {message}");
            assert!(advice.contains(next), "{line}: {advice}");
        }
    }

    #[test]
    fn what_only_reads_has_no_record() {
        for line in ["abaca share list", "abaca access list a", "abaca backend options a"] {
            assert_eq!(told(line), NOTHING, "{line}");
        }
    }
}
