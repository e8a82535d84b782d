//! What a backend has made, as the host itself records it: the answer to `owner = "self"`. In the
//! backend's own database, where no driver can read or write it.
//!
//! ```text
//! nothing ─ about to be made ─▶ open ─ it is there ─▶ made ─ about to be removed ─▶ open
//!    ▲                            └──── it is not there ────▶ nothing
//!    └── names, at which nobody can look: about to be made ─▶ maybe ─ clean exit ─▶ made
//! ```
//! Only `made` is the backend's own. What is `open` when its process has died is looked at by
//! whoever needs it next; a `maybe` stays one until the operator says.
//!
//! The table and who is at work on its rows; what is asked of it stands in `gate/ownership`.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use abaca_policy::{Container, Object};
use rusqlite::{Transaction, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::database::Database;
use crate::error::Result;
use crate::records::{Presence, now};
use crate::text::is_plain_text;

/// The most things of one backend: a hundred times what its shares and snapshots come to.
pub(crate) const OWNED_MAX: i64 = 100_000;

/// Something that a backend has made, or may have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnedRecord {
    /// Where it has its name: `root:NAME`, `group:NAME`, `dataset:NAME` or `space:NAME`.
    pub container: String,
    /// Its name there.
    pub name: String,
    /// Whether it is the backend's own.
    pub state: OwnedState,
    /// The call that made it; none if the operator added it.
    pub call: Option<String>,
    /// When it was made or added, in seconds since the epoch.
    pub since: u64,
}

/// Whether a recorded thing is the backend's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OwnedState {
    /// It is.
    Made,
    /// It is being made or removed, or was when its process died; then somebody looks at it when
    /// it is needed.
    Open,
    /// A program that was to make it did not end well, and only the operator can find out.
    Maybe,
}

impl OwnedState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Open => "open",
            Self::Maybe => "maybe",
        }
    }

    fn read(word: &str) -> Self {
        match word {
            "made" => Self::Made,
            "open" => Self::Open,
            // Of a word that no Abaca writes, nothing follows.
            _ => Self::Maybe,
        }
    }
}

/// What is recorded of a name.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub name: String,
    pub state: OwnedState,
    /// Which opening of the records works on it, and which request of that.
    pub opener: String,
    pub opening: String,
}

/// A request at work on things; while this lives, they are in its hands.
#[derive(Debug)]
pub(crate) struct Opening {
    id: String,
    hands: Hands,
}

impl Drop for Opening {
    fn drop(&mut self) {
        lock(&self.hands).remove(&self.id);
    }
}

/// The openings of this process that are at work.
type Hands = Arc<Mutex<HashSet<String>>>;

/// The places beneath roots at which a backend of this runtime is making something, or was when its
/// call was given up and nobody has looked since. Several backends may have the same root: what is
/// found where one of them was at work must be that one's, so no other makes anything there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Worksites(Arc<Mutex<HashMap<String, String>>>);

impl Worksites {
    /// Takes places of the host for a backend, all or none. The first that another has, if any.
    pub(crate) fn take(&self, backend: &str, places: &[String]) -> Option<usize> {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_anothers = |place: &String| sites.get(place).is_some_and(|whose| whose != backend);
        let taken = places.iter().position(is_anothers);
        if taken.is_none() {
            sites.extend(places.iter().map(|place| (place.clone(), backend.to_owned())));
        }
        taken
    }

    /// Gives a place back that a backend may have.
    pub(crate) fn leave(&self, backend: &str, place: &str) {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sites.get(place).is_some_and(|whose| whose == backend) {
            sites.remove(place);
        }
    }
}

/// What one backend has made.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    database: Database,
    presence: Presence,
    hands: Hands,
}

impl Owned {
    pub(crate) fn new(database: Database, presence: Presence) -> Self {
        Self { database, presence, hands: Hands::default() }
    }

    /// The rows of a thing and of what it lies in.
    pub(crate) async fn rows(&self, object: &Object) -> Result<Vec<Row>> {
        let container = object.container.to_string();
        let lineage: Vec<String> = object.lineage().into_iter().map(str::to_owned).collect();
        let read = move |transaction: &Transaction<'_>| {
            let mut query = transaction.prepare_cached(
                "SELECT name, state, opener, opening FROM owned WHERE container = ?1 AND name = ?2",
            )?;
            let mut rows = Vec::new();
            for name in &lineage {
                let found = query.query_map(params![container, name], |row| {
                    let state = OwnedState::read(&row.get::<_, String>(1)?);
                    Ok(Row { name: row.get(0)?, state, opener: row.get(2)?, opening: row.get(3)? })
                })?;
                rows.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
            }
            Ok(rows)
        };
        self.database.write(read).await
    }

    /// Whether somebody alive works on it: a request of this process, or another process or what
    /// it has started.
    pub(crate) fn is_in_hands(&self, row: &Row) -> bool {
        match row.opener == self.presence.owner() {
            true => lock(&self.hands).contains(&row.opening),
            false => self.presence.lives(&row.opener),
        }
    }

    /// Writes down what a call is about to make and to remove. None if there is no room for more.
    /// At places that are `free`, nothing can lie beneath, whatever was recorded of it.
    pub(crate) async fn open(
        &self,
        call: &str,
        makes: Vec<Object>,
        ends: Vec<Object>,
        free: Vec<Object>,
    ) -> Result<Option<Opening>> {
        let id = uuid::Uuid::new_v4().to_string();
        lock(&self.hands).insert(id.clone());
        let opening = Opening { id: id.clone(), hands: Arc::clone(&self.hands) };
        let (call, opener) = (call.to_owned(), self.presence.owner().to_owned());
        let write = move |transaction: &Transaction<'_>| {
            for object in &free {
                forget_beneath(transaction, object)?;
            }
            let there: i64 =
                transaction.query_row("SELECT count(*) FROM owned", [], |row| row.get(0))?;
            let more = i64::try_from(makes.len()).unwrap_or(i64::MAX);
            if there.saturating_add(more) > OWNED_MAX {
                return Ok(false);
            }
            for object in &makes {
                let state = match object.path() {
                    Some(_) => OwnedState::Open,
                    None => OwnedState::Maybe,
                };
                transaction
                    .prepare_cached(
                        "INSERT INTO owned VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                         ON CONFLICT DO NOTHING",
                    )?
                    .execute(params![
                        object.container.to_string(),
                        object.name,
                        state.as_str(),
                        call,
                        opener,
                        id,
                        now()
                    ])?;
            }
            for object in ends.iter().filter(|object| object.path().is_some()) {
                transaction
                    .prepare_cached(
                        "UPDATE owned SET state = 'open', opener = ?3, opening = ?4
                         WHERE container = ?1 AND name = ?2 AND state = 'made'",
                    )?
                    .execute(params![object.container.to_string(), object.name, opener, id])?;
            }
            Ok(true)
        };
        Ok(self.database.write(write).await?.then_some(opening))
    }

    /// Writes down what became of things in an opening's hands: those that are there now are made,
    /// those that are not are nobody's, with what goes with them.
    pub(crate) async fn settle(
        &self,
        opening: &str,
        there: Vec<Object>,
        gone: Vec<Object>,
    ) -> Result<()> {
        let opening = opening.to_owned();
        let write = move |transaction: &Transaction<'_>| {
            for object in &there {
                transaction
                    .prepare_cached(
                        "UPDATE owned SET state = 'made'
                         WHERE container = ?1 AND name = ?2 AND (opening = ?3 OR state = 'maybe')",
                    )?
                    .execute(params![object.container.to_string(), object.name, opening])?;
            }
            for object in &gone {
                let mine = match object.path() {
                    Some(_) => "AND opening = ?3",
                    // Nobody opens a name to remove it: see `open`.
                    None => "AND (opening = ?3 OR state = 'made')",
                };
                let query = format!("DELETE FROM owned WHERE container = ?1 AND name = ?2 {mine}");
                let (container, name) = (object.container.to_string(), &object.name);
                transaction.execute(&query, params![container, name, opening])?;
                forget_beneath(transaction, object)?;
            }
            Ok(())
        };
        self.database.write(write).await
    }

    /// Records what the operator says is the backend's own. False if it is so already.
    pub(crate) async fn add(&self, object: Object) -> Result<bool> {
        let write = move |transaction: &Transaction<'_>| {
            let changed = transaction.execute(
                "INSERT INTO owned VALUES (?1, ?2, 'made', NULL, '', '', ?3)
                 ON CONFLICT DO UPDATE SET state = 'made', call = NULL, since = excluded.since
                 WHERE state != 'made'",
                params![object.container.to_string(), object.name, now()],
            )?;
            Ok(changed > 0)
        };
        self.database.write(write).await
    }

    /// Forgets a thing and what goes with it. False if nothing is recorded of it.
    pub(crate) async fn remove(&self, object: Object) -> Result<bool> {
        let write = move |transaction: &Transaction<'_>| {
            let gone = transaction.execute(
                "DELETE FROM owned WHERE container = ?1 AND name = ?2",
                params![object.container.to_string(), object.name],
            )?;
            forget_beneath(transaction, &object)?;
            Ok(gone > 0)
        };
        self.database.write(write).await
    }
}

impl Opening {
    /// Identifies it in the rows that are in its hands.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

/// All that is recorded, sorted by container and name.
pub(crate) fn all(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<OwnedRecord>> {
    transaction
        .prepare_cached(
            "SELECT container, name, state, call, since FROM owned ORDER BY container, name",
        )?
        .query_map([], |row| {
            let (state, since): (String, f64) = (row.get(2)?, row.get(4)?);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole seconds of a time after the epoch"
            )]
            Ok(OwnedRecord {
                container: row.get(0)?,
                name: row.get(1)?,
                state: OwnedState::read(&state),
                call: row.get(3)?,
                since: since as u64,
            })
        })?
        .collect()
}

fn forget_beneath(transaction: &Transaction<'_>, object: &Object) -> rusqlite::Result<()> {
    let Some(beginning) = object.beneath() else { return Ok(()) };
    // All names that begin so lie between it and what comes after its last character: the index
    // finds them, however many others there are.
    let mut end = beginning.clone();
    let Some(after) = end.pop().and_then(|last| char::from_u32(u32::from(last) + 1)) else {
        return Ok(());
    };
    end.push(after);
    transaction
        .prepare_cached("DELETE FROM owned WHERE container = ?1 AND name > ?2 AND name < ?3")?
        .execute(params![object.container.to_string(), beginning, end])?;
    Ok(())
}

/// The thing that an operator names, if it can be one.
///
/// # Errors
/// One sentence: why it cannot.
pub(crate) fn named(container: &Container, name: &str) -> Result<Object, String> {
    let object = Object { container: container.clone(), name: name.to_owned() };
    let sound = match container {
        Container::Root(_) => object.path().is_some_and(|path| !path.components.is_empty()),
        _ => !name.is_empty() && !name.starts_with('-') && is_plain_text(name),
    };
    if sound { Ok(object) } else { Err(format!("{name:?} is no name of a thing in {container}")) }
}

/// A holder that panicked has not left the set half changed: each use is one operation.
fn lock(hands: &Hands) -> std::sync::MutexGuard<'_, HashSet<String>> {
    hands.lock().unwrap_or_else(PoisonError::into_inner)
}
