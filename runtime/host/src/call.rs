//! One driver call: a fresh store, a fresh instance, one deadline over all of it, and then
//! nothing of it is left.
//!
//! ```text
//! place in the backend ─▶ store + limits ─▶ instance ─▶ the driver's function ─▶ its answer
//!                             └── turns say whose guest computes
//!                             └── epochs look how long the guest has computed
//!                             └── the gate bounds what it asks
//! ```
//! Called by `Driver` for `describe` and by every room of `backend/`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::Instance;
use wasmtime::{ResourceLimiter, Store, Trap, UpdateDeadline};

use crate::driver::Driver;
use crate::error::{Error, Limit, Part, Result};
use crate::gate::{AtWork, Ending, Gate, Powers, Tally, Witness};
use crate::limits::{KILL_GRACE, Limits};
use crate::panics::caught;
use crate::text::printable;
use crate::turns::Account;

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
    /// Who sees what crosses the gate, if anybody does.
    pub witness: Option<Arc<dyn Witness>>,
    pub limits: &'a Limits,
    /// Where its requests are counted.
    pub tally: Arc<Tally>,
    /// On which the guest's computing is counted.
    pub account: &'a Account,
    /// When it began, waiting for its place included.
    pub began: Instant,
}

/// Where the engine's message of used-up lifting lies: the engine has no type for it in public.
const LIFTED_OUT: &str = "fuel allocated for hostcalls";

/// The same of more handles than a store may hold.
const TOO_MANY_HANDLES: &str = "store handle limit exceeded";

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
        // In a box of its own: whatever is put around a future has room for all of it, twice.
        let work = Box::pin(async {
            store.data().gate.cpu.resume();
            let instance = self.instance(&mut store).await?;
            function(&mut store, &instance).await
        });
        let guarded = caught(self.method, work);
        // Imports and guest keep the deadline themselves and say which of them it was; this
        // one is for what does neither.
        let outer = deadline.saturating_duration_since(Instant::now()) + KILL_GRACE;
        let ended = tokio::time::timeout(outer, self.account.compute(guarded)).await;
        let answer = match ended {
            Ok(answer) => answer?,
            Err(_) => Err(Ending::Deadline(at_work.get()).into()),
        };
        // Before it is told how the call ended, also where it did not end well.
        let told = store.data_mut().gate.audit_now();
        let room = store.data();
        if room.gate.log.dropped > 0 {
            let (method, dropped) = (self.method, room.gate.log.dropped);
            tracing::warn!(
                method,
                dropped,
                "the driver logged more than a call may; dropped lines"
            );
        }
        let answer = answer.map_err(|error| self.explain(error, room))?;
        told.map(|()| answer)
    }

    async fn instance(&self, store: &mut Store<Room>) -> wasmtime::Result<Instance> {
        let began = Instant::now();
        let instance = self.driver.instantiate(store).await?;
        if let Some(powers) = &self.powers {
            powers.metrics.instantiated(began.elapsed());
        }
        Ok(instance)
    }

    fn store(&self, deadline: Instant, at_work: AtWork) -> Store<Room> {
        let limits = self.limits;
        let (powers, witness) = (self.powers.clone(), self.witness.clone());
        let gate = Gate::new(
            self.id.to_owned(),
            powers,
            witness,
            deadline,
            at_work,
            limits.clone(),
            Arc::clone(&self.tally),
        );
        let taken = Taken::new(limits);
        let mut store = Store::new(self.driver.engine(), Room { gate, taken });
        store.limiter(|room| &mut room.taken);
        store.set_hostcall_fuel(limits.lifted_bytes);
        store.set_max_component_handles(limits.component_handles);
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
            Ok(Ending::Killed(reason)) => return Error::Trap { method, reason },
            Err(error) => error,
        };
        let text = format!("{error:#}");
        if text.contains(LIFTED_OUT) {
            let detail = format!("{} bytes are allowed", self.limits.lifted_bytes);
            return limit(Limit::LiftedBytes, detail);
        }
        if text.contains(TOO_MANY_HANDLES) {
            let detail = format!("{} are allowed", self.limits.component_handles);
            return limit(Limit::Handles, detail);
        }
        if let Some(refused) = &room.taken.refused {
            return limit(Limit::Memory, refused.clone());
        }
        if let Some((_, what)) = text.split_once(TOO_MANY) {
            return limit(Limit::Memory, what.to_owned());
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => {
                limit(Limit::Stack, format!("{} bytes are allowed", self.limits.stack_bytes))
            }
            _ => Error::Trap { method, reason: printable(&text, crate::text::MESSAGE_BYTES) },
        }
    }
}

/// A time that no call reaches.
fn far() -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    Instant::now() + YEAR
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
