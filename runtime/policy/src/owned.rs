//! What a backend can have made, and what a request has to do with it.
//!
//! Names only. Whether a backend made a thing is in the runtime's own record, which this crate
//! never sees: a grant says what it needs and what it makes, and the runtime's gate answers.

use std::fmt;
use std::str::FromStr;

use crate::error::Flaw;
use crate::guest_path::GuestPath;
use crate::load::fields::{Fields, Value, choice};
use crate::text::{MAX_PATH, hidden_in, shown};

/// Where things have their names: no two things of one container are called alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Container {
    /// A root of the policy, by its name.
    Root(String),
    /// A volume group.
    Group(String),
    /// A ZFS dataset, by its full name.
    Dataset(String),
    /// Names of any other kind, by what the policy calls them.
    Space(String),
}

/// Something that a backend can have made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Object {
    /// Where it has its name.
    pub container: Container,
    /// Its name there: components joined by `/`, a volume, `dataset` or `dataset@snapshot`.
    pub name: String,
}

/// What a request has to do with a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It may be done only if the backend that asks has made this.
    Needs(Object),
    /// It makes this.
    Makes(Object),
}

impl Claim {
    /// Whether it is granted only for what is the backend's own.
    pub(crate) fn is_need(&self) -> bool {
        matches!(self, Claim::Needs(_))
    }
}

/// The words of `owner`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// `self`: the backend has made it.
    Own,
    /// `new`: the program makes it.
    New,
}

impl Owner {
    pub(crate) const ALL: [(&'static str, Owner); 2] = [("self", Owner::Own), ("new", Owner::New)];

    /// Reads the key `owner` of a matcher that takes both words.
    pub(crate) fn load(fields: &Fields<'_, '_>) -> Result<Option<Owner>, Flaw> {
        fields.get("owner").map(|value| choice(value, "owner", &Owner::ALL)).transpose()
    }

    pub(crate) fn claim(self, object: Object) -> Claim {
        match self {
            Owner::Own => Claim::Needs(object),
            Owner::New => Claim::Makes(object),
        }
    }

    /// True if `wide` asks for no less than `narrow` grants: what only its own maker may use is
    /// covered where anything may be used.
    pub(crate) fn covers(wide: Option<Owner>, narrow: Option<Owner>) -> bool {
        wide == narrow || (wide.is_none() && narrow == Some(Owner::Own))
    }

    /// Reads `owner = "self"` where nothing else can be said.
    pub(crate) fn load_own(value: &Value<'_>) -> Result<(), Flaw> {
        choice(value, "owner", &[("self", ())])
    }

    /// The word of the policy file; nothing if there is none.
    pub(crate) fn word(owner: Option<Owner>) -> String {
        let found = Owner::ALL.into_iter().find(|(_, known)| Some(*known) == owner);
        found.map_or("", |(word, _)| word).to_owned()
    }

    /// How a hole says it to people.
    pub(crate) fn shown(owner: Option<Owner>) -> &'static str {
        match owner {
            None => "",
            Some(Owner::Own) => " own",
            Some(Owner::New) => " new",
        }
    }
}

impl Container {
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Container::Root(name) => ("root", name),
            Container::Group(name) => ("group", name),
            Container::Dataset(name) => ("dataset", name),
            Container::Space(name) => ("space", name),
        }
    }
}

impl Object {
    /// The thing at a place beneath a root; none for the root itself, which nobody makes.
    pub fn at(path: &GuestPath) -> Option<Object> {
        let name = path.components.join("/");
        (!name.is_empty()).then(|| Object { container: Container::Root(path.root.clone()), name })
    }

    /// Where it is, if it lies beneath a root.
    pub fn path(&self) -> Option<GuestPath> {
        match &self.container {
            Container::Root(root) => GuestPath::parse_relative(root, &self.name).ok(),
            _ => None,
        }
    }

    /// The names, in its container, of what it lies in, outermost first, and its own: who made
    /// one of these made it. Only what lies beneath a root lies in anything.
    pub fn lineage(&self) -> Vec<&str> {
        let slashes = match self.container {
            Container::Root(_) => self.name.match_indices('/').map(|(at, _)| at).collect(),
            _ => Vec::new(),
        };
        let parents = slashes.into_iter().filter_map(|at| self.name.get(..at));
        parents.chain([self.name.as_str()]).collect()
    }

    /// How the names of what goes with it begin: of what lies in a directory, of the snapshots of
    /// a dataset.
    pub fn beneath(&self) -> Option<String> {
        match self.container {
            Container::Root(_) => Some(format!("{}/", self.name)),
            Container::Dataset(_) => Some(format!("{}@", self.name)),
            Container::Group(_) | Container::Space(_) => None,
        }
    }
}

/// `root:shares`, `group:vg0`, `dataset:tank/shares`, `space:volumes`.
impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = self.parts();
        write!(f, "{kind}:{name}")
    }
}

impl FromStr for Container {
    type Err = String;

    fn from_str(text: &str) -> Result<Container, String> {
        let named = text.split_once(':').and_then(|(kind, name)| {
            let sound = !name.is_empty() && name.len() <= MAX_PATH && hidden_in(name).is_none();
            let name = name.to_owned();
            match kind {
                _ if !sound => None,
                "root" => Some(Container::Root(name)),
                "group" => Some(Container::Group(name)),
                "dataset" => Some(Container::Dataset(name)),
                "space" => Some(Container::Space(name)),
                _ => None,
            }
        });
        named.ok_or_else(|| {
            format!(
                "{} is no container; write root:NAME, group:NAME, dataset:NAME or space:NAME",
                shown(text)
            )
        })
    }
}

/// As commands and people call it: `shares:share-1`, `vg0/lv1`, `tank/shares/one@monday`,
/// `one in space:volumes`.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.container {
            Container::Root(root) => write!(f, "{root}:{}", self.name),
            Container::Group(parent) | Container::Dataset(parent) => {
                write!(f, "{parent}/{}", self.name)
            }
            Container::Space(_) => write!(f, "{} in {}", self.name, self.container),
        }
    }
}
