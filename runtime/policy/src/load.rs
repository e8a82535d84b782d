//! From text to a checked policy or manifest. Called by `Policy::parse`, `Manifest::parse` and
//! `review`.
//!
//! ```text
//! text ─ TOML ─▶ scope (roots, types) ─▶ rules ─▶ checks ─▶ Policy, and the tree of its text
//! ```
//! Each module answers the first [`Flaw`] it meets, with its place. Nothing is
//! defaulted that the operator could have meant otherwise: what is not known is
//! refused.

mod check;
mod command;
pub(crate) mod fields;
mod files;
mod mount;
mod needs;
mod options;
pub(crate) mod scope;

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::{Node, Table};
use crate::error::Flaw;
use crate::manifest::MANIFEST_BYTES;
use crate::needs::Needs;
use crate::policy::{Policy, Rules};
use crate::text::is_hidden;

use self::command::Defaults;
use self::fields::{Fields, Place, Value, array, identifier, integer};
use self::scope::Scope;

/// Longest policy text. A hundred rules with reasons and examples need a tenth.
const MAX_SOURCE: usize = 1 << 20;

/// The most rules, commands, files and mounts together: more is not reviewed by anybody.
const MAX_RULES: usize = 512;

/// The only version of the language.
const SCHEMA: i64 = 1;

/// What a text is meant to be: an operator's policy, or the manifest that a driver brings, which
/// has the purposes of its roots in place of their paths, and needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Policy,
    Manifest,
}

impl Form {
    /// As in "a policy needs the key …".
    fn what(self) -> &'static str {
        match self {
            Form::Policy => "a policy",
            Form::Manifest => "a manifest",
        }
    }

    fn max_source(self) -> usize {
        match self {
            Form::Policy => MAX_SOURCE,
            Form::Manifest => MANIFEST_BYTES,
        }
    }
}

/// A text that was read.
pub(crate) struct Loaded {
    /// What it means. The roots of a manifest are bound to nothing yet.
    pub(crate) policy: Policy,
    /// What it says.
    pub(crate) document: Table,
    /// What a manifest needs beside rules.
    pub(crate) needs: Needs,
}

/// Parses and checks a text.
pub(crate) fn load(source: &str, form: Form) -> Result<Loaded, Flaw> {
    if source.len() > form.max_source() {
        let (what, most) = (form.what(), form.max_source() >> 10);
        return Err(Flaw::new(0..0, format!("{what} may not be longer than {most} KiB"))
            .help("split the driver, or remove examples and comments"));
    }
    check_visible(source)?;
    let document = DeTable::parse(source).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        Flaw::new(span, format!("not TOML: {}", error.message()))
    })?;
    let document = Spanned::new(document.span(), DeValue::Table(document.into_inner()));
    let mut keys = vec![
        "schema", "driver", "roots", "types", "defaults", "command", "files", "mount", "options",
    ];
    if form == Form::Manifest {
        keys.push("needs");
    }
    let fields = Fields::new(&document, form.what(), &keys)?;
    integer(fields.require("schema")?, "`schema`", SCHEMA, SCHEMA)?;
    let driver = identifier(fields.require("driver")?, "`driver`")?;
    let scope = Scope::load(&fields, form)?;
    let defaults = Defaults::load(fields.get("defaults"))?;

    let commands = rules(&fields, "command", |value| command::load(value, &scope, &defaults))?;
    let files = rules(&fields, "files", |value| files::load(value, &scope))?;
    let mounts = rules(&fields, "mount", |value| mount::load(value, &scope))?;
    check_count_and_ids(
        commands
            .iter()
            .map(|loaded| (&loaded.rule.id, &loaded.id_place))
            .chain(files.iter().map(|loaded| (&loaded.rule.id, &loaded.id_place)))
            .chain(mounts.iter().map(|loaded| (&loaded.rule.id, &loaded.id_place))),
    )?;
    scope.check_all_used()?;
    check::commands_apart(&commands)?;
    check::files_apart(&files)?;
    check::mounts_apart(&mounts)?;
    check::contents_enforced(&commands, &files, &mounts)?;

    let (commands, examples): (Vec<_>, Vec<_>) =
        commands.into_iter().map(|loaded| (loaded.rule, loaded.examples)).unzip();
    let (files, contents): (Vec<_>, Vec<_>) =
        files.into_iter().map(|loaded| (loaded.rule, loaded.examples)).unzip();
    let mounts = mounts.into_iter().map(|loaded| loaded.rule).collect();
    let revealed = options::load(fields.get("options"))?;
    let rules = Rules { commands, files, mounts, revealed };
    let policy = Policy::new(driver.to_owned(), source, scope.into_roots(), rules);
    check::examples(&policy, &examples)?;
    check::example_contents(&policy, &contents)?;
    let needs = needs::load(fields.get("needs"))?;
    let document = match Node::read(&document)? {
        Node::Table(document) => document,
        _ => Table::new(),
    };
    Ok(Loaded { policy, document, needs })
}

/// A policy is approved by people who read it: it must be what it looks like.
fn check_visible(source: &str) -> Result<(), Flaw> {
    let mut rest = source.char_indices().peekable();
    while let Some((at, character)) = rest.next() {
        let line_end = character == '\r' && rest.peek().is_some_and(|(_, next)| *next == '\n');
        if matches!(character, '\n' | '\t') || line_end || !is_hidden(character) {
            continue;
        }
        return Err(Flaw::new(
            at..at + character.len_utf8(),
            format!("the invisible character {}", character.escape_unicode()),
        )
        .help("remove it: the text must be what a reader sees"));
    }
    Ok(())
}

/// Reads every table of an array of tables.
fn rules<T>(
    fields: &Fields<'_, '_>,
    key: &str,
    load_one: impl Fn(&Value<'_>) -> Result<T, Flaw>,
) -> Result<Vec<T>, Flaw> {
    let Some(value) = fields.get(key) else { return Ok(Vec::new()) };
    if value.get_ref().is_table() {
        return Err(Flaw::new(value.span(), format!("`{key}` is a list of rules"))
            .help(format!("write [[{key}]] with two brackets")));
    }
    let items = array(value, &format!("`{key}`"))?;
    if items.len() > MAX_RULES {
        return Err(Flaw::new(value.span(), "too many rules").help(format!("at most {MAX_RULES}")));
    }
    items.iter().map(load_one).collect()
}

fn check_count_and_ids<'a>(ids: impl Iterator<Item = (&'a String, &'a Place)>) -> Result<(), Flaw> {
    let mut seen = BTreeSet::new();
    for (count, (id, place)) in ids.enumerate() {
        if count >= MAX_RULES {
            return Err(Flaw::new(place.clone(), "too many rules")
                .help(format!("at most {MAX_RULES}, commands, files and mounts together")));
        }
        if !seen.insert(id) {
            return Err(Flaw::new(place.clone(), format!("the id `{id}` is used twice"))
                .help("ids name rules in audits: give each rule its own"));
        }
    }
    Ok(())
}
