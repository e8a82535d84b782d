//! Two templates word by word: which word of the one stands for which of the other, and what
//! differs there. For people; whether a template covers another is `Template::covers`.

use std::collections::BTreeMap;

use crate::diff::{Difference, Direction};
use crate::matcher::Matcher;
use crate::template::{Step, Template};

/// What it costs to take one word for another. Only the order matters: the same word, then a
/// word of the same kind, then one word more or less, then a word that has become another.
mod cost {
    pub(super) const SAME: u32 = 0;
    pub(super) const SKIPPED_OTHERWISE: u32 = 1;
    pub(super) const LIKE: u32 = 2;
    pub(super) const ONE_MORE: u32 = 3;
    pub(super) const ANOTHER: u32 = 5;
}

/// A word of the old template, of the new one, or one that stands for the other.
type Pair = (Option<usize>, Option<usize>);

impl Template {
    /// Every matcher of it; those of one word of several parts each by itself.
    pub(crate) fn matchers(&self) -> impl Iterator<Item = &Matcher> {
        self.steps.iter().flat_map(|step| step.matcher.parts())
    }

    /// The matcher of each word in order, and whether the word may be absent.
    pub(crate) fn words(&self) -> impl Iterator<Item = (&Matcher, bool)> {
        self.steps.iter().enumerate().map(|(at, step)| (&step.matcher, self.is_within_optional(at)))
    }

    /// What differs in `new`, word by word.
    pub(crate) fn differences(&self, new: &Template) -> Vec<Difference> {
        let mut differences = Vec::new();
        for pair in self.aligned(new) {
            match pair {
                (Some(old_at), Some(new_at)) => {
                    let (Some(old_step), Some(new_step)) =
                        (self.steps.get(old_at), new.steps.get(new_at))
                    else {
                        continue;
                    };
                    let place = format!("{} {}", self.unit.word(), new_at + 1);
                    differences.extend(between(old_step, new_step, place));
                }
                (Some(at), None) => differences.extend(self.steps.get(at).map(|step| {
                    let direction = match self.is_within_optional(at) {
                        true => Direction::Narrower,
                        false => Direction::Changed,
                    };
                    let what = format!("{} {} of before", self.unit.word(), at + 1);
                    Difference::new(what, direction, Some(step.matcher.to_string()), None)
                })),
                (None, Some(at)) => differences.extend(new.steps.get(at).map(|step| {
                    let direction = match new.is_within_optional(at) {
                        true => Direction::Wider,
                        false => Direction::Changed,
                    };
                    let what = format!("{} {}", self.unit.word(), at + 1);
                    Difference::new(what, direction, None, Some(step.matcher.to_string()))
                })),
                (None, None) => {}
            }
        }
        differences
    }

    /// Whether the word may be absent, alone or with what stands before it.
    fn is_within_optional(&self, at: usize) -> bool {
        let steps = self.steps.iter().enumerate().take(at + 1);
        steps.into_iter().any(|(first, step)| first + step.skip > at)
    }

    /// How much alike the matchers of the one and of the other are, each pair compared once: lines
    /// of which there are hundreds are few that are repeated.
    fn likenesses(&self, new: &Template) -> BTreeMap<(usize, usize), u32> {
        let mut known = BTreeMap::new();
        let distinct = |template: &Template| -> Vec<Step> {
            let by_matcher: BTreeMap<usize, &Step> =
                template.steps.iter().map(|step| (step.written, step)).collect();
            by_matcher.into_values().cloned().collect()
        };
        let others = distinct(new);
        for one in distinct(self) {
            for other in &others {
                known.insert((one.written, other.written), likeness(&one, other));
            }
        }
        known
    }

    /// The cheapest way to take the words of the one for the words of the other, in order.
    fn aligned(&self, new: &Template) -> Vec<Pair> {
        let (rows, columns) = (self.steps.len(), new.steps.len());
        let width = columns + 1;
        let likenesses = self.likenesses(new);
        // What it costs from each place to the end, filled from the end.
        let mut costs = vec![0_u32; (rows + 1) * width];
        let at = |costs: &[u32], row: usize, column: usize| {
            costs.get(row * width + column).copied().unwrap_or_default()
        };
        let options = |costs: &[u32], row: usize, column: usize| {
            let pair = self.steps.get(row).zip(new.steps.get(column)).map(|(one, other)| {
                let alike = likenesses.get(&(one.written, other.written)).copied();
                let presence = u32::from((one.skip > 0) != (other.skip > 0));
                let cost = match alike.unwrap_or(cost::ANOTHER) {
                    cost::SAME => presence * cost::SKIPPED_OTHERWISE,
                    other => other,
                };
                (cost + at(costs, row + 1, column + 1), (1, 1))
            });
            let gone = (row < rows).then(|| (cost::ONE_MORE + at(costs, row + 1, column), (1, 0)));
            let more =
                (column < columns).then(|| (cost::ONE_MORE + at(costs, row, column + 1), (0, 1)));
            [pair, gone, more].into_iter().flatten().min_by_key(|(cost, _)| *cost)
        };
        for row in (0..=rows).rev() {
            for column in (0..=columns).rev() {
                let best = options(&costs, row, column).map_or(0, |(cost, _)| cost);
                if let Some(place) = costs.get_mut(row * width + column) {
                    *place = best;
                }
            }
        }
        let mut pairs = Vec::new();
        let (mut row, mut column) = (0, 0);
        while let Some((_, (down, right))) = options(&costs, row, column) {
            pairs.push(((down == 1).then_some(row), (right == 1).then_some(column)));
            (row, column) = (row + down, column + right);
        }
        pairs
    }
}

fn likeness(one: &Step, other: &Step) -> u32 {
    if one.matcher.covers(&other.matcher) && other.matcher.covers(&one.matcher) {
        return cost::SAME;
    }
    let kinds = [&one.matcher, &other.matcher].map(std::mem::discriminant);
    let literals = matches!(one.matcher, Matcher::Literal(_));
    if kinds.first() == kinds.last() && !literals { cost::LIKE } else { cost::ANOTHER }
}

/// What differs between a word and the one that stands for it now.
fn between(old: &Step, new: &Step, place: String) -> Vec<Difference> {
    let mut differences = Vec::new();
    if let Some(direction) =
        Direction::between(old.matcher.covers(&new.matcher), new.matcher.covers(&old.matcher))
    {
        let aspects = old.matcher.aspects().differences(&new.matcher.aspects());
        let kinds = [&old.matcher, &new.matcher].map(std::mem::discriminant);
        if aspects.is_empty() || kinds.first() != kinds.last() {
            let shown = [&old.matcher, &new.matcher].map(|matcher| Some(matcher.to_string()));
            let [from, to] = shown;
            differences.push(Difference::new(place.clone(), direction, from, to));
        } else {
            differences.extend(aspects.into_iter().map(|(key, from, to)| {
                Difference::new(format!("{place} {key}"), direction, from, to)
            }));
        }
    }
    let presence = match (old.skip > 0, new.skip > 0) {
        (false, true) => Some(Direction::Wider),
        (true, false) => Some(Direction::Narrower),
        _ => None,
    };
    differences.extend(presence.map(|direction| {
        let word = |step: &Step| {
            let word = if step.skip > 0 { "may be absent" } else { "must be there" };
            Some(word.to_owned())
        };
        Difference::new(place, direction, word(old), word(new))
    }));
    differences
}
