//! Bytes that wait: bodies of requests in the queue, answers that the runtime has not read yet.
//!
//! A fork copies the tables of all memory that a process has touched, and there may be many
//! mebibytes of these. So what is not small lies in a file without a name, which is no memory of
//! the process: what a hand costs to start does not depend on what waits.

use std::os::fd::OwnedFd;

use rustix::fs::MemfdFlags;
use rustix::io::Errno;

/// Fewer bytes than this are kept as they are. Together with the most bytes that may wait, it keeps
/// the number of files far below that of descriptors.
const SMALL: usize = 256 * 1024;

/// Bytes, wherever they are.
#[derive(Debug, Default)]
pub struct Parked {
    /// The first of them, or all.
    held: Vec<u8>,
    /// All of them, and how many.
    file: Option<(OwnedFd, usize)>,
}

impl Parked {
    /// How many they are.
    pub fn len(&self) -> usize {
        self.file.as_ref().map_or(self.held.len(), |(_, length)| *length)
    }

    /// Adds some at the end.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.file.is_none() && self.held.len() + bytes.len() > SMALL {
            // Without a file they are kept as they are: that costs time, no more.
            self.file = filled(&self.held).ok().map(|file| (file, self.held.len()));
            if self.file.is_some() {
                self.held = Vec::new();
            }
        }
        match &mut self.file {
            Some((file, length)) if append(file, bytes).is_ok() => *length += bytes.len(),
            Some(_) => {
                // No memory is left for files: what is there is taken back.
                let mut all = std::mem::take(self).take();
                all.extend(bytes);
                self.held = all;
            }
            None => self.held.extend(bytes),
        }
    }

    /// Some of them from `offset` on, `most` at most; none at the end.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn piece(&self, offset: usize, most: usize) -> Result<Vec<u8>, Errno> {
        let Some((file, length)) = &self.file else {
            let rest = self.held.get(offset..).unwrap_or_default();
            return Ok(rest.get(..most).unwrap_or(rest).to_vec());
        };
        let mut piece = vec![0; most.min(length.saturating_sub(offset))];
        let mut filled = 0;
        while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match rustix::io::pread(file, rest, (offset + filled) as u64)? {
                0 => return Err(Errno::IO),
                count => filled += count,
            }
        }
        Ok(piece)
    }

    /// All of them, in memory again.
    pub fn take(self) -> Vec<u8> {
        if self.file.is_none() {
            return self.held;
        }
        let length = self.len();
        self.piece(0, length).unwrap_or_default()
    }
}

impl From<Vec<u8>> for Parked {
    fn from(held: Vec<u8>) -> Parked {
        if held.len() <= SMALL {
            return Parked { held, file: None };
        }
        let mut parked = Parked::default();
        parked.push(&held);
        parked
    }
}

fn filled(bytes: &[u8]) -> Result<OwnedFd, Errno> {
    let file = rustix::fs::memfd_create("parked", MemfdFlags::CLOEXEC | MemfdFlags::NOEXEC_SEAL)?;
    append(&file, bytes)?;
    Ok(file)
}

fn append(file: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
    let length = rustix::fs::fstat(file)?.st_size;
    let mut at = u64::try_from(length).unwrap_or(0);
    while !bytes.is_empty() {
        let written = rustix::io::pwrite(file, bytes, at)?;
        at += written as u64;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_parked_is_the_same() {
        let bytes: Vec<u8> = (0..3 * SMALL).map(|at| (at % 251) as u8).collect();
        for length in [0, 1, SMALL, SMALL + 1, 3 * SMALL] {
            let some = &bytes[..length];
            let mut slowly = Parked::default();
            some.chunks(1000).for_each(|piece| slowly.push(piece));
            for parked in [slowly, Parked::from(some.to_vec())] {
                assert_eq!(parked.len(), length);
                assert_eq!(parked.file.is_some(), length > SMALL);
                let tail = length.saturating_sub(10);
                assert_eq!(parked.piece(tail, 100).unwrap(), some[tail..]);
                assert_eq!(parked.take(), some);
            }
        }
    }
}
