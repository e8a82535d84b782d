//! What a driver remembers: keys and values per entity, with a generation that moves on with
//! each change. The `state` import is the only caller.

use rusqlite::{OptionalExtension, Transaction, params};

use crate::contract::bindings::abaca::host::state::{
    ApplyRequest, Change, Details, Found, FoundEntity, RemoveChange, SetChange,
};
use crate::contract::bindings::abaca::host::types::Error as HostError;
use crate::database::Database;
use crate::gate::Refusal;
use crate::limits::Limits;

/// The most bytes that one answer of `find` carries to the guest.
const FOUND_BYTES: usize = 4 * 1024 * 1024;

/// The state of one backend's driver.
#[derive(Clone, Debug)]
pub(crate) struct DriverState {
    database: Database,
}

impl DriverState {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    pub(crate) async fn get(&self, entity: String, key: String) -> Result<Option<String>, Refusal> {
        let read = move |transaction: &Transaction<'_>| {
            transaction
                .prepare_cached("SELECT value FROM driver_state WHERE entity = ?1 AND key = ?2")?
                .query_row(params![entity, key], |row| row.get(0))
                .optional()
        };
        Ok(self.database.write(read).await?)
    }

    pub(crate) async fn get_all(&self, entity: String) -> Result<Details, Refusal> {
        let read = move |transaction: &Transaction<'_>| {
            let pairs = transaction
                .prepare_cached(
                    "SELECT key, value FROM driver_state WHERE entity = ?1 ORDER BY key",
                )?
                .query_map(params![entity], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<Vec<(String, String)>>>()?;
            Ok(Details { pairs, generation: generation(transaction)? })
        };
        let details = self.database.write(read).await?;
        let bytes = details.pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
        within(bytes)?;
        Ok(details)
    }

    pub(crate) async fn find(&self, key: String) -> Result<Found, Refusal> {
        let read = move |transaction: &Transaction<'_>| {
            let entities = transaction
                .prepare_cached(
                    "SELECT entity, value FROM driver_state WHERE key = ?1 ORDER BY entity",
                )?
                .query_map(params![key], |row| {
                    Ok(FoundEntity { entity: row.get(0)?, value: row.get(1)? })
                })?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(Found { entities, generation: generation(transaction)? })
        };
        let found = self.database.write(read).await?;
        within(found.entities.iter().map(|one| one.entity.len() + one.value.len()).sum())?;
        Ok(found)
    }

    pub(crate) async fn apply(
        &self,
        request: ApplyRequest,
        limits: Limits,
    ) -> Result<u64, Refusal> {
        // A refusal is data, not a database error; it must undo what was changed before it.
        let (sender, receiver) = std::sync::mpsc::channel();
        let change =
            move |transaction: &Transaction<'_>| match apply(transaction, &request, &limits) {
                Ok(Ok(generation)) => Ok(generation),
                Ok(Err(refusal)) => {
                    // The receiver lives until this has come back.
                    let _ = sender.send(refusal);
                    Err(rusqlite::Error::ExecuteReturnedResults)
                }
                Err(error) => Err(error),
            };
        self.database
            .write(change)
            .await
            .map_err(|error| receiver.try_recv().map_or(Refusal::Fault(error), Refusal::Answer))
    }
}

fn apply(
    transaction: &Transaction<'_>,
    request: &ApplyRequest,
    limits: &Limits,
) -> rusqlite::Result<Result<u64, HostError>> {
    let now = generation(transaction)?;
    if request.expected_generation.is_some_and(|expected| expected != now) {
        return Ok(Err(HostError::Conflict(format!("the state is at generation {now}"))));
    }
    for change in &request.changes {
        match change {
            Change::Set(SetChange { entity, key, value }) => transaction
                .prepare_cached(
                    "INSERT INTO driver_state VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET value = excluded.value",
                )?
                .execute(params![entity, key, value])?,
            Change::Remove(RemoveChange { entity, key: Some(key) }) => transaction
                .prepare_cached("DELETE FROM driver_state WHERE entity = ?1 AND key = ?2")?
                .execute(params![entity, key])?,
            Change::Remove(RemoveChange { entity, key: None }) => transaction
                .prepare_cached("DELETE FROM driver_state WHERE entity = ?1")?
                .execute(params![entity])?,
        };
    }
    let (keys, bytes) = transaction
        .prepare_cached(
            "SELECT count(*), coalesce(sum(octet_length(entity) + octet_length(key)
                    + octet_length(value)), 0) FROM driver_state",
        )?
        .query_row([], |row| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?))))?;
    if keys > limits.state_keys {
        return Ok(Err(HostError::Limit(format!("{} keys in the state", limits.state_keys))));
    }
    if bytes > limits.state_bytes {
        return Ok(Err(HostError::Limit(format!("{} bytes in the state", limits.state_bytes))));
    }
    transaction.execute(
        "UPDATE counters SET value = value + 1 WHERE name = 'driver_state_generation'",
        [],
    )?;
    Ok(Ok(now + 1))
}

fn generation(transaction: &Transaction<'_>) -> rusqlite::Result<u64> {
    transaction
        .prepare_cached("SELECT value FROM counters WHERE name = 'driver_state_generation'")?
        .query_row([], |row| row.get(0).map(unsigned))
}

/// SQLite's integers have a sign; counts and generations never do.
fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// An answer must fit into the guest that asked.
fn within(bytes: usize) -> Result<(), HostError> {
    if bytes <= FOUND_BYTES {
        return Ok(());
    }
    Err(HostError::Limit(format!("{FOUND_BYTES} bytes in one answer")))
}
