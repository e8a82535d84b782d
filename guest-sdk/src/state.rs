//! What a driver remembers between calls, through `abaca:host/state`.
//!
//! Called by drivers. Keys and values are text, kept per entity: a share's or
//! snapshot's identifier, or a name of the driver's own. What has come back is on
//! the storage.

use crate::imports::state as host;
use crate::{Error, HostError, Result};

pub use host::{Change, FoundEntity};

/// How often [`update`] tries before it gives up: each try that fails means that
/// another call succeeded, so this many calls would have to pass by one.
pub const UPDATE_TRIES: u32 = 64;

/// What is kept for one entity.
///
/// ```no_run
/// # fn remember() -> Result<(), abaca_sdk::HostError> {
/// use abaca_sdk::state::Entity;
///
/// let share = Entity("5f6c9a1e");
/// share.set("device", "/dev/vg/one")?;
/// assert_eq!(share.get("device")?.as_deref(), Some("/dev/vg/one"));
/// share.clear()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entity<'a>(pub &'a str);

impl Entity<'_> {
    /// One value, or none.
    ///
    /// # Errors
    /// What the host answers.
    pub fn get(self, key: &str) -> Result<Option<String>, HostError> {
        host::get(&host::GetRequest { entity: self.0.to_owned(), key: key.to_owned() })
    }

    /// All keys and values, sorted by key.
    ///
    /// # Errors
    /// What the host answers.
    pub fn all(self) -> Result<Vec<(String, String)>, HostError> {
        let details = host::get_all(&host::GetAllRequest { entity: self.0.to_owned() })?;
        Ok(details.pairs)
    }

    /// Sets one key.
    ///
    /// # Errors
    /// What the host answers.
    pub fn set(self, key: &str, value: &str) -> Result<(), HostError> {
        apply(vec![Change::set_key(self.0, key, value)])
    }

    /// Removes one key; none there is success.
    ///
    /// # Errors
    /// What the host answers.
    pub fn remove(self, key: &str) -> Result<(), HostError> {
        apply(vec![Change::remove_key(self.0, key)])
    }

    /// Removes all that is kept for it; nothing there is success.
    ///
    /// # Errors
    /// What the host answers.
    pub fn clear(self) -> Result<(), HostError> {
        apply(vec![Change::remove_entity(self.0)])
    }
}

impl Change {
    /// Sets a key.
    #[must_use]
    pub fn set_key(entity: &str, key: &str, value: &str) -> Self {
        Self::Set(host::SetChange {
            entity: entity.to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }

    /// Removes a key.
    #[must_use]
    pub fn remove_key(entity: &str, key: &str) -> Self {
        Self::Remove(host::RemoveChange { entity: entity.to_owned(), key: Some(key.to_owned()) })
    }

    /// Removes all that is kept for an entity.
    #[must_use]
    pub fn remove_entity(entity: &str) -> Self {
        Self::Remove(host::RemoveChange { entity: entity.to_owned(), key: None })
    }
}

/// The entities that have a key, sorted, with its value.
///
/// # Errors
/// What the host answers.
pub fn find(key: &str) -> Result<Vec<FoundEntity>, HostError> {
    Ok(host::find(&host::FindRequest { key: key.to_owned() })?.entities)
}

/// Applies all changes in order, or none.
///
/// # Errors
/// What the host answers.
pub fn apply(changes: Vec<Change>) -> Result<(), HostError> {
    host::apply(&host::ApplyRequest { changes, expected_generation: None }).map(drop)
}

/// Decides on changes from all entities that have `key`, and applies them only if
/// nothing else has changed meanwhile; else it asks again. So two calls that
/// promise the last room cannot both have it. No changes means nothing to apply.
///
/// # Errors
/// What `decide` answers, [`Error::Other`] after [`UPDATE_TRIES`] tries, and what
/// the host answers.
pub fn update(
    key: &str,
    mut decide: impl FnMut(&[FoundEntity]) -> Result<Vec<Change>>,
) -> Result<()> {
    for _ in 0..UPDATE_TRIES {
        let found = host::find(&host::FindRequest { key: key.to_owned() })?;
        let changes = decide(&found.entities)?;
        if changes.is_empty() {
            return Ok(());
        }
        let request = host::ApplyRequest { changes, expected_generation: Some(found.generation) };
        match host::apply(&request) {
            Ok(_) => return Ok(()),
            Err(HostError::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Other(format!(
        "the driver's state changed {UPDATE_TRIES} times meanwhile; try again"
    )))
}
