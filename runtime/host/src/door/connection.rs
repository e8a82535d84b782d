//! One client of the door: reads its lines, runs its requests beside each other, answers each when
//! it is done. A client that goes away gives up what it asked for.
//!
//! ```text
//! reading ──(line)──▶ calls: one task for each request ──(done)──▶ answers ─▶ writer
//!    │ (not while answers wait to be read)
//!    │ the client sends no more, or the service stops
//!    ▼
//! draining: what runs is finished and answered ─▶ closed
//!    │ the client has gone, or does not read
//!    └──▶ closed: what runs is given up
//! ```

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::MissedTickBehavior;

use super::lines::{LINE_BYTES, Line, Lines};
use super::message::{Id, Message, Refused, Request, Response};
use super::methods::answers_a_list;
use super::unread::{Answer, Place, Unread, write_all};
use super::{CALLS_PER_BACKEND, Door, Failure};

/// The requests of one array: more than any service has found useful.
pub const ARRAY: usize = 256;

/// The requests of one connection that run, wait, or have an answer that is not read yet: all that one
/// backend may let hang, and an array for the others.
pub const CALLS_PER_CONNECTION: usize = CALLS_PER_BACKEND + ARRAY;

/// The method that gives up a request of the same connection: `{"id": …}`. It answers whether
/// there was one. Names that begin with `rpc.` are JSON-RPC's for such things.
pub const CANCEL: &str = "rpc.cancel";

/// The method that answers the schema of all methods.
pub const DISCOVER: &str = "rpc.discover";

/// Answers that wait to be written before no more lines are read.
const ANSWERS: usize = 16;

/// What one permit of `request_bytes` stands for, in bytes.
pub(super) const PERMIT_BYTES: usize = 1024;

/// How often it is looked whether a client that sends no more has gone.
const LOOK: Duration = Duration::from_millis(100);

/// What all clients share.
#[derive(Clone, Debug)]
pub(super) struct Common {
    pub door: Arc<Door>,
    /// One place for each request that runs or is not answered yet, whoever asked.
    pub places: Arc<Semaphore>,
    /// The text of all those requests.
    pub request_bytes: Arc<Semaphore>,
    /// Answers that may be long: lists, and the schema.
    pub long_answers: Arc<Semaphore>,
    /// Becomes true when the service stops.
    pub stop: watch::Receiver<bool>,
}

struct Connection {
    common: Common,
    calls: JoinSet<Done>,
    running: HashMap<tokio::task::Id, Running>,
    batches: HashMap<usize, Batch>,
    answers: mpsc::UnboundedSender<Answer>,
    unread: Arc<Unread>,
}

/// How a request ended, and what it holds while its long answer is not written.
type Done = (Result<Box<RawValue>, Failure>, Option<OwnedSemaphorePermit>);

/// A request that runs.
struct Running {
    /// Absent for a notification.
    id: Option<Id>,
    /// The array that it came in.
    batch: Option<usize>,
    cancel: AbortHandle,
    place: Place,
}

/// An array of requests: answered in one line when the last of them is done.
struct Batch {
    left: usize,
    answers: Vec<Response>,
    places: Vec<Place>,
}

/// The client has gone, or reads no more.
struct Gone;

/// Serves one client until it has gone or has its answers.
pub(super) async fn serve(common: Common, stream: UnixStream) {
    let (read, write) = stream.into_split();
    // As long as there are places: each answer to a request has one, and other lines are not read
    // while answers wait.
    let (answers, waiting) = mpsc::unbounded_channel();
    let unread = Arc::new(Unread::default());
    let writer = tokio::spawn(write_all(write, waiting, Arc::clone(&unread)));
    let connection = Connection {
        common,
        calls: JoinSet::new(),
        running: HashMap::new(),
        batches: HashMap::new(),
        answers,
        unread,
    };
    // With its last sender gone the writer ends when all is written.
    if connection.run(Lines::new(read)).await.is_ok() {
        let _ = writer.await;
    } else {
        writer.abort();
    }
}

impl Connection {
    /// Dropping the connection drops its calls.
    async fn run(mut self, mut lines: Lines<OwnedReadHalf>) -> Result<(), Gone> {
        let mut stop = self.common.stop.clone();
        let mut reading = !*stop.borrow_and_update();
        let unread = Arc::clone(&self.unread);
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while reading || !self.calls.is_empty() {
            let full = unread.answers.load(Ordering::Relaxed) >= ANSWERS;
            tokio::select! {
                line = lines.next(), if reading && !full => match line {
                    Ok(Line::Whole(line)) => self.take(&line)?,
                    Ok(Line::TooLong) => {
                        let long = format!("the line has more than {LINE_BYTES} bytes");
                        self.answer(Id::none(), Err(Failure::NoRequest(long)), None, None)?;
                    }
                    Ok(Line::End) => reading = false,
                    Err(_) => return Err(Gone),
                },
                Some(done) = self.calls.join_next_with_id() => self.done(done)?,
                () = unread.written.notified(), if full => {}
                _ = stop.changed(), if reading => reading = false,
                _ = look.tick(), if !reading => {
                    if lines.client_has_gone() {
                        return Err(Gone);
                    }
                }
                () = self.answers.closed() => return Err(Gone),
            }
        }
        Ok(())
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Gone> {
        match Message::read(line, ARRAY) {
            Message::Single(request) => self.begin(request, None),
            Message::Batch(all) => {
                // One more than there are, until all have begun.
                let batch = self.batches.keys().max().map_or(0, |last| last + 1);
                let left = all.len() + 1;
                let open = Batch { left, answers: Vec::new(), places: Vec::new() };
                self.batches.insert(batch, open);
                for request in all {
                    self.begin(request, Some(batch))?;
                }
                self.one_less(batch)
            }
        }
    }

    fn begin(
        &mut self,
        request: Result<Request, Refused>,
        batch: Option<usize>,
    ) -> Result<(), Gone> {
        let Request { id, method, params, .. } = match request {
            Ok(request) => request,
            Err(refused) => {
                let (id, failure) = *refused;
                return self.answer(id, Err(failure), batch, None);
            }
        };
        let answer = if method == CANCEL {
            self.cancel(params.as_deref())
        } else {
            let bytes = params.as_ref().map_or(0, |params| params.get().len());
            match self.place(id.as_ref(), bytes) {
                Ok(place) => {
                    self.start(id, batch, method, params, place);
                    return Ok(());
                }
                Err(failure) => Err(failure),
            }
        };
        match (id, batch) {
            (Some(id), _) => self.answer(id, answer, batch, None),
            (None, Some(batch)) => self.one_less(batch),
            (None, None) => Ok(()),
        }
    }

    fn start(
        &mut self,
        id: Option<Id>,
        batch: Option<usize>,
        method: String,
        params: Option<Box<RawValue>>,
        place: Place,
    ) {
        let door = Arc::clone(&self.common.door);
        let long = Arc::clone(&self.common.long_answers);
        let cancel = self.calls.spawn(async move {
            let mut permit = None;
            if method == DISCOVER || answers_a_list(&method) {
                permit = long.acquire_owned().await.ok();
            }
            let answer = match params {
                _ if method == DISCOVER => discover(),
                Some(params) => door.call(&method, params).await,
                None => match raw(&Nothing {}) {
                    Ok(nothing) => door.call(&method, nothing).await,
                    Err(failure) => Err(failure),
                },
            };
            (answer, permit)
        });
        self.running.insert(cancel.id(), Running { id, batch, cancel, place });
    }

    /// A place for one more request of this client.
    fn place(&self, id: Option<&Id>, bytes: usize) -> Result<Place, Failure> {
        if id.is_some() && self.running.values().any(|one| one.id.as_ref() == id) {
            return Err(Failure::NoRequest("a request with this id runs already".to_owned()));
        }
        if self.unread.requests.load(Ordering::Relaxed) >= CALLS_PER_CONNECTION {
            return Err(Failure::Busy(format!(
                "{CALLS_PER_CONNECTION} requests of this connection run, or wait to be read"
            )));
        }
        let busy = |_| Failure::Busy("too many requests of all connections run".to_owned());
        let permits = u32::try_from(bytes / PERMIT_BYTES + 1).unwrap_or(u32::MAX);
        let common = &self.common;
        let place = Arc::clone(&common.places).try_acquire_owned().map_err(busy)?;
        let bytes = Arc::clone(&common.request_bytes).try_acquire_many_owned(permits);
        let bytes = bytes.map_err(busy)?;
        let unread = Arc::clone(&self.unread);
        Ok(Place::new(place, bytes, unread))
    }

    fn cancel(&self, params: Option<&RawValue>) -> Result<Box<RawValue>, Failure> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Parameters {
            id: Id,
        }
        let text = params.map(RawValue::get).unwrap_or_default();
        let Parameters { id } = serde_json::from_str(text)
            .map_err(|error| Failure::Parameters { method: CANCEL, reason: error.to_string() })?;
        let found = self.running.values().find(|one| one.id.as_ref() == Some(&id));
        found.inspect(|one| one.cancel.abort());
        raw(&found.is_some())
    }

    fn done(&mut self, done: Result<(tokio::task::Id, Done), JoinError>) -> Result<(), Gone> {
        let (task, (answer, long)) = match done {
            Ok(done) => done,
            Err(error) if error.is_cancelled() => (error.id(), (Err(Failure::Cancelled), None)),
            Err(error) => {
                let broken = crate::Error::Runtime(format!("the request broke off: {error}"));
                (error.id(), (Err(broken.into()), None))
            }
        };
        let Some(Running { id, batch, mut place, .. }) = self.running.remove(&task) else {
            return Ok(());
        };
        place.keep(long);
        match (id, batch) {
            (Some(id), batch) => self.answer(id, answer, batch, Some(place)),
            (None, Some(batch)) => self.one_less(batch),
            (None, None) => Ok(()),
        }
    }

    fn answer(
        &mut self,
        id: Id,
        answer: Result<Box<RawValue>, Failure>,
        batch: Option<usize>,
        place: Option<Place>,
    ) -> Result<(), Gone> {
        let response = Response::new(id, answer);
        match batch {
            None => self.send(&response, place.into_iter().collect()),
            Some(batch) => {
                if let Some(batch) = self.batches.get_mut(&batch) {
                    batch.answers.push(response);
                    batch.places.extend(place);
                }
                self.one_less(batch)
            }
        }
    }

    fn one_less(&mut self, batch: usize) -> Result<(), Gone> {
        let Some(open) = self.batches.get_mut(&batch) else { return Ok(()) };
        open.left -= 1;
        if open.left > 0 {
            return Ok(());
        }
        match self.batches.remove(&batch) {
            // An array of notifications is not answered at all.
            Some(Batch { answers, places, .. }) if !answers.is_empty() => {
                self.send(&answers, places)
            }
            _ => Ok(()),
        }
    }

    fn send(&self, answer: &impl Serialize, places: Vec<Place>) -> Result<(), Gone> {
        let mut line = serde_json::to_vec(answer).map_err(|_| Gone)?;
        line.push(b'\n');
        self.unread.answers.fetch_add(1, Ordering::Relaxed);
        self.answers.send(Answer::new(line, places)).map_err(|_| Gone)
    }
}

/// No parameters.
#[derive(Serialize)]
struct Nothing {}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>, Failure> {
    to_raw_value(value)
        .map_err(|error| crate::Error::Runtime(format!("an answer as JSON: {error}")).into())
}

/// The schema, made once.
fn discover() -> Result<Box<RawValue>, Failure> {
    static SCHEMA: OnceLock<Box<RawValue>> = OnceLock::new();
    if let Some(schema) = SCHEMA.get() {
        return Ok(schema.clone());
    }
    let schema = raw(&super::schema())?;
    Ok(SCHEMA.get_or_init(|| schema).clone())
}
