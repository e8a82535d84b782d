//! The two ends of a command's streams that a hand holds: bytes to feed, bytes to keep.
//!
//! Neither ever blocks; `run` waits for both. A stream that breaks is over, which is the
//! command's own affair and no error.

use std::os::fd::OwnedFd;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// How much is read or written at once: what a pipe holds.
const PIECE: usize = 64 * 1024;

/// Standard input on its way to a command.
pub struct Feed {
    pipe: Option<OwnedFd>,
    bytes: Vec<u8>,
    written: usize,
}

impl Feed {
    /// Nothing to feed.
    pub fn nothing() -> Feed {
        Feed { pipe: None, bytes: Vec::new(), written: 0 }
    }

    /// `bytes` to feed into `pipe`.
    ///
    /// # Errors
    /// When the pipe cannot be told not to block.
    pub fn new(pipe: OwnedFd, bytes: Vec<u8>) -> Result<Feed, Errno> {
        unblock(&pipe)?;
        Ok(Feed { pipe: Some(pipe), bytes, written: 0 })
    }

    /// What to wait for; `None` when all is fed.
    pub fn fd(&self) -> Option<&OwnedFd> {
        self.pipe.as_ref()
    }

    /// Writes what fits now. After the last byte, or when nobody reads, closes the pipe.
    pub fn push(&mut self) {
        while let (Some(pipe), Some(rest)) = (&self.pipe, self.bytes.get(self.written..)) {
            if rest.is_empty() {
                self.pipe = None;
                return;
            }
            match rustix::io::write(pipe, rest) {
                Ok(count) => self.written += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.pipe = None,
            }
        }
    }
}

/// Standard output or error of a command: kept up to a cap, then read and thrown away, so
/// that a command that prints too much is not stopped by a full pipe.
pub struct Keep {
    pipe: Option<OwnedFd>,
    bytes: Vec<u8>,
    cap: usize,
    truncated: bool,
}

impl Keep {
    /// Up to `cap` bytes from `pipe`.
    ///
    /// # Errors
    /// When the pipe cannot be told not to block.
    pub fn new(pipe: OwnedFd, cap: u64) -> Result<Keep, Errno> {
        unblock(&pipe)?;
        let cap = usize::try_from(cap).unwrap_or(usize::MAX);
        Ok(Keep { pipe: Some(pipe), bytes: Vec::new(), cap, truncated: false })
    }

    /// What to wait for; `None` when the stream is over.
    pub fn fd(&self) -> Option<&OwnedFd> {
        self.pipe.as_ref()
    }

    /// Reads once what is there now: one piece, so that a flood on one stream leaves time
    /// for the others and for the deadline.
    pub fn pull_piece(&mut self) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        let mut piece = [0; PIECE];
        match rustix::io::read(pipe, &mut piece) {
            Ok(0) => self.pipe = None,
            Ok(count) => {
                let kept = count.min(self.cap - self.bytes.len());
                self.truncated |= kept < count;
                self.bytes.extend(piece.iter().take(kept));
                return true;
            }
            Err(Errno::INTR) => return true,
            Err(Errno::AGAIN) => {}
            Err(_) => self.pipe = None,
        }
        false
    }

    /// Reads what is left when nobody writes any more.
    pub fn pull_rest(&mut self) {
        while self.pull_piece() {}
    }

    /// What was kept, whether there was more, and the cap.
    pub fn kept(self) -> (Vec<u8>, bool, usize) {
        (self.bytes, self.truncated, self.cap)
    }
}

fn unblock(pipe: &OwnedFd) -> Result<(), Errno> {
    let flags = rustix::fs::fcntl_getfl(pipe)?;
    rustix::fs::fcntl_setfl(pipe, flags | OFlags::NONBLOCK)
}
