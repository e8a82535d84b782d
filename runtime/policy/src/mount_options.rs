//! Options of a mount, as a set.
//!
//! Mounting reads options from left to right, and the last word wins; read as a set there is
//! no last word: all of `must`, any of `any`, nothing twice, nothing else, and no two words that
//! are about the same thing. What a word does is the broker's to know.

use std::collections::BTreeSet;

use crate::aspect::{Aspects, aspects, list};
use crate::error::Flaw;
use crate::load::fields::{Fields, Value, literal_set};
use crate::mount::{NODEV, NOSUID};
use crate::text::shown;

/// The options of a mount itself, which every file system has, `bind` as well.
const GENERAL: [&str; 7] =
    ["noatime", "nodiratime", "noexec", "nosymfollow", "relatime", "ro", "strictatime"];

/// Words of mount(8) that are no options of a mount, or undo what is forced.
const NEVER: [&str; 21] = [
    "auto", "bind", "defaults", "dev", "exec", "group", "loop", "move", "noauto", "nofail",
    "nouser", "owner", "rbind", "remount", "rw", "source", "suid", "user", "users", "_netdev",
    "silent",
];

/// The options that a rule allows.
#[derive(Debug, Clone, Default)]
pub(crate) struct MountOptions {
    must: BTreeSet<String>,
    any: BTreeSet<String>,
}

impl MountOptions {
    /// Reads `{ must = […], any = […] }`. Of a `bind`, only the general ones mean something.
    pub(crate) fn load(value: &Value<'_>, bind: bool) -> Result<MountOptions, Flaw> {
        let fields = Fields::new(value, "`options`", &["must", "any"])?;
        let words = |key: &str| match fields.get(key) {
            None => Ok(BTreeSet::new()),
            Some(list) => {
                let words = literal_set(list, "a list of options")?;
                words.iter().try_for_each(|word| check(word, list, bind))?;
                Ok(words.into_iter().collect())
            }
        };
        let options = MountOptions { must: words("must")?, any: words("any")? };
        for word in &options.must {
            let others = options.must.iter().chain(&options.any).filter(|other| *other != word);
            let twice = options.any.contains(word).then_some(word);
            if let Some(other) = twice.or(others.into_iter().find(|one| about(one) == about(word)))
            {
                return Err(Flaw::new(
                    value.span(),
                    format!("`{other}` cannot stand beside `{word}`, which always does"),
                )
                .help("keep one of them"));
            }
        }
        Ok(options)
    }

    /// The words in their one order, or what is wanted instead.
    pub(crate) fn choose(&self, asked: &[String]) -> Result<Vec<String>, String> {
        let mut set: BTreeSet<&str> = BTreeSet::new();
        for word in asked {
            // These take something away, and most are forced: no rule has to allow them.
            let always = word == NOSUID || word == NODEV;
            let known = always || self.must.contains(word) || self.any.contains(word);
            if !known || set.iter().any(|other| about(other) == about(word)) {
                return Err(self.wanted());
            }
            set.insert(word);
        }
        if !self.must.iter().all(|word| set.contains(word.as_str())) {
            return Err(self.wanted());
        }
        Ok(set.into_iter().map(str::to_owned).collect())
    }

    fn wanted(&self) -> String {
        match self.words_shown().collect::<Vec<_>>().join(",") {
            none if none.is_empty() => "no option".to_owned(),
            words => format!("options among {words}, each thing once"),
        }
    }

    /// Exact: no list of the other's has a word too many here, or lacks one.
    pub(crate) fn covers(&self, other: &MountOptions) -> bool {
        let has = |word: &String| self.must.contains(word) || self.any.contains(word);
        other.must.iter().chain(&other.any).all(has) && self.must.is_subset(&other.must)
    }

    pub(crate) fn aspects(&self) -> Aspects {
        let words = |words: &BTreeSet<String>| list(words.iter().map(String::as_str));
        aspects([("options.must", words(&self.must)), ("options.any", words(&self.any))])
    }

    /// `ro`, and `[noexec]` for one that may be left out.
    pub(crate) fn words_shown(&self) -> impl Iterator<Item = String> {
        self.must.iter().cloned().chain(self.any.iter().map(|word| format!("[{word}]")))
    }
}

/// What a word is about: two of them that are about the same would override each other.
fn about(word: &str) -> &str {
    match word {
        "relatime" | "strictatime" | "noatime" => "atime",
        _ => {
            let key = word.split_once('=').map_or(word, |(key, _)| key);
            key.strip_prefix("no").unwrap_or(key)
        }
    }
}

fn check(word: &str, list: &Value<'_>, bind: bool) -> Result<(), Flaw> {
    let plain = word.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    let key = word.split_once('=').map_or(word, |(key, _)| key);
    let fault = if !plain || key.is_empty() || word.starts_with('-') {
        "is no option: write visible ASCII without comma"
    } else if word == NOSUID || word == NODEV {
        "is forced: leave it out, or allow its contrary by `suid = true` or `dev = true`"
    } else if word == "rw" {
        "is what there is without `ro`: leave it out"
    } else if key == "suid" || key == "dev" {
        "undoes what is forced: write `suid = true` or `dev = true` in the rule instead"
    } else if NEVER.contains(&key) || key.starts_with("x-") || key.starts_with("X-") {
        "is a word of mount(8), and not of a mount: leave it out"
    } else if bind && !GENERAL.contains(&word) {
        "is an option of a file system, and a `bind` mounts none; allowed: noatime, nodiratime, \
         noexec, nosymfollow, relatime, ro, strictatime"
    } else {
        return Ok(());
    };
    Err(Flaw::new(list.span(), format!("the option {} {fault}", shown(word))))
}
