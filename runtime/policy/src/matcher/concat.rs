//! One word put together from parts: `quota=<SIZE>`, `<IP>:<shares/NAME dir>`.
//!
//! Read in one way only: between two holes stands a text, and a hole ends where
//! that text's first character first occurs, which the hole itself cannot have.
//! What is not so is refused when the policy loads. There is no going back.

use std::fmt;

use crate::aspect::{Aspects, named};
use crate::error::Flaw;
use crate::grant::Argument;
use crate::load::fields::{Value, array};
use crate::load::scope::Scope;
use crate::matcher::{Matcher, Reading};
use crate::outline::Outline;

/// The most parts: `key=ADDRESS/MASK,option` has a handful.
const MAX_PARTS: usize = 32;

/// Parts that follow one another without gap.
#[derive(Debug, Clone)]
pub(crate) struct Concat {
    parts: Vec<Matcher>,
}

impl Concat {
    pub(crate) fn load(
        value: &Value<'_>,
        scope: &Scope,
        granted: &[String],
    ) -> Result<Concat, Flaw> {
        let items = array(value, "`concat`")?;
        if !(2..=MAX_PARTS).contains(&items.len()) {
            return Err(Flaw::new(value.span(), "`concat` has too few or too many parts")
                .help(format!("write 2 to {MAX_PARTS}; one part stands without `concat`")));
        }
        let mut parts: Vec<Matcher> = Vec::new();
        for item in items {
            let part = Matcher::load(item, scope, granted)?;
            let fault = match (parts.last(), &part) {
                (_, Matcher::Concat(_)) => Some("a `concat` cannot be part of another"),
                (None, _) => None,
                (Some(Matcher::Literal(_)), Matcher::Literal(_)) => {
                    Some("two texts that follow one another are one text")
                }
                (Some(Matcher::Literal(_)), _) => None,
                (Some(hole), Matcher::Literal(text)) => text
                    .chars()
                    .next()
                    .is_some_and(|end| hole.outline().alphabet().contains(end))
                    .then_some("what stands before this text may have its first character"),
                (Some(_), _) => Some("nothing tells where the part before this one ends"),
            };
            if let Some(fault) = fault {
                return Err(Flaw::new(item.span(), fault).help(
                    "alternate texts and matchers, and begin each text with a character that the \
                     matcher before it cannot have",
                ));
            }
            parts.push(part);
        }
        Ok(Concat { parts })
    }

    pub(crate) fn read(&self, word: &str) -> Option<Reading> {
        let mut rest = word;
        let (mut values, mut claims) = (Vec::new(), Vec::new());
        let mut arguments = Vec::new();
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            let end = match (part, parts.peek()) {
                (Matcher::Literal(text), Some(_)) => text.len(),
                (_, Some(Matcher::Literal(next))) => rest.find(next.chars().next()?)?,
                // The last part takes all that is left.
                _ => rest.len(),
            };
            let (piece, after) = rest.split_at_checked(end)?;
            let reading = part.read(piece)?;
            arguments.push(reading.argument);
            values.extend(reading.values);
            claims.extend(reading.claims);
            rest = after;
        }
        Some(Reading { argument: joined(arguments), values, claims })
    }

    /// What it is put together from.
    pub(crate) fn parts(&self) -> &[Matcher] {
        &self.parts
    }

    /// Exact where texts stand at the same places, for then both read a word in
    /// the same pieces; elsewhere as exact as outlines are.
    pub(crate) fn intersects(&self, other: &Concat) -> bool {
        match self.side_by_side(other) {
            Some(mut pairs) => pairs.all(|(a, b)| a.intersects(b)),
            None => self.outline().meets(&other.outline()),
        }
    }

    /// True only where texts stand at the same places.
    pub(crate) fn covers(&self, other: &Concat) -> bool {
        self.side_by_side(other).is_some_and(|mut pairs| pairs.all(|(a, b)| a.covers(b)))
    }

    /// The parts in pairs, if texts are paired with the same texts and nothing else.
    fn side_by_side<'a>(
        &'a self,
        other: &'a Concat,
    ) -> Option<impl Iterator<Item = (&'a Matcher, &'a Matcher)>> {
        let pairs = || self.parts.iter().zip(&other.parts);
        let alike = |(a, b): (&Matcher, &Matcher)| match (a, b) {
            (Matcher::Literal(a), Matcher::Literal(b)) => a == b,
            (Matcher::Literal(_), _) | (_, Matcher::Literal(_)) => false,
            _ => true,
        };
        (self.parts.len() == other.parts.len() && pairs().all(alike)).then(pairs)
    }

    pub(crate) fn aspects(&self) -> Aspects {
        let part = |(at, part): (usize, &Matcher)| {
            named(&format!("concat part {}:", at + 1), part.aspects())
        };
        self.parts.iter().enumerate().map(part).fold(Aspects::default(), Aspects::then)
    }

    pub(crate) fn outline(&self) -> Outline {
        self.parts.iter().fold(Outline::default(), |all, part| all.then(part.outline()))
    }
}

/// One argument; texts beside each other are one.
fn joined(arguments: Vec<Argument>) -> Argument {
    let mut parts = Vec::new();
    for argument in arguments {
        match (parts.last_mut(), argument) {
            (Some(Argument::Text(before)), Argument::Text(text)) => before.push_str(&text),
            (_, argument) => parts.push(argument),
        }
    }
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            Argument::Joined(parts)
        }
    }
}

impl fmt::Display for Concat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| part.fmt(f))
    }
}
