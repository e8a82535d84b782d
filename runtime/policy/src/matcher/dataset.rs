//! ZFS datasets directly below a named one, and their snapshots:
//! `tank/shares/share-1@monday`.
//!
//! The pool and the parent are the operator's words, one or a list of them; a guest
//! chooses names in it, never the parent itself and nothing deeper.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::aspect::{Aspects, aspects, named};
use crate::class::Class;
use crate::error::Flaw;
use crate::load::fields::{Fields, Value, literal_set, text};
use crate::load::scope::Scope;
use crate::matcher::Reading;
use crate::matcher::name::NameType;
use crate::outline::Outline;
use crate::owned::{Claim, Container, Object, Owner};
use crate::text::shown;

/// What ZFS allows in names, but for the blank.
const LETTERS: Class =
    Class::of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-");

/// Longest name of a dataset or snapshot, as ZFS has it (`ZFS_MAX_DATASET_NAME_LEN`
/// counts the final NUL).
const MAX_DATASET: usize = 255;

/// A dataset below one of `parents`, or a snapshot of one.
#[derive(Debug, Clone)]
pub(crate) struct Dataset {
    /// At least one, sorted, none twice.
    parents: BTreeSet<String>,
    name: Arc<NameType>,
    /// The type of what follows `@`; none means the dataset itself.
    snapshot: Option<Arc<NameType>>,
    owner: Option<Owner>,
}

impl Dataset {
    pub(crate) fn load(value: &Value<'_>, scope: &Scope) -> Result<Dataset, Flaw> {
        let fields = Fields::new(value, "`dataset`", &["parent", "name", "snapshot", "owner"])?;
        let parent = fields.require("parent")?;
        let parents: BTreeSet<String> = match parent.get_ref().as_array() {
            Some(_) => literal_set(parent, "`parent`")?.into_iter().collect(),
            None => [text(parent, "`parent`")?.to_owned()].into(),
        };
        let plain = |component: &str| {
            component.starts_with(|first: char| first.is_ascii_alphanumeric())
                && component.chars().all(|c| LETTERS.contains(c))
        };
        let sound = |path: &String| path.len() <= MAX_DATASET && path.split('/').all(plain);
        if let Some(path) = parents.iter().find(|path| !sound(path)) {
            return Err(Flaw::new(parent.span(), format!("{} is no dataset", shown(path)))
                .help("write the pool and what is below it, such as \"tank/shares\""));
        }
        if parents.is_empty() {
            return Err(Flaw::new(parent.span(), "`parent` names no dataset")
                .help("write a pool, or several as a list: [\"tank\", \"pond/shares\"]"));
        }
        let name = |value| name_within(value, scope, LETTERS, "a dataset's name");
        Ok(Dataset {
            parents,
            name: name(fields.require("name")?)?,
            snapshot: fields.get("snapshot").map(name).transpose()?,
            owner: Owner::load(&fields)?,
        })
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        // A name has no slash, so that at most one parent fits.
        let (parent, rest) = word.rsplit_once('/')?;
        let parent = self.parents.get(parent)?;
        let fits = match &self.snapshot {
            None => self.name.accepts(rest),
            Some(snapshot) => rest
                .split_once('@')
                .is_some_and(|(name, after)| self.name.accepts(name) && snapshot.accepts(after)),
        };
        (fits && word.len() <= MAX_DATASET).then(|| Reading {
            claims: self.claims(parent, rest),
            ..Reading::text("dataset", word.to_owned())
        })
    }

    /// What is asked of `name` or `name@snapshot` below `parent`. A snapshot shows what is in its dataset: it
    /// is made of what is the backend's own only.
    fn claims(&self, parent: &str, name: &str) -> Vec<Claim> {
        let container = Container::Dataset(parent.to_owned());
        let object = |name: &str| Object { container: container.clone(), name: name.to_owned() };
        let source = match (self.owner, name.split_once('@')) {
            (Some(Owner::New), Some((dataset, _))) => Some(Claim::Needs(object(dataset))),
            _ => None,
        };
        source.into_iter().chain(self.owner.map(|owner| owner.claim(object(name)))).collect()
    }

    pub(crate) fn is_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }

    pub(crate) fn owner(&self) -> Option<Owner> {
        self.owner
    }

    pub(crate) fn containers(&self) -> Vec<Container> {
        self.parents.iter().cloned().map(Container::Dataset).collect()
    }

    /// Exact but for the longest names, which no pool has.
    pub(crate) fn intersects(&self, other: &Dataset) -> bool {
        let snapshots = match (&self.snapshot, &other.snapshot) {
            (None, None) => true,
            (Some(a), Some(b)) => a.intersects(b),
            _ => false,
        };
        snapshots && !self.parents.is_disjoint(&other.parents) && self.name.intersects(&other.name)
    }

    /// Exact but for the longest names.
    pub(crate) fn covers(&self, other: &Dataset) -> bool {
        let snapshots = match (&self.snapshot, &other.snapshot) {
            (None, None) => true,
            (Some(a), Some(b)) => a.covers(b),
            _ => false,
        };
        snapshots
            && self.parents.is_superset(&other.parents)
            && Owner::covers(self.owner, other.owner)
            && self.name.covers(&other.name)
    }

    pub(crate) fn aspects(&self) -> Aspects {
        let snapshot = self.snapshot.as_ref().map(|name| name.aspects()).unwrap_or_default();
        let owner = Owner::word(self.owner);
        aspects([("dataset.parent", self.shown_parents()), ("dataset.owner", owner)])
            .then(named("dataset.name", self.name.aspects()))
            .then(named("dataset.snapshot", snapshot))
    }

    /// `tank`, `tank|pond/shares`
    fn shown_parents(&self) -> String {
        self.parents.iter().map(String::as_str).collect::<Vec<_>>().join("|")
    }

    /// How many parents it lists.
    pub(crate) fn parents(&self) -> usize {
        self.parents.len()
    }

    pub(crate) fn outline(&self) -> Outline {
        let mut parents = self.parents.iter().map(String::as_str);
        let parent = match (self.parents.len(), parents.next()) {
            (1, Some(one)) => Outline::default().text(one),
            _ => Outline::any_of(self.parents.iter().map(String::as_str)),
        };
        let dataset = parent.text("/").then(self.name.outline());
        match &self.snapshot {
            None => dataset,
            Some(snapshot) => dataset.text("@").then(snapshot.outline()),
        }
    }
}

/// A type of names that has no character which the tool would read otherwise.
pub(crate) fn name_within(
    value: &Value<'_>,
    scope: &Scope,
    letters: Class,
    what: &str,
) -> Result<Arc<NameType>, Flaw> {
    let name = scope.name_type(value)?;
    if letters.covers(name.outline().alphabet()) {
        return Ok(name);
    }
    Err(Flaw::new(
        value.span(),
        format!("the type `{}` has characters that {what} cannot have", name.name()),
    )
    .help(format!("it may have: {letters:?}")))
}

/// `<tank/shares/NAME:share@NAME:snapshot>`
impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}/NAME:{}", self.shown_parents(), self.name.name())?;
        if let Some(snapshot) = &self.snapshot {
            write!(f, "@NAME:{}", snapshot.name())?;
        }
        write!(f, "{}>", Owner::shown(self.owner))
    }
}
