//! The interface `state` of a test's host: keys and values per entity, with a generation that
//! moves on with each change. Called by `asking`, and by tests.

use std::collections::BTreeMap;

use super::Host;
use super::asking::{Context, Request};
use super::place::is_plain_text;
use crate::HostError;
use crate::imports::state::{
    ApplyRequest, Change, Details, FindRequest, Found, FoundEntity, GetAllRequest, GetRequest,
};

/// The longest entity or key, in bytes: the runtime's.
const NAME_BYTES: usize = 255;

/// The most changes in one batch: the runtime's.
const BATCH: usize = 1024;

/// The longest value, the most keys, and the most bytes in all: the runtime's own defaults.
const VALUE_BYTES: usize = 64 * 1024;
const KEYS: usize = 10_000;
const BYTES: usize = 16 * 1024 * 1024;

/// What is kept, by entity and key.
type Kept = BTreeMap<(String, String), String>;

/// What drivers remember.
#[derive(Debug, Default)]
pub(super) struct State {
    kept: Kept,
    generation: u64,
}

impl State {
    fn apply(&mut self, request: &ApplyRequest) -> Result<u64, HostError> {
        let now = self.generation;
        if request.expected_generation.is_some_and(|expected| expected != now) {
            return Err(HostError::Conflict(format!("the state is at generation {now}")));
        }
        // On a copy, so that a refusal leaves everything as it was.
        let mut kept = self.kept.clone();
        for change in &request.changes {
            match change {
                Change::Set(set) => {
                    kept.insert((set.entity.clone(), set.key.clone()), set.value.clone());
                }
                Change::Remove(remove) => kept.retain(|(entity, key), _| {
                    *entity != remove.entity || remove.key.as_ref().is_some_and(|one| one != key)
                }),
            }
        }
        if kept.len() > KEYS {
            return Err(HostError::Limit(format!("{KEYS} keys in the state")));
        }
        let size = |((entity, key), value): (&(String, String), &String)| {
            entity.len().saturating_add(key.len()).saturating_add(value.len())
        };
        if kept.iter().map(size).fold(0, usize::saturating_add) > BYTES {
            return Err(HostError::Limit(format!("{BYTES} bytes in the state")));
        }
        self.kept = kept;
        self.generation = now.saturating_add(1);
        Ok(self.generation)
    }

    fn of(&self, wanted: &str) -> Vec<(String, String)> {
        let own = self.kept.iter().filter(|((entity, _), _)| entity == wanted);
        own.map(|((_, key), value)| (key.clone(), value.clone())).collect()
    }
}

impl Request for GetRequest {
    const NAME: &'static str = "state.get";
    type Answer = Option<String>;

    fn words(&self) -> String {
        format!("{} {}", self.entity, self.key)
    }

    fn answer(&self, host: &Host, _: &Context) -> Result<Option<String>, HostError> {
        name(&self.entity)?;
        name(&self.key)?;
        Ok(host.state_of(&self.entity, &self.key))
    }
}

impl Request for GetAllRequest {
    const NAME: &'static str = "state.get-all";
    type Answer = Details;

    fn words(&self) -> String {
        self.entity.clone()
    }

    fn answer(&self, host: &Host, _: &Context) -> Result<Details, HostError> {
        name(&self.entity)?;
        let world = host.world();
        Ok(Details { pairs: world.state.of(&self.entity), generation: world.state.generation })
    }
}

impl Request for FindRequest {
    const NAME: &'static str = "state.find";
    type Answer = Found;

    fn words(&self) -> String {
        self.key.clone()
    }

    fn answer(&self, host: &Host, _: &Context) -> Result<Found, HostError> {
        name(&self.key)?;
        let world = host.world();
        let having = world.state.kept.iter().filter(|((_, key), _)| *key == self.key);
        let entities = having
            .map(|((entity, _), value)| FoundEntity {
                entity: entity.clone(),
                value: value.clone(),
            })
            .collect();
        Ok(Found { entities, generation: world.state.generation })
    }
}

impl Request for ApplyRequest {
    const NAME: &'static str = "state.apply";
    type Answer = u64;

    fn words(&self) -> String {
        let change = |change: &Change| match change {
            Change::Set(set) => format!("{} {} = {}", set.entity, set.key, set.value),
            Change::Remove(remove) => match &remove.key {
                Some(key) => format!("remove {} {key}", remove.entity),
                None => format!("remove {}", remove.entity),
            },
        };
        self.changes.iter().map(change).collect::<Vec<_>>().join(", ")
    }

    fn answer(&self, host: &Host, _: &Context) -> Result<u64, HostError> {
        if self.changes.len() > BATCH {
            return Err(HostError::Limit(format!("{BATCH} changes in one batch")));
        }
        for change in &self.changes {
            match change {
                Change::Set(set) => {
                    name(&set.entity)?;
                    name(&set.key)?;
                    if set.value.len() > VALUE_BYTES {
                        return Err(HostError::Limit(format!("{VALUE_BYTES} bytes in one value")));
                    }
                }
                Change::Remove(remove) => {
                    name(&remove.entity)?;
                    remove.key.as_deref().map_or(Ok(()), name)?;
                }
            }
        }
        host.world().state.apply(self)
    }
}

impl Host {
    /// What drivers remember under a key of an entity.
    #[must_use]
    pub fn state_of(&self, entity: &str, key: &str) -> Option<String> {
        self.world().state.kept.get(&(entity.to_owned(), key.to_owned())).cloned()
    }

    /// All that drivers remember: entity, key and value, sorted.
    #[must_use]
    pub fn state(&self) -> Vec<(String, String, String)> {
        let world = self.world();
        let all = world.state.kept.iter();
        all.map(|((entity, key), value)| (entity.clone(), key.clone(), value.clone())).collect()
    }

    /// Puts something into the state as another call would: its generation moves on.
    pub fn remembers(&self, entity: &str, key: &str, value: &str) -> Self {
        let mut world = self.world();
        world.state.kept.insert((entity.to_owned(), key.to_owned()), value.to_owned());
        world.state.generation = world.state.generation.saturating_add(1);
        drop(world);
        self.clone()
    }
}

/// Names are shown to people and kept for ever.
fn name(text: &str) -> Result<(), HostError> {
    if !text.is_empty() && text.len() <= NAME_BYTES && is_plain_text(text) {
        return Ok(());
    }
    Err(HostError::Invalid(format!(
        "a name in the state has 1 to {NAME_BYTES} bytes and no control or invisible characters"
    )))
}
