//! Which rule of an old policy a rule of a new one has come from.
//!
//! The one of the same id, unless another one grants all that it asks for: rules are named for
//! people, and what is granted must not depend on names.

/// What the pairing has to know of two rules.
pub(super) struct Kin<R> {
    /// The rule's id.
    pub(super) id: fn(&R) -> &str,
    /// Whether the first grants all that the second does.
    pub(super) covers: fn(&R, &R) -> bool,
}

/// Old and new rules, side by side.
pub(super) struct Paired<'p, R> {
    /// Each new rule with the old one that it has come from, if any.
    pub(super) new: Vec<(Option<&'p R>, &'p R)>,
    /// Old rules that none has come from.
    pub(super) gone: Vec<&'p R>,
}

impl<R> Kin<R> {
    pub(super) fn pair<'p>(&self, old: &'p [R], new: &'p [R]) -> Paired<'p, R> {
        let same_id = |one: &R, other: &R| (self.id)(one) == (self.id)(other);
        let covers = self.covers;
        let origin = |wanted: &R| {
            let named = old.iter().find(|rule| same_id(rule, wanted));
            if named.is_some_and(|rule| covers(rule, wanted)) {
                return named;
            }
            // One that is as wide before one that is wider, and a namesake before one that is
            // narrower.
            old.iter()
                .find(|rule| covers(rule, wanted) && covers(wanted, rule))
                .or_else(|| old.iter().find(|rule| covers(rule, wanted)))
                .or(named)
                .or_else(|| {
                    let is_taken = |rule: &R| new.iter().any(|other| same_id(other, rule));
                    old.iter().find(|rule| covers(wanted, rule) && !is_taken(rule))
                })
        };
        let new: Vec<_> = new.iter().map(|wanted| (origin(wanted), wanted)).collect();
        let is_kept = |rule: &R| {
            new.iter().any(|(origin, _)| origin.is_some_and(|origin| same_id(origin, rule)))
        };
        let gone = old.iter().filter(|rule| !is_kept(rule)).collect();
        Paired { new, gone }
    }
}
