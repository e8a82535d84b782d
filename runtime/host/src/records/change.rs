//! Changes of the records, as data: what shall hold after a failure is written down before a call
//! begins. And how they become rows, and rows records.

use rusqlite::{Transaction, params};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{MigrationPhase, MigrationRecord};
use crate::types::{
    AccessRule, AccessRulesStatus, Cgsnapshot, ConsistencyGroup, ConsistencyGroupStatus,
    ExportLocation, NetworkAllocation, ReplicaState, Share, ShareServer, ShareServerStatus,
    ShareStatus, Snapshot, SnapshotStatus,
};

/// What shall hold of a share from now on; what is absent stays. Whole shares are written only
/// when they begin: another call may have changed a field since the caller read the record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ShareEdit {
    pub status: Option<ShareStatus>,
    pub size: Option<u64>,
    pub pool: Option<String>,
    pub access_rules_status: Option<AccessRulesStatus>,
    pub replica_state: Option<ReplicaState>,
    pub export_locations: Option<Vec<ExportLocation>>,
    pub launched_at: Option<u64>,
    /// The back end has the share: one in error is available again.
    #[serde(default)]
    pub is_there: bool,
}

/// One change of the records. Kept as data, because what shall hold after a failure is written
/// down before the call begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Change {
    PutShare(Box<Share>),
    /// As `PutShare` where there is no record of it, else nothing: the one that is there is newer.
    AddShare(Box<Share>),
    EditShare(String, Box<ShareEdit>),
    RemoveShare(String),
    PutSnapshot(Box<Snapshot>),
    /// As `PutSnapshot` where there is no record of it, else nothing.
    AddSnapshot(Box<Snapshot>),
    SnapshotStatus(String, SnapshotStatus),
    /// The status, and the provider location where one was said.
    EditSnapshot(String, SnapshotStatus, Option<String>),
    RemoveSnapshot(String),
    PutRules(String, Vec<AccessRule>),
    PutMigration(Box<MigrationRecord>),
    MigrationPhase(String, MigrationPhase),
    RemoveMigration(String),
    /// These, where the share is still going somewhere: its migration may have been given up while it
    /// began.
    IfMigrating(String, Vec<Self>),
    PutShareServer(Box<ShareServer>),
    ShareServerStatus(String, ShareServerStatus),
    ShareServerAllocations(String, Vec<NetworkAllocation>),
    RemoveShareServer(String),
    PutGroup(Box<ConsistencyGroup>),
    GroupStatus(String, ConsistencyGroupStatus),
    RemoveGroup(String),
    PutCgsnapshot(Box<Cgsnapshot>),
    CgsnapshotStatus(String, ConsistencyGroupStatus),
    RemoveCgsnapshot(String),
}

impl ShareEdit {
    fn apply(&self, share: &mut Share) {
        let Self {
            status,
            size,
            pool,
            access_rules_status,
            replica_state,
            export_locations,
            launched_at,
            is_there,
        } = self;
        share.status = status.unwrap_or(share.status);
        if *is_there && share.status == ShareStatus::Error {
            share.status = ShareStatus::Available;
        }
        share.size = size.unwrap_or(share.size);
        if pool.is_some() {
            share.pool.clone_from(pool);
        }
        share.access_rules_status = access_rules_status.unwrap_or(share.access_rules_status);
        share.replica_state = replica_state.or(share.replica_state);
        share.launched_at = launched_at.or(share.launched_at);
        if let Some(locations) = export_locations {
            share.export_locations.clone_from(locations);
        }
    }
}

impl Change {
    pub(crate) fn share_status(id: &str, status: ShareStatus) -> Self {
        let edit = ShareEdit { status: Some(status), ..ShareEdit::default() };
        Self::EditShare(id.to_owned(), Box::new(edit))
    }

    pub(crate) fn access_status(id: &str, status: AccessRulesStatus) -> Self {
        let edit = ShareEdit { access_rules_status: Some(status), ..ShareEdit::default() };
        Self::EditShare(id.to_owned(), Box::new(edit))
    }
}

/// Makes changes hold. With a message, something went wrong, and the records say so.
pub(super) fn apply(
    transaction: &Transaction<'_>,
    changes: &[Change],
    message: Option<&str>,
) -> rusqlite::Result<()> {
    for change in changes {
        match change {
            Change::PutShare(share) => {
                let is_new = !has_share(transaction, &share.id)?;
                put_share(transaction, share, is_new, message)?;
            }
            Change::AddShare(share) => {
                if !has_share(transaction, &share.id)? {
                    put_share(transaction, share, true, message)?;
                }
            }
            Change::EditShare(id, changes) => {
                edit_share(transaction, id, changes, message)?;
                if let Some(size) = changes.size {
                    resize_replicas(transaction, id, size)?;
                }
            }
            Change::RemoveShare(id) => {
                transaction.execute("DELETE FROM shares WHERE id = ?1", [id])?;
                transaction
                    .execute("DELETE FROM access_rules WHERE share_instance_id = ?1", [id])?;
                transaction.execute("DELETE FROM migrations WHERE share_instance_id = ?1", [id])?;
            }
            Change::PutMigration(going) => {
                transaction.execute(
                    "INSERT OR REPLACE INTO migrations VALUES (?1, ?2)",
                    params![going.share_instance_id, json(going)?],
                )?;
            }
            Change::MigrationPhase(id, phase) => {
                if let Some(mut going) = migration_of(transaction, id)? {
                    going.phase = *phase;
                    transaction.execute(
                        "UPDATE migrations SET record = ?2 WHERE share_instance_id = ?1",
                        params![id, json(&going)?],
                    )?;
                }
            }
            Change::IfMigrating(id, changes) => {
                if migration_of(transaction, id)?.is_some() {
                    apply(transaction, changes, message)?;
                }
            }
            Change::RemoveMigration(id) => {
                transaction.execute("DELETE FROM migrations WHERE share_instance_id = ?1", [id])?;
            }
            Change::PutSnapshot(snapshot) => {
                put(transaction, "snapshots", &snapshot.id, snapshot, message)?;
            }
            Change::AddSnapshot(snapshot) => {
                let is_there = transaction
                    .prepare_cached("SELECT 1 FROM snapshots WHERE id = ?1")?
                    .exists([&snapshot.id])?;
                if !is_there {
                    put(transaction, "snapshots", &snapshot.id, snapshot, message)?;
                }
            }
            Change::SnapshotStatus(id, status) => {
                edit::<Snapshot>(transaction, "snapshots", id, message, |snapshot| {
                    snapshot.status = *status;
                })?;
            }
            Change::EditSnapshot(id, status, location) => {
                edit::<Snapshot>(transaction, "snapshots", id, message, |snapshot| {
                    snapshot.status = *status;
                    if location.is_some() {
                        snapshot.provider_location.clone_from(location);
                    }
                })?;
            }
            Change::RemoveSnapshot(id) => {
                transaction.execute("DELETE FROM snapshots WHERE id = ?1", [id])?;
            }
            Change::PutShareServer(server) => {
                put(transaction, "share_servers", &server.id, server, message)?;
            }
            Change::ShareServerStatus(id, status) => {
                edit::<ShareServer>(transaction, "share_servers", id, message, |server| {
                    server.status = *status;
                })?;
            }
            Change::ShareServerAllocations(id, allocations) => {
                edit::<ShareServer>(transaction, "share_servers", id, message, |server| {
                    server.network_allocations.clone_from(allocations);
                })?;
            }
            Change::RemoveShareServer(id) => {
                transaction.execute("DELETE FROM share_servers WHERE id = ?1", [id])?;
            }
            Change::PutGroup(group) => {
                put(transaction, "consistency_groups", &group.id, group, message)?;
            }
            Change::GroupStatus(id, status) => {
                edit::<ConsistencyGroup>(
                    transaction,
                    "consistency_groups",
                    id,
                    message,
                    |group| {
                        group.status = *status;
                    },
                )?;
            }
            Change::RemoveGroup(id) => {
                transaction.execute("DELETE FROM consistency_groups WHERE id = ?1", [id])?;
            }
            Change::PutCgsnapshot(taken) => {
                put(transaction, "cgsnapshots", &taken.id, taken, message)?;
            }
            Change::CgsnapshotStatus(id, status) => {
                edit::<Cgsnapshot>(transaction, "cgsnapshots", id, message, |taken| {
                    taken.status = *status;
                })?;
            }
            Change::RemoveCgsnapshot(id) => {
                transaction.execute("DELETE FROM cgsnapshots WHERE id = ?1", [id])?;
            }
            Change::PutRules(id, rules) => {
                transaction
                    .execute("DELETE FROM access_rules WHERE share_instance_id = ?1", [id])?;
                for rule in rules {
                    transaction.execute(
                        "INSERT INTO access_rules VALUES (?1, ?2, ?3)",
                        params![id, rule.id, json(rule)?],
                    )?;
                }
            }
        }
    }
    Ok(())
}

/// Changes a share in place; one that is gone stays gone. What went wrong last stays until the
/// status says that it is over, or, where the share itself is well, that of its access rules.
fn edit_share(
    transaction: &Transaction<'_>,
    id: &str,
    edit: &ShareEdit,
    message: Option<&str>,
) -> rusqlite::Result<()> {
    let query = "SELECT record, message FROM shares WHERE id = ?1";
    let Some((mut share, last)) = rows::<Share, _>(transaction, query, [id])?.pop() else {
        return Ok(());
    };
    edit.apply(&mut share);
    let is_over = edit.status.is_some()
        || edit.is_there
        || (share.status == ShareStatus::Available
            && edit.access_rules_status == Some(AccessRulesStatus::Active));
    let message = message.or(last.as_deref().filter(|_| !is_over));
    put(transaction, "shares", id, &share, message)
}

/// The size is the share's, so all its replicas have the same: each gets room for it when it becomes
/// active.
fn resize_replicas(
    transaction: &Transaction<'_>,
    resized: &str,
    size: u64,
) -> rusqlite::Result<()> {
    let query = "SELECT record, NULL FROM shares";
    let all: Vec<Share> =
        rows::<Share, _>(transaction, query, [])?.into_iter().map(|(share, _)| share).collect();
    let Some(of) = all.iter().find(|share| share.id == resized) else { return Ok(()) };
    let edit = ShareEdit { size: Some(size), ..ShareEdit::default() };
    let replicas = all.iter().filter(|other| {
        let is_another = other.id != of.id && other.share_id == of.share_id;
        is_another && of.replica_state.is_some() && other.replica_state.is_some()
    });
    for replica in replicas {
        edit_share(transaction, &replica.id, &edit, None)?;
    }
    Ok(())
}

/// Where a share is going, if it is.
pub(super) fn migration_of(
    transaction: &Transaction<'_>,
    id: &str,
) -> rusqlite::Result<Option<MigrationRecord>> {
    let query = "SELECT record, NULL FROM migrations WHERE share_instance_id = ?1";
    Ok(rows(transaction, query, [id])?.pop().map(|(going, _)| going))
}

fn has_share(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<bool> {
    transaction.prepare_cached("SELECT 1 FROM shares WHERE id = ?1")?.exists([id])
}

/// Writes a share. A new one has no access rules, whatever an earlier one of its identifier left.
fn put_share(
    transaction: &Transaction<'_>,
    share: &Share,
    is_new: bool,
    message: Option<&str>,
) -> rusqlite::Result<()> {
    if is_new {
        transaction
            .execute("DELETE FROM access_rules WHERE share_instance_id = ?1", [&share.id])?;
    }
    put(transaction, "shares", &share.id, share, message)
}

/// Writes one record, new or instead of the one of this identifier.
fn put<T: Serialize>(
    transaction: &Transaction<'_>,
    table: &'static str,
    id: &str,
    record: &T,
    message: Option<&str>,
) -> rusqlite::Result<()> {
    transaction.execute(
        &format!(
            "INSERT INTO {table} (id, record, message) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE
             SET record = excluded.record, message = excluded.message"
        ),
        params![id, json(record)?, message],
    )?;
    Ok(())
}

/// Changes one record in place; one that is gone stays gone.
fn edit<T: Serialize + DeserializeOwned>(
    transaction: &Transaction<'_>,
    table: &'static str,
    id: &str,
    message: Option<&str>,
    change: impl FnOnce(&mut T),
) -> rusqlite::Result<()> {
    let query = format!("SELECT record, NULL FROM {table} WHERE id = ?1");
    let Some((mut record, _)) = rows::<T, _>(transaction, &query, [id])?.pop() else {
        return Ok(());
    };
    change(&mut record);
    transaction.execute(
        &format!("UPDATE {table} SET record = ?2, message = ?3 WHERE id = ?1"),
        params![id, json(&record)?, message],
    )?;
    Ok(())
}

/// Records and messages that a query finds.
pub(super) fn rows<T: DeserializeOwned, P: rusqlite::Params>(
    transaction: &Transaction<'_>,
    query: &str,
    params: P,
) -> rusqlite::Result<Vec<(T, Option<String>)>> {
    transaction
        .prepare_cached(query)?
        .query_map(params, |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?
        .map(|row| row.and_then(|(record, message)| Ok((from_json(&record)?, message))))
        .collect()
}

/// A record as it is kept.
pub(super) fn json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// What is kept, as a record.
pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}
