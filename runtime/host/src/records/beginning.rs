//! What is looked at and written down when a call begins, in one transaction: that nobody else is
//! at work on the same things, and that they are as the caller believes.

use rusqlite::{OptionalExtension, Transaction, params};
use serde::de::DeserializeOwned;

use super::change::{Change, apply, json, migration_of, rows};
use super::{CALLS_KEPT, MigrationPhase, now};
use crate::text::printable;
use crate::types::{
    AccessRule, AccessRulesStatus, Cgsnapshot, ConsistencyGroup, ConsistencyGroupStatus,
    ReplicaState, Share, ShareServer, ShareServerStatus, ShareStatus, Snapshot, SnapshotStatus,
};

/// What must be so for a call to begin; looked at in the same transaction that says it began.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// The share is recorded, with the status and size that the caller knows.
    ShareIs(Box<Share>),
    /// The same, or the share is not recorded.
    ShareIsIfRecorded(Box<Share>),
    /// The replica is what the caller takes it for, the active one or one that follows, or it is
    /// not recorded: those of other back ends are not.
    ReplicaIsIfRecorded(Box<Share>),
    /// One of these is recorded as an active replica.
    OneIsActive(Vec<String>),
    /// Nothing is being done with the replica, or it is not recorded.
    ReplicaCanBeAsked(String),
    /// No share of this identifier is recorded, or one of the same kind that was never made whole,
    /// or the same one: its service may not have heard that it was made, and asks again. Such a
    /// repetition that fails leaves the record as it was.
    ShareIsNew(Box<Share>),
    /// The same of a snapshot.
    SnapshotIsNew(Box<Snapshot>),
    /// The same of a consistency group.
    GroupIsNew(Box<ConsistencyGroup>),
    /// The same of a cgsnapshot.
    CgsnapshotIsNew(Box<Cgsnapshot>),
    /// The share has no snapshots.
    NoSnapshotsOf(String),
    /// No share server of this identifier is recorded.
    ShareServerIsNew(String),
    /// The same, for whoever would take its addresses away.
    NoShareServer(String),
    /// The share server is recorded.
    ShareServerIsRecorded(String),
    /// The share server is recorded, and active.
    ShareServerIsActive(String),
    /// No share and no consistency group is on the share server.
    NothingIsOn(String),
    /// The share is not on its way to another place, and has not gone there.
    NoMigrationOf(String),
    /// The first phase of the share's migration is done, or its migration is not recorded.
    FirstPhaseIsDone(String),
    /// The consistency group has no members.
    NoMembersOf(String),
    /// The snapshot has the status that the caller knows, or is not recorded.
    SnapshotIsIfRecorded(Box<Snapshot>),
    /// The snapshot is recorded, and available.
    SnapshotIsAvailable(String),
    /// The access rules of this share are those, with this status.
    RulesAre(String, Vec<AccessRule>, AccessRulesStatus),
}

/// What is written down when a call begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beginning {
    pub method: &'static str,
    /// What no other call may work on meanwhile: identifiers of shares, snapshots, groups.
    pub changes_of: Vec<String>,
    /// What no other call may change meanwhile.
    pub uses: Vec<String>,
    pub conditions: Vec<Condition>,
    /// What holds from now on.
    pub changes: Vec<Change>,
    /// What shall hold if it fails, or nobody can say how it ended.
    pub if_failed: Vec<Change>,
}

/// Why a call does not begin.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Something else is under way: it can begin later, as it is.
    Busy(String),
    /// Things are not as the caller believes.
    Unmet(String),
}

/// Begins a call, or says why not.
pub(super) fn begin(
    transaction: &Transaction<'_>,
    id: &str,
    owner: &str,
    beginning: &Beginning,
) -> rusqlite::Result<Option<Refusal>> {
    let Beginning { method, changes_of, uses, conditions, changes, if_failed } = beginning;
    let entities = changes_of.iter().map(|one| (one, true));
    let entities: Vec<_> = entities.chain(uses.iter().map(|one| (one, false))).collect();
    for (entity, exclusive) in &entities {
        let under_way: Option<String> = transaction
            .prepare_cached(
                "SELECT method FROM busy JOIN calls ON calls.id = busy.call
                 WHERE busy.entity = ?1 AND (exclusive OR ?2)",
            )?
            .query_row(params![entity, exclusive], |row| row.get(0))
            .optional()?;
        if let Some(other) = under_way {
            let entity = printable(entity, crate::text::MESSAGE_BYTES);
            return Ok(Some(Refusal::Busy(format!("{other} is under way on {entity}"))));
        }
    }
    for condition in conditions {
        if let Some(reason) = unmet(transaction, condition)? {
            return Ok(Some(match condition {
                Condition::RulesAre(..) => Refusal::Busy(reason),
                _ => Refusal::Unmet(reason),
            }));
        }
    }
    let as_it_was = repeated(transaction, conditions)?;
    let if_failed = if as_it_was.is_empty() { if_failed } else { &as_it_was };
    let entity = changes_of.first().map_or("", String::as_str);
    transaction.execute(
        "INSERT INTO calls (id, owner, method, entity, began, if_failed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![id, owner, method, entity, now(), json(if_failed)?],
    )?;
    for (entity, exclusive) in entities {
        transaction.execute(
            "INSERT OR IGNORE INTO busy VALUES (?1, ?2, ?3)",
            params![entity, id, exclusive],
        )?;
    }
    transaction.execute(
        "DELETE FROM calls WHERE outcome IS NOT NULL AND rowid <=
            (SELECT max(rowid) FROM calls) - ?1",
        params![CALLS_KEPT],
    )?;
    apply(transaction, changes, None).map(|()| None)
}

/// What a call asks for that was made before, as it is recorded: asked for again and not made, it
/// is still there.
fn repeated(
    transaction: &Transaction<'_>,
    conditions: &[Condition],
) -> rusqlite::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for condition in conditions {
        let available = match condition {
            Condition::ShareIsNew(share) => recorded::<Share>(transaction, "shares", &share.id)?
                .filter(|now| now.status == ShareStatus::Available)
                .map(|now| Change::PutShare(Box::new(now))),
            Condition::SnapshotIsNew(snapshot) => {
                recorded::<Snapshot>(transaction, "snapshots", &snapshot.id)?
                    .filter(|now| now.status == SnapshotStatus::Available)
                    .map(|now| Change::PutSnapshot(Box::new(now)))
            }
            Condition::GroupIsNew(group) => {
                recorded::<ConsistencyGroup>(transaction, "consistency_groups", &group.id)?
                    .filter(|now| now.status == ConsistencyGroupStatus::Available)
                    .map(|now| Change::PutGroup(Box::new(now)))
            }
            Condition::CgsnapshotIsNew(taken) => {
                recorded::<Cgsnapshot>(transaction, "cgsnapshots", &taken.id)?
                    .filter(|now| now.status == ConsistencyGroupStatus::Available)
                    .map(|now| Change::PutCgsnapshot(Box::new(now)))
            }
            _ => None,
        };
        changes.extend(available);
    }
    Ok(changes)
}

/// One record, if there is one.
fn recorded<T: DeserializeOwned>(
    transaction: &Transaction<'_>,
    table: &'static str,
    id: &str,
) -> rusqlite::Result<Option<T>> {
    let query = format!("SELECT record, NULL FROM {table} WHERE id = ?1");
    Ok(rows(transaction, &query, [id])?.pop().map(|(record, _)| record))
}

/// What an instance is for its share, of which no call makes another.
#[derive(PartialEq)]
enum Role {
    /// All of it.
    Alone,
    /// The active replica.
    Active,
    /// A replica that follows the active one.
    Follower,
}

impl Role {
    fn of(share: &Share) -> Self {
        match share.replica_state {
            None => Self::Alone,
            Some(ReplicaState::Active) => Self::Active,
            Some(_) => Self::Follower,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Alone => "a share without replicas",
            Self::Active => "an active one",
            Self::Follower => "one that is not active",
        }
    }
}

/// Whether something is being done with a share. Upstream: `TRANSITIONAL_STATUSES`.
pub(crate) fn is_transitional(status: ShareStatus) -> bool {
    matches!(
        status,
        ShareStatus::Creating
            | ShareStatus::Deleting
            | ShareStatus::Managing
            | ShareStatus::Unmanaging
            | ShareStatus::Extending
            | ShareStatus::Shrinking
    )
}

/// Why a share is not new.
fn not_new(now: &Share, wanted: &Share) -> Option<String> {
    let same = now.size == wanted.size && now.name == wanted.name;
    let fits = match now.status {
        ShareStatus::Creating | ShareStatus::Error | ShareStatus::ManageError => true,
        ShareStatus::Available => same,
        _ => false,
    };
    let is_one = now.share_id == wanted.share_id && Role::of(now) == Role::of(wanted);
    (!fits || !is_one).then(|| "there is a share of this identifier".to_owned())
}

/// Why a condition does not hold, if it does not.
fn unmet(transaction: &Transaction<'_>, condition: &Condition) -> rusqlite::Result<Option<String>> {
    let share = |id: &str| recorded::<Share>(transaction, "shares", id);
    let changed = |now: &Share, expected: &Share| {
        let differs = now.size != expected.size || now.status != expected.status;
        differs.then(|| "the share has changed since it was looked at; look again".to_owned())
    };
    let unknown = || "the share is not recorded here; it may be gone".to_owned();
    Ok(match condition {
        Condition::ShareIs(expected) => match share(&expected.id)? {
            None => Some(unknown()),
            Some(now) => changed(&now, expected),
        },
        Condition::ShareIsIfRecorded(expected) => {
            share(&expected.id)?.and_then(|now| changed(&now, expected))
        }
        Condition::ReplicaIsIfRecorded(expected) => share(&expected.id)?.and_then(|now| {
            let (role, taken_for) = (Role::of(&now), Role::of(expected));
            // A service says that a share is the active replica when it has made it.
            let fits = role == taken_for || (role == Role::Alone && taken_for == Role::Active);
            (!fits || now.share_id != expected.share_id).then(|| {
                format!(
                    "the replica {} has become {} since it was looked at; look again",
                    printable(&now.id, crate::text::MESSAGE_BYTES),
                    role.name()
                )
            })
        }),
        Condition::OneIsActive(ids) => {
            for id in ids {
                if share(id)?.is_some_and(|now| Role::of(&now) != Role::Follower) {
                    return Ok(None);
                }
            }
            Some("it is the last active one; promote another first".to_owned())
        }
        Condition::ReplicaCanBeAsked(id) => share(id)?.and_then(|now| {
            is_transitional(now.status).then(|| "the replica is being changed".to_owned())
        }),
        Condition::ShareIsNew(wanted) => share(&wanted.id)?.and_then(|now| not_new(&now, wanted)),
        Condition::SnapshotIsNew(wanted) => {
            let now = recorded::<Snapshot>(transaction, "snapshots", &wanted.id)?;
            now.and_then(|now| {
                use SnapshotStatus::{Available, Creating, Error, ManageError};
                let fits = matches!(now.status, Available | Creating | Error | ManageError)
                    && now.share_instance_id == wanted.share_instance_id;
                (!fits).then(|| "there is a snapshot of this identifier".to_owned())
            })
        }
        Condition::GroupIsNew(wanted) => {
            let now = recorded::<ConsistencyGroup>(transaction, "consistency_groups", &wanted.id)?;
            now.and_then(|now| {
                use ConsistencyGroupStatus::{Available, Creating, Error};
                let fits = matches!(now.status, Available | Creating | Error)
                    && now.source_cgsnapshot_id == wanted.source_cgsnapshot_id;
                (!fits).then(|| "there is a consistency group of this identifier".to_owned())
            })
        }
        Condition::CgsnapshotIsNew(wanted) => {
            let now = recorded::<Cgsnapshot>(transaction, "cgsnapshots", &wanted.id)?;
            now.and_then(|now| {
                use ConsistencyGroupStatus::{Available, Creating, Error};
                let fits = matches!(now.status, Available | Creating | Error)
                    && now.consistency_group_id == wanted.consistency_group_id;
                (!fits).then(|| "there is a cgsnapshot of this identifier".to_owned())
            })
        }
        Condition::NoSnapshotsOf(id) => {
            let query = "SELECT count(*) FROM snapshots WHERE record ->> 'share_instance_id' = ?1";
            let snapshots: i64 = transaction.query_row(query, [id], |row| row.get(0))?;
            (snapshots > 0).then(|| format!("the share has {snapshots} snapshots"))
        }
        Condition::ShareServerIsNew(id) => {
            let query = "SELECT count(*) FROM share_servers WHERE id = ?1";
            let there: i64 = transaction.query_row(query, [id], |row| row.get(0))?;
            (there > 0).then(|| "there is a share server of this identifier".to_owned())
        }
        Condition::NoShareServer(id) => {
            let now = recorded::<ShareServer>(transaction, "share_servers", id)?;
            let in_use =
                "the share server is recorded, so its addresses may be in use; tear it down";
            now.map(|_| in_use.to_owned())
        }
        Condition::ShareServerIsRecorded(id) => {
            let now = recorded::<ShareServer>(transaction, "share_servers", id)?;
            now.is_none()
                .then(|| "the share server is not recorded here; it may be gone".to_owned())
        }
        Condition::ShareServerIsActive(id) => {
            let now = recorded::<ShareServer>(transaction, "share_servers", id)?;
            match now.map(|server| server.status) {
                Some(ShareServerStatus::Active) => None,
                Some(_) => Some("the share server is not active".to_owned()),
                None => Some("the share server is not recorded here; it may be gone".to_owned()),
            }
        }
        Condition::NothingIsOn(id) => {
            let count = |table: &str| -> rusqlite::Result<i64> {
                let query =
                    format!("SELECT count(*) FROM {table} WHERE record ->> 'share_server_id' = ?1");
                transaction.query_row(&query, [id], |row| row.get(0))
            };
            let (shares, groups) = (count("shares")?, count("consistency_groups")?);
            (shares + groups > 0).then(|| {
                format!("the share server carries {shares} shares and {groups} consistency groups")
            })
        }
        Condition::NoMigrationOf(id) => {
            let query = "SELECT count(*) FROM migrations WHERE share_instance_id = ?1";
            let migrations: i64 = transaction.query_row(query, [id], |row| row.get(0))?;
            let going = "the share is being migrated; complete that, or cancel it";
            (migrations > 0).then(|| going.to_owned())
        }
        Condition::FirstPhaseIsDone(id) => {
            let phase = migration_of(transaction, id)?.map(|going| going.phase);
            (phase == Some(MigrationPhase::InProgress)).then(|| {
                "the first phase of the migration is not done; ask for its progress until that is \
                 100, or cancel it"
                    .to_owned()
            })
        }
        Condition::NoMembersOf(id) => {
            let query = "SELECT count(*) FROM shares WHERE record ->> 'consistency_group_id' = ?1";
            let members: i64 = transaction.query_row(query, [id], |row| row.get(0))?;
            (members > 0).then(|| format!("the group has {members} members"))
        }
        Condition::SnapshotIsIfRecorded(expected) => {
            let now = recorded::<Snapshot>(transaction, "snapshots", &expected.id)?;
            let changed = now.is_some_and(|now| now.status != expected.status);
            changed
                .then(|| "the snapshot has changed since it was looked at; look again".to_owned())
        }
        Condition::SnapshotIsAvailable(id) => {
            let found = recorded::<Snapshot>(transaction, "snapshots", id)?;
            match found.map(|snapshot| snapshot.status) {
                Some(SnapshotStatus::Available) => None,
                Some(_) => Some("the snapshot is not available".to_owned()),
                None => Some("the snapshot is not recorded here; it may be gone".to_owned()),
            }
        }
        Condition::RulesAre(id, expected, status) => {
            let Some(share) = share(id)? else { return Ok(Some(unknown())) };
            let query = "SELECT record, NULL FROM access_rules WHERE share_instance_id = ?1
                         ORDER BY rowid";
            let now = rows::<AccessRule, _>(transaction, query, [id])?;
            let same = now.iter().map(|(rule, _)| rule).eq(expected)
                && share.access_rules_status == *status;
            (!same).then(|| "the share's access rules have just changed".to_owned())
        }
    })
}
