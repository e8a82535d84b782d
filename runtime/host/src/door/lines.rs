//! Lines of a bounded length. A longer one is passed over without being kept, and the next is
//! read as if nothing had been.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::UnixStream;

/// The longest line of a client, in bytes: a consistency group of five hundred shares.
pub const LINE_BYTES: usize = 1024 * 1024;

/// Reads a client's lines.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    /// The rest of a line that is too long comes next.
    passing_over: bool,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line without its end. The last one may lack it.
    Whole(Vec<u8>),
    /// One that was too long; told once, when that is known.
    TooLong,
    /// The client sends no more.
    End,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader), line: Vec::new(), passing_over: false }
    }

    /// Whether the client has closed both ways. One that has only sent its last request waits for
    /// answers.
    pub(super) fn client_has_gone(&self) -> bool
    where
        R: AsRef<UnixStream>,
    {
        let socket: &UnixStream = self.reader.get_ref().as_ref();
        let mut sockets = [PollFd::new(socket, PollFlags::empty())];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let polled = poll(&mut sockets, Some(&now));
        polled.is_ok()
            && sockets.iter().any(|one| one.revents().intersects(PollFlags::HUP | PollFlags::ERR))
    }

    /// The next line. What was read of it is kept when the future is dropped.
    ///
    /// # Errors
    /// When the socket fails.
    pub(super) async fn next(&mut self) -> std::io::Result<Line> {
        loop {
            let there = self.reader.fill_buf().await?;
            if there.is_empty() {
                self.passing_over = false;
                let rest = std::mem::take(&mut self.line);
                return Ok(if rest.is_empty() { Line::End } else { Line::Whole(rest) });
            }
            let end = there.iter().position(|byte| *byte == b'\n');
            let part = there.get(..end.unwrap_or(there.len())).unwrap_or_default();
            let used = end.map_or(there.len(), |end| end + 1);
            let fits = self.line.len() + part.len() <= LINE_BYTES;
            if !self.passing_over && fits {
                self.line.extend_from_slice(part);
            }
            self.reader.consume(used);
            let news = !self.passing_over && !fits;
            self.passing_over = (self.passing_over || !fits) && end.is_none();
            if news {
                self.line = Vec::new();
                return Ok(Line::TooLong);
            }
            if end.is_some() && (fits && !self.line.is_empty()) {
                return Ok(Line::Whole(std::mem::take(&mut self.line)));
            }
        }
    }
}
