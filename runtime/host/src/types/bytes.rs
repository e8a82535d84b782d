//! Bytes in JSON: a text where they are one, else an object `{"base64": …}`. Used by what
//! `abaca_json` derives, and for answers that are bytes.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How bytes look in JSON.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Look<'a> {
    Text(Cow<'a, str>),
    Base64(Base64<'a>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Base64<'a> {
    base64: Cow<'a, str>,
}

/// Bytes that stand by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// The bytes that a JSON object stands for, if it stands for some.
    pub(crate) fn of_object(fields: &serde_json::Map<String, serde_json::Value>) -> Option<Self> {
        let base64 = fields.get("base64").filter(|_| fields.len() == 1)?.as_str()?;
        STANDARD.decode(base64).ok().map(Self)
    }

    /// The bytes.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_owned())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, to)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(from).map(Self)
    }
}

/// Writes them.
///
/// # Errors
/// What the serializer says.
pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Look::Text(text.into()).serialize(to),
        Err(_) => Look::Base64(Base64 { base64: STANDARD.encode(bytes).into() }).serialize(to),
    }
}

/// Reads them.
///
/// # Errors
/// When it is neither a text nor an object with base64 in it.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    match Look::deserialize(from)? {
        Look::Text(text) => Ok(text.into_owned().into_bytes()),
        Look::Base64(Base64 { base64 }) => {
            STANDARD.decode(base64.as_bytes()).map_err(serde::de::Error::custom)
        }
    }
}

/// The same where there may be none.
pub mod optional {
    use super::{Bytes, Deserialize, Deserializer, Serialize, Serializer};

    /// Writes them, or null.
    ///
    /// # Errors
    /// What the serializer says.
    pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
        bytes.as_deref().map(Bytes::from).serialize(to)
    }

    /// Reads them, or null.
    ///
    /// # Errors
    /// When it is neither null nor bytes.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
        Ok(Option::<Bytes>::deserialize(from)?.map(Bytes::into_vec))
    }
}
