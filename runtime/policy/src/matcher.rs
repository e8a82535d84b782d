//! What one argument may be: one enum, one module for each group of its cases.
//!
//! A matcher reads one word of a guest's argv and answers what to run instead,
//! or nothing. Words that belong together (a flag and its value) are the
//! template's affair. A new kind of matcher is a module, a variant here, and
//! its arms in `read`, `outline`, `aspects`, `load` and `Display`, where the compiler names
//! what is missing, and in `intersects` and `covers`, which are exact only for
//! two of a kind.

mod aspects;
pub(crate) mod cidr;
pub(crate) mod concat;
pub(crate) mod csv;
pub(crate) mod dataset;
pub(crate) mod device;
pub(crate) mod int;
pub(crate) mod ip;
pub(crate) mod literal;
pub(crate) mod mode;
pub(crate) mod name;
pub(crate) mod named;
pub(crate) mod path;
pub(crate) mod percent;
pub(crate) mod secret;
pub(crate) mod size;
pub(crate) mod uuid;

use std::fmt;

use toml::de::DeValue;

use crate::error::Flaw;
use crate::grant::Argument;
use crate::load::fields::{Fields, Value, literal, table};
use crate::load::scope::Scope;
use crate::outline::Outline;
use crate::owned::{Claim, Container, Owner};

use self::cidr::Cidr;
use self::concat::Concat;
use self::csv::Csv;
use self::dataset::Dataset;
use self::device::Device;
use self::int::Int;
use self::ip::Ip;
use self::literal::OneOf;
use self::mode::Mode;
use self::named::Named;
use self::path::PathMatcher;
use self::percent::Percent;
use self::secret::Secret;
use self::size::Size;
use self::uuid::Uuid;

/// The words one argument may be.
#[derive(Debug, Clone)]
pub(crate) enum Matcher {
    Literal(String),
    OneOf(OneOf),
    Name(Named),
    Int(Int),
    Size(Size),
    Percent(Percent),
    Mode(Mode),
    Uuid(Uuid),
    Ip(Ip),
    Cidr(Cidr),
    Path(PathMatcher),
    Dataset(Dataset),
    Device(Device),
    Csv(Csv),
    Concat(Concat),
    Secret(Secret),
}

/// A word that was accepted.
#[derive(Debug)]
pub(crate) struct Reading {
    /// What runs.
    pub(crate) argument: Argument,
    /// Label and canonical text of each choice of the guest's in it.
    pub(crate) values: Vec<(String, String)>,
    /// What it needs to be the backend's own, or makes.
    pub(crate) claims: Vec<Claim>,
}

impl Reading {
    fn text(label: &str, canonical: String) -> Reading {
        Reading {
            argument: Argument::Text(canonical.clone()),
            values: vec![(label.to_owned(), canonical)],
            claims: Vec::new(),
        }
    }
}

/// The keys that tell the kinds of matcher apart.
pub(crate) const KINDS: [&str; 15] = [
    "one-of", "name", "int", "size", "percent", "mode", "uuid", "ip", "cidr", "path", "dataset",
    "device", "csv", "concat", "secret",
];

/// Elements of `args` that are no single word: the template reads them.
const GROUPS: [&str; 3] = ["flag", "optional", "repeat"];

impl Matcher {
    /// Accepts or refuses one word.
    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        match self {
            Matcher::Literal(text) => (text == word).then(|| Reading {
                argument: Argument::Text(text.clone()),
                values: Vec::new(),
                claims: Vec::new(),
            }),
            Matcher::OneOf(choices) => choices.read(word),
            Matcher::Name(name) => name.read(word),
            Matcher::Int(int) => int.read(word),
            Matcher::Size(size) => size.read(word),
            Matcher::Percent(percent) => percent.read(word),
            Matcher::Mode(mode) => mode.read(word),
            Matcher::Uuid(uuid) => uuid.read(word),
            Matcher::Ip(ip) => ip.read(word),
            Matcher::Cidr(cidr) => cidr.read(word),
            Matcher::Path(path) => path.read(word),
            Matcher::Dataset(dataset) => dataset.read(word),
            Matcher::Device(device) => device.read(word),
            Matcher::Csv(csv) => csv.read(word),
            Matcher::Concat(concat) => concat.read(word),
            Matcher::Secret(secret) => secret.read(word),
        }
    }

    /// True if one word may be accepted by both. Never wrongly false; where an
    /// exact answer would need more than the outlines of two kinds, it may be
    /// wrongly true, and the operator is asked to tell the rules apart.
    pub(crate) fn intersects(&self, other: &Matcher) -> bool {
        use Matcher::{
            Cidr, Concat, Csv, Dataset, Device, Int, Ip, Literal, Mode, Name, OneOf, Path, Percent,
            Secret, Size, Uuid,
        };
        match (self, other) {
            (Literal(text), matcher) | (matcher, Literal(text)) => matcher.read(text).is_some(),
            (OneOf(choices), matcher) | (matcher, OneOf(choices)) => {
                choices.texts().any(|text| matcher.read(text).is_some())
            }
            (Name(a), Name(b)) => a.intersects(b),
            (Int(a), Int(b)) => a.intersects(b),
            (Size(a), Size(b)) => a.intersects(b),
            (Percent(a), Percent(b)) => a.intersects(b),
            (Ip(a), Ip(b)) => a.intersects(b),
            (Cidr(a), Cidr(b)) => a.intersects(b),
            (Path(a), Path(b)) => a.intersects(b),
            (Dataset(a), Dataset(b)) => a.intersects(b),
            (Device(a), Device(b)) => a.intersects(b),
            (Csv(a), Csv(b)) => a.intersects(b),
            (Concat(a), Concat(b)) => a.intersects(b),
            (Secret(a), Secret(b)) => a.intersects(b),
            // No bits at all are a mode under any mask.
            (Mode(_), Mode(_)) | (Uuid(_), Uuid(_)) => true,
            _ => self.outline().meets(&other.outline()),
        }
    }

    /// How much there is of it when it is compared with another, in whatever way that is done: texts,
    /// networks, or the characters that stand fast. At least 1.
    pub(crate) fn weight(&self) -> usize {
        let listed = match self {
            // Compared at once, or read once.
            Matcher::Literal(_) => return 1,
            Matcher::OneOf(choices) => return choices.texts().count(),
            Matcher::Csv(csv) => csv.words().count(),
            Matcher::Ip(ip) => ip.networks(),
            Matcher::Cidr(cidr) => cidr.listed(),
            Matcher::Dataset(dataset) => dataset.parents(),
            Matcher::Concat(concat) => concat.parts().iter().map(Matcher::weight).sum(),
            _ => 1,
        };
        listed.max(self.outline().length())
    }

    /// True if every word that `other` accepts is accepted here, and the same
    /// argument runs. Never wrongly true. Between two kinds the answer is no,
    /// unless the words of `other` are listed: a name that may hold all digits
    /// is not said to cover an int.
    pub(crate) fn covers(&self, other: &Matcher) -> bool {
        use Matcher::{
            Cidr, Concat, Csv, Dataset, Device, Int, Ip, Literal, Mode, Name, OneOf, Path, Percent,
            Secret, Size, Uuid,
        };
        match (self, other) {
            (_, Literal(text)) => self.runs_as_it_stands(text),
            (_, OneOf(choices)) => choices.texts().all(|text| self.runs_as_it_stands(text)),
            (Name(a), Name(b)) => a.covers(b),
            (Int(a), Int(b)) => a.covers(b),
            (Size(a), Size(b)) => a.covers(b),
            (Percent(a), Percent(b)) => a.covers(b),
            (Ip(a), Ip(b)) => a.covers(b),
            (Cidr(a), Cidr(b)) => a.covers(b),
            (Mode(a), Mode(b)) => a.covers(b),
            (Uuid(_), Uuid(_)) => true,
            (Path(a), Path(b)) => a.covers(b),
            (Dataset(a), Dataset(b)) => a.covers(b),
            (Device(a), Device(b)) => a.covers(b),
            (Csv(a), Csv(b)) => a.covers(b),
            (Concat(a), Concat(b)) => a.covers(b),
            (Secret(a), Secret(b)) => a.covers(b),
            _ => false,
        }
    }

    fn runs_as_it_stands(&self, word: &str) -> bool {
        self.read(word).is_some_and(|reading| {
            reading.argument == Argument::Text(word.to_owned()) && reading.claims.is_empty()
        })
    }

    /// True if its words are texts and nothing more: no path, no secret, no owner.
    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Matcher::Path(_) | Matcher::Secret(_) => false,
            Matcher::Concat(concat) => concat.parts().iter().all(Matcher::is_plain),
            _ => self.containers().is_empty(),
        }
    }

    /// What every accepted word looks like; others may look so too.
    pub(crate) fn outline(&self) -> Outline {
        match self {
            Matcher::Literal(text) => Outline::default().text(text),
            Matcher::OneOf(choices) => Outline::any_of(choices.texts()),
            Matcher::Name(name) => name.outline(),
            Matcher::Int(int) => int.outline(),
            Matcher::Size(size) => size.outline(),
            Matcher::Percent(percent) => percent.outline(),
            Matcher::Mode(mode) => mode.outline(),
            Matcher::Uuid(uuid) => uuid.outline(),
            Matcher::Ip(ip) => ip.outline(),
            Matcher::Cidr(cidr) => cidr.outline(),
            Matcher::Path(path) => path.outline(),
            Matcher::Dataset(dataset) => dataset.outline(),
            Matcher::Device(device) => device.outline(),
            Matcher::Csv(csv) => csv.outline(),
            Matcher::Concat(concat) => concat.outline(),
            Matcher::Secret(secret) => secret.outline(),
        }
    }

    /// True if a word that it accepts may begin with this character.
    pub(crate) fn may_begin_with(&self, character: char) -> bool {
        self.outline().may_begin_with(character)
    }

    /// Whether it takes only what the backend has made, in any of its parts.
    pub(crate) fn needs_own(&self) -> bool {
        self.any(|part| {
            let owner = match part {
                Matcher::Name(name) => name.owner(),
                Matcher::Path(path) => path.owner(),
                Matcher::Dataset(dataset) => dataset.owner(),
                Matcher::Device(device) => device.owner(),
                _ => None,
            };
            owner == Some(Owner::Own)
        })
    }

    /// The container of what it says an owner of, or makes; of its parts, those of all.
    pub(crate) fn containers(&self) -> Vec<Container> {
        match self {
            Matcher::Name(name) => name.container().into_iter().collect(),
            Matcher::Path(path) => vec![path.container()],
            Matcher::Dataset(dataset) => {
                dataset.owner().map(|_| dataset.containers()).unwrap_or_default()
            }
            Matcher::Device(device) => {
                device.owner().map(|_| device.container()).into_iter().collect()
            }
            Matcher::Concat(concat) => {
                concat.parts().iter().flat_map(Matcher::containers).collect()
            }
            _ => Vec::new(),
        }
    }

    /// True if a part of it is a path that takes this word.
    pub(crate) fn takes_path(&self, word: &str) -> bool {
        self.any(|part| matches!(part, Matcher::Path(path) if path.read(word).is_some()))
    }

    /// The options whose values it passes on.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        match self {
            Matcher::Secret(secret) => vec![secret.option()],
            Matcher::Concat(concat) => concat.parts().iter().flat_map(Matcher::secrets).collect(),
            _ => Vec::new(),
        }
    }

    /// True if it, or one of its parts, is such.
    fn any(&self, is: impl Fn(&Matcher) -> bool) -> bool {
        match self {
            Matcher::Concat(concat) => concat.parts().iter().any(is),
            one => is(one),
        }
    }

    /// Reads a matcher. `granted` are the roots that the rule reads or writes.
    pub(crate) fn load(
        value: &Value<'_>,
        scope: &Scope,
        granted: &[String],
    ) -> Result<Matcher, Flaw> {
        if let DeValue::String(_) = value.get_ref() {
            return Ok(Matcher::Literal(literal(value, "an argument")?.to_owned()));
        }
        let keys = table(value, "an argument that is no text")?;
        if let Some(group) = GROUPS.into_iter().find(|group| keys.contains_key(*group)) {
            return Err(Flaw::new(value.span(), format!("`{group}` cannot stand within another"))
                .help(
                    "a flag, an optional and a repeated element stand by themselves in the list",
                ));
        }
        let Some(kind) = KINDS.into_iter().find(|kind| keys.contains_key(*kind)) else {
            let kinds = KINDS.into_iter().chain(GROUPS);
            return Err(match keys.keys().next() {
                Some(key) => Flaw::unknown(key.span(), "kind of matcher", key.get_ref(), kinds),
                None => Flaw::new(value.span(), "an empty table is no matcher").help(format!(
                    "name its kind, one of: {}",
                    kinds.collect::<Vec<_>>().join(", ")
                )),
            });
        };
        // These two have keys beside that of their kind.
        match kind {
            "name" => return Named::load(value, scope).map(Matcher::Name),
            "secret" => return Secret::load(value).map(Matcher::Secret),
            _ => {}
        }
        let matcher = Fields::new(value, "a matcher", &[kind])?;
        let inner = matcher.require(kind)?;
        Ok(match kind {
            "one-of" => Matcher::OneOf(OneOf::load(inner)?),
            "int" => Matcher::Int(Int::load(inner)?),
            "size" => Matcher::Size(Size::load(inner)?),
            "percent" => Matcher::Percent(Percent::load(inner)?),
            "mode" => Matcher::Mode(Mode::load(inner)?),
            "uuid" => Matcher::Uuid(Uuid::load(inner)?),
            "ip" => Matcher::Ip(Ip::load(inner)?),
            "cidr" => Matcher::Cidr(Cidr::load(inner)?),
            "path" => Matcher::Path(PathMatcher::load(inner, scope, granted)?),
            "dataset" => Matcher::Dataset(Dataset::load(inner, scope)?),
            "device" => Matcher::Device(Device::load(inner, scope)?),
            "csv" => Matcher::Csv(Csv::load(inner)?),
            _ => Matcher::Concat(Concat::load(inner, scope, granted)?),
        })
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Matcher::Literal(text) => literal::show(text, f),
            Matcher::OneOf(choices) => choices.fmt(f),
            Matcher::Name(name) => name.fmt(f),
            Matcher::Int(int) => int.fmt(f),
            Matcher::Size(size) => size.fmt(f),
            Matcher::Percent(percent) => percent.fmt(f),
            Matcher::Mode(mode) => mode.fmt(f),
            Matcher::Uuid(uuid) => uuid.fmt(f),
            Matcher::Ip(ip) => ip.fmt(f),
            Matcher::Cidr(cidr) => cidr.fmt(f),
            Matcher::Path(path) => path.fmt(f),
            Matcher::Dataset(dataset) => dataset.fmt(f),
            Matcher::Device(device) => device.fmt(f),
            Matcher::Csv(csv) => csv.fmt(f),
            Matcher::Concat(concat) => concat.fmt(f),
            Matcher::Secret(secret) => secret.fmt(f),
        }
    }
}
