//! The interface `state` of a stage, in memory, with the bounds of the real one. Called by `world`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::world::{said, told};
use crate::contract::bindings::abaca::host::state::{
    ApplyRequest, Change, Details, FindRequest, Found, FoundEntity, GetAllRequest, GetRequest,
};
use crate::contract::bindings::abaca::host::types::Error as HostError;
use crate::gate::Seen;
use crate::imports::state::{check_batch, check_name};
use crate::limits::Limits;

/// What a driver remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    kept: BTreeMap<(String, String), String>,
    generation: u64,
}

impl State {
    pub(super) fn answer(&mut self, limits: &Limits, verb: &str, request: Value) -> Seen {
        match verb {
            "get" => {
                let GetRequest { entity, key } = said(request)?;
                check_name(&entity)?;
                check_name(&key)?;
                told(&self.kept.get(&(entity, key)))
            }
            "get-all" => {
                let GetAllRequest { entity } = said(request)?;
                check_name(&entity)?;
                let own = self.kept.iter().filter(|((of, _), _)| *of == entity);
                let pairs = own.map(|((_, key), value)| (key.clone(), value.clone())).collect();
                told(&Details { pairs, generation: self.generation })
            }
            "find" => {
                let FindRequest { key } = said(request)?;
                check_name(&key)?;
                let having = self.kept.iter().filter(|((_, named), _)| *named == key);
                let entity = |((entity, _), value): (&(String, String), &String)| FoundEntity {
                    entity: entity.clone(),
                    value: value.clone(),
                };
                let entities = having.map(entity).collect();
                told(&Found { entities, generation: self.generation })
            }
            "apply" => told(&self.apply(limits, said(request)?)?),
            _ => Err(HostError::Failed(format!("a stage has no state.{verb}"))),
        }
    }

    fn apply(&mut self, limits: &Limits, request: ApplyRequest) -> Result<u64, HostError> {
        check_batch(&request, limits.state_value_bytes)?;
        let now = self.generation;
        if request.expected_generation.is_some_and(|expected| expected != now) {
            return Err(HostError::Conflict(format!("the state is at generation {now}")));
        }
        // On a copy, so that a refusal leaves everything as it was.
        let mut kept = self.kept.clone();
        for change in request.changes {
            match change {
                Change::Set(set) => {
                    kept.insert((set.entity, set.key), set.value);
                }
                Change::Remove(remove) => kept.retain(|(entity, key), _| {
                    *entity != remove.entity || remove.key.as_ref().is_some_and(|one| one != key)
                }),
            }
        }
        if kept.len() as u64 > limits.state_keys {
            return Err(HostError::Limit(format!("{} keys in the state", limits.state_keys)));
        }
        let bytes =
            kept.iter().map(|((entity, key), value)| entity.len() + key.len() + value.len());
        if bytes.sum::<usize>() as u64 > limits.state_bytes {
            return Err(HostError::Limit(format!("{} bytes in the state", limits.state_bytes)));
        }
        self.kept = kept;
        self.generation = now.saturating_add(1);
        Ok(self.generation)
    }

    /// What is remembered under a key of an entity.
    pub(super) fn get(&self, entity: &str, key: &str) -> Option<&str> {
        self.kept.get(&(entity.to_owned(), key.to_owned())).map(String::as_str)
    }

    /// Puts something there, as another call would.
    pub(super) fn set(&mut self, entity: &str, key: &str, value: &str) {
        self.kept.insert((entity.to_owned(), key.to_owned()), value.to_owned());
        self.generation = self.generation.saturating_add(1);
    }

    /// All that is remembered, a sentence each.
    pub(super) fn facts(&self) -> impl Iterator<Item = String> {
        let fact = |((entity, key), value): (&(String, String), &String)| {
            format!("state of {entity}: {key} = {value}")
        };
        self.kept.iter().map(fact)
    }
}
