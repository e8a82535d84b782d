//! What goes wrong: errors in place of answers, and calls that are killed. Planned by tests;
//! `asking` asks at each request what is due.

use std::fmt;

use super::Host;
use crate::HostError;

/// Every import, so that a misspelt one is not a fault that never comes.
const IMPORTS: [&str; 28] = [
    "clock.now",
    "clock.sleep",
    "command.pipeline",
    "command.run",
    "config.get",
    "files.copy",
    "files.list",
    "files.make-dir",
    "files.read",
    "files.remove",
    "files.rename",
    "files.set-mode",
    "files.set-owner",
    "files.usage",
    "files.write",
    "http.send",
    "lock.acquire",
    "lock.release",
    "mounts.mount",
    "mounts.unmount",
    "network.allocate",
    "network.deallocate",
    "ssh.run",
    "log.write",
    "state.apply",
    "state.find",
    "state.get",
    "state.get-all",
];

/// What a killed call unwinds with.
pub(super) struct Killed;

/// What happens to one request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Moment {
    /// It is not done, and answered with this.
    Failing(HostError),
    /// The call ends before it is done.
    KilledBefore,
    /// The call ends when it is done, before the driver learns of it.
    KilledAfter,
}

/// One thing that goes wrong in a call, at one of its requests: see [`Host::run_with`] and
/// [`Host::faults_of`]. Shown, it says what.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    moment: Moment,
    request: usize,
    asked: String,
}

impl Fault {
    /// The request of this number, from 1 on, is not done and answered with an error.
    #[must_use]
    pub fn failing(request: usize, error: HostError) -> Self {
        Self::new(Moment::Failing(error), request)
    }

    /// The call ends before the request of this number is done.
    #[must_use]
    pub fn killed_before(request: usize) -> Self {
        Self::new(Moment::KilledBefore, request)
    }

    /// The call ends when the request of this number is done, before the driver learns of it.
    #[must_use]
    pub fn killed_after(request: usize) -> Self {
        Self::new(Moment::KilledAfter, request)
    }

    fn new(moment: Moment, request: usize) -> Self {
        Self { moment, request, asked: String::new() }
    }

    /// What it does to the request of this number.
    pub(super) fn at(&self, request: usize) -> Option<Moment> {
        (self.request == request).then(|| self.moment.clone())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.moment {
            Moment::Failing(error) => write!(formatter, "{error:?} at")?,
            Moment::KilledBefore => write!(formatter, "killed before")?,
            Moment::KilledAfter => write!(formatter, "killed after")?,
        }
        write!(formatter, " request {}", self.request)?;
        if self.asked.is_empty() { Ok(()) } else { write!(formatter, ", `{}`", self.asked) }
    }
}

/// Errors that a test planned by the name of the import.
#[derive(Debug, Default)]
pub(super) struct Planned(Vec<(String, usize, HostError)>);

impl Planned {
    /// The error that a request of this name is to be answered with, if its turn has come.
    pub(super) fn due(&mut self, name: &str) -> Option<HostError> {
        let mut due = None;
        for (at, (planned, left, _)) in self.0.iter_mut().enumerate() {
            if planned == name {
                *left = left.saturating_sub(1);
                if *left == 0 && due.is_none() {
                    due = Some(at);
                }
            }
        }
        due.map(|at| self.0.remove(at).2)
    }
}

impl Host {
    /// The next request of this import, for example `files.rename`, is not done and answered with
    /// this error.
    ///
    /// # Panics
    /// When there is no such import.
    pub fn fail(&self, import: &str, error: HostError) {
        self.fail_nth(import, 1, error);
    }

    /// As [`Host::fail`], for the n-th such request from now on.
    ///
    /// # Panics
    /// When there is no such import, and for a 0th request.
    pub fn fail_nth(&self, import: &str, nth: usize, error: HostError) {
        assert!(IMPORTS.contains(&import), "`{import}` is none of {}", IMPORTS.join(", "));
        assert!(nth > 0, "the first request is number 1");
        self.world().faults.0.push((import.to_owned(), nth, error));
    }

    /// What was planned by [`Host::fail`] and never came, in words: for a test to say that there
    /// is none.
    #[must_use]
    pub fn faults_to_come(&self) -> Vec<String> {
        let world = self.world();
        let words =
            world.faults.0.iter().map(|(name, left, error)| format!("{name} +{left}: {error:?}"));
        words.collect()
    }

    /// Every fault that can hit this call: at each of its requests an error, and being killed
    /// before and after it. To find them the call is run on this host, which is then used up.
    ///
    /// ```
    /// use abaca_sdk::testing::Host;
    /// use abaca_sdk::{Root, files};
    ///
    /// let call = || files::make_dir(&Root("shares").join("share-1"), 0o700);
    /// let host = || Host::new().root("shares");
    /// for fault in host().faults_of(call) {
    ///     let host = host();
    ///     let hit = host.run_with(&fault, call);
    ///     assert!(!matches!(hit, Some(Ok(()))), "{fault}");
    /// }
    /// ```
    ///
    /// # Panics
    /// As [`Host::run`].
    #[must_use]
    pub fn faults_of<T: Send>(&self, call: impl FnOnce() -> T + Send) -> Vec<Fault> {
        self.forget_asked();
        drop(self.run(call));
        let mut faults = Vec::new();
        for (at, asked) in self.asked().into_iter().enumerate() {
            let request = at.saturating_add(1);
            // A driver's work goes on without its log, and an end there is one at the next request.
            if asked.starts_with("log.") {
                continue;
            }
            let mut add = |moment| {
                faults.push(Fault { moment, request, asked: asked.clone() });
            };
            // Giving a lock back does not fail: the call's end does it in any case.
            if !asked.starts_with("lock.release") {
                add(Moment::Failing(HostError::Failed("a fault of the test".to_owned())));
            }
            add(Moment::KilledBefore);
            add(Moment::KilledAfter);
        }
        faults
    }
}

/// Whatever hits a call, the repeated call succeeds: for each of [`Host::faults_of`] the call is
/// run with that fault on a host of its own, then run again, and then `check` looks at what there
/// is. This is what a service relies on that repeats a call after a crash.
///
/// ```
/// use abaca_sdk::testing::{self, Host};
/// use abaca_sdk::{HostError, Root, files};
///
/// let make = || match files::make_dir(&Root("shares").join("share-1"), 0o700) {
///     Err(HostError::AlreadyExists(_)) => Ok(()),
///     answer => answer,
/// };
/// testing::survives(|| Host::new().root("shares"), make, |host, fault| {
///     assert!(host.is_dir("shares:share-1"), "{fault}");
/// });
/// ```
///
/// # Panics
/// When a repeated call fails, with the fault before it.
#[track_caller]
pub fn survives<T, E>(
    prepared: impl Fn() -> Host,
    call: impl Fn() -> Result<T, E> + Sync,
    check: impl Fn(&Host, &Fault),
) where
    T: Send,
    E: Send + fmt::Debug,
{
    for fault in prepared().faults_of(&call) {
        let host = prepared();
        drop(host.run_with(&fault, &call));
        if let Err(error) = host.run(&call) {
            super::place::mistaken(&format!("repeated after a fault ({fault}): {error:?}"));
        }
        check(&host, &fault);
    }
}
