//! One line of the audit: how it is sealed, and how it is read again. Pure.
//!
//! ```text
//! {"seq":7,"prev":"HASH OF LINE 6","time":…,"event":…,…,"hash":"HASH OF THIS LINE"}
//! └────────────────── the canonical form: hashed as it stands ─┘
//! ```
//! The canonical form is the line's own bytes up to the comma before `"hash"`: nothing has to be
//! parsed or written anew to check it, and no two texts have the same. `prev` of the first line is
//! a random number, which names the chain.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Event, Subject};
use crate::text::hex;

/// The longest line that is written or read, in bytes: ten times what the gate lets through.
pub(super) const LINE_BYTES: usize = 1024 * 1024;

/// What stands between the canonical form and its hash, and after the hash.
const SEAL: (&str, &str) = (",\"hash\":\"", "\"}");

/// A place in a chain: the number of a line, and its hash. Of the place before the first line the
/// number is 0, and the hash names the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The line's number, from 1.
    pub seq: u64,
    /// SHA-256 of its canonical form, in lower-case hexadecimal.
    pub hash: String,
}

/// What a line tells. Its time is that of writing it, so that times do not go back in a chain.
#[derive(Debug)]
pub(crate) struct News {
    pub event: Event,
    pub facts: Map<String, Value>,
}

/// A line that is about to be written.
#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    prev: &'a str,
    time: f64,
    event: Event,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<&'a str>,
    #[serde(flatten)]
    subject: &'a Subject,
    #[serde(flatten)]
    facts: &'a Map<String, Value>,
}

/// A line as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditLine {
    /// Where it stands.
    pub link: Link,
    /// The hash of the line before it.
    pub prev: String,
    /// All that it says: `time` in seconds since the epoch, `event`, `backend`, and what belongs
    /// to the event.
    pub fields: Map<String, Value>,
    text: String,
}

impl AuditLine {
    /// The line itself, without its end.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// One of its fields where that is a text, or the empty text.
    #[must_use]
    pub fn word(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// One of its fields where that is a whole number.
    pub(super) fn number(&self, field: &str) -> Option<u64> {
        self.fields.get(field).and_then(Value::as_u64)
    }
}

/// Makes the line that follows `before`, with its end, and says where it stands.
///
/// # Errors
/// One sentence: it would be longer than any that is read again.
pub(super) fn seal(
    before: &Link,
    call: Option<&str>,
    subject: &Subject,
    news: &News,
) -> Result<(Vec<u8>, Link), String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seq, prev) = (before.seq.saturating_add(1), &*before.hash);
    let News { event, facts } = news;
    let line = Line { seq, prev, time: since.as_secs_f64(), event: *event, call, subject, facts };
    let mut bytes = serde_json::to_vec(&line).map_err(|error| error.to_string())?;
    // The brace that ends the object comes after the hash.
    bytes.pop();
    let hash = digest(&bytes);
    for part in [SEAL.0, &hash, SEAL.1, "\n"] {
        bytes.extend_from_slice(part.as_bytes());
    }
    if bytes.len() > LINE_BYTES {
        return Err(format!("a line of {} bytes; {LINE_BYTES} are allowed", bytes.len()));
    }
    Ok((bytes, Link { seq, hash }))
}

/// A line, without its end; none if it is not as it was sealed.
pub(super) fn read(bytes: &[u8]) -> Option<AuditLine> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (sealed, hash) = sealed(text)?;
    if digest(sealed.as_bytes()) != hash {
        return None;
    }
    let fields: Map<String, Value> = serde_json::from_str(text).ok()?;
    let seq = fields.get("seq")?.as_u64()?;
    let prev = fields.get("prev")?.as_str()?.to_owned();
    Some(AuditLine {
        link: Link { seq, hash: hash.to_owned() },
        prev,
        fields,
        text: text.to_owned(),
    })
}

/// The canonical form, and the hash that stands behind it.
fn sealed(text: &str) -> Option<(&str, &str)> {
    text.strip_suffix(SEAL.1)?.rsplit_once(SEAL.0)
}

/// SHA-256 in lower-case hexadecimal.
fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
