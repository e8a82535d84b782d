//! How long a guest has computed: the time between its coming back from the host, or getting
//! its turn, and its asking the host, or giving up its turn. Waiting is not computing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The meter of one call, shared by its gate and the engine's clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cpu(Arc<Mutex<Meter>>);

#[derive(Debug, Default)]
struct Meter {
    used: Duration,
    /// Since when the guest computes; none while it waits.
    since: Option<Instant>,
}

impl Cpu {
    /// The guest computes from now on.
    pub(crate) fn resume(&self) {
        self.meter().since = Some(Instant::now());
    }

    /// The guest waits from now on. Says how long it has computed in all.
    pub(crate) fn pause(&self) -> Duration {
        let mut meter = self.meter();
        if let Some(since) = meter.since.take() {
            meter.used = meter.used.saturating_add(since.elapsed());
        }
        meter.used
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        // Both fields are set in one go: a holder that panicked has left them whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
