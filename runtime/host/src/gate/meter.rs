//! What one call has asked of the host so far: how often, how fast, how many bytes of it. Each
//! bound is a field of [`Limits`]; the gate shows every request and every answer to this, and what
//! it says ends the call.

use std::time::{Duration, Instant};

use super::Ending;
use super::weight::{Weight, weight};
use crate::error::Limit;
use crate::limits::Limits;

/// The counters of one call.
#[derive(Debug)]
pub(super) struct Meter {
    crossed: u32,
    denied: u32,
    lifted: usize,
    lowered: usize,
    /// Requests that may be made without waiting, as of `since`; a full bucket is the burst.
    ready: f64,
    since: Instant,
}

impl Meter {
    pub(super) fn new(limits: &Limits) -> Self {
        let ready = f64::from(limits.host_call_burst);
        Self { crossed: 0, denied: 0, lifted: 0, lowered: 0, ready, since: Instant::now() }
    }

    /// How many requests were made until now; so each has a number in its call.
    pub(super) fn requests(&self) -> u32 {
        self.crossed
    }

    /// How many bytes were lifted out of the guest, and lowered into it.
    pub(super) fn bytes(&self) -> (usize, usize) {
        (self.lifted, self.lowered)
    }

    /// One more request, and how long it has to wait: nothing, unless the call asks faster than it
    /// may for longer than its burst lasts.
    ///
    /// # Errors
    /// When the call has made all the requests that it may, or lifted all the bytes.
    pub(super) fn asked(
        &mut self,
        limits: &Limits,
        request: &impl Weight,
    ) -> Result<Duration, Ending> {
        self.crossed = self.crossed.saturating_add(1);
        if self.crossed > limits.host_calls {
            return Err(allowed(Limit::HostCalls, limits.host_calls, ""));
        }
        self.lifted = self.lifted.saturating_add(weight(request));
        if self.lifted > limits.lifted_bytes_in_all {
            return Err(allowed(Limit::LiftedInAll, limits.lifted_bytes_in_all, " bytes"));
        }
        Ok(self.wait(limits))
    }

    /// A token bucket, which may go below nothing: what is missing is waited for.
    fn wait(&mut self, limits: &Limits) -> Duration {
        let (now, rate) = (Instant::now(), f64::from(limits.host_calls_per_second.max(1)));
        let gained = now.saturating_duration_since(self.since).as_secs_f64() * rate;
        self.since = now;
        self.ready = (self.ready + gained).min(f64::from(limits.host_call_burst)) - 1.0;
        Duration::try_from_secs_f64(-self.ready / rate).unwrap_or_default()
    }

    /// What the guest is about to be given.
    ///
    /// # Errors
    /// When the call was given all the bytes that it may.
    pub(super) fn answered(&mut self, limits: &Limits, answer: &impl Weight) -> Result<(), Ending> {
        self.lowered = self.lowered.saturating_add(weight(answer));
        if self.lowered > limits.lowered_bytes {
            return Err(allowed(Limit::LoweredBytes, limits.lowered_bytes, " bytes"));
        }
        Ok(())
    }

    /// Ends the call of a driver that goes on asking for what it does not get: each denial is a
    /// line in the audit, and the audit must not fill the disk.
    ///
    /// # Errors
    /// When the call was denied as often as it may be.
    pub(super) fn denied(&mut self, limits: &Limits) -> Result<(), Ending> {
        self.denied = self.denied.saturating_add(1);
        if self.denied > limits.denials {
            return Err(allowed(Limit::Denials, limits.denials, ""));
        }
        Ok(())
    }
}

fn allowed(limit: Limit, figure: impl std::fmt::Display, unit: &str) -> Ending {
    Ending::Limit(limit, format!("{figure}{unit} are allowed"))
}
