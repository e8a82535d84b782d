//! A deed in the audit: its intent is on the disk before it is done, and it has an outcome however
//! it ends, also where its caller gives it up and nobody is left to say how it ended.
//!
//! ```text
//! begin ─▶ Telling ─ intent on the disk ─▶ Told ─ ended ─▶ (the gate writes the outcome)
//!             └─ dropped ─▶ GivenUp          └─ dropped ─▶ outcome `interrupted`
//!                              └─ intent on the disk ─▶ outcome `interrupted`
//! ```
//! Begun and ended by the gate alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};

use super::{Audit, Event, Need, News};
use crate::error::{Error, Result};

/// How far the audit is with the intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Telling,
    Told,
    /// Before the intent was written: whoever writes it writes the outcome as well.
    GivenUp,
}

/// A privileged request at work. Dropped before it has [ended](Self::ended), because its caller gave
/// it up, it tells that.
#[derive(Debug)]
pub(crate) struct Deed {
    given_up: Arc<GivenUp>,
    stage: Arc<Mutex<Stage>>,
    ended: bool,
}

/// What is told of one that is given up.
#[derive(Debug)]
struct GivenUp {
    audit: Audit,
    call: String,
    line: Map<String, Value>,
}

impl Audit {
    /// Writes the intent, and waits until it is on the disk: what is done must be known also if
    /// the power goes meanwhile. `line` is what is told of it if it is given up.
    ///
    /// # Errors
    /// When it cannot be written; it must not be done then.
    pub(crate) async fn begin(
        &self,
        call: &str,
        intent: Map<String, Value>,
        mut line: Map<String, Value>,
    ) -> Result<Deed> {
        line.insert("outcome".to_owned(), "interrupted".into());
        let given_up = Arc::new(GivenUp { audit: self.clone(), call: call.to_owned(), line });
        let stage = Arc::new(Mutex::new(Stage::Telling));
        let mut deed =
            Deed { given_up: Arc::clone(&given_up), stage: Arc::clone(&stage), ended: false };
        // It goes on if this future is dropped.
        let telling = tokio::task::spawn_blocking(move || {
            let GivenUp { audit, call, .. } = &*given_up;
            let written = audit.append(
                call,
                &[News { event: Event::Intent, facts: intent }],
                Need::Begins,
            )?;
            written.file.sync_data().map_err(|error| audit.failed(error.to_string()))?;
            let mut stage = lock(&stage);
            match *stage {
                Stage::GivenUp => given_up.tell(),
                _ => *stage = Stage::Told,
            }
            Ok::<_, Error>(())
        });
        let told = telling.await.map_err(|error| self.failed(error.to_string())).flatten();
        deed.ended = told.is_err();
        told.map(|()| deed)
    }
}

impl Deed {
    /// It was done or has failed: its outcome is the gate's to write.
    pub(crate) fn ended(mut self) {
        self.ended = true;
    }
}

impl Drop for Deed {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut stage = lock(&self.stage);
        match *stage {
            Stage::Told => self.given_up.tell(),
            _ => *stage = Stage::GivenUp,
        }
    }
}

impl GivenUp {
    fn tell(&self) {
        if let Err(error) = self.audit.write(Event::Outcome, &self.call, self.line.clone()) {
            tracing::error!(%error, "a deed that was given up could not be told to the audit");
        }
    }
}

fn lock(stage: &Mutex<Stage>) -> MutexGuard<'_, Stage> {
    // Each use is one assignment: a holder that panicked has left it whole.
    stage.lock().unwrap_or_else(PoisonError::into_inner)
}
