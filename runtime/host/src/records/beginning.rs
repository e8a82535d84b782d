//! What is looked at and written down when a call begins, in one transaction: that nobody else is
//! at work on the same things, and that they are as the caller believes.

use rusqlite::{OptionalExtension, Transaction, params};

use super::change::{Change, apply, json, rows};
use super::{CALLS_KEPT, now};
use crate::text::printable;
use crate::types::{Share, ShareStatus, Snapshot, SnapshotStatus};

/// What must be so for a call to begin; looked at in the same transaction that says it began.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// The share is recorded, with the status and size that the caller knows.
    ShareIs(Box<Share>),
    /// No share of this identifier is recorded, or one that was never made whole, or the same one:
    /// its service may not have heard that it was made, and asks again.
    ShareIsNew(Box<Share>),
    /// The share has no snapshots.
    NoSnapshotsOf(String),
    /// The snapshot is recorded, and available.
    SnapshotIsAvailable(String),
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

/// Begins a call, or says why not.
pub(super) fn begin(
    transaction: &Transaction<'_>,
    id: &str,
    owner: &str,
    beginning: &Beginning,
) -> rusqlite::Result<Option<String>> {
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
            return Ok(Some(format!(
                "{other} is under way on {entity}; try again when it has ended"
            )));
        }
    }
    for condition in conditions {
        if let Some(refusal) = unmet(transaction, condition)? {
            return Ok(Some(refusal));
        }
    }
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

/// Why a condition does not hold, if it does not.
fn unmet(transaction: &Transaction<'_>, condition: &Condition) -> rusqlite::Result<Option<String>> {
    let share = |id: &str| -> rusqlite::Result<Option<Share>> {
        let query = "SELECT record, NULL FROM shares WHERE id = ?1";
        Ok(rows(transaction, query, [id])?.pop().map(|(share, _)| share))
    };
    Ok(match condition {
        Condition::ShareIs(expected) => match share(&expected.id)? {
            None => Some("the share is not recorded here; it may be gone".to_owned()),
            Some(now) if now.size != expected.size || now.status != expected.status => {
                Some("the share has changed since it was looked at; look again".to_owned())
            }
            Some(_) => None,
        },
        Condition::ShareIsNew(expected) => share(&expected.id)?.and_then(|now| {
            let same = now.size == expected.size && now.name == expected.name;
            let fits = match now.status {
                ShareStatus::Creating | ShareStatus::Error | ShareStatus::ManageError => true,
                ShareStatus::Available => same,
                _ => false,
            };
            (!fits).then(|| "there is a share of this identifier".to_owned())
        }),
        Condition::NoSnapshotsOf(id) => {
            let snapshots: i64 = transaction.query_row(
                "SELECT count(*) FROM snapshots WHERE record ->> 'share_instance_id' = ?1",
                [id],
                |row| row.get(0),
            )?;
            (snapshots > 0).then(|| format!("the share has {snapshots} snapshots"))
        }
        Condition::SnapshotIsAvailable(id) => {
            let query = "SELECT record, NULL FROM snapshots WHERE id = ?1";
            let found = rows::<Snapshot, _>(transaction, query, [id])?.pop();
            match found.map(|(snapshot, _)| snapshot.status) {
                Some(SnapshotStatus::Available) => None,
                Some(_) => Some("the snapshot is not available".to_owned()),
                None => Some("the snapshot is not recorded here; it may be gone".to_owned()),
            }
        }
    })
}
