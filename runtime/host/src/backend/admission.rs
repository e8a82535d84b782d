//! Whether a call is let in, and what its end says of the driver: the two questions that quarantine
//! asks around every call. Called by `calling` alone.
//!
//! What one call does in several steps is let in once: its steps know it by a value of their task.

use std::sync::Arc;

use serde_json::Map;

use super::Backend;
use crate::audit::Event;
use crate::error::{Blame, Error, Result};
use crate::metrics::Outcome;
use crate::quarantine::{State, StrikeKind, Verdict};

tokio::task_local! {
    /// What the task that runs now was let in for.
    static LET_IN: LetIn;
}

#[derive(Clone, Copy)]
struct LetIn {
    /// Which backend it is: a call of one can lead to a call of another, in a service's network.
    backend: usize,
    on_trial: bool,
}

impl Backend {
    /// Does the work, unless the backend is in quarantine or disabled. The place of a call on trial
    /// is held until the work has ended.
    ///
    /// # Errors
    /// When it is, or when that cannot be looked up; the work was not begun then.
    pub(super) async fn let_in<T>(
        &self,
        method: &'static str,
        work: impl Future<Output = T>,
    ) -> Result<T> {
        let backend = Arc::as_ptr(&self.shared).addr();
        if LET_IN.try_with(|one| one.backend == backend).unwrap_or(false) {
            return Ok(work.await);
        }
        let trial = self.shared.conduct.admit().await.inspect_err(|refusal| {
            self.shared.powers.metrics.ended(method, Outcome::Refused, Some(refusal));
        })?;
        let one = LetIn { backend, on_trial: trial.is_some() };
        let answer = LET_IN.scope(one, work).await;
        drop(trial);
        Ok(answer)
    }

    /// Counts an ended call for or against the driver. A count that cannot be written does not
    /// change what the call did: the log tells it.
    pub(super) async fn weigh(
        &self,
        method: &'static str,
        id: &str,
        error: Option<&Error>,
        denied: u32,
    ) {
        let conduct = &self.shared.conduct;
        let Some(verdict) = verdict(error, denied, conduct.rules().denials) else { return };
        let on_trial = LET_IN.try_with(|one| one.on_trial).unwrap_or(false);
        let event = match verdict {
            // Most calls: nothing is written.
            Verdict::Behaved if !on_trial => return,
            Verdict::Behaved => Event::QuarantineEnd,
            Verdict::Strike(kind, _) => {
                self.shared.powers.metrics.struck(kind);
                Event::Strike
            }
        };
        let standing = match conduct.judge(method, id, on_trial, verdict).await {
            Ok(Some(standing)) => standing,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, "what counts against a driver could not be written");
                return;
            }
        };
        let mut line = Map::new();
        line.insert("method".into(), method.into());
        line.insert("state".into(), serde_json::to_value(standing.state).unwrap_or_default());
        line.insert("strikes".into(), standing.strikes.into());
        line.insert("next_try".into(), standing.next_try.into());
        if let Some(last) = standing.last_strike.filter(|_| matches!(event, Event::Strike)) {
            line.insert("kind".into(), last.kind.name().into());
        }
        if let Err(error) = self.shared.powers.audit.write(event, id, line) {
            tracing::error!(%error, "the audit could not be told of a quarantine");
        }
        if standing.state != State::Ok {
            let (backend, next_try) = (self.name(), standing.next_try);
            tracing::warn!(backend, next_try, "the backend is in quarantine");
        }
    }
}

/// What an ended call says of the driver; none where it says nothing: the storage, the operator or
/// the runtime were at fault.
fn verdict(error: Option<&Error>, denied: u32, denials: u32) -> Option<Verdict> {
    let kind = match error {
        Some(Error::Trap { .. }) => StrikeKind::Trap,
        Some(Error::Contract { .. }) => StrikeKind::Contract,
        Some(Error::Limit { .. }) => StrikeKind::Limit,
        // Not where the storage hung, or the call waited for its place.
        Some(late @ Error::Deadline { .. }) if late.blame() == Blame::Driver => {
            StrikeKind::Deadline
        }
        _ if denied >= denials => StrikeKind::Denials,
        // What a driver answers, in the contract's words, is what it is there for.
        None | Some(Error::Driver(_) | Error::Create(_) | Error::Setup(_)) => {
            return Some(Verdict::Behaved);
        }
        Some(_) => return None,
    };
    let message = match error {
        Some(error) => error.to_string(),
        None => format!("{denied} requests of the call were denied"),
    };
    Some(Verdict::Strike(kind, message))
}
