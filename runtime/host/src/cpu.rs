//! How long a guest has computed: the processor's time between its coming back from the host, or
//! getting its turn, and its asking the host, or giving up its turn. Waiting is not computing, and
//! neither is what other processes make it wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The meter of one call, shared by its gate and the engine's clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cpu(Arc<Mutex<Meter>>);

#[derive(Debug, Default)]
struct Meter {
    used: Duration,
    /// On which thread the guest computes, and since what time of that thread; none while it
    /// waits. Between a resume and the next pause a guest never leaves its thread.
    since: Option<(ThreadId, Duration)>,
}

impl Cpu {
    /// The guest computes from now on.
    pub(crate) fn resume(&self) {
        self.meter().since = Some((std::thread::current().id(), thread_time()));
    }

    /// The guest waits from now on. Says how long it has computed in all.
    pub(crate) fn pause(&self) -> Duration {
        let mut meter = self.meter();
        if let Some((thread, since)) = meter.since.take()
            && thread == std::thread::current().id()
        {
            let computed = thread_time().saturating_sub(since);
            meter.used = meter.used.saturating_add(computed);
        }
        meter.used
    }

    fn meter(&self) -> MutexGuard<'_, Meter> {
        // Both fields are set in one go: a holder that panicked has left them whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the processor has spent on this thread.
pub(crate) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}
