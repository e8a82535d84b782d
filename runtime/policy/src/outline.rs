//! The outline of a matcher: a row of character classes, some of them repeated.
//!
//! Every word that the matcher accepts fits its outline, and other words may fit
//! it too. So two matchers whose outlines have no word in common have none
//! either, however different their kinds are; what two matchers of one kind
//! have in common is each kind's own affair.

use std::collections::BTreeSet;

use crate::class::Class;

/// A row of steps; a word fits if its characters can be dealt out to them in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outline(Vec<Step>);

#[derive(Debug, Clone, Copy)]
struct Step {
    class: Class,
    /// Any number of such characters, none included, instead of exactly one.
    many: bool,
}

impl Outline {
    /// Then exactly this text.
    pub(crate) fn text(mut self, text: &str) -> Outline {
        self.0.extend(text.chars().map(|c| Step { class: Class::single(c), many: false }));
        self
    }

    /// Then one character.
    pub(crate) fn one(mut self, class: Class) -> Outline {
        self.0.push(Step { class, many: false });
        self
    }

    /// Then any number of characters.
    pub(crate) fn many(mut self, class: Class) -> Outline {
        self.0.push(Step { class, many: true });
        self
    }

    /// Then at least one character.
    pub(crate) fn some(self, class: Class) -> Outline {
        self.one(class).many(class)
    }

    /// Then another outline.
    pub(crate) fn then(mut self, other: Outline) -> Outline {
        self.0.extend(other.0);
        self
    }

    /// One of these texts, or a mixture of them.
    pub(crate) fn any_of<'a>(texts: impl Iterator<Item = &'a str>) -> Outline {
        let (mut first, mut rest) = (Class::default(), Class::default());
        for text in texts {
            let mut characters = text.chars().map(Class::single);
            first = characters.next().map_or(first, |class| first | class);
            rest = characters.fold(rest, |rest, class| rest | class);
        }
        Outline::default().one(first).many(rest)
    }

    /// Every character that a word which fits may have.
    pub(crate) fn alphabet(&self) -> Class {
        self.0.iter().fold(Class::default(), |all, step| all | step.class)
    }

    /// How many steps it has.
    pub(crate) fn length(&self) -> usize {
        self.0.len()
    }

    /// True if some word that fits begins with this character.
    pub(crate) fn may_begin_with(&self, character: char) -> bool {
        let before = self.0.iter().position(|step| !step.many).map_or(self.0.len(), |at| at + 1);
        self.0.iter().take(before).any(|step| step.class.contains(character))
    }

    /// True if some word fits both. Exact. Walks the pairs of places that both
    /// can be at after the same characters.
    pub(crate) fn meets(&self, other: &Outline) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![(0, 0)];
        while let Some((a, b)) = open.pop() {
            if !seen.insert((a, b)) {
                continue;
            }
            let (left, right) = (self.0.get(a), other.0.get(b));
            if left.is_none() && right.is_none() {
                return true;
            }
            if left.is_some_and(|step| step.many) {
                open.push((a + 1, b));
            }
            if right.is_some_and(|step| step.many) {
                open.push((a, b + 1));
            }
            if let (Some(left), Some(right)) = (left, right)
                && left.class.meets(right.class)
            {
                open.push((a + usize::from(!left.many), b + usize::from(!right.many)));
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(before: &str) -> Outline {
        Outline::default().text(before).some(Class::DIGITS)
    }

    #[test]
    fn outlines_meet_when_a_word_fits_both() {
        let key = Outline::default().some(Class::of("quota=0123456789"));
        assert!(number("quota=").meets(&key) && key.meets(&number("quota=")));
        assert!(number("").meets(&number("1")));
        for other in [number("refquota="), number("quot="), Outline::default().text("quota=")] {
            assert!(!number("quota=").meets(&other), "{other:?}");
        }
        assert!(!Outline::default().text("é").meets(&key));
        assert!(
            Outline::default().text("é").meets(&Outline::default().text("ü")),
            "not told apart"
        );
    }
}
