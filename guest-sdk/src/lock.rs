//! Named locks between the calls of one back end, through `abaca:host/lock`.
//! Called by drivers that change a thing which two calls could change at once.

use core::time::Duration;

use crate::HostError;
use crate::command::milliseconds;
use crate::imports::lock as host;

/// A lock that is held until this is dropped, or the call ends.
#[derive(Debug)]
#[must_use = "a lock is given back as soon as its guard is dropped"]
pub struct Guard {
    name: String,
}

/// Waits for the lock, first come first served; without a timeout as long as the
/// call may.
///
/// # Errors
/// [`HostError::Deadline`] when the time is over, [`HostError::Invalid`] when this
/// call holds the lock already.
pub fn acquire(name: &str, timeout: Option<Duration>) -> Result<Guard, HostError> {
    host::acquire(&host::AcquireRequest {
        name: name.to_owned(),
        timeout_ms: timeout.map(milliseconds),
    })?;
    Ok(Guard { name: name.to_owned() })
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The host gives it back at the end of the call in any case.
        drop(host::release(&host::ReleaseRequest { name: core::mem::take(&mut self.name) }));
    }
}
