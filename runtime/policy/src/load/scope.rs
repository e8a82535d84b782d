//! The roots and types that a policy declares, and which of them are used.
//!
//! A declaration that nothing uses is an error: it is either a misspelt use or
//! a grant that somebody believes in and nobody enforces.

use std::cell::Cell;
use std::sync::Arc;

use crate::error::Flaw;
use crate::load::Form;
use crate::load::fields::{
    Fields, Place, Value, boolean, check_identifier, choice, explanation, literal, set, table, text,
};
use crate::matcher::name::NameType;
use crate::rule::Root;
use crate::text::{check_absolute, is_beneath, shown};

/// The most roots and the most types, each: a driver has a handful.
const MAX_DECLARED: usize = 64;

/// Where the roots of a manifest are as long as nobody has bound them: a place that no machine
/// has, so that no program and no other root lies there.
const UNBOUND: &str = "/unbound";

/// The options that a root may demand of its mount: those that bound what lies there.
const MOUNT_OPTIONS: [&str; 4] = ["nodev", "noexec", "nosuid", "ro"];

/// Everything declared by name.
pub(crate) struct Scope {
    form: Form,
    roots: Vec<Declared<Root>>,
    types: Vec<Declared<Arc<NameType>>>,
}

struct Declared<T> {
    item: T,
    place: Place,
    used: Cell<bool>,
}

impl Scope {
    pub(crate) fn load(policy: &Fields<'_, '_>, form: Form) -> Result<Scope, Flaw> {
        let load_root = |name: &str, value: &Value<'_>| load_root(name, value, form);
        let roots = declared(policy.get("roots"), "root", load_root)?;
        for (at, inner) in roots.iter().enumerate() {
            for (other, outer) in roots.iter().enumerate() {
                if at != other && is_beneath(&inner.item.path, &outer.item.path) {
                    let (inner_name, outer_name) = (&inner.item.name, &outer.item.name);
                    return Err(Flaw::new(
                        inner.place.clone(),
                        format!("the root `{inner_name}` lies within the root `{outer_name}`"),
                    )
                    .help("a place must have one name: separate the roots, or use `under`"));
                }
            }
        }
        let types = declared(policy.get("types"), "type", |name, value| {
            NameType::load(name, value).map(Arc::new)
        })?;
        Ok(Scope { form, roots, types })
    }

    /// The root that a text names.
    pub(crate) fn root(&self, value: &Value<'_>) -> Result<&Root, Flaw> {
        let word = text(value, "a root's name")?;
        let found = self.roots.iter().find(|root| root.item.name == word).ok_or_else(|| {
            let known = self.roots.iter().map(|root| root.item.name.as_str());
            Flaw::unknown(value.span(), "root", word, known)
        })?;
        found.used.set(true);
        Ok(&found.item)
    }

    /// The root of this name, without using it.
    pub(crate) fn root_named(&self, name: &str) -> Option<&Root> {
        self.roots.iter().map(|root| &root.item).find(|root| root.name == name)
    }

    /// Checks that a text of a manifest names a root.
    pub(crate) fn check_optional(&self, value: &Value<'_>) -> Result<(), Flaw> {
        if self.form == Form::Policy {
            return Err(Flaw::new(value.span(), "`only-with` is for manifests").help(
                "remove it: in a policy each root is bound, and each rule holds as it stands",
            ));
        }
        self.root(value).map(drop)
    }

    /// All roots.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &Root> {
        self.roots.iter().map(|root| &root.item)
    }

    /// The names of all roots.
    pub(crate) fn root_names(&self) -> Vec<String> {
        self.roots.iter().map(|root| root.item.name.clone()).collect()
    }

    /// The type that a text names.
    pub(crate) fn name_type(&self, value: &Value<'_>) -> Result<Arc<NameType>, Flaw> {
        let word = text(value, "a type's name")?;
        let found = self.types.iter().find(|kind| kind.item.name() == word).ok_or_else(|| {
            let known = self.types.iter().map(|kind| kind.item.name());
            Flaw::unknown(value.span(), "type", word, known)
        })?;
        found.used.set(true);
        Ok(Arc::clone(&found.item))
    }

    /// The root that a path of the host lies in, if any.
    pub(crate) fn root_around(&self, path: &str) -> Option<&Root> {
        self.roots.iter().map(|root| &root.item).find(|root| is_beneath(path, &root.path))
    }

    pub(crate) fn check_all_used(&self) -> Result<(), Flaw> {
        let unused = |what: &str, name: &str, place: &Place| {
            Err(Flaw::new(place.clone(), format!("no rule uses the {what} `{name}`"))
                .help("remove it, or name it in the rule that needs it"))
        };
        if let Some(root) = self.roots.iter().find(|root| !root.used.get()) {
            return unused("root", &root.item.name, &root.place);
        }
        if let Some(kind) = self.types.iter().find(|kind| !kind.used.get()) {
            return unused("type", kind.item.name(), &kind.place);
        }
        Ok(())
    }

    pub(crate) fn into_roots(self) -> Vec<Root> {
        self.roots.into_iter().map(|root| root.item).collect()
    }
}

fn declared<T>(
    section: Option<&Value<'_>>,
    what: &str,
    load_one: impl Fn(&str, &Value<'_>) -> Result<T, Flaw>,
) -> Result<Vec<Declared<T>>, Flaw> {
    let Some(section) = section else { return Ok(Vec::new()) };
    let members = table(section, &format!("`{what}s`"))?;
    if members.len() > MAX_DECLARED {
        return Err(Flaw::new(section.span(), format!("too many {what}s"))
            .help(format!("at most {MAX_DECLARED}")));
    }
    members
        .iter()
        .map(|(name, value)| {
            check_identifier(name.get_ref(), name.span(), &format!("a {what}'s name"))?;
            let item = load_one(name.get_ref(), value)?;
            Ok(Declared { item, place: name.span(), used: Cell::new(false) })
        })
        .collect()
}

fn load_root(name: &str, value: &Value<'_>, form: Form) -> Result<Root, Flaw> {
    let place = match form {
        Form::Policy => "path",
        Form::Manifest => "purpose",
    };
    let mut keys = vec![place, "filesystem", "mount-options"];
    if form == Form::Manifest {
        keys.push("optional");
    }
    let fields = Fields::new(value, "a root", &keys)?;
    let place = fields.require(place)?;
    // What it means is for whoever binds the manifest's roots.
    fields.get("optional").map_or(Ok(false), |optional| boolean(optional, "`optional`"))?;
    let path = match form {
        Form::Policy => absolute(place)?.to_owned(),
        Form::Manifest => {
            explanation(place, "`purpose`")?;
            format!("{UNBOUND}/{name}")
        }
    };
    let filesystem = fields.get("filesystem").map(load_filesystem).transpose()?;
    let known = MOUNT_OPTIONS.map(|option| (option, option));
    let mount_options = fields.get("mount-options").map_or_else(
        || Ok(Vec::new()),
        |list| set(list, "`mount-options`", |item| choice(item, "mount option", &known)),
    )?;
    Ok(Root { name: name.to_owned(), path, filesystem, mount_options })
}

/// Reads the type of a file system as `/proc/filesystems` has it.
fn load_filesystem(value: &Value<'_>) -> Result<String, Flaw> {
    let name = literal(value, "`filesystem`")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if name.chars().all(plain) {
        return Ok(name.to_owned());
    }
    Err(Flaw::new(value.span(), format!("{} is no type of file system", shown(name)))
        .help("write it as `findmnt` prints it, such as \"btrfs\""))
}

/// Reads an absolute path of the host.
pub(crate) fn absolute<'t>(value: &'t Value<'_>) -> Result<&'t str, Flaw> {
    let path = text(value, "a path of the host")?;
    check_absolute(path).map_err(|fault| {
        Flaw::new(value.span(), format!("the path {} {fault}", shown(path)))
            .help("write it as `realpath` prints it, such as \"/srv/abaca/shares\"")
    })?;
    Ok(path)
}
