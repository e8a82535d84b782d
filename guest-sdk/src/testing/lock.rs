//! The interface `lock` of a test's host: who holds which lock. Called by `asking`, and by tests
//! that want a lock to be somebody else's.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Host;
use super::asking::{Context, Request};
use super::place::is_plain_text;
use crate::HostError;
use crate::imports::lock::{AcquireRequest, ReleaseRequest};

/// The longest name, in bytes: the runtime's.
const NAME_BYTES: usize = 255;

/// The most locks of one call: the runtime's.
const LOCKS: usize = 16;

/// The locks that are held, each by a call or, by 0, by somebody else.
#[derive(Debug, Default)]
pub(super) struct Locks(BTreeMap<String, u64>);

impl Locks {
    /// A call has ended.
    pub(super) fn give_back_all(&mut self, call: u64) {
        self.0.retain(|_, holder| *holder != call);
    }
}

impl Request for AcquireRequest {
    const NAME: &'static str = "lock.acquire";
    type Answer = ();

    fn words(&self) -> String {
        self.name.clone()
    }

    fn answer(&self, host: &Host, context: &Context) -> Result<(), HostError> {
        let name = &self.name;
        if name.is_empty() || name.len() > NAME_BYTES || !is_plain_text(name) {
            return Err(HostError::Invalid(format!(
                "a lock's name has 1 to {NAME_BYTES} bytes and no control or invisible characters"
            )));
        }
        let mut world = host.world();
        let holder = world.locks.0.get(name).copied();
        if holder == Some(context.id) {
            return Err(HostError::Invalid("this call holds the lock already".to_owned()));
        }
        if world.locks.0.values().filter(|holder| **holder == context.id).count() >= LOCKS {
            return Err(HostError::Limit(format!("{LOCKS} locks in one call")));
        }
        if holder.is_none() {
            world.locks.0.insert(name.clone(), context.id);
            return Ok(());
        }
        drop(world);
        // Nobody gives it back while this call waits: the whole patience passes.
        let patience = self.timeout_ms.map_or(context.left, Duration::from_millis);
        host.advance(patience.min(context.left));
        Err(HostError::Deadline("somebody else holds the lock".to_owned()))
    }
}

impl Request for ReleaseRequest {
    const NAME: &'static str = "lock.release";
    type Answer = ();

    fn words(&self) -> String {
        self.name.clone()
    }

    fn answer(&self, host: &Host, context: &Context) -> Result<(), HostError> {
        let mut world = host.world();
        match world.locks.0.get(&self.name) {
            Some(holder) if *holder == context.id => {
                world.locks.0.remove(&self.name);
                Ok(())
            }
            _ => Err(HostError::Invalid("this call does not hold the lock".to_owned())),
        }
    }
}

impl Host {
    /// Somebody else holds this lock, until [`Host::free_lock`].
    pub fn hold_lock(&self, name: &str) {
        self.world().locks.0.insert(name.to_owned(), 0);
    }

    /// Nobody holds this lock any more.
    pub fn free_lock(&self, name: &str) {
        self.world().locks.0.remove(name);
    }

    /// The locks that are held now, by whomever, sorted.
    #[must_use]
    pub fn locks_held(&self) -> Vec<String> {
        self.world().locks.0.keys().cloned().collect()
    }
}
