//! Running one call of a driver on a host: a thread of its own, so that nothing that an earlier
//! call kept in its thread is there, and an end at which locks are given back. Called by tests.
//!
//! Statics of a driver do last here, which in a component they do not: only the component is the
//! proof that a driver keeps nothing.

use std::any::Any;
use std::thread;

use super::Host;
use super::asking::{Call, CallKind};
use super::faults::{Fault, Killed};

/// What a call came to: its answer, or what it panicked with.
type Ended<T> = Result<T, Box<dyn Any + Send>>;

impl Host {
    /// Runs one call of a driver. A panic in it is the test's own.
    ///
    /// ```
    /// use abaca_sdk::testing::Host;
    /// use abaca_sdk::clock;
    ///
    /// let now = Host::new().run(clock::now).unwrap();
    /// assert_eq!(now.as_secs(), 1_767_225_600);
    /// ```
    ///
    /// # Panics
    /// When the call does, or asks for more than the runtime lets one call do.
    pub fn run<T: Send>(&self, call: impl FnOnce() -> T + Send) -> T {
        finish(self.perform(CallKind::default(), call))
    }

    /// Runs `setup_server` or `teardown_server` of this share server: the calls that may lease
    /// addresses.
    ///
    /// # Panics
    /// As [`Host::run`].
    pub fn run_for_server<T: Send>(&self, server_id: &str, call: impl FnOnce() -> T + Send) -> T {
        let kind = CallKind { server: Some(server_id.to_owned()), ..CallKind::default() };
        finish(self.perform(kind, call))
    }

    /// Runs one call of a driver with this fault in it; none when the fault killed it.
    ///
    /// # Panics
    /// As [`Host::run`].
    pub fn run_with<T: Send>(&self, fault: &Fault, call: impl FnOnce() -> T + Send) -> Option<T> {
        match self.perform(CallKind { fault: Some(fault.clone()), ..CallKind::default() }, call) {
            Err(payload) if payload.is::<Killed>() => None,
            ended => Some(finish(ended)),
        }
    }

    /// Runs `describe`, to which nothing but the log is granted.
    pub(super) fn run_describing<T: Send>(&self, call: impl FnOnce() -> T + Send) -> T {
        finish(self.perform(CallKind { describes: true, ..CallKind::default() }, call))
    }

    fn perform<T: Send>(&self, kind: CallKind, call: impl FnOnce() -> T + Send) -> Ended<T> {
        if !kind.describes {
            let missing = self.world().options.missing();
            assert!(missing.is_none(), "{}", missing.unwrap_or_default());
        }
        let id = {
            let mut world = self.world();
            world.calls = world.calls.saturating_add(1);
            world.calls
        };
        let begun = Call::new(self.clone(), id, kind);
        // Under the test's name, which a panic's message shows.
        let name = thread::current().name().unwrap_or("a test").to_owned();
        let ended = thread::scope(|scope| {
            let thread = thread::Builder::new().name(name).spawn_scoped(scope, || {
                begun.enter();
                call()
            });
            match thread {
                Ok(thread) => thread.join(),
                Err(error) => Err(Box::new(format!("no thread for the call: {error}")) as Box<_>),
            }
        });
        // However it ended, as the runtime does it.
        self.world().locks.give_back_all(id);
        ended
    }
}

/// The answer; a panic goes on in the test.
fn finish<T>(ended: Ended<T>) -> T {
    ended.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}
