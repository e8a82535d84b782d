//! One driver call: a fresh store, a fresh instance, one deadline over all of it, and then
//! nothing of it is left.
//!
//! ```text
//! place in the backend ─▶ store + limits ─▶ instance ─▶ the driver's function ─▶ its answer
//!                             └── epochs look how long the guest has computed
//!                             └── the gate bounds what it asks
//! ```
//! Called by `Driver` for `describe` and by every room of `backend/`.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::Instance;
use wasmtime::{ResourceLimiter, Store, Trap, UpdateDeadline};

use crate::driver::Driver;
use crate::error::{Error, Limit, Part, Result};
use crate::gate::{AtWork, Ending, Gate, Powers};
use crate::limits::{KILL_GRACE, Limits};
use crate::text::printable;

/// What a store holds: the gate of this call and what the guest has taken of its memory.
pub(crate) struct Room {
    pub(crate) gate: Gate,
    taken: Taken,
}

/// What a call is made of.
pub(crate) struct Call<'a> {
    pub driver: &'a Driver,
    /// The method's name in WIT, for messages.
    pub method: &'static str,
    /// Identifies the call in records, log and audit.
    pub id: &'a str,
    /// None only for `describe`.
    pub powers: Option<Arc<Powers>>,
    pub limits: &'a Limits,
    /// When it began, waiting for its place included.
    pub began: Instant,
}

/// Where the engine's message of used-up lifting lies: the engine has no type for it in public.
const LIFTED_OUT: &str = "fuel allocated for hostcalls";

/// The same of more instances, memories or tables than a store may hold.
const TOO_MANY: &str = "resource limit exceeded: ";

impl Call<'_> {
    /// Instantiates the driver and runs `function` on it.
    ///
    /// # Errors
    /// When the call is ended by a trap, a limit or its deadline. What the driver itself
    /// answers, errors too, is the value.
    pub(crate) async fn run<T, F>(&self, function: F) -> Result<T>
    where
        F: AsyncFnOnce(&mut Store<Room>, &Instance) -> wasmtime::Result<T>,
    {
        let at_work = AtWork::new(Part::Guest);
        // A limit beyond the clock is no limit.
        let deadline = self.began.checked_add(self.limits.wall).unwrap_or_else(far);
        let mut store = self.store(deadline, at_work.clone());
        store.data().gate.cpu.resume();
        let guarded = futures_catch(AssertUnwindSafe(async {
            let instance = self.driver.instantiate(&mut store).await?;
            function(&mut store, &instance).await
        }));
        // Imports and guest keep the deadline themselves and say which of them it was; this
        // one is for what does neither.
        let outer = deadline.saturating_duration_since(Instant::now()) + KILL_GRACE;
        let ended = tokio::time::timeout(outer, guarded).await;
        let answer = match ended {
            Ok(Ok(answer)) => answer,
            Ok(Err(panic)) => {
                tracing::error!(method = self.method, panic, "a host function panicked");
                return Err(Error::Runtime(format!(
                    "{} failed inside Abaca: {panic}",
                    self.method
                )));
            }
            Err(_) => Err(Ending::Deadline(at_work.get()).into()),
        };
        let room = store.data();
        if room.gate.log.dropped > 0 {
            let (method, dropped) = (self.method, room.gate.log.dropped);
            tracing::warn!(
                method,
                dropped,
                "the driver logged more than a call may; dropped lines"
            );
        }
        answer.map_err(|error| self.explain(error, room))
    }

    fn store(&self, deadline: Instant, at_work: AtWork) -> Store<Room> {
        let limits = self.limits;
        let gate =
            Gate::new(self.id.to_owned(), self.powers.clone(), deadline, at_work, limits.clone());
        let taken = Taken::new(limits);
        let mut store = Store::new(self.driver.engine(), Room { gate, taken });
        store.limiter(|room| &mut room.taken);
        store.set_hostcall_fuel(limits.lifted_bytes);
        store.set_max_component_handles(HANDLES);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |mut store| {
            let gate = &store.data_mut().gate;
            gate.check_cpu(gate.cpu.pause())?;
            if Instant::now() >= deadline {
                return Err(Ending::Deadline(Part::Guest).into());
            }
            let cpu = gate.cpu.clone();
            let turn = async move {
                tokio::task::yield_now().await;
                cpu.resume();
            };
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(turn)))
        });
        store
    }

    /// Turns what the engine says into what went wrong.
    fn explain(&self, error: wasmtime::Error, room: &Room) -> Error {
        let method = self.method;
        let limit = |limit, detail: String| Error::Limit { method, limit, detail };
        let error = match error.downcast::<Ending>() {
            Ok(Ending::Limit(which, detail)) => return limit(which, detail),
            Ok(Ending::Deadline(part)) => {
                return Error::Deadline { method, part, wall: self.limits.wall };
            }
            Ok(Ending::Fault(error)) => return error,
            Err(error) => error,
        };
        let text = format!("{error:#}");
        if text.contains(LIFTED_OUT) {
            let detail = format!("{} bytes are allowed", self.limits.lifted_bytes);
            return limit(Limit::LiftedBytes, detail);
        }
        if let Some(refused) = &room.taken.refused {
            return limit(Limit::Memory, refused.clone());
        }
        if let Some((_, what)) = text.split_once(TOO_MANY) {
            return limit(Limit::Memory, what.to_owned());
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => limit(Limit::Stack, String::new()),
            _ => Error::Trap { method, reason: printable(&text, crate::text::MESSAGE_BYTES) },
        }
    }
}

/// Handles that a call may hold. The contract has no resources: a driver that makes any makes
/// them for itself.
const HANDLES: usize = 1_000;

/// A time that no call reaches.
fn far() -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    Instant::now() + YEAR
}

/// Polls a future and turns a panic in it into its text: a mistake in a host function must end
/// one call, not its caller.
async fn futures_catch<T>(
    future: AssertUnwindSafe<impl Future<Output = T>>,
) -> std::result::Result<T, String> {
    let mut future = std::pin::pin!(future.0);
    std::future::poll_fn(move |context| {
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => {
                let text = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied());
                std::task::Poll::Ready(Err(text.unwrap_or("a panic without a text").to_owned()))
            }
        }
    })
    .await
}

/// What the guest has taken of a call's memory, over all memories and tables together: the
/// engine's own limits are for each one.
#[derive(Debug)]
struct Taken {
    memory: usize,
    elements: usize,
    memory_limit: usize,
    elements_limit: usize,
    instances: usize,
    memories: usize,
    tables: usize,
    /// What was refused last, if anything: a guest that traps afterwards trapped for this.
    refused: Option<String>,
}

impl Taken {
    fn new(limits: &Limits) -> Self {
        Self {
            memory: 0,
            elements: 0,
            memory_limit: limits.memory_bytes,
            elements_limit: limits.table_elements,
            instances: limits.instances,
            memories: limits.memories,
            tables: limits.tables,
            refused: None,
        }
    }
}

impl ResourceLimiter for Taken {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.memory_limit {
            self.refused = Some(format!("{} bytes are allowed", self.memory_limit));
            return Ok(false);
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.elements.saturating_add(desired.saturating_sub(current));
        if total > self.elements_limit {
            self.refused = Some(format!("{} table elements are allowed", self.elements_limit));
            return Ok(false);
        }
        self.elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        self.memories
    }

    fn tables(&self) -> usize {
        self.tables
    }
}
