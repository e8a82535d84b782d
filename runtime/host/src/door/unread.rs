//! Answers that their client has not read yet, and what each keeps from others until it has: its
//! place, its bytes. Used by `connection`, whose writer this is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc};

/// How long a client may read nothing of an answer before it counts as gone.
const UNREAD: Duration = Duration::from_secs(30);

/// What is written at once, in bytes: what a socket takes without a reader, about.
const CHUNK_BYTES: usize = 64 * 1024;

/// What a request takes until its answer is written.
#[derive(Debug)]
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
    _long: Option<OwnedSemaphorePermit>,
    unread: Arc<Unread>,
}

impl Place {
    /// Counts among the connection's requests until it is dropped.
    pub(super) fn new(
        place: OwnedSemaphorePermit,
        bytes: OwnedSemaphorePermit,
        unread: Arc<Unread>,
    ) -> Self {
        unread.requests.fetch_add(1, Ordering::Relaxed);
        Self { _place: place, _bytes: bytes, _long: None, unread }
    }

    /// Keeps the permit of a long answer as well.
    pub(super) fn keep(&mut self, long: Option<OwnedSemaphorePermit>) {
        self._long = long;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.unread.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What of a connection is not done with yet.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// Requests that run, or whose answers are not written.
    pub requests: AtomicUsize,
    /// Answers that are not written.
    pub answers: AtomicUsize,
    pub written: Notify,
}

/// A line that waits to be written, with what it frees then.
pub(super) struct Answer {
    line: Vec<u8>,
    _places: Vec<Place>,
}

impl Answer {
    pub(super) fn new(line: Vec<u8>, places: Vec<Place>) -> Self {
        Self { line, _places: places }
    }
}

/// Writes answers as they come, until there can be no more or the client has gone.
pub(super) async fn write_all(
    mut write: OwnedWriteHalf,
    mut waiting: mpsc::UnboundedReceiver<Answer>,
    unread: Arc<Unread>,
) {
    while let Some(answer) = waiting.recv().await {
        for chunk in answer.line.chunks(CHUNK_BYTES) {
            match tokio::time::timeout(UNREAD, write.write_all(chunk)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
        unread.answers.fetch_sub(1, Ordering::Relaxed);
        unread.written.notify_one();
    }
}
