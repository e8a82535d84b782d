//! The socket to the runtime: requests out of bytes, bytes out of answers. Never blocks.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use abaca_broker::protocol::{Decoder, Frame, Outcome, ProtocolError, Request, Response, encode};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::OFlags;
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::parked::Parked;

/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// The most bytes that wait for a runtime which does not read. Beyond, neither requests nor
/// the answers of hands are taken in; deadlines still count.
const WAITING_MAX: usize = 64 * 1024 * 1024;

/// The runtime, as the broker sees it.
pub struct Peer {
    socket: OwnedFd,
    decoder: Decoder,
    waiting: VecDeque<Parked>,
    /// How much of the first that waits is sent.
    sent: usize,
    bytes: usize,
}

/// What came of reading.
pub enum Heard {
    Something,
    /// The runtime is gone.
    End,
}

impl Peer {
    /// Takes over the socket.
    ///
    /// # Errors
    /// When it cannot be told not to block.
    pub fn new(socket: OwnedFd) -> Result<Peer, Errno> {
        let flags = rustix::fs::fcntl_getfl(&socket)?;
        rustix::fs::fcntl_setfl(&socket, flags | OFlags::NONBLOCK)?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        let (decoder, waiting) = (Decoder::default(), VecDeque::new());
        Ok(Peer { socket, decoder, waiting, sent: 0, bytes: 0 })
    }

    /// Whether more may be taken in.
    pub fn has_room(&self) -> bool {
        self.bytes < WAITING_MAX
    }

    /// What to wait for.
    pub fn watched(&self) -> PollFd<'_> {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, self.has_room());
        events.set(PollFlags::OUT, !self.waiting.is_empty());
        PollFd::new(&self.socket, events)
    }

    /// Reads once what is there.
    pub fn read(&mut self) -> Heard {
        // Secrets come among it.
        let mut piece = Zeroizing::new(vec![0; PIECE]);
        match rustix::io::read(&self.socket, piece.as_mut_slice()) {
            Ok(0) => Heard::End,
            Ok(count) => {
                self.decoder.push(piece.get(..count).unwrap_or_default());
                Heard::Something
            }
            Err(Errno::AGAIN | Errno::INTR) => Heard::Something,
            Err(_) => Heard::End,
        }
    }

    /// The next whole request among what was read.
    ///
    /// # Errors
    /// When the runtime breaks the rules of the wire.
    pub fn next_request(&mut self) -> Result<Option<Frame<Request>>, ProtocolError> {
        self.decoder.next()
    }

    /// Answers without a body.
    pub fn answer(&mut self, id: u64, result: Outcome) {
        // A header that is too long can only be one with a long message: say less.
        let frame = encode(&Response { id, result }, &[]).or_else(|error| {
            let result = Outcome::Failed { message: error.to_string() };
            encode(&Response { id, result }, &[])
        });
        self.relay(frame.unwrap_or_default().into());
    }

    /// Sends a frame as a hand wrote it.
    pub fn relay(&mut self, frame: Parked) {
        if frame.len() > 0 {
            self.bytes += frame.len();
            self.waiting.push_back(frame);
        }
    }

    /// Sends what the runtime takes now.
    pub fn flush(&mut self) -> Heard {
        while let Some(frame) = self.waiting.front() {
            let Ok(rest) = frame.piece(self.sent, PIECE) else { return Heard::End };
            if rest.is_empty() {
                self.bytes -= frame.len();
                self.sent = 0;
                self.waiting.pop_front();
                continue;
            }
            match rustix::io::write(&self.socket, &rest) {
                Ok(count) => self.sent += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Heard::Something,
                Err(_) => return Heard::End,
            }
        }
        Heard::Something
    }
}
