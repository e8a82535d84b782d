//! Time as the host gives it, through `abaca:host/clock`, so that it can be
//! recorded and replayed. Called by drivers; a component has no other clock.

use core::time::Duration;

use crate::HostError;
use crate::command::milliseconds;
use crate::imports::clock as host;

/// How long it is since 1970-01-01T00:00:00Z.
///
/// # Errors
/// What the host answers.
pub fn now() -> Result<Duration, HostError> {
    let now = host::now()?;
    let nanoseconds = Duration::from_nanos(now.nanoseconds.into());
    Ok(Duration::from_secs(now.seconds).saturating_add(nanoseconds))
}

/// Waits, in whole milliseconds; the call's deadline goes on meanwhile.
///
/// # Errors
/// What the host answers.
pub fn sleep(duration: Duration) -> Result<(), HostError> {
    host::sleep(host::SleepRequest { milliseconds: milliseconds(duration) })
}
