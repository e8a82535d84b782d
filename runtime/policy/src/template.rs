//! The arguments of a command rule, or the lines of a file: a row of matchers, some of them
//! optional.
//!
//! Not a pattern language: a template is read from left to right without going
//! back. Each step takes one word; a step that may be absent and is not the next
//! word is skipped with all that depends on it, and the loader makes sure that
//! nothing that may follow could be mistaken for it.

mod apart;
mod compare;
mod trace;

pub(crate) use self::apart::OVERLAP_BUDGET;
pub(crate) use self::trace::Taken;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use self::apart::Meetings;
use crate::content;
use crate::error::Flaw;
use crate::grant::Argument;
use crate::load::fields::{Fields, Value, array, boolean, integer, literal};
use crate::load::scope::Scope;
use crate::matcher::Matcher;
use crate::owned::{Claim, Container};
use crate::text::shown;

/// The most words a template or a guest's argv may have. Real tools need a
/// dozen; above this it is data, and belongs into standard input.
pub(crate) const MAX_ARGS: usize = 128;

/// The most lines that the content of a file may have: a block of configuration with a line for
/// each of some hundred clients. What is longer is data, and no template's affair.
pub(crate) const MAX_LINES: usize = 1024;

/// The arguments a rule accepts. Its `Display` is for people:
/// `--archive -- <shares/NAME:share new> [-L <SIZE:1MiB..10TiB>]`.
#[derive(Debug, Clone)]
pub struct Template {
    unit: Unit,
    steps: Vec<Step>,
    /// Each element for people.
    shown: Vec<String>,
}

/// What a template has one matcher for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Of a command.
    Argument,
    /// Of a file.
    Line,
}

impl Unit {
    /// The key of the policy file that lists them.
    fn key(self) -> &'static str {
        match self {
            Unit::Argument => "`args`",
            Unit::Line => "`content`",
        }
    }

    /// One of them, in a sentence.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Unit::Argument => "argument",
            Unit::Line => "line",
        }
    }

    /// The most of a template, repeated ones counted as often as they may stand.
    fn most(self) -> usize {
        match self {
            Unit::Argument => MAX_ARGS,
            Unit::Line => MAX_LINES,
        }
    }

    /// What stands between two of them for people.
    fn gap(self) -> &'static str {
        match self {
            Unit::Argument => " ",
            Unit::Line => " / ",
        }
    }
}

/// One word of a template.
#[derive(Debug, Clone)]
struct Step {
    matcher: Matcher,
    /// Which matcher of the list it is: repetitions have the same.
    written: usize,
    /// How much there is of the matcher to compare with another.
    weight: usize,
    /// How many steps, with this one, are left out if the word does not fit: a
    /// flag with its value, or all repetitions to come; 0 if it must fit.
    skip: usize,
}

/// An argv that fits: what runs, and what the holes were filled with.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) argv: Vec<Argument>,
    pub(crate) values: Vec<(String, String)>,
    pub(crate) claims: Vec<Claim>,
}

/// Where an argv stopped fitting.
#[derive(Debug)]
pub(crate) struct Misfit {
    pub(crate) at: usize,
    pub(crate) expected: String,
    pub(crate) got: String,
}

impl Template {
    /// Fits an argv (without the program) to the template.
    pub(crate) fn fill(&self, args: &[String]) -> Result<Filled, Misfit> {
        let mut filled =
            Filled { argv: Vec::with_capacity(args.len()), values: Vec::new(), claims: Vec::new() };
        let mut words = args.iter().enumerate().peekable();
        let mut next = 0;
        // What the next word might also have been.
        let mut skipped = Vec::new();
        while let Some(step) = self.steps.get(next) {
            let word = words.peek().map(|(_, word)| word.as_str());
            if let Some(reading) = word.and_then(|word| step.matcher.read(word)) {
                filled.argv.push(reading.argument);
                filled.values.extend(reading.values);
                filled.claims.extend(reading.claims);
                words.next();
                next += 1;
                skipped.clear();
            } else if step.skip > 0 {
                skipped.push(step.matcher.to_string());
                next += step.skip;
            } else {
                skipped.push(step.matcher.to_string());
                return Err(Misfit {
                    at: words.peek().map_or(args.len(), |(at, _)| *at),
                    expected: skipped.join(" or "),
                    got: word.map_or_else(|| "nothing more".to_owned(), shown),
                });
            }
        }
        match words.next() {
            None => Ok(filled),
            Some((at, word)) => {
                skipped.push("nothing more".to_owned());
                Err(Misfit { at, expected: skipped.join(" or "), got: shown(word) })
            }
        }
    }

    /// True if one argv may fit both. Walks the pairs of places that both can be
    /// at after the same words. `budget` counts the work down; when it is used up
    /// the answer is unknown, `None`.
    pub(crate) fn overlaps(&self, other: &Template, budget: &mut usize) -> Option<bool> {
        let mut meetings = Meetings::new(budget);
        let width = other.steps.len() + 1;
        let mut seen = vec![false; (self.steps.len() + 1) * width];
        let mut open = vec![(0, 0)];
        while let Some((a, b)) = open.pop() {
            match seen.get_mut(a * width + b) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            meetings.pay(1)?;
            let (left, right) = (self.steps.get(a), other.steps.get(b));
            if left.is_none() && right.is_none() {
                return Some(true);
            }
            if let Some(skip) = left.map(|step| step.skip).filter(|skip| *skip > 0) {
                open.push((a + skip, b));
            }
            if let Some(skip) = right.map(|step| step.skip).filter(|skip| *skip > 0) {
                open.push((a, b + skip));
            }
            if let (Some(left), Some(right)) = (left, right)
                && meetings.meet(left, right)?
            {
                open.push((a + 1, b + 1));
            }
        }
        Some(false)
    }

    /// True if every argv that fits `other` fits here, and the same argv runs.
    /// Never wrongly true. Wrongly false where a word of the other's is covered
    /// only by several steps together, or by a matcher of another kind.
    ///
    /// Follows `other` along all its ways and goes here where each word leads.
    /// A word leads to one place at most: steps that may come next differ.
    pub(crate) fn covers(&self, other: &Template) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![(0, 0)];
        // Each pair of matchers is compared once, however often they are repeated.
        let mut known = BTreeMap::new();
        let mut is_covered = |one: &Step, wanted: &Step| {
            let covers = || one.matcher.covers(&wanted.matcher);
            *known.entry((one.written, wanted.written)).or_insert_with(covers)
        };
        while let Some((here, there)) = open.pop() {
            if !seen.insert((here, there)) {
                continue;
            }
            let next = self.reachable(here);
            for step in other.reachable(there) {
                let follows = match other.steps.get(step) {
                    None => next.contains(&self.steps.len()).then_some(None),
                    Some(wanted) => next
                        .iter()
                        .find(|at| {
                            self.steps.get(**at).is_some_and(|step| is_covered(step, wanted))
                        })
                        .map(|at| Some((at + 1, step + 1))),
                };
                match follows {
                    None => return false,
                    Some(pair) => open.extend(pair),
                }
            }
        }
        true
    }

    /// Whether a hole takes only what the backend has made.
    pub(crate) fn needs_own(&self) -> bool {
        self.steps.iter().any(|step| step.matcher.needs_own())
    }

    /// Where the things are that its holes make or need to be the backend's own.
    pub(crate) fn containers(&self) -> impl Iterator<Item = Container> {
        self.steps.iter().flat_map(|step| step.matcher.containers())
    }

    /// Whether a path argument may be this place, spelt `ROOT:relative/path`.
    pub(crate) fn takes_path(&self, word: &str) -> bool {
        self.steps.iter().any(|step| step.matcher.takes_path(word))
    }

    /// The options whose values it passes on.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().flat_map(|step| step.matcher.secrets())
    }

    /// Each of its elements, for people.
    pub(crate) fn shown(&self) -> &[String] {
        &self.shown
    }

    /// The matcher of the first word, for tests of what matchers know of themselves.
    #[cfg(test)]
    pub(crate) fn first(&self) -> Option<&Matcher> {
        self.steps.first().map(|step| &step.matcher)
    }

    /// The steps that may take the word at `at`, and the number of steps if
    /// there need be no word.
    fn reachable(&self, at: usize) -> Vec<usize> {
        let mut reachable = vec![at];
        let mut next = at;
        while let Some(skip) = self.steps.get(next).map(|step| step.skip).filter(|skip| *skip > 0) {
            next += skip;
            reachable.push(next);
        }
        reachable
    }

    /// Reads `args = […]` or `content = […]`. `granted` are the roots that may be named.
    pub(crate) fn load(
        value: &Value<'_>,
        scope: &Scope,
        granted: &[String],
        unit: Unit,
    ) -> Result<Template, Flaw> {
        let mut loader = Loader { scope, granted, unit, steps: Vec::new(), written: 0 };
        let mut shown = Vec::new();
        let mut optional = Vec::new();
        for item in array(value, unit.key())? {
            let first = loader.steps.len();
            shown.push(loader.item(item)?);
            if loader.steps.len() > unit.most() {
                let (word, most) = (unit.word(), unit.most());
                return Err(Flaw::new(item.span(), format!("a rule has too many {word}s"))
                    .help(format!("at most {most}, repeated ones counted as often as they may")));
            }
            let skippable = loader.steps.iter().enumerate().skip(first);
            optional.extend(
                skippable.filter(|(_, step)| step.skip > 0).map(|(at, _)| (at, item.span())),
            );
        }
        let template = Template { unit, steps: loader.steps, shown };
        let mut budget = OVERLAP_BUDGET;
        let mut meetings = Meetings::new(&mut budget);
        for (at, span) in optional {
            let Some(is_ambiguous) = template.is_ambiguous(at, &mut meetings) else {
                let words = unit.word();
                return Err(Flaw::new(
                    span,
                    format!("too many optional {words}s to tell this one and what follows apart"),
                )
                .help(format!("write fewer optional {words}s, or fewer texts in each")));
            };
            if is_ambiguous {
                return Err(Flaw::new(
                    span,
                    match unit {
                        Unit::Argument => {
                            "this may be absent, and a word of what follows may be taken for it"
                        }
                        Unit::Line => {
                            "this may be absent, and a line that follows may be taken for it"
                        }
                    },
                )
                .help("put it elsewhere, or make what follows differ from it"));
            }
        }
        Ok(template)
    }

    /// True if a word that the optional step at `at` takes might also be meant
    /// for a step that follows when it is left out; none if that is too much to find out.
    fn is_ambiguous(&self, at: usize, meetings: &mut Meetings<'_>) -> Option<bool> {
        let Some(optional) = self.steps.get(at) else { return Some(false) };
        let mut next = at + optional.skip;
        while let Some(step) = self.steps.get(next) {
            meetings.pay(1)?;
            if meetings.meet(step, optional)? {
                return Some(true);
            }
            if step.skip == 0 {
                return Some(false);
            }
            next += step.skip;
        }
        Some(false)
    }
}

/// Reads the elements one after the other.
struct Loader<'s> {
    scope: &'s Scope,
    granted: &'s [String],
    unit: Unit,
    steps: Vec<Step>,
    /// How many matchers were read.
    written: usize,
}

impl Loader<'_> {
    /// Adds the steps of one element, and answers how it is shown to people.
    fn item(&mut self, item: &Value<'_>) -> Result<String, Flaw> {
        let has = |key| item.get_ref().as_table().is_some_and(|keys| keys.contains_key(key));
        if has("flag") {
            self.flag(item)
        } else if has("optional") {
            self.optional(item)
        } else if has("repeat") {
            self.repeat(item)
        } else {
            self.word(item, 0)
        }
    }

    fn word(&mut self, item: &Value<'_>, skip: usize) -> Result<String, Flaw> {
        let matcher = Matcher::load(item, self.scope, self.granted)?;
        if self.unit == Unit::Line {
            content::check_line(&matcher, item, self.scope)?;
        }
        let shown = matcher.to_string();
        let weight = matcher.weight();
        self.steps.push(Step { matcher, written: self.written, weight, skip });
        self.written += 1;
        Ok(shown)
    }

    /// `{ flag = "-L", value = MATCHER }`: two words that come together.
    fn flag(&mut self, item: &Value<'_>) -> Result<String, Flaw> {
        let fields = Fields::new(item, "a flag", &["flag", "value", "optional"])?;
        let flag = fields.require("flag")?;
        if self.unit == Unit::Line {
            return Err(Flaw::new(
                item.span(),
                "a flag is two arguments of a command, and no line",
            )
            .help("write the line as one text, or as a `concat` of texts and matchers"));
        }
        let word = literal(flag, "`flag`")?;
        if !word.starts_with('-') {
            return Err(Flaw::new(flag.span(), "a flag begins with `-`")
                .help("write the option as the program knows it, such as \"-L\""));
        }
        let optional = fields.get("optional").map(|v| boolean(v, "`optional`")).transpose()?;
        let optional = optional == Some(true);
        let flag = self.word(flag, if optional { 2 } else { 0 })?;
        let value = self.word(fields.require("value")?, 0)?;
        Ok(if optional { format!("[{flag} {value}]") } else { format!("{flag} {value}") })
    }

    /// `{ optional = MATCHER }`: a word that may be absent.
    fn optional(&mut self, item: &Value<'_>) -> Result<String, Flaw> {
        let what = format!("an optional {}", self.unit.word());
        let fields = Fields::new(item, &what, &["optional"])?;
        let word = self.word(fields.require("optional")?, 1)?;
        Ok(format!("[{word}]"))
    }

    /// `{ repeat = MATCHER or flag, min = 1, max = 4 }`: the same several times.
    /// Laid out as `min` steps that must fit and `max - min` that may be absent
    /// from the first that does not fit.
    fn repeat(&mut self, item: &Value<'_>) -> Result<String, Flaw> {
        let what = format!("a repeated {}", self.unit.word());
        let fields = Fields::new(item, &what, &["repeat", "min", "max"])?;
        let times = |key: &str, least: i64| {
            let value = fields.require(key)?;
            let most = i64::try_from(self.unit.most()).unwrap_or(i64::MAX);
            integer(value, &format!("`{key}`"), least, most)
                .map(|n| usize::try_from(n).unwrap_or(0))
        };
        let (min, max) = (times("min", 0)?, times("max", 1)?);
        if min > max {
            return Err(Flaw::new(item.span(), "no number of times lies between `min` and `max`")
                .help("`min` must not be greater than `max`"));
        }
        let repeated = fields.require("repeat")?;
        let first = self.steps.len();
        let keys = repeated.get_ref().as_table();
        let is_flag = keys.is_some_and(|keys| keys.contains_key("flag"));
        if is_flag && keys.is_some_and(|keys| keys.contains_key("optional")) {
            return Err(Flaw::new(repeated.span(), "a repeated flag cannot be optional by itself")
                .help("leave out `optional` and write `min = 0`"));
        }
        let shown = if is_flag { self.flag(repeated)? } else { self.word(repeated, 0)? };
        let once = self.steps.split_off(first);
        for time in 0..max {
            let skip = if time < min { 0 } else { (max - time) * once.len() };
            let skips = [skip].into_iter().chain(std::iter::repeat(0));
            self.steps
                .extend(once.iter().zip(skips).map(|(step, skip)| Step { skip, ..step.clone() }));
        }
        Ok(format!("({shown}){{{min}..{max}}}"))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown.join(self.unit.gap()))
    }
}
