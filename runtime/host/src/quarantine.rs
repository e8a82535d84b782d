//! Quarantine: a backend whose driver is at fault again and again is not called for a while, then
//! once on trial, and then either as before or after a longer while. What counts is what only a
//! driver can do wrong, never the storage's failures, nor the operator's.
//!
//! ```text
//!            strikes within the window           the delay is over
//!   ok ──────────────────────────────▶ quarantined ──────────────▶ one call on trial
//!    ▲                                      ▲ twice the delay           │     │
//!    │                                      └────────at fault───────────┘     │
//!    └──────────────────────────────behaved───────────────────────────────────┘
//!   any ──operator──▶ disabled ──operator──▶ as before
//! ```
//! All of it stands in the backend's database, so that processes share it and a restart changes
//! nothing. Nothing here calls a driver: `backend/admission` asks before each call and tells how it
//! ended; operators ask and act through [`Conduct`].

mod conduct;
mod standing;

use std::time::Duration;

pub use self::conduct::Conduct;
pub(crate) use self::conduct::Verdict;
pub use self::standing::{Standing, State, Strike, StrikeKind};

/// When a backend is put in quarantine, and for how long. Construct with `Quarantine::default()`
/// and change fields.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quarantine {
    /// So many strikes within the window begin a quarantine; at least 1.
    pub strikes: u32,
    /// How long a strike counts.
    pub window: Duration,
    /// A call that is denied so many requests is a strike, however it ends; at least 1.
    pub denials: u32,
    /// How long the first quarantine lasts; each one after it twice as long.
    pub delay: Duration,
    /// How long one lasts at most. Without a strike for so long, the next one is a first one again.
    pub longest_delay: Duration,
}

/// A crash can be one share's own trouble; five of them in ten minutes are the driver's.
const STRIKES: u32 = 5;
/// Shorter, and a driver that crashes in each of a service's periodic calls would never be noticed.
const WINDOW: Duration = Duration::from_secs(10 * 60);
/// An honest driver is denied a few requests: it tries the better way first, or its policy is too
/// narrow and it gives up. One that goes on asking is looking for something.
const DENIALS: u32 = 10;
/// Long enough for a service's retries to be over, short enough not to be felt after a mishap.
const DELAY: Duration = Duration::from_secs(30);
/// An operator who looks once an hour finds a backend that was tried within that time.
const LONGEST_DELAY: Duration = Duration::from_secs(60 * 60);

impl Default for Quarantine {
    fn default() -> Self {
        Self {
            strikes: STRIKES,
            window: WINDOW,
            denials: DENIALS,
            delay: DELAY,
            longest_delay: LONGEST_DELAY,
        }
    }
}

impl Quarantine {
    /// How long the quarantine of this number lasts, counted from 1.
    fn lasts(&self, number: u32) -> Duration {
        let doubled = 2_u32.checked_pow(number.saturating_sub(1)).unwrap_or(u32::MAX);
        self.delay.saturating_mul(doubled).min(self.longest_delay)
    }
}
