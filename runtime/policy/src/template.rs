//! The arguments of a command rule: a row of matchers, some of them optional.
//!
//! Not a pattern language: a template is read from left to right without going
//! back. Each step takes one word; an optional flag that is not the next word is
//! skipped together with its value, and the loader makes sure that nothing that
//! may follow could be mistaken for it.

use std::fmt;

use crate::error::Flaw;
use crate::grant::Argument;
use crate::load::fields::{Fields, Value, array, boolean, literal};
use crate::load::scope::Scope;
use crate::matcher::Matcher;
use crate::text::shown;

/// The most words a template or a guest's argv may have. Real tools need a
/// dozen; above this it is data, and belongs into standard input.
pub(crate) const MAX_ARGS: usize = 128;

/// The arguments a rule accepts. Its `Display` is for people:
/// `--archive -- <shares/NAME:share new> [-L <SIZE:1MiB..10TiB>]`.
#[derive(Debug, Clone)]
pub struct Template {
    steps: Vec<Step>,
}

/// One word of a template.
#[derive(Debug, Clone)]
struct Step {
    matcher: Matcher,
    /// How many steps, with this one, are left out if the word does not fit;
    /// 0 if it must fit.
    skip: usize,
}

/// An argv that fits: what runs, and what the holes were filled with.
#[derive(Debug)]
pub(crate) struct Filled {
    pub(crate) argv: Vec<Argument>,
    pub(crate) values: Vec<(String, String)>,
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
        let mut filled = Filled { argv: Vec::with_capacity(args.len()), values: Vec::new() };
        let mut words = args.iter().enumerate().peekable();
        let mut next = 0;
        while let Some(step) = self.steps.get(next) {
            let word = words.peek().map(|(_, word)| word.as_str());
            if let Some(reading) = word.and_then(|word| step.matcher.read(word)) {
                filled.argv.push(reading.argument);
                filled.values.extend(reading.value);
                words.next();
                next += 1;
            } else if step.skip > 0 {
                next += step.skip;
            } else {
                return Err(Misfit {
                    at: words.peek().map_or(args.len(), |(at, _)| *at),
                    expected: step.matcher.to_string(),
                    got: word.map_or_else(|| "nothing more".to_owned(), shown),
                });
            }
        }
        match words.next() {
            None => Ok(filled),
            Some((at, word)) => {
                Err(Misfit { at, expected: "nothing more".to_owned(), got: shown(word) })
            }
        }
    }

    /// True if one argv may fit both. Walks the pairs of places that both can be
    /// at after the same words. `budget` counts pairs down; when it is used up
    /// the answer is unknown, `None`.
    pub(crate) fn overlaps(&self, other: &Template, budget: &mut usize) -> Option<bool> {
        let width = other.steps.len() + 1;
        let mut seen = vec![false; (self.steps.len() + 1) * width];
        let mut open = vec![(0, 0)];
        while let Some((a, b)) = open.pop() {
            match seen.get_mut(a * width + b) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            *budget = budget.checked_sub(1)?;
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
                && left.matcher.intersects(&right.matcher)
            {
                open.push((a + 1, b + 1));
            }
        }
        Some(false)
    }

    /// Reads `args = […]`. `granted` are the roots that the rule reads or writes.
    pub(crate) fn load(
        value: &Value<'_>,
        scope: &Scope,
        granted: &[String],
    ) -> Result<Template, Flaw> {
        let items = array(value, "`args`")?;
        let mut steps = Vec::new();
        let mut optional = Vec::new();
        for item in items {
            let first = steps.len();
            load_item(item, scope, granted, &mut steps)?;
            if steps.get(first).is_some_and(|step: &Step| step.skip > 0) {
                optional.push((first, item.span()));
            }
            if steps.len() > MAX_ARGS {
                return Err(Flaw::new(item.span(), "a rule has too many arguments")
                    .help(format!("at most {MAX_ARGS}")));
            }
        }
        let template = Template { steps };
        for (at, span) in optional {
            if template.is_ambiguous(at) {
                return Err(Flaw::new(
                    span,
                    "what follows this optional flag may be the flag itself",
                )
                .help("put the flag elsewhere, or make what follows differ from it"));
            }
        }
        Ok(template)
    }

    /// True if a word that the optional step at `at` takes might also be meant
    /// for a step that follows when it is left out.
    fn is_ambiguous(&self, at: usize) -> bool {
        let Some(optional) = self.steps.get(at) else { return false };
        let mut next = at + optional.skip;
        while let Some(step) = self.steps.get(next) {
            if step.matcher.intersects(&optional.matcher) {
                return true;
            }
            if step.skip == 0 {
                return false;
            }
            next += step.skip;
        }
        false
    }
}

/// Reads one element of `args`: a matcher, or a flag with its value.
fn load_item(
    item: &Value<'_>,
    scope: &Scope,
    granted: &[String],
    steps: &mut Vec<Step>,
) -> Result<(), Flaw> {
    let is_flag = item.get_ref().as_table().is_some_and(|keys| keys.contains_key("flag"));
    if !is_flag {
        steps.push(Step { matcher: Matcher::load(item, scope, granted)?, skip: 0 });
        return Ok(());
    }
    let fields = Fields::new(item, "a flag", &["flag", "value", "optional"])?;
    let flag = fields.require("flag")?;
    let word = literal(flag, "`flag`")?;
    if !word.starts_with('-') {
        return Err(Flaw::new(flag.span(), "a flag begins with `-`")
            .help("write the option as the program knows it, such as \"-L\""));
    }
    let optional = fields.get("optional").map(|v| boolean(v, "`optional`")).transpose()?;
    let skip = if optional == Some(true) { 2 } else { 0 };
    steps.push(Step { matcher: Matcher::Literal(word.to_owned()), skip });
    let value = Matcher::load(fields.require("value")?, scope, granted)?;
    steps.push(Step { matcher: value, skip: 0 });
    Ok(())
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bracket_closes_at = None;
        for (at, step) in self.steps.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            if step.skip > 0 {
                bracket_closes_at = Some(at + step.skip - 1);
                f.write_str("[")?;
            }
            step.matcher.fmt(f)?;
            if bracket_closes_at == Some(at) {
                f.write_str("]")?;
            }
        }
        Ok(())
    }
}
