//! How every method of a backend runs its driver: recorded before and after, in its place among
//! the backend's calls, with the audit's lines. Shared by the rooms beside it.
//!
//! ```text
//! tracked (records) ─▶ judged (what the answer means, the audit's end) ─▶ run (place, sandbox)
//! ```

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};
use wasmtime::Store;
use wasmtime::component::Instance;

use super::{Backend, Shared};
use crate::audit::Event;
use crate::call::{Call, Room};
use crate::error::{Error, Part, Result};
use crate::records::{Beginning, Change, OpenCall};
use crate::text::printable;

impl Backend {
    /// Runs one function of the driver in a sandbox of its own. What a driver answers in error
    /// becomes an [`Error`] here.
    pub(super) async fn call<T, E, F>(
        &self,
        method: &'static str,
        id: &str,
        function: F,
    ) -> Result<T>
    where
        F: AsyncFnOnce(&mut Store<Room>, &Instance) -> wasmtime::Result<Result<T, E>>,
        Error: From<E>,
    {
        self.judged(method, id, function, |answer| (answer, Vec::new())).await.0
    }

    /// As [`call`](Self::call), with what it makes written down before and after. `settle` says
    /// what the answer means: the answer to give, and the changes that hold with it (after a
    /// failure: beside those of `if_failed`).
    pub(super) async fn recorded<T, E, F, A>(
        &self,
        beginning: Beginning,
        function: F,
        settle: impl FnOnce(Result<T>) -> (Result<A>, Vec<Change>),
    ) -> Result<A>
    where
        F: AsyncFnOnce(&mut Store<Room>, &Instance) -> wasmtime::Result<Result<T, E>>,
        Error: From<E>,
    {
        let method = beginning.method;
        self.tracked(beginning, async |id: &str| self.judged(method, id, function, settle).await)
            .await
    }

    /// Writes down what begins, does it, and writes down how it ended: for work of more than one
    /// driver call.
    pub(super) async fn tracked<A, W>(&self, beginning: Beginning, work: W) -> Result<A>
    where
        W: AsyncFnOnce(&str) -> (Result<A>, Vec<Change>),
    {
        let records = &self.shared.records;
        let mut under_way = UnderWay {
            shared: Arc::clone(&self.shared),
            call: Some(records.begin(beginning).await?),
        };
        let id = under_way.call.as_ref().map(|call| call.id.clone()).unwrap_or_default();
        let (answer, changes) = work(&id).await;
        // An audit that could not say how the call ended does not undo what was made.
        let failure = answer.as_ref().err().filter(|error| !matches!(error, Error::Audit { .. }));
        let failure = failure.map(ToString::to_string);
        if let Some(call) = under_way.call.take() {
            records.finish(call, failure, changes).await?;
        }
        answer
    }

    /// Runs, and tells the audit how it ended once the answer was looked at: an answer against
    /// the contract is a failure.
    pub(super) async fn judged<T, E, F, A>(
        &self,
        method: &'static str,
        id: &str,
        function: F,
        settle: impl FnOnce(Result<T>) -> (Result<A>, Vec<Change>),
    ) -> (Result<A>, Vec<Change>)
    where
        F: AsyncFnOnce(&mut Store<Room>, &Instance) -> wasmtime::Result<Result<T, E>>,
        Error: From<E>,
    {
        let began = Instant::now();
        let (answer, changes) = settle(self.run(method, id, began, function).await);
        match self.audit(Event::CallEnd, method, id, Some((answer.as_ref().err(), began))) {
            Ok(()) => (answer, changes),
            Err(error) => (Err(error), changes),
        }
    }

    async fn run<T, E, F>(
        &self,
        method: &'static str,
        id: &str,
        began: Instant,
        function: F,
    ) -> Result<T>
    where
        F: AsyncFnOnce(&mut Store<Room>, &Instance) -> wasmtime::Result<Result<T, E>>,
        Error: From<E>,
    {
        let shared = &*self.shared;
        let waiting = tokio::time::timeout(shared.limits.wall, shared.places.acquire());
        let Ok(Ok(_place)) = waiting.await else {
            return Err(Error::Deadline { method, part: Part::Queue, wall: shared.limits.wall });
        };
        self.audit(Event::Call, method, id, None)?;
        let call = Call {
            driver: &shared.driver,
            method,
            id,
            powers: Some(Arc::clone(&shared.powers)),
            limits: &shared.limits,
            began,
        };
        let answer = call.run(function).await;
        if matches!(answer, Err(Error::Deadline { .. })) {
            // The error says that everything the call had started is gone.
            shared.powers.broker.quiet().await;
        }
        answer?.map_err(Error::from)
    }

    fn audit(
        &self,
        event: Event,
        method: &'static str,
        id: &str,
        ended: Option<(Option<&Error>, Instant)>,
    ) -> Result<()> {
        let mut line = Map::new();
        line.insert("method".into(), method.into());
        if let Some((error, began)) = ended {
            let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            line.insert("duration_ms".into(), took.into());
            line.insert("outcome".into(), if error.is_none() { "ok" } else { "failed" }.into());
            if let Some(error) = error {
                line.insert("blame".into(), error.blame().to_string().into());
                let error = printable(&error.to_string(), crate::text::MESSAGE_BYTES);
                line.insert("error".into(), Value::String(error));
            }
        }
        self.shared.powers.audit.write(event, id, line)
    }
}

/// A call that is recorded as under way. Dropped before it is finished, because its caller gave it
/// up, it is recorded as interrupted when nothing of it is left.
struct UnderWay {
    shared: Arc<Shared>,
    call: Option<OpenCall>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Some(call) = self.call.take() else { return };
        let shared = Arc::clone(&self.shared);
        // Without a runtime this process is about to end, and whoever reads the records next
        // finds the call.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            shared.powers.broker.quiet().await;
            if let Err(error) = shared.records.abandon(call).await {
                tracing::error!(%error, "a call that was given up could not be recorded");
            }
        });
    }
}
