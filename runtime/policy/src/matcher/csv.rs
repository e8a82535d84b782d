//! Option lists such as `ro,sync`, as sets.
//!
//! A tool reads such a list from left to right, and the last word wins; read as
//! a set it has no last word: all of `must`, any of `any`, nothing twice,
//! nothing else, and what runs is sorted.

use std::collections::BTreeSet;
use std::fmt;

use crate::aspect::{Aspects, aspects, list};
use crate::class::Class;
use crate::error::Flaw;
use crate::load::fields::{Fields, Value, literal_set};
use crate::matcher::Reading;
use crate::outline::Outline;

/// A comma separated set.
#[derive(Debug, Clone)]
pub(crate) struct Csv {
    must: BTreeSet<String>,
    any: BTreeSet<String>,
}

impl Csv {
    pub(crate) fn load(value: &Value<'_>) -> Result<Csv, Flaw> {
        let fields = Fields::new(value, "`csv`", &["must", "any"])?;
        let words = |key: &str| match fields.get(key) {
            None => Ok(BTreeSet::new()),
            Some(list) => {
                let words: BTreeSet<String> =
                    literal_set(list, "a list of words")?.into_iter().collect();
                let plain = |w: &String| {
                    !w.starts_with('-') && w.bytes().all(|b| b.is_ascii_graphic() && b != b',')
                };
                if words.iter().all(plain) {
                    Ok(words)
                } else {
                    Err(Flaw::new(
                        list.span(),
                        format!("`{key}` has a word that cannot stand in a list"),
                    )
                    .help("words are visible ASCII, without comma, and do not begin with `-`"))
                }
            }
        };
        let csv = Csv { must: words("must")?, any: words("any")? };
        if let Some(twice) = csv.must.intersection(&csv.any).next() {
            return Err(Flaw::new(value.span(), format!("`{twice}` is in `must` and in `any`"))
                .help("keep it in one of them"));
        }
        if csv.words().next().is_none() {
            return Err(Flaw::new(value.span(), "`csv` allows no word at all")
                .help("list words in `must` (always there) or `any` (may be there)"));
        }
        Ok(csv)
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        let mut set = BTreeSet::new();
        for item in word.split(',') {
            let known = self.must.contains(item) || self.any.contains(item);
            if !known || !set.insert(item) {
                return None;
            }
        }
        if !self.must.iter().all(|item| set.contains(item.as_str())) {
            return None;
        }
        let sorted: Vec<&str> = set.into_iter().collect();
        Some(Reading::text("csv", sorted.join(",")))
    }

    /// All words that may stand in the list.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        self.must.iter().chain(&self.any).map(String::as_str)
    }

    /// Exact: the smallest common list is what either must have, and if that is
    /// nothing, any word that both may have.
    pub(crate) fn intersects(&self, other: &Csv) -> bool {
        let has = |csv: &Csv, word: &str| csv.must.contains(word) || csv.any.contains(word);
        let each_allows_what_the_other_must_have = self.must.iter().all(|word| has(other, word))
            && other.must.iter().all(|word| has(self, word));
        each_allows_what_the_other_must_have && self.words().any(|word| has(other, word))
    }

    /// Exact: no list of the other's has a word too many here, or lacks one.
    pub(crate) fn covers(&self, other: &Csv) -> bool {
        let has = |word: &str| self.must.contains(word) || self.any.contains(word);
        // Where nothing must be there, the shortest lists are the single words.
        let always =
            if other.must.is_empty() && other.any.len() == 1 { &other.any } else { &other.must };
        other.words().all(has) && self.must.is_subset(always)
    }

    pub(crate) fn aspects(&self) -> Aspects {
        let words = |words: &BTreeSet<String>| list(words.iter().map(String::as_str));
        aspects([("csv.must", words(&self.must)), ("csv.any", words(&self.any))])
    }

    pub(crate) fn outline(&self) -> Outline {
        let word = Outline::any_of(self.words());
        let list = word.alphabet() | Class::of(",");
        word.many(list)
    }
}

impl fmt::Display for Csv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let must = self.must.iter().cloned();
        let any = self.any.iter().map(|word| format!("[{word}]"));
        write!(f, "<{}>", must.chain(any).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(must: &[&str], any: &[&str]) -> Csv {
        let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Csv { must: set(must), any: set(any) }
    }

    #[test]
    fn a_list_is_a_set() {
        let options = csv(&["ro"], &["sync", "hard"]);
        let canonical = options.read("sync,ro,hard").map(|reading| reading.values);
        assert_eq!(canonical, Some(vec![("csv".to_owned(), "hard,ro,sync".to_owned())]));
        for word in ["", "sync", "ro,rw", "ro,", ",ro", "ro,,sync", "ro,ro", "ro, sync", "RO"] {
            assert!(options.read(word).is_none(), "{word:?}");
        }
    }

    #[test]
    fn sets_intersect_when_one_list_suits_both() {
        assert!(csv(&["ro"], &["sync"]).intersects(&csv(&[], &["ro"])));
        assert!(csv(&["a"], &["b"]).intersects(&csv(&["b"], &["a"])));
        assert!(!csv(&["ro"], &["sync"]).intersects(&csv(&["rw"], &["sync"])));
        assert!(!csv(&[], &["a"]).intersects(&csv(&[], &["b"])));
    }

    #[test]
    fn a_set_covers_what_always_has_its_words_and_no_others() {
        assert!(csv(&["ro"], &["sync"]).covers(&csv(&["ro", "sync"], &[])));
        assert!(csv(&[], &["a", "b"]).covers(&csv(&[], &["a"])));
        assert!(csv(&["a"], &[]).covers(&csv(&[], &["a"])), "the same single list");
        assert!(!csv(&["a"], &["b"]).covers(&csv(&[], &["a", "b"])), "`b` alone");
        assert!(!csv(&["ro"], &[]).covers(&csv(&["ro"], &["sync"])));
    }
}
