//! How every method of a backend runs its driver: recorded before and after, in its place among
//! the backend's calls, with the audit's lines. Shared by the rooms beside it.
//!
//! ```text
//! tracked (let in? records) ─▶ judged (what the answer means, the audit's end) ─▶ run (place, sandbox)
//! ```

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::SemaphorePermit;
use tracing::Instrument;
use wasmtime::Store;
use wasmtime::component::Instance;

use super::{Backend, Shared};
use crate::audit::Event;
use crate::call::{Call, Room};
use crate::error::{Error, Part, Result};
use crate::gate::{Answered, Tally};
use crate::metrics::{Outcome, Running};
use crate::records::{Beginning, Change, OpenCall};
use crate::text::printable;

/// Calls a function of the driver, and lets a witness know with what.
macro_rules! ask {
    ($store:ident, $instance:ident, $indices:ident.$function:ident($($argument:expr),* $(,)?)) => {{
        let guest = $indices.load(&mut *$store, $instance)?;
        $store.data().gate.calls(stringify!($function), || {
            Ok(vec![$(serde_json::to_value(&$argument)?),*])
        })?;
        guest.$function($store, $($argument),*).await
    }};
}
pub(super) use ask;

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
        T: Serialize,
        E: Serialize,
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
        T: Serialize,
        E: Serialize,
        Error: From<E>,
    {
        let method = beginning.method;
        self.tracked(beginning, async |id: &str| self.judged(method, id, function, settle).await)
            .await
    }

    /// Writes down what begins, does it, and writes down how it ended: for work of more than one
    /// driver call. Nothing is written where the backend is not to be called.
    pub(super) async fn tracked<A, W>(&self, beginning: Beginning, work: W) -> Result<A>
    where
        W: AsyncFnOnce(&str) -> (Result<A>, Vec<Change>),
    {
        self.let_in(beginning.method, Box::pin(self.written(beginning, work))).await?
    }

    /// Writes down what is done without the driver, whether or not that may be called.
    pub(super) async fn noted(&self, beginning: Beginning, changes: Vec<Change>) -> Result<()> {
        self.written(beginning, async |_: &str| (Ok(()), changes)).await
    }

    /// As [`tracked`](Self::tracked), for work without the driver, whether or not that may be called.
    pub(super) async fn written<A, W>(&self, beginning: Beginning, work: W) -> Result<A>
    where
        W: AsyncFnOnce(&str) -> (Result<A>, Vec<Change>),
    {
        let (method, shared) = (beginning.method, Arc::clone(&self.shared));
        // A task of its own: a caller that goes away meanwhile must not leave a call that has
        // begun and that nobody ends.
        let beginning = tokio::spawn(async move {
            let call = Some(shared.records.begin(beginning).await?);
            Ok::<_, Error>(UnderWay { shared, call })
        });
        let mut under_way = beginning
            .await
            .map_err(|error| Error::Runtime(format!("beginning {method}: {error}")))??;
        let id = under_way.call.as_ref().map(|call| call.id.clone()).unwrap_or_default();
        let (answer, changes) = work(&id).await;
        // An audit that could not say how the call ended does not undo what was made.
        let failure = answer.as_ref().err().filter(|error| !matches!(error, Error::Audit { .. }));
        let failure = failure.map(ToString::to_string);
        if let Some(call) = under_way.call.take() {
            self.shared.records.finish(call, failure, changes).await?;
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
        T: Serialize,
        E: Serialize,
        Error: From<E>,
    {
        let work = async {
            let (began, running) = (Instant::now(), self.shared.powers.metrics.runs());
            let mut told = Told {
                backend: self,
                method,
                id,
                began,
                open: true,
                begun: false,
                tally: Arc::default(),
                _running: running,
            };
            let tally = Arc::clone(&told.tally);
            let (answer, changes) = settle(self.run(&mut told, function).await);
            let answer = answer.map_err(|error| self.shared.powers.revealed.hidden_error(error));
            let ended = told.end(answer.as_ref().err());
            self.weigh(method, id, answer.as_ref().err(), tally.denied()).await;
            match ended {
                Ok(()) => (answer, changes),
                Err(error) => (Err(error), changes),
            }
        };
        let span = tracing::info_span!(
            target: "abaca::call", "call", backend = self.name(), method, call = id
        );
        // On the heap: otherwise it would stand in the future of each caller.
        self.let_in(method, Box::pin(work.instrument(span)))
            .await
            .unwrap_or_else(|refused| (Err(refused), Vec::new()))
    }

    async fn run<T, E, F>(&self, told: &mut Told<'_>, function: F) -> Result<T>
    where
        F: AsyncFnOnce(&mut Store<Room>, &Instance) -> wasmtime::Result<Result<T, E>>,
        T: Serialize,
        E: Serialize,
        Error: From<E>,
    {
        let shared = &*self.shared;
        let (method, id, began) = (told.method, told.id, told.began);
        let _place = self.place(method).await?;
        told.begin()?;
        let call = Call {
            driver: &shared.driver,
            method,
            id,
            powers: Some(Arc::clone(&shared.powers)),
            witness: shared.witness.clone(),
            limits: &shared.limits,
            tally: Arc::clone(&told.tally),
            account: &shared.account,
            began,
        };
        let answer = call.run(function).await;
        self.tell_witness(id, &answer)?;
        if matches!(answer, Err(Error::Deadline { .. })) {
            // The error says that everything the call had started is gone.
            shared.powers.broker.quiet().await;
        }
        let answer = answer?.map_err(Error::from)?;
        shared.powers.revealed.check_answer(method, &answer)?;
        Ok(answer)
    }

    /// Tells whoever sees what the calls do how this one ended.
    fn tell_witness<T: Serialize, E: Serialize>(
        &self,
        id: &str,
        answer: &Result<std::result::Result<T, E>>,
    ) -> Result<()> {
        let Shared { witness: Some(witness), powers, .. } = &*self.shared else { return Ok(()) };
        let told = |value: serde_json::Result<Value>| match value {
            Ok(value) => powers.revealed.hidden_value(value),
            // Against the contract, which is found out elsewhere.
            Err(error) => Value::String(format!("cannot be written down: {error}")),
        };
        let answered = match answer {
            Ok(Ok(answer)) => Answered::Driver(Ok(told(serde_json::to_value(answer)))),
            Ok(Err(error)) => Answered::Driver(Err(told(serde_json::to_value(error)))),
            Err(error) => Answered::Ended(powers.revealed.hidden(error.to_string())),
        };
        witness.ended(id, answered)
    }

    /// Waits for a place among the backend's calls; says so if it has to stand in line.
    async fn place(&self, method: &'static str) -> Result<SemaphorePermit<'_>> {
        let Shared { name, places, limits, .. } = &*self.shared;
        if let Ok(place) = places.try_acquire() {
            return Ok(place);
        }
        tracing::debug!(backend = name, "waits for a place among the calls: {method}");
        match tokio::time::timeout(limits.wall, places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Error::Deadline { method, part: Part::Queue, wall: limits.wall }),
        }
    }
}

/// What the audit is told of a call in the sandbox: that it begins, and how it ended. Dropped in
/// between, because its caller gave the call up, it tells that.
struct Told<'a> {
    backend: &'a Backend,
    method: &'static str,
    id: &'a str,
    began: Instant,
    /// How it ended was not told yet.
    open: bool,
    /// Whether that it begins was told.
    begun: bool,
    /// What it has asked.
    tally: Arc<Tally>,
    /// Held, not used: it counts as running.
    _running: Running,
}

impl Told<'_> {
    fn begin(&mut self) -> Result<()> {
        self.write(Event::Call, Map::new())?;
        self.begun = true;
        Ok(())
    }

    fn end(&mut self, error: Option<&Error>) -> Result<()> {
        self.open = false;
        self.count(if error.is_none() { Outcome::Ok } else { Outcome::Failed }, error);
        if !self.begun {
            return Ok(());
        }
        let mut line = self.ended(if error.is_none() { "ok" } else { "failed" });
        if let Some(error) = error {
            line.insert("blame".into(), error.blame().to_string().into());
            let error = printable(&error.to_string(), crate::text::MESSAGE_BYTES);
            line.insert("error".into(), Value::String(error));
        }
        self.write(Event::CallEnd, line)
    }

    fn count(&self, outcome: Outcome, error: Option<&Error>) {
        let metrics = &self.backend.shared.powers.metrics;
        metrics.ended(self.method, outcome, error);
        metrics.took(self.began.elapsed());
    }

    fn ended(&self, outcome: &str) -> Map<String, Value> {
        let took = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut line = Map::from_iter([
            ("duration_ms".to_owned(), took.into()),
            ("outcome".to_owned(), outcome.into()),
        ]);
        line.extend(self.tally.told().map(|counted| ("counted".to_owned(), counted)));
        line
    }

    fn write(&self, event: Event, mut line: Map<String, Value>) -> Result<()> {
        line.insert("method".into(), self.method.into());
        self.backend.shared.powers.audit.write(event, self.id, line)
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        self.count(Outcome::Interrupted, None);
        let interrupted = Answered::Ended("its caller gave it up".to_owned());
        if let Some(witness) = &self.backend.shared.witness
            && let Err(error) = witness.ended(self.id, interrupted)
        {
            tracing::error!(%error, "a call that was given up could not be recorded");
        }
        if self.begun
            && let Err(error) = self.write(Event::CallEnd, self.ended("interrupted"))
        {
            tracing::error!(%error, "a call that was given up could not be told to the audit");
        }
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
