//! Files rules of two policies. A verb may move from one rule to another: then nothing more is
//! asked for, whatever has become of the rules.

use crate::content;
use crate::diff::compared::Compared;
use crate::diff::{Difference, Direction};
use crate::policy::Policy;
use crate::risk::Risk;
use crate::rule::FilesRule;
use crate::subject::Subject;

impl Compared for FilesRule {
    const SUBJECT: Subject = Subject::Files;

    fn all(policy: &Policy) -> &[Self] {
        policy.files()
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn line(&self) -> String {
        self.to_string()
    }

    fn risk(&self, policy: &Policy) -> Risk {
        policy.files_risk(self)
    }

    fn covers(&self, other: &Self) -> bool {
        self.covers_places(other) && other.verbs.iter().all(|verb| self.verbs.contains(verb))
    }

    fn differences(&self, new: &Self) -> Vec<Difference> {
        differences(self, new)
    }

    fn asks_more(&self, old: &Policy, _: Option<&Self>) -> bool {
        self.verbs.iter().any(|verb| !old.grants(*verb, self))
    }
}

fn differences(old: &FilesRule, new: &FilesRule) -> Vec<Difference> {
    let aspects =
        |rule: &FilesRule| rule.name.as_ref().map(|name| name.aspects()).unwrap_or_default();
    let mut differences: Vec<_> = [
        Difference::text("root", &old.root, &new.root),
        Difference::set("verbs", &old.verbs, &new.verbs),
        Difference::number("depth", (old.depth, new.depth), |depth| depth.to_string()),
        Difference::number("owner", (!old.own, !new.own), |any| {
            if any { "anybody" } else { "self" }.to_owned()
        }),
    ]
    .into_iter()
    .flatten()
    .collect();
    let direction = match (&old.name, &new.name) {
        (Some(one), Some(other)) => Direction::between(one.covers(other), other.covers(one)),
        (None, None) => None,
        _ => Some(Direction::Changed),
    };
    differences.extend(content::differences(old.content.as_ref(), new.content.as_ref()));
    differences.extend(direction.into_iter().flat_map(|direction| {
        aspects(old)
            .differences(&aspects(new))
            .into_iter()
            .map(move |(key, from, to)| Difference::new(format!("name.{key}"), direction, from, to))
    }));
    differences
}
