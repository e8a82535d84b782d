//! Whose guest computes next: no more guests compute at the same time than there are processors,
//! and the backend that has computed least goes first. So a backend whose guests compute without
//! end takes from another one's calls no more than a turn's length now and then.
//!
//! ```text
//!            woken by the host                     least used backend first
//!  resting ────────────────────▶ waiting ────────────────────────────────▶ granted
//!     ▲        (a turn is free: granted at once)                              │ polled
//!     └──────────── pending ──────────────── computing ◀──────────────────────┘
//! ```
//! A turn lasts for one poll of the call's future: until the guest asks the host for something
//! that takes time, or until the engine's next epoch. The call's future is not woken by what it
//! waits for but by its turn; so the async workers' own queues, which know nothing of backends,
//! hold only guests whose turn it is. Between two turns the workers look at sockets and clocks.
//!
//! It interrupts nobody: that is the epoch's. It measures no limit: that is `cpu`'s. Called by
//! `call` around every call.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::cpu::thread_time;
use crate::limits::EPOCH_TICK;

/// How far behind the others a backend counts that has rested, in computing time: so much may it
/// compute before it waits in line with those that compute all the time. A call of an ordinary
/// driver computes some milliseconds.
const LEAD: Duration = Duration::from_millis(100);

/// The turns of one runtime.
#[derive(Debug)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Turns that nobody has. While somebody waits there is none, or one is just passed on.
    free: usize,
    /// What the backend had computed whose turn began last; a backend that rested begins near it.
    floor: Duration,
    /// The last number that was given out: for accounts, calls and their places in line.
    last: u64,
    accounts: HashMap<u64, Ledger>,
    calls: HashMap<u64, Caller>,
    /// The calls in line, in no order.
    waiting: Vec<u64>,
}

/// What is known of one backend.
#[derive(Debug, Default)]
struct Ledger {
    /// What it has computed, or has been put ahead to.
    used: Duration,
    /// Its calls that wait, or have a turn.
    busy: usize,
}

/// What is known of one call.
#[derive(Debug)]
struct Caller {
    account: u64,
    stage: Stage,
    /// Its place in line: who came first goes first within a backend.
    since: u64,
    /// Who polls it.
    task: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It waits for the host.
    Resting,
    /// It waits for its turn.
    Waiting,
    /// It has its turn and was woken.
    Granted,
    /// It is being polled; `again` if it was woken meanwhile.
    Computing { again: bool },
}

impl Turns {
    /// As many turns as there are processors for this process.
    pub(crate) fn new() -> Arc<Self> {
        let free = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Arc::new(Self(Mutex::new(State {
            free,
            floor: Duration::ZERO,
            last: 0,
            accounts: HashMap::new(),
            calls: HashMap::new(),
            waiting: Vec::new(),
        })))
    }

    /// A backend's account of what its guests compute.
    pub(crate) fn account(self: &Arc<Self>) -> Account {
        let mut state = self.state();
        let id = state.number();
        state.accounts.insert(id, Ledger::default());
        drop(state);
        Account { turns: Arc::clone(self), id }
    }

    /// A turn is free again: whoever is next is woken.
    fn give_back(&self) {
        let mut state = self.state();
        state.free += 1;
        let woken = state.hand_out();
        drop(state);
        // Not under the lock: whoever is woken may come right back here.
        woken.into_iter().for_each(Waker::wake);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock calls code of others, which wakers do when they are woken or
        // dropped: a holder that panicked left it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// A call wants to compute.
    fn ask(&mut self, call: u64) {
        let since = self.number();
        let Some(caller) = self.calls.get_mut(&call) else { return };
        match caller.stage {
            Stage::Resting => {
                (caller.stage, caller.since) = (Stage::Waiting, since);
                self.waiting.push(call);
                if let Some(ledger) = self.accounts.get_mut(&caller.account) {
                    if ledger.busy == 0 {
                        ledger.used = ledger.used.max(self.floor.saturating_sub(LEAD));
                    }
                    ledger.busy += 1;
                }
            }
            Stage::Computing { .. } => caller.stage = Stage::Computing { again: true },
            Stage::Waiting | Stage::Granted => {}
        }
    }

    /// Gives the free turns to those who are next, and says whom to wake.
    fn hand_out(&mut self) -> Vec<Waker> {
        let mut woken = Vec::new();
        while self.free > 0 {
            let next = self.waiting.iter().enumerate().min_by_key(|(_, call)| self.rank(**call));
            let Some((at, call)) = next.map(|(at, call)| (at, *call)) else { break };
            self.waiting.swap_remove(at);
            let Some(caller) = self.calls.get_mut(&call) else { continue };
            self.free -= 1;
            caller.stage = Stage::Granted;
            woken.extend(caller.task.take());
            if let Some(ledger) = self.accounts.get_mut(&caller.account) {
                self.floor = self.floor.max(ledger.used);
                // As if it took all of its turn, lest a backend take several for the price of one;
                // what it did take is put right when the turn ends.
                ledger.used += EPOCH_TICK;
            }
        }
        woken
    }

    /// Who goes first: the backend that computed least, and in it who came first.
    fn rank(&self, call: u64) -> (Duration, u64) {
        let Some(caller) = self.calls.get(&call) else { return Default::default() };
        let used = self.accounts.get(&caller.account).map_or(Duration::ZERO, |ledger| ledger.used);
        (used, caller.since)
    }

    fn rests(&mut self, account: u64) {
        if let Some(ledger) = self.accounts.get_mut(&account) {
            ledger.busy = ledger.busy.saturating_sub(1);
        }
    }
}

/// What the calls of one backend are counted on.
#[derive(Debug)]
pub(crate) struct Account {
    turns: Arc<Turns>,
    id: u64,
}

impl Account {
    /// Does the work of one call, whenever it is its turn. Dropping the future gives up its place
    /// in line, and its turn.
    pub(crate) async fn compute<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let seat = self.seat();
        let ask = Ask { turns: Arc::clone(&self.turns), call: seat.call };
        let waker = Waker::from(Arc::new(ask));
        std::future::poll_fn(move |context| {
            if !seat.begin(context.waker()) {
                return Poll::Pending;
            }
            let before = thread_time();
            let poll = work.as_mut().poll(&mut Context::from_waker(&waker));
            seat.end(thread_time().saturating_sub(before));
            poll
        })
        .await
    }

    fn seat(&self) -> Seat<'_> {
        let mut state = self.turns.state();
        let call = state.number();
        let caller = Caller { account: self.id, stage: Stage::Resting, since: 0, task: None };
        state.calls.insert(call, caller);
        // It has something to do from the beginning.
        state.ask(call);
        Seat { turns: &self.turns, call }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.turns.state().accounts.remove(&self.id);
    }
}

/// One call among the others; dropped, it is no longer one of them.
struct Seat<'a> {
    turns: &'a Arc<Turns>,
    call: u64,
}

impl Seat<'_> {
    /// Whether it is this call's turn. If it is not, `task` is woken when it is.
    fn begin(&self, task: &Waker) -> bool {
        let mut state = self.turns.state();
        // This one is here already, and need not be woken for a turn that it gets now.
        let before = state.calls.get_mut(&self.call).and_then(|caller| caller.task.take());
        let woken = state.hand_out();
        let granted = state.calls.get_mut(&self.call).is_some_and(|caller| {
            caller.task = Some(task.clone());
            let granted = caller.stage == Stage::Granted;
            if granted {
                caller.stage = Stage::Computing { again: false };
            }
            granted
        });
        drop(state);
        drop(before);
        woken.into_iter().for_each(Waker::wake);
        granted
    }

    /// The turn is over, and goes to whoever is next.
    fn end(&self, computed: Duration) {
        let mut state = self.turns.state();
        let (call, since) = (self.call, state.number());
        let Some(caller) = state.calls.get_mut(&call) else { return };
        let (account, again) = (caller.account, caller.stage == Stage::Computing { again: true });
        caller.stage = if again { Stage::Waiting } else { Stage::Resting };
        caller.since = since;
        if let Some(ledger) = state.accounts.get_mut(&account) {
            ledger.used = ledger.used.saturating_sub(EPOCH_TICK).saturating_add(computed);
        }
        if again {
            state.waiting.push(call);
        } else {
            state.rests(account);
        }
        if state.waiting.is_empty() {
            state.free += 1;
            return;
        }
        drop(state);
        pass_on(Arc::clone(self.turns));
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        let gone = state.calls.remove(&self.call);
        state.waiting.retain(|call| *call != self.call);
        let stage = gone.as_ref().map_or(Stage::Resting, |caller| caller.stage);
        if let Some(caller) = gone.as_ref().filter(|_| stage != Stage::Resting) {
            state.rests(caller.account);
        }
        drop(state);
        if matches!(stage, Stage::Granted | Stage::Computing { .. }) {
            // Given up before it was polled, or while: what the turn cost is not known.
            self.turns.give_back();
        }
    }
}

/// What the work of a call is woken by: it asks for a turn.
struct Ask {
    turns: Arc<Turns>,
    call: u64,
}

impl Wake for Ask {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.turns.state();
        state.ask(self.call);
        let woken = state.hand_out();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }
}

/// A turn on its way to whoever is next.
struct Passing(Arc<Turns>);

impl Wake for Passing {
    /// There is nothing to do: the turn arrives when nobody holds it back any more.
    fn wake(self: Arc<Self>) {}
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

/// Gives a turn to whoever is next, after the async worker has looked at its sockets and clocks:
/// else guests that compute would follow each other for as long as there are any, and what the
/// others wait for would come and not be seen. Outside of a worker it is given at once.
fn pass_on(turns: Arc<Turns>) {
    let waker = Waker::from(Arc::new(Passing(turns)));
    // A task that yields is woken after just that; here nobody waits for it, and what is woken is
    // the turn.
    let _ = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&waker));
}
