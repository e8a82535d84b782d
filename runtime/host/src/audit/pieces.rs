//! A file of the audit, read line by line, whatever is in it: what is no line, or too long for one,
//! comes in pieces of a bounded size. Called by whoever reads an audit.

use std::io::{BufRead, Read};

use sha2::{Digest, Sha256};

use super::line::LINE_BYTES;
use crate::text::hex;

/// What stands between two line ends, or a part of it where that is too long for a line.
#[derive(Debug)]
pub(super) struct Piece {
    /// Without the line's end.
    pub bytes: Vec<u8>,
    /// Whether the line's end follows.
    pub ended: bool,
    /// The number of the line, from 1.
    pub line: u64,
    /// Where it begins, in bytes from the beginning of the file.
    pub offset: u64,
}

impl Piece {
    /// Where the next one begins.
    pub(super) fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64 + u64::from(self.ended)
    }
}

/// Reads pieces.
pub(super) struct Pieces<R> {
    reader: R,
    line: u64,
    offset: u64,
}

impl<R: BufRead> Pieces<R> {
    /// Reads on from a place that is the beginning of a line.
    pub(super) fn new(reader: R, offset: u64) -> Self {
        Self { reader, line: 1, offset }
    }

    /// The next piece; none at the end.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Piece>> {
        let mut bytes = Vec::new();
        self.reader.by_ref().take(LINE_BYTES as u64).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let ended = bytes.last() == Some(&b'\n');
        if ended {
            bytes.pop();
        }
        let piece = Piece { bytes, ended, line: self.line, offset: self.offset };
        self.offset = piece.end();
        self.line += u64::from(ended);
        Ok(Some(piece))
    }
}

/// The size and digest of pieces that follow each other, as they stand in the file, without the
/// last line's end: what is known of a line that a crash tore.
#[derive(Clone, Debug, Default)]
pub(super) struct Torn {
    bytes: u64,
    hasher: Sha256,
    /// A line's end that counts only if something follows it.
    end: bool,
}

impl Torn {
    pub(super) fn add(&mut self, piece: &Piece) {
        if self.end {
            self.hasher.update(b"\n");
            self.bytes += 1;
        }
        self.hasher.update(&piece.bytes);
        self.bytes += piece.bytes.len() as u64;
        self.end = piece.ended;
    }

    /// How many bytes, and their SHA-256 in hexadecimal.
    pub(super) fn finish(self) -> (u64, String) {
        (self.bytes, hex(&self.hasher.finalize()))
    }
}
