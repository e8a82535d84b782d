//! The one way from a room of the SDK to the host of the test that runs, as the gate is in the
//! runtime: each request is counted, written down, hit by a fault if one is due, and answered.
//! Called by `imports` for every function; what the answer is, the rooms beside this know.

use std::cell::RefCell;
use std::time::Duration;

use super::Host;
use super::faults::{Fault, Killed, Moment};
use crate::HostError;
use crate::bindings::abaca::host::types::Denial;

/// How many requests one call may make: the runtime's own default. A driver that loops for ever
/// ends here.
const REQUESTS: usize = 100_000;

/// How long one call may take, by the host's clock: the runtime's own default.
const WALL: Duration = Duration::from_secs(30 * 60);

/// A request of a driver.
pub(crate) trait Request {
    /// The import, for example `files.make-dir`.
    const NAME: &'static str;
    /// What it is answered with.
    type Answer;
    /// What is asked, in words for people.
    fn words(&self) -> String;
    /// Does it.
    fn answer(&self, host: &Host, call: &Context) -> Result<Self::Answer, HostError>;
}

/// What a room may know of the call that asks.
pub(crate) struct Context {
    /// The call.
    pub id: u64,
    /// The share server that is set up or torn down.
    pub server: Option<String>,
    /// How much time is left.
    pub left: Duration,
    /// How many lines the call has written before.
    pub lines: usize,
}

/// What kind of call it is.
#[derive(Debug, Default)]
pub(super) struct CallKind {
    pub server: Option<String>,
    pub fault: Option<Fault>,
    pub describes: bool,
}

/// The call that this thread runs.
pub(super) struct Call {
    host: Host,
    id: u64,
    kind: CallKind,
    began: Duration,
    requests: usize,
    lines: usize,
    /// It was killed: destructors may ask on, and nothing is done.
    dead: bool,
}

thread_local! {
    static CALL: RefCell<Option<Call>> = const { RefCell::new(None) };
}

impl Call {
    pub(super) fn new(host: Host, id: u64, kind: CallKind) -> Self {
        let began = host.world().clock.now;
        Self { host, id, kind, began, requests: 0, lines: 0, dead: false }
    }

    /// From now on this thread is the call.
    pub(super) fn enter(self) {
        CALL.set(Some(self));
    }
}

/// What is to be done with a request.
enum Step {
    /// There is no call in this thread.
    Outside,
    /// The call is dead.
    Dead,
    /// It is answered, unless a fault hits it.
    Live { host: Host, context: Context, fault: Option<Moment>, describes: bool, count: usize },
}

fn step(name: &str) -> Step {
    CALL.with_borrow_mut(|call| match call {
        None => Step::Outside,
        Some(call) if call.dead => Step::Dead,
        Some(call) => {
            call.requests = call.requests.saturating_add(1);
            let lines = call.lines;
            if name == "log.write" {
                call.lines = lines.saturating_add(1);
            }
            let count = call.requests;
            let now = call.host.world().clock.now;
            let context = Context {
                id: call.id,
                server: call.kind.server.clone(),
                left: WALL.saturating_sub(now.saturating_sub(call.began)),
                lines,
            };
            let fault = call.kind.fault.as_ref().and_then(|fault| fault.at(count));
            Step::Live {
                host: call.host.clone(),
                context,
                fault,
                describes: call.kind.describes,
                count,
            }
        }
    })
}

/// Asks the host of the test that runs.
///
/// # Panics
/// Outside of [`Host::run`], and when a call asks for more than it may.
pub(crate) fn ask<R: Request>(request: &R) -> Result<R::Answer, HostError> {
    let (host, context, fault, describes, count) = match step(R::NAME) {
        Step::Live { host, context, fault, describes, count } => {
            (host, context, fault, describes, count)
        }
        Step::Dead => return Err(HostError::Failed("the call was killed".to_owned())),
        // A guard that is dropped while a test fails must not hide why it fails.
        Step::Outside if std::thread::panicking() => {
            return Err(HostError::Failed("there is no call".to_owned()));
        }
        Step::Outside => outside(R::NAME),
    };
    assert!(count <= REQUESTS, "the call made more than {REQUESTS} requests; does it end?");
    assert!(
        !context.left.is_zero(),
        "the call took more than {} minutes of the host's clock; the runtime ends it then",
        WALL.as_secs() / 60
    );
    {
        let mut world = host.world();
        let words = [R::NAME, &request.words()].join(" ").trim_end().to_owned();
        world.asked.push(words);
    }
    if describes && R::NAME != "log.write" {
        let reason = format!("{} is not to be had while a driver describes itself", R::NAME);
        return Err(HostError::Denied(Denial { rule: None, reason }));
    }
    match fault {
        Some(Moment::Failing(error)) => return Err(error),
        Some(Moment::KilledBefore) => kill(),
        Some(Moment::KilledAfter) | None => {}
    }
    let planned = host.world().faults.due(R::NAME);
    let answer = match planned {
        Some(error) => Err(error),
        None => request.answer(&host, &context),
    };
    if matches!(fault, Some(Moment::KilledAfter)) {
        kill();
    }
    answer
}

/// Ends the call where it is, as a trap does; no hook says anything about it.
fn kill() -> ! {
    CALL.with_borrow_mut(|call| {
        if let Some(call) = call {
            call.dead = true;
        }
    });
    std::panic::resume_unwind(Box::new(Killed))
}

#[expect(clippy::panic, reason = "a mistake of a test, which ends with a sentence for its author")]
fn outside(name: &str) -> ! {
    panic!(
        "`{name}` was asked where no host is: run the call as `host.run(|| ...)` on a \
         `abaca_sdk::testing::Host`"
    )
}
