//! What a file must look like that a driver writes: the key `content` of a files rule.
//!
//! The counterpart of `args`, with a matcher for each line: what a driver writes is read line by
//! line, must fit as a whole, and the file is *rebuilt* from the rule's texts and the canonical
//! values. The driver's bytes are never written. A path in it is what a path argument with
//! `pass = "path"` is: the driver says `shares:share-1`, the file holds the host's path, and
//! whoever writes it has looked at what is there. Made by `load::files`, asked by `Policy`.
//!
//! ```text
//! bytes ─ lines ─▶ read: each line by its matcher ─▶ FileContent: texts and paths, values, claims
//! ```
//! The file is read by a program whose language this crate does not know. So nothing that a driver
//! chooses, and no path of the host, may hold a character that means something in one: names and
//! paths are letters, digits, `_`, `.` and `-`, and `/` between components. Texts and words of
//! `one-of` are the operator's, and may be anything.

use std::fmt;

use crate::class::Class;
use crate::diff::{Difference, Direction};
use crate::error::Flaw;
use crate::grant::{FileContent, Leaf, Pass};
use crate::load::fields::{Place, Value};
use crate::load::scope::Scope;
use crate::matcher::Matcher;
use crate::matcher::name::NameType;
use crate::matcher::path::PathMatcher;
use crate::owned::{Container, Owner};
use crate::template::{MAX_LINES, Misfit, Template, Unit};
use crate::text::{hidden_in, shown};

/// Most bytes of a file whose content is said, as it is asked for and as it is rebuilt: what a
/// line of an audit can hold beside the rest, and far above a block of configuration.
pub(crate) const MAX_CONTENT: usize = 64 << 10;

/// The characters that mean nothing in any language of configuration.
const PLAIN: Class = Class::of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

/// The help for every name and path that has others.
const ONLY_PLAIN: &str = "in `content` names and paths are letters, digits, `_`, `.` and `-`, for the program that \
     reads the file may take anything else for its own";

/// The lines that a file may have. Its `Display` is for people, on one line.
#[derive(Debug, Clone)]
pub struct Content(Template);

/// Why what would be written does not fit.
#[derive(Debug)]
pub(crate) enum Misread {
    /// It is no text of lines.
    Unfit(String),
    /// This line is another than the rule's.
    Line(Misfit),
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misread::Unfit(why) => f.write_str(why),
            Misread::Line(Misfit { at, expected, got }) => {
                write!(f, "line {} should be {expected}, not {got}", at + 1)
            }
        }
    }
}

impl Content {
    /// Reads `content = […]`.
    pub(crate) fn load(value: &Value<'_>, scope: &Scope) -> Result<Content, Flaw> {
        // A file is no sandbox that would have to be opened: each root may be named.
        let template = Template::load(value, scope, &scope.root_names(), Unit::Line)?;
        if template.shown().is_empty() {
            return Err(Flaw::new(value.span(), "`content` has no line")
                .help("list the lines of the file, or leave `content` out"));
        }
        Ok(Content(template))
    }

    /// Each line for people: `"  Path = "<shares/NAME:share own dir>;`, and in brackets or with
    /// numbers behind it what may be absent or come again.
    pub fn lines(&self) -> &[String] {
        self.0.shown()
    }

    /// Fits lines, without their ends, to the rule.
    pub(crate) fn read(&self, lines: &[String]) -> Result<FileContent, Misread> {
        check_lines(lines).map_err(Misread::Unfit)?;
        let filled = self.0.fill(lines).map_err(Misread::Line)?;
        Ok(FileContent { lines: filled.argv, values: filled.values, claims: filled.claims })
    }

    /// True if whatever fits `other` fits here, and the same file comes of it.
    pub(crate) fn covers(&self, other: &Content) -> bool {
        self.0.covers(&other.0)
    }

    /// What differs in `new`, line by line.
    pub(crate) fn differences(&self, new: &Content) -> Vec<Difference> {
        self.0.differences(&new.0)
    }

    /// Where the things are that it needs to be the backend's own.
    pub(crate) fn containers(&self) -> impl Iterator<Item = Container> {
        self.0.containers()
    }

    /// Whether a path in it may be this place, spelt `ROOT:relative/path`.
    pub(crate) fn takes_path(&self, word: &str) -> bool {
        self.0.takes_path(word)
    }

    /// The roots beneath which it names places, in order.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &str> {
        self.0.matchers().filter_map(|matcher| match matcher {
            Matcher::Path(path) => Some(path.root()),
            _ => None,
        })
    }

    pub(crate) fn template(&self) -> &Template {
        &self.0
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What differs where the one rule, or the other, may say nothing of what is written.
pub(crate) fn differences(old: Option<&Content>, new: Option<&Content>) -> Vec<Difference> {
    let said = |content: &Content| Some(content.to_string());
    let whole = |direction, from, to| vec![Difference::new("content", direction, from, to)];
    match (old, new) {
        (None, None) => Vec::new(),
        (Some(old), Some(new)) => old.differences(new),
        (None, Some(new)) => whole(Direction::Narrower, None, said(new)),
        (Some(old), None) => whole(Direction::Wider, said(old), None),
    }
}

/// Takes a text apart into its lines, without their ends. There is one way to write a text: each
/// line ends with a line feed, the last one too.
pub(crate) fn lines(bytes: &[u8]) -> Result<Vec<String>, String> {
    // Before anything is looked at: what is too large is refused, not walked.
    if bytes.len() > MAX_CONTENT {
        return Err(format!("it is larger than {} KiB", MAX_CONTENT >> 10));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        format!("it is no UTF-8 text: byte {} begins no character", error.valid_up_to() + 1)
    })?;
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let text = text.strip_suffix('\n').ok_or("its last line does not end with a line feed")?;
    Ok(text.split('\n').map(str::to_owned).collect())
}

/// Refuses lines that no rule could accept, before any is read.
fn check_lines(lines: &[String]) -> Result<(), String> {
    if lines.len() > MAX_LINES {
        return Err(format!("it has more than {MAX_LINES} lines"));
    }
    if lines.iter().map(|line| line.len() + 1).sum::<usize>() > MAX_CONTENT {
        return Err(format!("it is larger than {} KiB", MAX_CONTENT >> 10));
    }
    for (line, number) in lines.iter().zip(1..) {
        if line.is_empty() {
            return Err(format!("line {number} is empty"));
        }
        if hidden_in(line).is_some() {
            let line = shown(line);
            return Err(format!("line {number} has a control or invisible character: {line}"));
        }
    }
    Ok(())
}

/// Refuses what has no place in a file, in one line or in a part of one.
pub(crate) fn check_line(matcher: &Matcher, value: &Value<'_>, scope: &Scope) -> Result<(), Flaw> {
    let parts = matcher.parts();
    let items = value.get_ref().as_table().and_then(|table| table.get("concat"));
    let items = items.and_then(|concat| concat.get_ref().as_array());
    let place = |at: usize| items.and_then(|items| items.get(at)).unwrap_or(value).span();
    for (at, part) in parts.iter().enumerate() {
        check_part(part, place(at), scope)?;
        if let Matcher::Path(_) = part {
            let before = at.checked_sub(1).and_then(|before| parts.get(before));
            check_alone(before, parts.get(at + 1), place(at))?;
        }
    }
    Ok(())
}

fn check_part(part: &Matcher, place: Place, scope: &Scope) -> Result<(), Flaw> {
    if part.makes() {
        return Err(Flaw::new(place, "a file names what is there: writing it makes nothing else")
            .help("write leaf = \"dir\" or leaf = \"file\", or owner = \"self\""));
    }
    match part {
        Matcher::Secret(_) => Err(Flaw::new(place, "a secret cannot be written into a file")
            .help("give it to the program that needs it, as an argument of a command")),
        Matcher::Path(path) => check_path(path, place, scope),
        Matcher::Name(name) => check_type(name.name_type(), place),
        _ => Ok(()),
    }
}

fn check_path(path: &PathMatcher, place: Place, scope: &Scope) -> Result<(), Flaw> {
    if path.pass() == Pass::Fd {
        return Err(Flaw::new(place, "a file outlasts every descriptor that it could name")
            .help("add `pass = \"path\"`"));
    }
    let root = scope.root_named(path.root());
    let odd = |text: &str| text.chars().find(|c| *c != '/' && !PLAIN.contains(*c));
    if let Some((root, odd)) = root.and_then(|root| Some((root, odd(&root.path)?))) {
        let what = format!("the path of the root `{}` has the character {odd:?}", root.name);
        return Err(Flaw::new(place, what).help(ONLY_PLAIN));
    }
    if let Some(odd) = path.under().iter().find_map(|component| odd(component)) {
        let what = format!("`under` has the character {odd:?}");
        return Err(Flaw::new(place, what).help(ONLY_PLAIN));
    }
    path.name_type().map_or(Ok(()), |name| check_type(name, place))
}

fn check_type(name: &NameType, place: Place) -> Result<(), Flaw> {
    if PLAIN.covers(name.alphabet()) {
        return Ok(());
    }
    let odd = ('!'..='~').find(|c| name.alphabet().contains(*c) && !PLAIN.contains(*c));
    let odd = odd.map(String::from).unwrap_or_default();
    let what = format!("names of the type `{}` may have the character {odd:?}", name.name());
    Err(Flaw::new(place, what).help(ONLY_PLAIN))
}

/// Refuses a path that the texts around it would make longer: what is looked at must be what the
/// program finds.
fn check_alone(
    before: Option<&Matcher>,
    after: Option<&Matcher>,
    place: Place,
) -> Result<(), Flaw> {
    let joins = |c: char| c == '/' || PLAIN.contains(c);
    let text = |matcher: Option<&Matcher>, edge: fn(&str) -> Option<char>| match matcher {
        Some(Matcher::Literal(text)) => edge(text),
        _ => None,
    };
    let edges =
        [text(before, |text| text.chars().next_back()), text(after, |text| text.chars().next())];
    match edges.into_iter().flatten().find(|edge| joins(*edge)) {
        None => Ok(()),
        Some(edge) => Err(Flaw::new(
            place,
            format!("the character {edge:?} beside this path would be part of it"),
        )
        .help(
            "let the texts around a path end and begin with a space, a quote, `=`, `;`: \
                     what is in a directory is named by `under` and `name`",
        )),
    }
}

impl Matcher {
    /// Whether it makes what it names.
    fn makes(&self) -> bool {
        match self {
            Matcher::Path(path) => path.leaf() == Leaf::New,
            Matcher::Name(name) => name.owner() == Some(Owner::New),
            Matcher::Dataset(dataset) => dataset.owner() == Some(Owner::New),
            Matcher::Device(device) => device.owner() == Some(Owner::New),
            _ => false,
        }
    }
}
