//! Places beneath a root: fixed directories, then at most one directory of a named type, then one
//! leaf of a named type.
//!
//! Not a host path and no string comparison of prefixes: the guest's word is
//! taken apart into a root and components, and each must be the one the rule
//! says. Whether the leaf exists is found out by whoever resolves the answer.

use std::fmt;
use std::sync::Arc;

use crate::aspect::{Aspects, aspects, named};
use crate::class::Class;
use crate::error::Flaw;
use crate::grant::{Argument, Leaf, Pass, PathArgument};
use crate::guest_path::{GuestPath, MAX_COMPONENTS};
use crate::load::fields::{Fields, Value, choice, explanation, text};
use crate::load::scope::Scope;
use crate::matcher::Reading;
use crate::matcher::name::NameType;
use crate::outline::Outline;
use crate::owned::{Claim, Container, Object, Owner};
use crate::text::{check_component, shown};

/// A place beneath a root.
#[derive(Debug, Clone)]
pub(crate) struct PathMatcher {
    root: String,
    under: Vec<String>,
    /// The type of the directory that the leaf lies in, beneath `under`; none if it is not named.
    parent: Option<Arc<NameType>>,
    /// The type of the last component; none exactly for `Leaf::Root`.
    name: Option<Arc<NameType>>,
    leaf: Leaf,
    pass: Pass,
    /// Whether the backend must have made the leaf.
    own: bool,
}

impl PathMatcher {
    pub(crate) fn load(
        value: &Value<'_>,
        scope: &Scope,
        granted: &[String],
    ) -> Result<PathMatcher, Flaw> {
        let fields = Fields::new(
            value,
            "`path`",
            &["root", "under", "parent", "leaf", "name", "owner", "pass", "looked-up"],
        )?;
        let root = scope.root(fields.require("root")?)?;
        if !granted.contains(&root.name) {
            let name = &root.name;
            return Err(Flaw::new(
                fields.require("root")?.span(),
                format!("the rule may neither read nor write the root `{name}`"),
            )
            .help(format!("add `read = [\"{name}\"]` or `write = [\"{name}\"]` to the rule")));
        }
        let leaf = choice(fields.require("leaf")?, "leaf", &Leaf::ALL)?;
        let pass = match fields.get("pass") {
            Some(pass) => choice(pass, "way to pass a path", &Pass::ALL)?,
            None => Pass::Fd,
        };
        match (pass, fields.get("looked-up")) {
            (Pass::Path, Some(why)) => drop(explanation(why, "`looked-up`")?),
            (Pass::Fd, None) => {}
            (Pass::Path, None) => {
                return Err(Flaw::new(
                    value.span(),
                    "the program looks a path up again: whoever may change a directory on the way \
                     can have it find something else than was checked",
                )
                .help(
                    "leave out `pass`, and the program is told a descriptor; or, if it stores what \
                     it is told, or takes no other, add `looked-up = \"why\"`",
                ));
            }
            (Pass::Fd, Some(why)) => {
                return Err(Flaw::new(why.span(), "`looked-up` is for `pass = \"path\"` only")
                    .help("leave it out: a descriptor leads where the broker looked"));
            }
        }
        let own = match (fields.get("owner"), leaf) {
            (Some(owner), Leaf::New | Leaf::Root) => {
                return Err(Flaw::new(owner.span(), "`owner` is for what is there already").help(
                    "write it with `leaf = \"dir\"` or `leaf = \"file\"`; what `leaf = \"new\"` \
                     makes is the backend's own without it",
                ));
            }
            (Some(owner), Leaf::Dir | Leaf::File) => Owner::load_own(owner).map(|()| true)?,
            (None, _) => false,
        };
        let (under, parent, name) = match leaf {
            Leaf::Root => {
                let extra = ["under", "parent", "name"].into_iter().find_map(|key| fields.get(key));
                if let Some(extra) = extra {
                    return Err(Flaw::new(extra.span(), "`leaf = \"root\"` is the root itself")
                        .help("leave out `under`, `parent` and `name`"));
                }
                (Vec::new(), None, None)
            }
            Leaf::New | Leaf::Dir | Leaf::File => {
                let (under, name) = load_beneath(&fields, scope)?;
                let parent = fields.get("parent").map(|parent| scope.name_type(parent));
                (under, parent.transpose()?, Some(name))
            }
        };
        Ok(PathMatcher { root: root.name.clone(), under, parent, name, leaf, pass, own })
    }

    /// Reads what may be mounted: an image or a directory. It is never told to a program.
    pub(crate) fn load_source(value: &Value<'_>, scope: &Scope) -> Result<PathMatcher, Flaw> {
        let fields = Fields::new(value, "`path`", &["root", "under", "leaf", "name"])?;
        let leaves = [("file", Leaf::File), ("dir", Leaf::Dir)];
        let leaf = choice(fields.require("leaf")?, "leaf of something to mount", &leaves)?;
        PathMatcher::load_for_mounts(&fields, scope, leaf)
    }

    /// Reads where something may be mounted: a directory, never the root itself.
    pub(crate) fn load_place(value: &Value<'_>, scope: &Scope) -> Result<PathMatcher, Flaw> {
        let fields = Fields::new(value, "`place`", &["root", "under", "name"])?;
        PathMatcher::load_for_mounts(&fields, scope, Leaf::Dir)
    }

    fn load_for_mounts(
        fields: &Fields<'_, '_>,
        scope: &Scope,
        leaf: Leaf,
    ) -> Result<PathMatcher, Flaw> {
        let root = scope.root(fields.require("root")?)?.name.clone();
        let (under, name) = load_beneath(fields, scope)?;
        let (parent, name) = (None, Some(name));
        Ok(PathMatcher { root, under, parent, name, leaf, pass: Pass::Fd, own: false })
    }

    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    pub(crate) fn leaf(&self) -> Leaf {
        self.leaf
    }

    pub(crate) fn pass(&self) -> Pass {
        self.pass
    }

    /// The fixed directories above the leaf.
    pub(crate) fn under(&self) -> &[String] {
        &self.under
    }

    /// The type of the leaf; none for the root itself.
    pub(crate) fn name_type(&self) -> Option<&NameType> {
        self.name.as_deref()
    }

    /// Whether the backend must have made the leaf.
    pub(crate) fn is_own(&self) -> bool {
        self.own
    }

    /// Whether the program is told a path, and so looks it up again.
    pub(crate) fn is_looked_up(&self) -> bool {
        self.pass == Pass::Path
    }

    /// True if this is one of its places. The components are already known to be ordinary names
    /// of files.
    pub(crate) fn fits(&self, root: &str, components: &[String]) -> bool {
        self.root == root
            && match (&self.name, components.split_last()) {
                (None, None) => true,
                (Some(name), Some((leaf, parents))) => self.lies_in(parents) && name.accepts(leaf),
                _ => false,
            }
    }

    /// True if its leaves may lie in these directories.
    fn lies_in(&self, parents: &[String]) -> bool {
        match (&self.parent, parents.split_last()) {
            (None, _) => parents == self.under,
            (Some(parent), Some((last, above))) => above == self.under && parent.accepts(last),
            (Some(_), None) => false,
        }
    }

    /// True if a place of `other` may lie beneath a place of this. Of mounts alone, which have no
    /// `parent`.
    pub(crate) fn may_hold(&self, other: &PathMatcher) -> bool {
        self.root == other.root
            && match (other.under.split_at_checked(self.under.len()), &self.name) {
                (Some((above, [next, ..])), Some(name)) => {
                    above == self.under && name.accepts(next)
                }
                _ => false,
            }
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        let path = GuestPath::parse_argument(word).ok()?;
        if !self.fits(&path.root, &path.components) {
            return None;
        }
        let label = self.name.as_ref().map_or(self.root.as_str(), |name| name.name());
        let values = vec![(label.to_owned(), path.to_string())];
        let claim = match self.leaf {
            Leaf::New => Object::at(&path).map(Claim::Makes),
            Leaf::Dir | Leaf::File if self.own => Object::at(&path).map(Claim::Needs),
            Leaf::Dir | Leaf::File | Leaf::Root => None,
        };
        let GuestPath { root, components } = path;
        let argument =
            Argument::Path(PathArgument { root, components, leaf: self.leaf, pass: self.pass });
        Some(Reading { argument, values, claims: claim.into_iter().collect() })
    }

    pub(crate) fn owner(&self) -> Option<Owner> {
        match self.leaf {
            Leaf::New => Some(Owner::New),
            _ => self.own.then_some(Owner::Own),
        }
    }

    pub(crate) fn container(&self) -> Container {
        Container::Root(self.root.clone())
    }

    /// Exact in what is written; `leaf` does not tell two matchers apart, since
    /// a directory and a new name are spelled alike.
    pub(crate) fn intersects(&self, other: &PathMatcher) -> bool {
        self.root == other.root
            && match (&self.name, &other.name) {
                (None, None) => true,
                (Some(a), Some(b)) => self.parents_intersect(other) && a.intersects(b),
                _ => false,
            }
    }

    fn parents_intersect(&self, other: &PathMatcher) -> bool {
        match (&self.parent, &other.parent) {
            (None, None) => self.under == other.under,
            (Some(a), Some(b)) => self.under == other.under && a.intersects(b),
            (Some(_), None) => self.lies_in(&other.under),
            (None, Some(_)) => other.lies_in(&self.under),
        }
    }

    /// Exact: everything but the names decides what the program is told.
    pub(crate) fn covers(&self, other: &PathMatcher) -> bool {
        let names = match (&self.name, &other.name) {
            (None, None) => true,
            (Some(a), Some(b)) => a.covers(b),
            _ => false,
        };
        let parents = match (&self.parent, &other.parent) {
            (None, None) => true,
            (Some(a), Some(b)) => a.covers(b),
            _ => false,
        };
        names
            && parents
            && self.root == other.root
            && self.under == other.under
            && self.leaf == other.leaf
            && self.pass == other.pass
            && Owner::covers(self.owner(), other.owner())
    }

    pub(crate) fn aspects(&self) -> Aspects {
        let pass = Pass::ALL.iter().find(|(_, pass)| *pass == self.pass);
        let of = |kind: &Option<Arc<NameType>>| kind.as_ref().map(|kind| kind.aspects());
        let (parent, name) = (of(&self.parent), of(&self.name));
        aspects([
            ("path.root", self.root.clone()),
            ("path.under", self.under.join("/")),
            ("path.leaf", self.leaf.to_string()),
            ("path.pass", pass.map_or("", |(word, _)| word).to_owned()),
            ("path.owner", if self.own { "self" } else { "" }.to_owned()),
        ])
        .then(named("path.parent", parent.unwrap_or_default()))
        .then(named("path.name", name.unwrap_or_default()))
    }

    pub(crate) fn outline(&self) -> Outline {
        let root = Outline::default().text(&self.root).text(":");
        match &self.name {
            // `shares:` and `shares:.`
            None => root.many(Class::of(".")),
            Some(name) => {
                let above = self.under.iter();
                let above = above.fold(root, |outline, one| outline.text(one).text("/"));
                let parent = self.parent.iter();
                let parents = parent.fold(above, |all, one| all.then(one.outline()).text("/"));
                parents.then(name.outline())
            }
        }
    }
}

/// Reads the fixed directories and the type of the leaf.
fn load_beneath(
    fields: &Fields<'_, '_>,
    scope: &Scope,
) -> Result<(Vec<String>, Arc<NameType>), Flaw> {
    let under = fields.get("under").map(load_under).transpose()?;
    Ok((under.unwrap_or_default(), scope.name_type(fields.require("name")?)?))
}

fn load_under(value: &Value<'_>) -> Result<Vec<String>, Flaw> {
    let source = text(value, "`under`")?;
    let under: Vec<String> = source.split('/').map(str::to_owned).collect();
    for component in &under {
        check_component(component).map_err(|fault| {
            Flaw::new(
                value.span(),
                format!("in `under` the component {} {fault}", shown(component)),
            )
            .help("write directories beneath the root, such as \"a/b\"")
        })?;
    }
    if under.len() >= MAX_COMPONENTS {
        return Err(Flaw::new(value.span(), "`under` is too deep")
            .help(format!("with the leaf a path may have {MAX_COMPONENTS} components")));
    }
    Ok(under)
}

/// `<snapshots/NAME:snapshot dir>`
impl fmt::Display for PathMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.root)?;
        self.under.iter().try_for_each(|component| write!(f, "/{component}"))?;
        for name in self.parent.iter().chain(&self.name) {
            write!(f, "/NAME:{}", name.name())?;
        }
        let own = if self.own { Owner::shown(self.owner()) } else { "" };
        write!(f, "{own} {}>", self.leaf)
    }
}
