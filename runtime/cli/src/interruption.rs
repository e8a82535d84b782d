//! What is left of a command that its user gives up: what its record will show, and what to do
//! then. Pure. `main` asks before it begins, for the command itself is dropped.
//!
//! The runtime writes down before each call what shall hold if nobody can say how it ended, and
//! whoever reads the records next finds that. So the sentences here tell the future.

use crate::cli::{
    AccessCommand, BackendCommand, CgsnapshotCommand, Command, ConsistencyGroupCommand,
    MigrationCommand, OwnedCommand, ReplicaCommand, ShareCommand, ShareServerCommand,
    SnapshotCommand,
};

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

/// Of a call that its record will tell of.
macro_rules! given_up {
    ($record:literal, $advice:literal) => {
        Interruption {
            message: concat!(
                "interrupted: the call was given up, and all that it had started was ended; if it \
                 had begun, ",
                $record
            ),
            advice: $advice,
        }
    };
}

/// Of a service that was told twice to stop, or whose calls did not end when it was told once.
pub const SERVING: Interruption = Interruption {
    message: "stopped: the calls that ran were given up; their records say so",
    advice: "",
};

/// What would be told if the command were given up.
pub fn of(command: &Command) -> Interruption {
    match command {
        Command::Backend(BackendCommand::Check { .. }) => Interruption {
            message: "interrupted: the check was given up, and all that it had started was ended; \
                      no share is touched by it",
            advice: "repeat the check",
        },
        Command::Call(_) => Interruption {
            message: "interrupted: the call was given up, and all that it had started was ended; \
                      if it had begun, its record will say that it was interrupted",
            advice: "look at what it works on, for example with `abaca share list`",
        },
        Command::Owned(OwnedCommand::Add(_) | OwnedCommand::Remove(_)) => Interruption {
            message: "interrupted: the change is recorded whole, or not at all",
            advice: "`abaca owned list` shows which",
        },
        Command::Share(command) => of_share(command),
        Command::Snapshot(command) => of_snapshot(command),
        Command::Access(command) => of_access(command),
        Command::ShareServer(command) => of_share_server(command),
        Command::ConsistencyGroup(command) => of_consistency_group(command),
        Command::Cgsnapshot(command) => of_cgsnapshot(command),
        Command::Replica(command) => of_replica(command),
        Command::Migration(command) => of_migration(command),
        Command::Audit(_)
        | Command::Backend(_)
        | Command::Doctor(_)
        | Command::Driver(_)
        | Command::Policy(_)
        | Command::Owned(OwnedCommand::List { .. })
        | Command::Serve(_)
        | Command::Schema(_)
        | Command::Record(_)
        | Command::Replay(_)
        | Command::Test(_)
        | Command::Completions { .. } => NOTHING,
    }
}

fn of_share(command: &ShareCommand) -> Interruption {
    match command {
        ShareCommand::Create(_) => given_up!(
            "the share's record will show `error` and that it was interrupted",
            "`abaca share list` shows it; `abaca share delete` removes what there is of it; a \
             share server that was set up for it stays, as `abaca share-server list` shows"
        ),
        ShareCommand::Manage(_) => given_up!(
            "the share's record will show `manage-error` and that it was interrupted",
            "`abaca share list` shows it; let go of it with `abaca share unmanage`, then repeat \
             the command"
        ),
        ShareCommand::Unmanage { .. } => given_up!(
            "the share's record will show `unmanage-error` and that it was interrupted",
            "`abaca share list` shows it; repeat the command"
        ),
        ShareCommand::Delete { .. } => given_up!(
            "the share's record will show `error-deleting` and that it was interrupted",
            "`abaca share list` shows it; repeat the command to remove the rest"
        ),
        ShareCommand::Extend(_) => given_up!(
            "the share's record will show `extending-error`, its old size, and that it was \
             interrupted",
            "`abaca share list` shows it; repeat the command"
        ),
        ShareCommand::Shrink(_) => given_up!(
            "the share's record will show `shrinking-error`, its old size, and that it was \
             interrupted",
            "`abaca share list` shows it; repeat the command"
        ),
        ShareCommand::List | ShareCommand::Show { .. } => NOTHING,
    }
}

fn of_snapshot(command: &SnapshotCommand) -> Interruption {
    match command {
        SnapshotCommand::Create { .. } => given_up!(
            "the snapshot's record will show `error` and that it was interrupted",
            "`abaca snapshot list` shows it; `abaca snapshot delete` removes what there is of it"
        ),
        SnapshotCommand::Manage(_) => given_up!(
            "the snapshot's record will show `manage-error` and that it was interrupted",
            "`abaca snapshot list` shows it; let go of it with `abaca snapshot unmanage`, then \
             repeat the command"
        ),
        SnapshotCommand::Unmanage { .. } => given_up!(
            "the snapshot's record will show `unmanage-error` and that it was interrupted",
            "`abaca snapshot list` shows it; repeat the command"
        ),
        SnapshotCommand::Update { .. } => given_up!(
            "the record of what was asked after will show `error` and that it was interrupted",
            "`abaca snapshot list` shows it; `abaca snapshot delete` removes what there is of it"
        ),
        SnapshotCommand::Delete { .. } => given_up!(
            "the snapshot's record will show `error-deleting` and that it was interrupted",
            "`abaca snapshot list` shows it; repeat the command to remove the rest"
        ),
        SnapshotCommand::List { .. } | SnapshotCommand::Show { .. } => NOTHING,
    }
}

fn of_access(command: &AccessCommand) -> Interruption {
    match command {
        AccessCommand::Allow { .. } => given_up!(
            "the share's rules will show `error` with the new one among them, for it may be in \
             force",
            "`abaca access list` shows it; repeat the command, or take it back with `abaca access \
             deny`: either applies all rules anew"
        ),
        AccessCommand::Deny { .. } => given_up!(
            "the share's rules will show `error` with this one still among them, for it may be in \
             force",
            "`abaca access list` shows it; repeat the command"
        ),
        AccessCommand::List { .. } => NOTHING,
    }
}

fn of_share_server(command: &ShareServerCommand) -> Interruption {
    match command {
        ShareServerCommand::Setup(_) => given_up!(
            "the share server's record will show `error` and that it was interrupted",
            "`abaca share-server list` shows it; `abaca share-server teardown` removes what there \
             is of it and ends its leases"
        ),
        ShareServerCommand::Teardown { .. } => given_up!(
            "the share server's record will show `error` and that it was interrupted, and its \
             leases stay",
            "`abaca share-server list` shows it; repeat the command to remove the rest"
        ),
        ShareServerCommand::Release { .. } => Interruption {
            message: "interrupted: either all leases of the share server have ended or none",
            advice: "`abaca share-server list --leases` shows which; repeat the command",
        },
        ShareServerCommand::List { .. } | ShareServerCommand::Show { .. } => NOTHING,
    }
}

fn of_consistency_group(command: &ConsistencyGroupCommand) -> Interruption {
    match command {
        ConsistencyGroupCommand::Create(_) => given_up!(
            "the records of the consistency group and its members will show `error` and that it \
             was interrupted",
            "`abaca consistency-group list` shows it; remove the members with `abaca share \
             delete`, then the group with `abaca consistency-group delete`; a share server that \
             was set up for it stays"
        ),
        ConsistencyGroupCommand::Delete { .. } => given_up!(
            "the consistency group's record will show `error-deleting` and that it was interrupted",
            "`abaca consistency-group list` shows it; repeat the command to remove the rest"
        ),
        ConsistencyGroupCommand::List | ConsistencyGroupCommand::Show { .. } => NOTHING,
    }
}

fn of_cgsnapshot(command: &CgsnapshotCommand) -> Interruption {
    match command {
        CgsnapshotCommand::Create { .. } => given_up!(
            "the cgsnapshot's record will show `error` and that it was interrupted",
            "`abaca cgsnapshot list` shows it; `abaca cgsnapshot delete` removes what there is of \
             it"
        ),
        CgsnapshotCommand::Delete { .. } => given_up!(
            "the cgsnapshot's record will show `error-deleting` and that it was interrupted",
            "`abaca cgsnapshot list` shows it; repeat the command to remove the rest"
        ),
        CgsnapshotCommand::List | CgsnapshotCommand::Show { .. } => NOTHING,
    }
}

fn of_replica(command: &ReplicaCommand) -> Interruption {
    match command {
        ReplicaCommand::Create { .. } => given_up!(
            "the replica's record will show `error` and that it was interrupted",
            "`abaca replica list` shows it; `abaca replica delete` removes what there is of it"
        ),
        ReplicaCommand::Promote { .. } => given_up!(
            "the records of all replicas of the share will show `error`, and what each was for it",
            "`abaca replica list` shows them; look at the storage to see which one is active, and \
             promote it with --force"
        ),
        ReplicaCommand::Update { .. } => given_up!(
            "the record of the replica that was asked will show `error` and that it was \
             interrupted",
            "`abaca replica list` shows it; repeat the command"
        ),
        ReplicaCommand::Delete { .. } => given_up!(
            "the replica's record will show `error-deleting` and that it was interrupted",
            "`abaca replica list` shows it; repeat the command to remove the rest"
        ),
        ReplicaCommand::List { .. } => NOTHING,
    }
}

fn of_migration(command: &MigrationCommand) -> Interruption {
    match command {
        MigrationCommand::Start { .. } => given_up!(
            "the share's record will show `migrating` and that it was interrupted",
            "`abaca migration progress` asks how far it is, if it has begun; then `abaca migration \
             complete`, or `cancel`"
        ),
        MigrationCommand::Complete { .. } => given_up!(
            "the share's record will show `migrating`, or that it has gone",
            "repeat the command: a driver that has switched over says again where the share is"
        ),
        MigrationCommand::Cancel { .. } => given_up!(
            "the share's record will show `migrating` and that it was interrupted",
            "`abaca share list` shows it; repeat the command"
        ),
        MigrationCommand::Progress { .. } | MigrationCommand::Info { .. } => NOTHING,
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
            ("abaca share manage a b", "`manage-error`", "abaca share unmanage"),
            ("abaca share unmanage a", "`unmanage-error`", "repeat"),
            ("abaca snapshot manage a b c", "`manage-error`", "abaca snapshot unmanage"),
            ("abaca snapshot unmanage a", "`unmanage-error`", "repeat"),
            ("abaca snapshot update", "`error`", "abaca snapshot delete"),
            ("abaca share-server setup", "`error`", "abaca share-server teardown"),
            ("abaca share-server teardown a", "`error`", "repeat"),
            ("abaca consistency-group create a", "`error`", "abaca consistency-group delete"),
            ("abaca consistency-group delete a", "`error-deleting`", "repeat"),
            ("abaca cgsnapshot create a b", "`error`", "abaca cgsnapshot delete"),
            ("abaca cgsnapshot delete a", "`error-deleting`", "repeat"),
            ("abaca replica create a", "`error`", "abaca replica delete"),
            ("abaca replica promote a", "`error`", "abaca replica list"),
            ("abaca replica update", "`error`", "repeat"),
            ("abaca replica delete a", "`error-deleting`", "repeat"),
            ("abaca migration start a --to b#c", "`migrating`", "cancel"),
            ("abaca migration complete a", "`migrating`", "repeat"),
            ("abaca migration cancel a", "`migrating`", "repeat"),
        ] {
            let Interruption { message, advice } = told(line);
            assert!(message.contains("given up") && message.contains(status), "{line}: {message}");
            assert!(advice.contains(next), "{line}: {advice}");
        }
    }

    #[test]
    fn what_only_reads_has_no_record() {
        for line in [
            "abaca share list",
            "abaca access list a",
            "abaca backend options a",
            "abaca share-server list --leases",
            "abaca replica list",
            "abaca migration progress a",
        ] {
            assert_eq!(told(line), NOTHING, "{line}");
        }
    }
}
