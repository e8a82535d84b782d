//! Types of names: which characters and lengths the names of a trial had.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeTable;

use crate::class::Class;
use crate::learn::edits::{Edits, quoted};
use crate::load::fields::Value;

/// Characters that are of one kind: where one of them was seen, any of them may come next time.
const KINDS: [&str; 3] = ["0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

/// The names that were seen, by type.
#[derive(Default)]
pub(super) struct Names {
    seen: BTreeMap<String, BTreeSet<String>>,
    /// Types of which not every name was seen.
    kept: BTreeSet<String>,
}

impl Names {
    /// Names of the type that a value names.
    pub(super) fn saw<'n>(&mut self, kind: &Value<'_>, names: impl Iterator<Item = &'n str>) {
        if let Some(kind) = kind.get_ref().as_str() {
            self.seen.entry(kind.to_owned()).or_default().extend(names.map(str::to_owned));
        }
    }

    /// The same, where there may be no such value.
    pub(super) fn saw_at<'n>(
        &mut self,
        kind: Option<&Value<'_>>,
        names: impl Iterator<Item = &'n str>,
    ) {
        if let Some(kind) = kind {
            self.saw(kind, names);
        }
    }

    /// Keeps a type as it is: what names of it are for was not seen.
    pub(super) fn keep(&mut self, kind: &str) {
        self.kept.insert(kind.to_owned());
    }

    /// Narrows a type to the kinds of characters and to the length of the names that were seen.
    pub(super) fn narrow(&self, name: &str, table: &DeTable<'_>, edits: &mut Edits<'_>) {
        let Some(seen) =
            self.seen.get(name).filter(|seen| !seen.is_empty() && !self.kept.contains(name))
        else {
            return;
        };
        let firsts = seen.iter().filter_map(|name| name.chars().next());
        let rests = seen.iter().flat_map(|name| name.chars().skip(1));
        for (key, characters) in [("first", firsts.collect::<Vec<_>>()), ("rest", rests.collect())]
        {
            let Some(place) = table.get(key) else { continue };
            let old = place.get_ref().as_str().and_then(|class| Class::parse(class).ok());
            let Some(old) = old.filter(|_| !characters.is_empty()) else { continue };
            let kept = characters.into_iter().fold(Class::default(), |kept, character| {
                let kind = KINDS.iter().find(|kind| kind.contains(character));
                kept | kind.map_or(Class::single(character), |kind| Class::of(kind))
            });
            edits.replace(place.span(), quoted(&old.within(kept).spelled()));
        }
        if let Some(max) = table.get("max") {
            let longest = seen.iter().map(String::len).max().unwrap_or_default();
            edits.replace(max.span(), longest.to_string());
        }
    }
}
