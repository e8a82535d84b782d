//! What a rule or a hole says, taken apart: one text for each thing in which two of them can
//! differ. For people who compare; what is wider is decided by `covers` alone.

/// Keys, as the policy file has them, and what stands there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Aspects(Vec<(String, String)>);

/// These keys with these texts; an empty text is nothing said.
pub(crate) fn aspects<const N: usize>(pairs: [(&str, String); N]) -> Aspects {
    let said = pairs.into_iter().filter(|(_, text)| !text.is_empty());
    Aspects(said.map(|(key, text)| (key.to_owned(), text)).collect())
}

/// Aspects of something that is itself a part: `name` before each key.
pub(crate) fn named(name: &str, inner: Aspects) -> Aspects {
    let joint = if name.ends_with(':') { " " } else { "." };
    let renamed = inner.0.into_iter().map(|(key, text)| (format!("{name}{joint}{key}"), text));
    Aspects(renamed.collect())
}

/// Words as one text.
pub(crate) fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}

impl Aspects {
    /// These, then others.
    pub(crate) fn then(mut self, other: Aspects) -> Aspects {
        self.0.extend(other.0);
        self
    }

    /// Where the two differ: the key, what stands here, and what stands there.
    pub(crate) fn differences(
        &self,
        other: &Aspects,
    ) -> Vec<(String, Option<String>, Option<String>)> {
        let of = |aspects: &Aspects, key: &str| {
            aspects.0.iter().find(|(own, _)| own == key).map(|(_, text)| text.clone())
        };
        let added = other.0.iter().filter(|(key, _)| of(self, key).is_none());
        self.0
            .iter()
            .chain(added)
            .map(|(key, _)| (key.clone(), of(self, key), of(other, key)))
            .filter(|(_, here, there)| here != there)
            .collect()
    }
}
