//! How many commands run at once, over all backends of a runtime. Every backend has one place of
//! its own, so that nobody's commands, however many and long, keep another backend from working;
//! the other places are for all, and a place that becomes free goes to the next backend in turn.
//!
//! It bounds nothing within a call: a call waits for its command. Called by the gate, for requests that
//! run programs.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// The places of one runtime.
#[derive(Debug)]
pub(crate) struct Places(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Places for all that nobody has. While somebody waits there is none.
    free: usize,
    /// The backends that use the place of their own.
    own: HashSet<u64>,
    /// Who waits, by backend; the first is the next one's turn.
    lines: VecDeque<Line>,
    /// The last number of a backend.
    last: u64,
}

/// The calls of one backend that wait, in their order; never empty.
#[derive(Debug)]
struct Line {
    backend: u64,
    calls: VecDeque<oneshot::Sender<Place>>,
}

/// A backend among the others.
#[derive(Debug)]
pub(crate) struct Commands {
    places: Arc<Places>,
    backend: u64,
}

/// A place for one command; dropped, it is the next one's.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    /// The backend whose own place it is; none where it is one for all.
    own: Option<u64>,
}

impl Places {
    /// So many places for all.
    pub(crate) fn new(free: usize) -> Arc<Self> {
        let state = State { free, own: HashSet::new(), lines: VecDeque::new(), last: 0 };
        Arc::new(Self(Mutex::new(state)))
    }

    /// One more backend.
    pub(crate) fn backend(self: &Arc<Self>) -> Commands {
        let mut state = self.state();
        state.last += 1;
        Commands { places: Arc::clone(self), backend: state.last }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock calls code of others: a holder that panicked left it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next call that waits for this place, if any does.
    fn next(&self, own: Option<u64>) -> Option<oneshot::Sender<Place>> {
        let mut state = self.state();
        loop {
            let at = match own {
                Some(backend) => state.lines.iter().position(|line| line.backend == backend),
                None => (!state.lines.is_empty()).then_some(0),
            };
            let Some(mut line) = at.and_then(|at| state.lines.remove(at)) else {
                match own {
                    Some(backend) => drop(state.own.remove(&backend)),
                    None => state.free += 1,
                }
                return None;
            };
            // Here, and not by handing the place from one to the next: they may be thousands.
            line.calls.retain(|call| !call.is_closed());
            let call = line.calls.pop_front();
            if !line.calls.is_empty() {
                match (own, at) {
                    // Of its own place it does not pay with its turn.
                    (Some(_), Some(at)) => state.lines.insert(at, line),
                    _ => state.lines.push_back(line),
                }
            }
            if call.is_some() {
                return call;
            }
        }
    }
}

impl Commands {
    /// Waits for a place and takes it; says so if it has to stand in line. Dropping the future gives
    /// up the wait.
    ///
    /// # Errors
    /// When the runtime is ending.
    pub(crate) async fn place(&self, in_line: impl FnOnce()) -> Result<Place> {
        let place = |own| Place { places: Arc::clone(&self.places), own };
        let waiting = {
            let mut state = self.places.state();
            if state.own.insert(self.backend) {
                return Ok(place(Some(self.backend)));
            }
            if state.free > 0 {
                state.free -= 1;
                return Ok(place(None));
            }
            let (sender, receiver) = oneshot::channel();
            match state.lines.iter_mut().find(|line| line.backend == self.backend) {
                Some(line) => {
                    // Those that have given up would fill the line for as long as nobody leaves.
                    line.calls.retain(|call| !call.is_closed());
                    line.calls.push_back(sender);
                }
                None => {
                    let calls = VecDeque::from([sender]);
                    state.lines.push_back(Line { backend: self.backend, calls });
                }
            }
            receiver
        };
        in_line();
        waiting.await.map_err(|_| Error::Runtime("the queue of commands is gone".to_owned()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(call) = self.places.next(self.own) {
            // To a call that has given up meanwhile it does not get, and is dropped once more.
            drop(call.send(Self { places: Arc::clone(&self.places), own: self.own }));
        }
    }
}
