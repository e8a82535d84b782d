//! Lists of pairs (metadata, extra specs, details of a share server) as objects in JSON. Used by
//! what `abaca_json` derives, and for answers that are such a list.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Pair;

/// A list of pairs that stands by itself. In JSON an object, in the list's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Pairs(
    #[serde(with = "self")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub Vec<Pair>,
);

impl Pairs {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A key that is there more than once, if there is one. The contract forbids it.
#[must_use]
pub fn repeated(pairs: &[Pair]) -> Option<&str> {
    let mut seen = BTreeSet::new();
    pairs.iter().map(|(key, _)| key.as_str()).find(|key| !seen.insert(*key))
}

/// Writes an object.
///
/// # Errors
/// When a key is repeated, for an object would not say so; what the serializer says.
pub fn serialize<S: Serializer>(pairs: &[Pair], to: S) -> Result<S::Ok, S::Error> {
    if let Some(key) = repeated(pairs) {
        return Err(serde::ser::Error::custom(format!("the key {key:?} is repeated")));
    }
    to.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}

/// Reads an object.
///
/// # Errors
/// When it is none, when a value is no text, or when a key is repeated.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Pair>, D::Error> {
    struct InOrder;

    impl<'de> Visitor<'de> for InOrder {
        type Value = Vec<Pair>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object whose values are texts")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut seen = BTreeSet::new();
            let mut pairs = Vec::new();
            while let Some((key, value)) = map.next_entry::<String, String>()? {
                if !seen.insert(key.clone()) {
                    return Err(M::Error::custom(format!("the key {key:?} is repeated")));
                }
                pairs.push((key, value));
            }
            Ok(pairs)
        }
    }

    from.deserialize_map(InOrder)
}
