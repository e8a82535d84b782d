//! A stage that is recorded: all that crosses between the driver and the made-up world, as a transcript
//! with the stage's own time, so that the same calls make the same file on any machine. Called by
//! `Stage`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::world::BEGINNING;
use crate::driver::Driver;
use crate::error::Result;
use crate::gate::{After, Answered, Asked, Seen, Witness};
use crate::testing::{Ended, Recorder};

/// What a transcript calls the backend.
const BACKEND: &str = "stage";

/// See above.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    recorder: Arc<dyn Witness>,
    at_ms: Arc<AtomicU64>,
}

impl Recording {
    /// # Errors
    /// When the file is there already, or cannot be made or written.
    pub(super) fn begin(file: &Path, driver: &Driver) -> Result<Self> {
        let at_ms = Arc::<AtomicU64>::default();
        let recorder = Recorder::create_timed(file, Arc::clone(&at_ms))?.of(BACKEND, driver);
        Ok(Self { recorder, at_ms })
    }

    /// A call begins.
    pub(super) fn called(&self, now: Duration, call: &str, of: &str, with: &[Value]) -> Result<()> {
        self.tell(now);
        self.recorder.called(call, of, with.to_vec())
    }

    /// A request has come.
    pub(super) async fn asked(&self, asked: &Asked) {
        // It keeps the request, and has no mind of its own about it.
        drop(self.recorder.before(asked).await);
    }

    /// It has its answer.
    pub(super) async fn answered(&self, now: Duration, asked: &Asked, answer: &Seen) -> After {
        self.tell(now);
        self.recorder.after(asked, answer).await
    }

    /// A call has ended.
    pub(super) fn ended(&self, now: Duration, call: &str, ended: &Ended) -> Result<()> {
        self.tell(now);
        let answered = match ended.clone() {
            Ended::Ok(answer) => Answered::Driver(Ok(answer)),
            Ended::Error(error) => Answered::Driver(Err(error)),
            Ended::Ended(reason) => Answered::Ended(reason),
        };
        self.recorder.ended(call, answered)
    }

    fn tell(&self, now: Duration) {
        // A test may have set the clock back; a transcript's times never go back.
        let at_ms = now.saturating_sub(BEGINNING).as_millis();
        self.at_ms.fetch_max(u64::try_from(at_ms).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
