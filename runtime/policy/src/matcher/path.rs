//! Places beneath a root: fixed directories, then one leaf of a named type.
//!
//! Not a host path and no string comparison of prefixes: the guest's word is
//! taken apart into a root and components, and each must be the one the rule
//! says. Whether the leaf exists is found out by whoever resolves the answer.

use std::fmt;
use std::sync::Arc;

use crate::error::Flaw;
use crate::grant::{Argument, Leaf, Pass, PathArgument};
use crate::guest_path::{GuestPath, MAX_COMPONENTS};
use crate::load::fields::{Fields, Value, choice, text};
use crate::load::scope::Scope;
use crate::matcher::Reading;
use crate::matcher::name::NameType;
use crate::text::{check_component, shown};

/// A place beneath a root.
#[derive(Debug, Clone)]
pub(crate) struct PathMatcher {
    root: String,
    under: Vec<String>,
    /// The type of the last component; none exactly for `Leaf::Root`.
    name: Option<Arc<NameType>>,
    leaf: Leaf,
    pass: Pass,
}

impl PathMatcher {
    pub(crate) fn load(
        value: &Value<'_>,
        scope: &Scope,
        granted: &[String],
    ) -> Result<PathMatcher, Flaw> {
        let fields = Fields::new(value, "`path`", &["root", "under", "leaf", "name", "pass"])?;
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
        let (under, name) = match leaf {
            Leaf::Root => {
                if let Some(extra) = fields.get("under").or(fields.get("name")) {
                    return Err(Flaw::new(extra.span(), "`leaf = \"root\"` is the root itself")
                        .help("leave out `under` and `name`"));
                }
                (Vec::new(), None)
            }
            Leaf::New | Leaf::Dir | Leaf::File => {
                let under = fields.get("under").map(load_under).transpose()?;
                let name = fields.require("name")?;
                (under.unwrap_or_default(), Some(scope.name_type(name)?))
            }
        };
        Ok(PathMatcher { root: root.name.clone(), under, name, leaf, pass })
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        let path = GuestPath::parse_argument(word).ok()?;
        if path.root != self.root {
            return None;
        }
        match &self.name {
            None if path.components.is_empty() => {}
            None => return None,
            Some(name) => {
                let (leaf, parents) = path.components.split_last()?;
                if parents != self.under || !name.accepts(leaf) {
                    return None;
                }
            }
        }
        let label = self.name.as_ref().map_or(self.root.as_str(), |name| name.name());
        let value = Some((label.to_owned(), path.to_string()));
        let GuestPath { root, components } = path;
        let argument =
            Argument::Path(PathArgument { root, components, leaf: self.leaf, pass: self.pass });
        Some(Reading { argument, value })
    }

    /// Exact in what is written; `leaf` does not tell two matchers apart, since
    /// a directory and a new name are spelled alike.
    pub(crate) fn intersects(&self, other: &PathMatcher) -> bool {
        self.root == other.root
            && match (&self.name, &other.name) {
                (None, None) => true,
                (Some(a), Some(b)) => self.under == other.under && a.intersects(b),
                _ => false,
            }
    }

    pub(crate) fn first_char(&self) -> Option<char> {
        self.root.chars().next()
    }

    /// True if a word accepted here may begin with `text`, up to a comma.
    pub(crate) fn may_spell_begin(&self, text: &str) -> bool {
        text.strip_prefix(self.root.as_str()).is_some_and(|rest| rest.starts_with(':'))
    }
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
        if let Some(name) = &self.name {
            write!(f, "/NAME:{}", name.name())?;
        }
        write!(f, " {}>", self.leaf)
    }
}
