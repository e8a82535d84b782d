//! What the end of a call tells of its requests: how many were denied, and how many of those that
//! have no line of their own in the audit were permitted. Shared by the gate, which counts, and by who
//! tells how the call ended, however that was.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

/// The counters of one call.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    denied: AtomicU32,
    counted: Mutex<BTreeMap<&'static str, u32>>,
}

impl Tally {
    /// One more that was denied.
    pub(super) fn deny(&self) {
        // Only the call's own requests count, one after the other, and far fewer than that.
        self.denied.fetch_add(1, Ordering::Relaxed);
    }

    /// One more of these that was permitted.
    pub(super) fn add(&self, import: &'static str) {
        let mut counted = self.counted();
        let count = counted.entry(import).or_default();
        *count = count.saturating_add(1);
    }

    /// How many were denied.
    pub(crate) fn denied(&self) -> u32 {
        self.denied.load(Ordering::Relaxed)
    }

    /// How many of each were permitted, as a line of the audit tells it; none if there were none.
    pub(crate) fn told(&self) -> Option<Value> {
        let counted = self.counted();
        let told: Map<_, _> =
            counted.iter().map(|(import, count)| ((*import).to_owned(), (*count).into())).collect();
        (!told.is_empty()).then_some(Value::Object(told))
    }

    fn counted(&self) -> MutexGuard<'_, BTreeMap<&'static str, u32>> {
        // Each use is one assignment: a holder that panicked has left it whole.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
