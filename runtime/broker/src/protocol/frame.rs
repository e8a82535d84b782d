//! How one message lies on the wire, and how to find it there.
//!
//! ```text
//! u32 LE header length | u32 LE body length | header, JSON | body, bytes
//! ```
//! Pure functions over bytes: no socket. Used by both ends.

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// The longest header, in bytes: the most arguments a policy takes (64 KiB), each byte
/// escaped in JSON, with room to spare is far below it.
pub const HEADER_MAX: usize = 256 * 1024;

/// The longest body, in bytes: the largest contents of a file (16 MiB) and some room.
pub const BODY_MAX: usize = 17 * 1024 * 1024;

/// The two lengths before each header.
const PREFIX: usize = 8;

/// A message that breaks the rules of the wire. The connection must end.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// A header longer than [`HEADER_MAX`].
    #[error("a header of {0} bytes is over the limit of {HEADER_MAX}")]
    HeaderTooLong(usize),
    /// A body longer than [`BODY_MAX`].
    #[error("a body of {0} bytes is over the limit of {BODY_MAX}")]
    BodyTooLong(usize),
    /// A header that is not the JSON of the type expected.
    #[error("the header is not one of this protocol: {0}")]
    Header(#[from] serde_json::Error),
}

/// One message: a header and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<H> {
    /// What it says.
    pub header: H,
    /// The bytes it carries; often none.
    pub body: Vec<u8>,
}

/// Writes a message as it goes over the wire.
///
/// # Errors
/// When the header or the body is over its limit.
pub fn encode<H: Serialize>(header: &H, body: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    let header = serde_json::to_vec(header)?;
    let header_length = length(header.len(), HEADER_MAX, ProtocolError::HeaderTooLong)?;
    let body_length = length(body.len(), BODY_MAX, ProtocolError::BodyTooLong)?;
    let mut bytes = Vec::with_capacity(PREFIX + header.len() + body.len());
    bytes.extend_from_slice(&header_length.to_le_bytes());
    bytes.extend_from_slice(&body_length.to_le_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(body);
    Ok(bytes)
}

fn length(
    length: usize,
    limit: usize,
    error: fn(usize) -> ProtocolError,
) -> Result<u32, ProtocolError> {
    match u32::try_from(length) {
        Ok(short) if length <= limit => Ok(short),
        _ => Err(error(length)),
    }
}

/// Collects bytes as they arrive and gives messages out as they become whole.
///
/// It holds at most one message more than was asked for: a caller that empties it after each
/// `push` never holds more than the limits and one read. Secrets come among the bytes, so none of its
/// memory is given back unwiped.
#[derive(Default)]
pub struct Decoder {
    bytes: Zeroizing<Vec<u8>>,
}

/// Without the bytes.
impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("bytes", &self.bytes.len()).finish()
    }
}

impl Decoder {
    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        let wanted = self.bytes.len() + bytes.len();
        if wanted > self.bytes.capacity() {
            // What grows by itself leaves its old memory as it was.
            let room = wanted.max(self.bytes.capacity().saturating_mul(2));
            let mut grown = Zeroizing::new(Vec::with_capacity(room));
            grown.extend_from_slice(&self.bytes);
            self.bytes = grown;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message, or `None` until more arrives.
    ///
    /// # Errors
    /// When a length is over its limit (said before the bytes are collected) or the header
    /// is not an `H`. Nothing after an error can be trusted.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot be told what to read")]
    pub fn next<H: DeserializeOwned>(&mut self) -> Result<Option<Frame<H>>, ProtocolError> {
        let Some((prefix, rest)) = self.bytes.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let [h0, h1, h2, h3, b0, b1, b2, b3] = *prefix;
        let header_length = u32::from_le_bytes([h0, h1, h2, h3]) as usize;
        let body_length = u32::from_le_bytes([b0, b1, b2, b3]) as usize;
        if header_length > HEADER_MAX {
            return Err(ProtocolError::HeaderTooLong(header_length));
        }
        if body_length > BODY_MAX {
            return Err(ProtocolError::BodyTooLong(body_length));
        }
        let Some((header, rest)) = rest.split_at_checked(header_length) else {
            return Ok(None);
        };
        let Some((body, _)) = rest.split_at_checked(body_length) else {
            return Ok(None);
        };
        let frame = Frame { header: serde_json::from_slice(header)?, body: body.to_vec() };
        let rest = self.bytes.split_off(PREFIX + header_length + body_length);
        self.bytes = Zeroizing::new(rest);
        Ok(Some(frame))
    }

    /// Whether a message has begun and not ended: at the end of the stream, one was cut off.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{FilesRequest, Place, Request, RequestKind, Status};

    fn request(id: u64) -> Request {
        let at = Place { root: "shares".into(), path: "a/b".into() };
        let request = FilesRequest::Read { at, offset: 1, length: 2 };
        Request { id, kind: RequestKind::Files { request, deadline_ms: 5 } }
    }

    #[test]
    fn messages_survive_being_cut_anywhere() {
        let mut bytes = encode(&request(1), b"one").unwrap();
        bytes.extend(encode(&request(2), b"").unwrap());
        for step in 1..bytes.len() {
            let mut decoder = Decoder::default();
            let mut found = Vec::new();
            for piece in bytes.chunks(step) {
                decoder.push(piece);
                while let Some(frame) = decoder.next::<Request>().unwrap() {
                    found.push((frame.header, frame.body));
                }
            }
            let expected = [(request(1), b"one".to_vec()), (request(2), Vec::new())];
            assert_eq!(found, expected, "pieces of {step} bytes");
            assert!(!decoder.is_partial());
        }
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_its_bytes_come() {
        let mut decoder = Decoder::default();
        decoder.push(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        assert!(matches!(decoder.next::<Request>(), Err(ProtocolError::HeaderTooLong(_))));
        let mut decoder = Decoder::default();
        decoder.push(&[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        assert!(matches!(decoder.next::<Request>(), Err(ProtocolError::BodyTooLong(_))));
        let body = vec![0; BODY_MAX + 1];
        assert!(matches!(encode(&request(1), &body), Err(ProtocolError::BodyTooLong(_))));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let text = br#"{"id":1,"kind":{"type":"cancel","target":2,"policy":"mine"}}"#;
        let mut bytes = vec![u8::try_from(text.len()).unwrap(), 0, 0, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(text);
        let mut decoder = Decoder::default();
        decoder.push(&bytes);
        assert!(matches!(decoder.next::<Request>(), Err(ProtocolError::Header(_))));
    }

    #[test]
    fn the_wire_speaks_kebab_case() {
        let text = serde_json::to_string(&request(7)).unwrap();
        assert_eq!(
            text,
            r#"{"id":7,"kind":{"type":"files","request":{"verb":"read","at":{"root":"shares","path":"a/b"},"offset":1,"length":2},"deadline_ms":5}}"#
        );
        assert_eq!(serde_json::to_string(&Status::Exited(1)).unwrap(), r#"{"exited":1}"#);
    }
}
