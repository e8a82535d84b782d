//! JSON-RPC 2.0's messages. Read strictly: a request whose `id` is no identifier must not be taken
//! for one without, which would be done and never answered.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::failure::Failure;
use crate::error::ErrorDocument;

/// The longest identifier, in bytes: it is kept as long as the request runs, and sent back.
const ID_BYTES: usize = 256;

/// What a client can ask.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    #[serde(rename = "jsonrpc")]
    _version: Version,
    /// Absent in a notification, which is done and never answered.
    #[serde(default, deserialize_with = "present")]
    pub id: Option<Id>,
    pub method: String,
    #[serde(default)]
    pub params: Option<Box<RawValue>>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Version {
    #[serde(rename = "2.0")]
    Two,
}

/// What tells an answer from others; the client chooses it, and gets it back to the letter.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Id(Box<RawValue>);

impl Id {
    /// Of what could not be read.
    pub(super) fn none() -> Self {
        Self(RawValue::NULL.to_owned())
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Box::<RawValue>::deserialize(from)?;
        let bytes = value.get().as_bytes();
        match bytes.first() {
            _ if bytes.len() > ID_BYTES => Err(D::Error::custom("the id is too long")),
            Some(b'"' | b'-' | b'n' | b'0'..=b'9') => Ok(Self(value)),
            _ => Err(D::Error::custom("an id is a number, a text or null")),
        }
    }
}

/// A request that cannot be read, and as much of its identifier as can be.
pub(super) type Refused = Box<(Id, Failure)>;

/// A line of a client.
#[derive(Debug)]
pub(super) enum Message {
    Single(Result<Request, Refused>),
    Batch(Vec<Result<Request, Refused>>),
}

/// What the client is told.
#[derive(Debug, Serialize)]
pub(super) struct Response {
    jsonrpc: Version,
    id: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorObject>,
}

/// Why there is no result.
#[derive(Debug, Serialize)]
pub(super) struct ErrorObject {
    pub code: i32,
    pub message: String,
    pub data: ErrorDocument,
}

impl Message {
    /// Reads a line; at most `most` requests can be in it.
    pub(super) fn read(line: &[u8], most: usize) -> Self {
        let nothing = |failure| Self::Single(Err(Box::new((Id::none(), failure))));
        let value: &RawValue = match serde_json::from_slice(line) {
            Ok(value) => value,
            Err(error) => return nothing(Failure::NoJson(error.to_string())),
        };
        if !value.get().starts_with('[') {
            return Self::Single(request(value));
        }
        match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
            Ok(all) if all.is_empty() => nothing(Failure::NoRequest("the array is empty".into())),
            Ok(all) if all.len() > most => nothing(Failure::NoRequest(format!(
                "the array has {} requests, and at most {most} are taken in one",
                all.len()
            ))),
            Ok(all) => Self::Batch(all.into_iter().map(request).collect()),
            Err(error) => nothing(Failure::NoJson(error.to_string())),
        }
    }
}

impl Response {
    pub(super) fn new(id: Id, answer: Result<Box<RawValue>, Failure>) -> Self {
        let (result, error) = match answer {
            Ok(result) => (Some(result), None),
            Err(failure) => (None, Some(failure.object())),
        };
        Self { jsonrpc: Version::Two, id, result, error }
    }
}

fn request(value: &RawValue) -> Result<Request, Refused> {
    /// As much of a malformed request as can be answered.
    #[derive(Deserialize)]
    struct Identified {
        id: Id,
    }
    serde_json::from_str(value.get()).map_err(|error| {
        let id = serde_json::from_str(value.get()).map_or(Id::none(), |one: Identified| one.id);
        Box::new((id, Failure::NoRequest(error.to_string())))
    })
}

/// `null` is an identifier, and not its absence.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Id>, D::Error> {
    Id::deserialize(from).map(Some)
}
