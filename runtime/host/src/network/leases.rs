//! Who has which address: one database for all backends of a state directory, as upstream keeps
//! its allocations in one for all back ends. Two backends on one network, or one that two describe
//! each in its own words, never give the same address.
//!
//! An address is leased once in its segment, whatever the backend, the server and the side, in one
//! immediate transaction: other threads and other processes wait. What a backend asks for, ends and
//! lists are its own leases only. Which address is chosen is the business of `standalone`.
//!
//! The leases of a backend that its operator takes out of the configuration stay, for nobody can
//! say whether its share servers still use them; tear those down first. Where only its networks are
//! taken out, its servers can still be torn down, and that ends their leases.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;

use rusqlite::types::Type;
use rusqlite::{Row, Transaction, params};

use super::{
    AllocationRequest, Lease, NetworkError, NetworkProvider, label_name, network_type_name,
};
use crate::database::{Database, Schema};
use crate::error::Error;
use crate::storage::private_directory;
use crate::types::{NetworkAllocation, NetworkType};

/// The directory in that of the state of all backends; no backend can have this name.
const DIRECTORY: &str = "_networks";

/// The file in it.
const FILE: &str = "leases.db";

const SCHEMA: Schema = Schema {
    steps: &["
CREATE TABLE leases (
    segment TEXT NOT NULL, address TEXT NOT NULL, backend TEXT NOT NULL, server_id TEXT NOT NULL,
    label TEXT NOT NULL, request TEXT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (segment, address)
) STRICT;
CREATE INDEX leases_of ON leases (backend, server_id);
"],
};

/// The leases of one backend among those of all.
#[derive(Clone, Debug)]
pub(super) struct Leases {
    database: Database,
    backend: String,
}

/// The addresses of a segment that somebody has.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub all: HashSet<IpAddr>,
    /// Those of this backend.
    pub own: Vec<IpAddr>,
}

/// What an address is unique in: `vlan 42`. Networks without a segment are one, whether their
/// operator calls them flat or nothing: they may be on one wire.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment(String);

impl Segment {
    /// The segment of a network whose kind and number fit together.
    pub(super) fn new(network_type: Option<NetworkType>, segmentation_id: Option<u32>) -> Self {
        let network_type = network_type.unwrap_or(NetworkType::Flat);
        Self(format!("{} {}", network_type_name(network_type), segmentation_id.unwrap_or(0)))
    }
}

impl Leases {
    /// Opens the leases beneath `state`, the directory of the state of all backends, for one of
    /// them.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub(super) fn open(state: &Path, backend: &str) -> Result<Self, Error> {
        let path = state.join(DIRECTORY);
        private_directory(&path).map_err(|reason| Error::State { path: path.clone(), reason })?;
        let database = Database::open(&path.join(FILE), &SCHEMA)?;
        Ok(Self { database, backend: backend.to_owned() })
    }

    /// The leases of this backend, if any backend of this state has ever leased: they are there
    /// whether or not a network is configured now.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(super) fn kept(state: &Path, backend: &str) -> Result<Option<Self>, Error> {
        let is_there = state.join(DIRECTORY).join(FILE).exists();
        is_there.then(|| Self::open(state, backend)).transpose()
    }

    /// Answers what the request was given before, or writes down what `choose` finds beside the
    /// addresses that somebody has.
    ///
    /// # Errors
    /// When the request was given another number of addresses, `choose` refuses, or the database
    /// cannot be written.
    pub(super) fn lease(
        &self,
        segment: &Segment,
        request: &AllocationRequest,
        choose: impl FnOnce(&Taken) -> Result<Vec<NetworkAllocation>, NetworkError>,
    ) -> Result<Vec<NetworkAllocation>, NetworkError> {
        self.database.write_now(|transaction| {
            let held = self.held(transaction, request)?;
            if u32::try_from(held.len()) == Ok(request.count) {
                return Ok(Ok(held));
            }
            if !held.is_empty() {
                return Ok(Err(NetworkError::Conflict {
                    server_id: request.server_id.clone(),
                    label: label_name(request.label),
                    leased: held.len(),
                    wanted: request.count,
                }));
            }
            let chosen = match choose(&self.taken(transaction, segment)?) {
                Ok(chosen) => chosen,
                Err(refusal) => return Ok(Err(refusal)),
            };
            self.insert(transaction, segment, request, &chosen)?;
            Ok(Ok(chosen))
        })?
    }

    /// Ends all leases of a server of this backend.
    ///
    /// # Errors
    /// When the database cannot be written; then all of them stay.
    pub(super) fn end(&self, server_id: &str) -> Result<(), NetworkError> {
        let end = |transaction: &Transaction<'_>| {
            transaction
                .execute(
                    "DELETE FROM leases WHERE backend = ?1 AND server_id = ?2",
                    params![self.backend, server_id],
                )
                .map(|_| ())
        };
        Ok(self.database.write_now(end)?)
    }

    /// All leases of this backend, in the order they were made.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn all(&self) -> Result<Vec<Lease>, NetworkError> {
        let read = |transaction: &Transaction<'_>| {
            transaction
                .prepare_cached(
                    "SELECT record, server_id, request FROM leases WHERE backend = ?1
                     ORDER BY rowid",
                )?
                .query_map([&self.backend], |row| {
                    Ok(Lease {
                        allocation: allocation(row)?,
                        server_id: row.get(1)?,
                        request_id: row.get(2)?,
                    })
                })?
                .collect()
        };
        Ok(self.database.write_now(read)?)
    }

    /// What this request has been given before.
    fn held(
        &self,
        transaction: &Transaction<'_>,
        request: &AllocationRequest,
    ) -> rusqlite::Result<Vec<NetworkAllocation>> {
        let AllocationRequest { server_id, label, request_id, .. } = request;
        transaction
            .prepare_cached(
                "SELECT record FROM leases WHERE backend = ?1 AND server_id = ?2 AND label = ?3
                     AND request = ?4 ORDER BY rowid",
            )?
            .query_map(
                params![self.backend, server_id, label_name(*label), request_id],
                allocation,
            )?
            .collect()
    }

    fn taken(&self, transaction: &Transaction<'_>, segment: &Segment) -> rusqlite::Result<Taken> {
        let mut taken = Taken::default();
        let mut query =
            transaction.prepare_cached("SELECT address, backend FROM leases WHERE segment = ?1")?;
        let mut rows = query.query([&segment.0])?;
        while let Some(row) = rows.next()? {
            let address =
                row.get::<_, String>(0)?.parse().map_err(|error| unreadable(Box::new(error)))?;
            taken.all.insert(address);
            if row.get::<_, String>(1)? == self.backend {
                taken.own.push(address);
            }
        }
        Ok(taken)
    }

    fn insert(
        &self,
        transaction: &Transaction<'_>,
        segment: &Segment,
        request: &AllocationRequest,
        chosen: &[NetworkAllocation],
    ) -> rusqlite::Result<()> {
        let mut insert =
            transaction.prepare_cached("INSERT INTO leases VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        for allocation in chosen {
            let record = serde_json::to_string(allocation)
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            insert.execute(params![
                segment.0,
                allocation.ip_address,
                self.backend,
                request.server_id,
                label_name(request.label),
                request.request_id,
                record
            ])?;
        }
        Ok(())
    }
}

/// What is left of networks that are not configured any more: leases end, and none are made.
impl NetworkProvider for Leases {
    fn allocate(&self, _: &AllocationRequest) -> Result<Vec<NetworkAllocation>, NetworkError> {
        Err(NetworkError::BadConfiguration("no network is configured".to_owned()))
    }

    fn deallocate(&self, server_id: &str) -> Result<(), NetworkError> {
        self.end(server_id)
    }

    fn leases(&self) -> Result<Vec<Lease>, NetworkError> {
        self.all()
    }
}

fn allocation(row: &Row<'_>) -> rusqlite::Result<NetworkAllocation> {
    serde_json::from_str(&row.get::<_, String>(0)?).map_err(|error| unreadable(error.into()))
}

/// A row that this program did not write.
fn unreadable(error: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error)
}

#[cfg(test)]
mod tests {
    use super::Leases;

    #[test]
    fn many_backends_can_begin_at_once() {
        const BACKENDS: usize = 16;
        let directory = tempfile::tempdir().unwrap();
        let opened = std::thread::scope(|scope| {
            let opening: Vec<_> = (0..BACKENDS)
                .map(|at| {
                    let state = directory.path();
                    scope.spawn(move || Leases::open(state, &format!("backend-{at}")).unwrap())
                })
                .collect();
            opening.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(opened.iter().all(|leases| leases.all().unwrap().is_empty()));
    }
}
