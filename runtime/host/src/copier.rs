//! Copies what is in one share into another: the migration that the host assists, where no driver
//! moves the data. Called by `backend/host_migration.rs`.
//!
//! No command of a driver is run. What a driver says of how its share is mounted is read as data
//! (`mount_command`); the place that it names lies beneath a root of the backend's own policy, or
//! nothing is copied. Then two brokers do it, each by its own policy and through its own gate:
//!
//! ```text
//! gate ─ files.send ─▶ broker of the source ─ pipe ─▶ relay ─ pipe ─▶ broker of the destination
//!   ▲                    reads only                (counts)        writes only   ◀─ files.receive ─ gate
//!   └────────────────── tally ◀──── equal? ────▶ tally ──────────────────────────────┘
//! ```
//! The relay here sees the bytes and looks only at how many there are going to be. Given up, both
//! brokers end what they do.

mod crossings;
mod mount_command;

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use abaca_broker::protocol::{Decoder, Item, Tally};
use abaca_policy::GuestPath;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::watch;

use self::crossings::{ReceiveTree, SendTree, Tree};
pub(crate) use self::mount_command::place_of;
use crate::contract::bindings::abaca::host::types as host;
use crate::error::{Error, Part, Result};
use crate::gate::{AtWork, Crossing, Ending, Gate, Powers};
use crate::limits::Limits;
use crate::types::{Denial, Error as DriverError};

/// How long one copy may take: the broker's own bound.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How much is passed on at once.
const PIECE: usize = 256 * 1024;

/// The most percent before it is done.
const ALMOST: u8 = 99;

/// One end of a copy.
pub(crate) struct End<'a> {
    pub powers: &'a Arc<Powers>,
    pub limits: &'a Limits,
    /// Identifies the call in records and audit.
    pub call: &'a str,
    /// The directory.
    pub place: GuestPath,
}

impl End<'_> {
    fn gate(&self, deadline: Instant) -> Gate {
        let at_work = AtWork::new(Part::Guest);
        let powers = Some(Arc::clone(self.powers));
        let (call, limits) = (self.call.to_owned(), self.limits.clone());
        // A copy is no call of a driver: nobody has it in a transcript.
        Gate::new(call, powers, None, deadline, at_work, limits, Arc::default())
    }
}

/// Makes what is at `to` what is at `from`, but for `ignore` at the top of each. How far it is, 0 to
/// 100, is told to `progress`. All of it is on the storage when this is back.
///
/// # Errors
/// What a policy denies, what was changed meanwhile, no room, and what the brokers answer otherwise.
pub(crate) async fn copy(
    from: End<'_>,
    to: End<'_>,
    ignore: &[String],
    progress: &watch::Sender<u8>,
) -> Result<()> {
    let deadline = Instant::now() + LONGEST;
    let (out, sent) = pipe()?;
    let (received, into) = pipe()?;
    let tree =
        |place: &GuestPath, stream| Tree { place: place.clone(), ignore: ignore.to_vec(), stream };
    let (mut from_gate, mut to_gate) = (from.gate(deadline), to.gate(deadline));
    let send = cross(&mut from_gate, SendTree(tree(&from.place, sent)));
    let receive = cross(&mut to_gate, ReceiveTree(tree(&to.place, received)));
    let relay = relay(out, into, progress);
    let both = async { tokio::try_join!(send, receive) };
    // It never ends by itself: which end failed, and why, that one says.
    let copied = tokio::select! {
        both = both => both,
        broken = relay => Err(broken),
    };
    if copied.is_err() {
        from.powers.broker.quiet().await;
        to.powers.broker.quiet().await;
    }
    let (sent, made) = copied?;
    if sent != made {
        return Err(Error::Runtime(format!(
            "what was copied is not what was sent: {made:?} instead of {sent:?} (entries, bytes)"
        )));
    }
    progress.send_replace(100);
    Ok(())
}

/// Both ends of a pipe, the one to read from first.
fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    pipe_with(PipeFlags::CLOEXEC)
        .map_err(|errno| Error::Runtime(format!("a pipe for the copy: {errno}")))
}

/// Passes on what comes, for as long as it is let.
async fn relay(out: OwnedFd, into: OwnedFd, progress: &watch::Sender<u8>) -> Error {
    let broken = |error: std::io::Error| Error::Runtime(format!("the pipe of the copy: {error}"));
    let ends = pipe::Receiver::from_owned_fd(out)
        .and_then(|out| Ok((out, pipe::Sender::from_owned_fd(into)?)));
    let (mut out, mut into) = match ends {
        Ok(ends) => ends,
        Err(error) => return broken(error),
    };
    let mut meter = Meter { decoder: Some(Decoder::default()), all: 0, passed: 0 };
    let mut piece = vec![0; PIECE];
    while let Ok(count @ 1..) = out.read(&mut piece).await {
        let Some(bytes) = piece.get(..count) else { break };
        if into.write_all(bytes).await.is_err() {
            break;
        }
        let percent = meter.passed(bytes);
        progress.send_if_modified(|now| {
            let is_more = percent > *now;
            *now = percent.max(*now);
            is_more
        });
    }
    // The ends stay open: a broker that has ended is about to say why, and to hear of it from the
    // other one would hide that.
    std::future::pending().await
}

/// How much has passed, of how much that is going to come.
struct Meter {
    /// Until the first frame has come, which says so.
    decoder: Option<Decoder>,
    all: u64,
    passed: u64,
}

impl Meter {
    fn passed(&mut self, bytes: &[u8]) -> u8 {
        self.passed = self.passed.saturating_add(bytes.len() as u64);
        if let Some(decoder) = &mut self.decoder {
            decoder.push(bytes);
            match decoder.next::<Item>() {
                Ok(None) => return 0,
                Ok(Some(frame)) => {
                    if let Item::Begin { tally: Tally { bytes, .. }, .. } = frame.header {
                        self.all = bytes;
                    }
                }
                // The other end says so.
                Err(_) => {}
            }
            self.decoder = None;
        }
        let percent = self.passed.saturating_mul(100) / self.all.max(1);
        u8::try_from(percent).unwrap_or(ALMOST).min(ALMOST)
    }
}

/// Crosses a gate as a driver's request would, and says what came of it.
async fn cross<C: Crossing>(gate: &mut Gate, request: C) -> Result<C::Answer> {
    match gate.cross(request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Error::Driver(failure(error))),
        Err(error) => Err(match error.downcast::<Ending>() {
            Ok(Ending::Fault(error)) => error,
            Ok(ending) => Error::Runtime(ending.to_string()),
            Err(error) => Error::Runtime(format!("{error:#}")),
        }),
    }
}

fn failure(error: host::Error) -> DriverError {
    match error {
        host::Error::Denied(host::Denial { rule, reason }) => {
            DriverError::Denied(Denial { rule, reason })
        }
        host::Error::Deadline(text) => DriverError::Deadline(text),
        host::Error::Busy(text) => DriverError::ShareIsBusy(text),
        host::Error::NoSpace(text) => {
            DriverError::MigrationFailed(format!("no room left at the destination: {text}"))
        }
        host::Error::Invalid(text)
        | host::Error::NotFound(text)
        | host::Error::AlreadyExists(text)
        | host::Error::NotEmpty(text)
        | host::Error::Conflict(text)
        | host::Error::Limit(text)
        | host::Error::Failed(text) => DriverError::MigrationFailed(text),
    }
}

#[cfg(test)]
mod tests {
    use abaca_broker::protocol::{About, encode};

    use super::*;

    #[test]
    fn progress_is_told_in_bytes_and_never_too_early() {
        let about = About { mode: 0, uid: 0, gid: 0, accessed: (0, 0), modified: (0, 0) };
        let tally = Tally { entries: 1, bytes: 1000 };
        let begin = encode(&Item::Begin { tally, about }, b"").unwrap();
        let mut meter = Meter { decoder: Some(Decoder::default()), all: 0, passed: 0 };
        let (first, rest) = begin.split_at(10);
        assert_eq!(meter.passed(first), 0);
        let already = meter.passed(rest);
        assert!(already < 50, "{already}");
        assert_eq!(meter.passed(&[0; 500]), already + 50);
        assert_eq!(meter.passed(&[0; 5000]), ALMOST);
    }
}
