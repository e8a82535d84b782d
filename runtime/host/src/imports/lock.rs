//! `abaca:host/lock`: named locks between the calls of one backend. Granted to every driver: they
//! are the backend's own. A lock ends with its call at the latest, however that ends.

use abaca_policy::Denial;
use serde_json::Value;

use crate::call::Room;
use crate::contract::bindings::abaca::host::lock::{AcquireRequest, Host, ReleaseRequest};
use crate::contract::bindings::abaca::host::types::Error;
use crate::gate::{Crossing, Done, Gate, Powers, Refusal, Told};
use crate::locks::Held;
use crate::text::is_plain_text;

/// The longest name, in bytes.
const NAME_BYTES: usize = 255;

/// The most locks of one call: upstream's drivers hold two at once at most.
const LOCKS: usize = 16;

impl Host for Room {
    async fn acquire(&mut self, request: AcquireRequest) -> wasmtime::Result<Result<(), Error>> {
        self.gate.cross(request).await
    }

    async fn release(&mut self, request: ReleaseRequest) -> wasmtime::Result<Result<(), Error>> {
        self.gate.cross(request).await
    }
}

impl Crossing for AcquireRequest {
    const IMPORT: &'static str = "lock.acquire";
    const PRIVILEGED: bool = false;
    type Answer = ();

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![("name", self.name.clone().into())]
    }

    fn permitted(&self, _: &Powers) -> Result<Option<String>, Denial> {
        Ok(None)
    }

    async fn perform(self, gate: &mut Gate, powers: &Powers) -> Result<Done<()>, Refusal> {
        check(&self.name, &gate.locks)?;
        let patience = gate.remaining(self.timeout_ms);
        let waiting = powers.locks.acquire(&self.name, &gate.call);
        let held = tokio::time::timeout(patience, waiting)
            .await
            .map_err(|_| Error::Deadline("somebody else holds the lock".to_owned()))??;
        gate.locks.push(held);
        Ok(Done::plain(()))
    }
}

impl Crossing for ReleaseRequest {
    const IMPORT: &'static str = "lock.release";
    const PRIVILEGED: bool = false;
    const TOLD: Told = Told::WithTheNext;
    type Answer = ();

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![("name", self.name.clone().into())]
    }

    fn permitted(&self, _: &Powers) -> Result<Option<String>, Denial> {
        Ok(None)
    }

    async fn perform(self, gate: &mut Gate, _: &Powers) -> Result<Done<()>, Refusal> {
        let held = gate.locks.len();
        gate.locks.retain(|held| held.name != self.name);
        if gate.locks.len() < held {
            return Ok(Done::plain(()));
        }
        Err(Error::Invalid("this call does not hold the lock".to_owned()).into())
    }
}

/// Whether a call that holds some locks may ask for this one.
fn check(name: &str, held: &[Held]) -> Result<(), Error> {
    if name.is_empty() || name.len() > NAME_BYTES || !is_plain_text(name) {
        return Err(Error::Invalid(format!(
            "a lock's name has 1 to {NAME_BYTES} bytes and no control or invisible characters"
        )));
    }
    if held.iter().any(|held| held.name == name) {
        return Err(Error::Invalid("this call holds the lock already".to_owned()));
    }
    if held.len() >= LOCKS {
        return Err(Error::Limit(format!("{LOCKS} locks in one call")));
    }
    Ok(())
}
