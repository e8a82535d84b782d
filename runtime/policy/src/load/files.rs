//! Reads `[[files]]`.

use crate::error::Flaw;
use crate::guest_path::MAX_COMPONENTS;
use crate::load::fields::{Fields, Place, Value, choice, identifier, integer, set};
use crate::load::scope::Scope;
use crate::owned::Owner;
use crate::rule::{FilesRule, Verb};

/// A rule with what the checks need.
pub(crate) struct Loaded {
    pub(crate) rule: FilesRule,
    pub(crate) id_place: Place,
}

pub(crate) fn load(value: &Value<'_>, scope: &Scope) -> Result<Loaded, Flaw> {
    let fields =
        Fields::new(value, "a files rule", &["id", "root", "verbs", "name", "depth", "owner"])?;
    let id = fields.require("id")?;
    let verbs = fields.require("verbs")?;
    let known = Verb::ALL.map(|verb| (verb.as_str(), verb));
    let granted = set(verbs, "`verbs`", |item| choice(item, "verb", &known))?;
    if granted.is_empty() {
        return Err(Flaw::new(verbs.span(), "a files rule grants at least one verb")
            .help(format!("allowed: {}", Verb::ALL.map(Verb::as_str).join(", "))));
    }
    let name = fields.get("name").map(|name| scope.name_type(name)).transpose()?;
    let depth = match (fields.get("depth"), &name) {
        (Some(depth), None) => {
            return Err(Flaw::new(depth.span(), "`depth` without `name`").help(
                "without `name` a rule means the root itself; add the type of the \
                 first component, or leave out `depth`",
            ));
        }
        (None, None) => 0,
        (None, Some(_)) => 1,
        (Some(depth), Some(_)) => {
            let depth = integer(depth, "`depth`", 1, MAX_COMPONENTS as i64)?;
            usize::try_from(depth).unwrap_or(1)
        }
    };
    let own = match (fields.get("owner"), &name) {
        (Some(owner), None) => {
            return Err(Flaw::new(owner.span(), "`owner` without `name`").help(
                "without `name` a rule means the root itself, which no driver makes; add the \
                 type of the first component, or leave out `owner`",
            ));
        }
        (Some(owner), Some(_)) => Owner::load_own(owner).map(|()| true)?,
        (None, _) => false,
    };
    let rule = FilesRule {
        id: identifier(id, "an id")?.to_owned(),
        root: scope.root(fields.require("root")?)?.name.clone(),
        verbs: granted,
        name,
        depth,
        own,
    };
    Ok(Loaded { rule, id_place: id.span() })
}
