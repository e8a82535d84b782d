//! Reads `[[files]]`.

use crate::content::Content;
use crate::error::Flaw;
use crate::guest_path::MAX_COMPONENTS;
use crate::load::command::MAX_EXAMPLES;
use crate::load::fields::{Fields, Place, Value, array, choice, identifier, integer, set};
use crate::load::scope::Scope;
use crate::owned::Owner;
use crate::rule::{FilesRule, Verb};

const KEYS: [&str; 9] =
    ["id", "root", "verbs", "name", "depth", "owner", "content", "accepts", "refuses"];

/// A rule with what the checks need.
pub(crate) struct Loaded {
    pub(crate) rule: FilesRule,
    pub(crate) id_place: Place,
    pub(crate) examples: Examples,
}

/// The example contents of a rule.
pub(crate) struct Examples {
    pub(crate) accepts: Vec<Example>,
    pub(crate) refuses: Vec<Example>,
}

/// What a driver might write, line by line.
pub(crate) struct Example {
    pub(crate) lines: Vec<String>,
    pub(crate) place: Place,
}

pub(crate) fn load(value: &Value<'_>, scope: &Scope) -> Result<Loaded, Flaw> {
    let fields = Fields::new(value, "a files rule", &KEYS)?;
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
    let content = match fields.get("content") {
        None => None,
        Some(content) => {
            if name.is_none() {
                return Err(Flaw::new(content.span(), "`content` without `name`").help(
                    "without `name` a rule means the root itself, which is no file; add the type \
                     of the files' names",
                ));
            }
            if granted != [Verb::Write] {
                return Err(Flaw::new(
                    verbs.span(),
                    "a rule with `content` is about `write` alone",
                )
                .help("write verbs = [\"write\"], and a rule of its own for other verbs"));
            }
            Some(Content::load(content, scope)?)
        }
    };
    let examples = |key: &str| match fields.get(key) {
        None => Ok(Vec::new()),
        Some(list) if content.is_none() => {
            Err(Flaw::new(list.span(), format!("`{key}` without `content`"))
                .help("examples are the lines of files: they show what `content` means"))
        }
        Some(list) => load_examples(list, key),
    };
    let examples = Examples { accepts: examples("accepts")?, refuses: examples("refuses")? };
    let rule = FilesRule {
        id: identifier(id, "an id")?.to_owned(),
        root: scope.root(fields.require("root")?)?.name.clone(),
        verbs: granted,
        name,
        depth,
        own,
        content,
    };
    Ok(Loaded { rule, id_place: id.span(), examples })
}

fn load_examples(value: &Value<'_>, key: &str) -> Result<Vec<Example>, Flaw> {
    let list = array(value, &format!("`{key}`"))?;
    if list.len() > MAX_EXAMPLES {
        return Err(Flaw::new(value.span(), format!("`{key}` has too many examples"))
            .help(format!("at most {MAX_EXAMPLES}")));
    }
    list.iter().map(load_example).collect()
}

fn load_example(value: &Value<'_>) -> Result<Example, Flaw> {
    // Hostile lines are what `refuses` is for, so they are taken as they are.
    let lines: Option<Vec<String>> = array(value, "an example")?
        .iter()
        .map(|line| line.get_ref().as_str().map(str::to_owned))
        .collect();
    lines.map(|lines| Example { lines, place: value.span() }).ok_or_else(|| {
        Flaw::new(value.span(), "an example is the lines of a file, each a text")
            .help("write [\"first line\", \"second line\", …], without their ends")
    })
}
