//! The interface `clock` of a test's host: time stands still but for `sleep` and the test. Called
//! by `asking`, and by tests.

use std::time::Duration;

use super::Host;
use super::asking::{Context, Request};
use crate::HostError;
use crate::imports::clock::{SleepRequest, Timestamp};

/// When a host begins: 2026-01-01T00:00:00Z. Any time does, but one that is always the same.
const BEGINNING: Duration = Duration::from_secs(1_767_225_600);

/// What time it is.
#[derive(Debug)]
pub(super) struct Clock {
    /// Since 1970-01-01T00:00:00Z.
    pub now: Duration,
}

impl Default for Clock {
    fn default() -> Self {
        Self { now: BEGINNING }
    }
}

/// The request of `now`, which carries nothing.
pub(crate) struct Now;

impl Request for Now {
    const NAME: &'static str = "clock.now";
    type Answer = Timestamp;

    fn words(&self) -> String {
        String::new()
    }

    fn answer(&self, host: &Host, _: &Context) -> Result<Timestamp, HostError> {
        let now = host.world().clock.now;
        Ok(Timestamp { seconds: now.as_secs(), nanoseconds: now.subsec_nanos() })
    }
}

impl Request for SleepRequest {
    const NAME: &'static str = "clock.sleep";
    type Answer = ();

    fn words(&self) -> String {
        format!("{} ms", self.milliseconds)
    }

    fn answer(&self, host: &Host, context: &Context) -> Result<(), HostError> {
        // No longer than the call may take; the next request then finds that it is over.
        host.advance(Duration::from_millis(self.milliseconds).min(context.left));
        Ok(())
    }
}

impl Host {
    /// Sets the clock to so many seconds after 1970-01-01T00:00:00Z; without this it begins with
    /// the year 2026.
    pub fn at(&self, seconds: u64) -> Self {
        self.world().clock.now = Duration::from_secs(seconds);
        self.clone()
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let mut world = self.world();
        world.clock.now = world.clock.now.saturating_add(by);
    }

    /// What time it is, since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.world().clock.now
    }
}
