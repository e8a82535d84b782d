//! `abaca:host/clock`: what time it is, and waiting. Granted to every driver; both are
//! bounded by the call's deadline.

use std::time::{SystemTime, UNIX_EPOCH};

use abaca_policy::Denial;
use serde_json::Value;

use crate::call::Room;
use crate::contract::bindings::abaca::host::clock::{Host, SleepRequest, Timestamp};
use crate::contract::bindings::abaca::host::types::Error;
use crate::gate::{Crossing, Done, Gate, Powers, Refusal, Told, Weight};

impl Host for Room {
    async fn now(&mut self) -> wasmtime::Result<Result<Timestamp, Error>> {
        self.gate.cross(Now).await
    }

    async fn sleep(&mut self, request: SleepRequest) -> wasmtime::Result<Result<(), Error>> {
        self.gate.cross(request).await
    }
}

/// The request of `now`, which carries nothing.
#[derive(serde::Serialize)]
struct Now;

impl Weight for Now {
    fn beyond(&self) -> usize {
        0
    }
}

impl Crossing for Now {
    const IMPORT: &'static str = "clock.now";
    const PRIVILEGED: bool = false;
    const TOLD: Told = Told::Counted;
    type Answer = Timestamp;

    fn facts(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    fn permitted(&self, _: &Powers) -> Result<Option<String>, Denial> {
        Ok(None)
    }

    async fn perform(self, _: &mut Gate, _: &Powers) -> Result<Done<Timestamp>, Refusal> {
        // A clock before 1970 is a broken machine; zero keeps a driver going.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Done::plain(Timestamp { seconds: since.as_secs(), nanoseconds: since.subsec_nanos() }))
    }
}

impl Crossing for SleepRequest {
    const IMPORT: &'static str = "clock.sleep";
    const PRIVILEGED: bool = false;
    type Answer = ();

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![("milliseconds", self.milliseconds.into())]
    }

    fn permitted(&self, _: &Powers) -> Result<Option<String>, Denial> {
        Ok(None)
    }

    async fn perform(self, gate: &mut Gate, _: &Powers) -> Result<Done<()>, Refusal> {
        tokio::time::sleep(gate.remaining(Some(self.milliseconds))).await;
        Ok(Done::plain(()))
    }
}
