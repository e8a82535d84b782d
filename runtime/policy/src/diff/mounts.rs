//! Mount rules of two policies.

use crate::aspect::Aspects;
use crate::diff::compared::Compared;
use crate::diff::{Difference, Direction};
use crate::mount::MountRule;
use crate::policy::Policy;
use crate::risk::Risk;
use crate::subject::Subject;

impl Compared for MountRule {
    const SUBJECT: Subject = Subject::Mount;

    fn all(policy: &Policy) -> &[Self] {
        policy.mounts()
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn line(&self) -> String {
        self.to_string()
    }

    fn risk(&self, policy: &Policy) -> Risk {
        policy.mount_risk(self)
    }

    fn covers(&self, other: &Self) -> bool {
        MountRule::covers(self, other)
    }

    fn differences(&self, new: &Self) -> Vec<Difference> {
        let yes_or_no = |yes: bool| if yes { "true" } else { "false" }.to_owned();
        let mut differences = part(
            "source",
            (self.source.covers(&new.source), new.source.covers(&self.source)),
            (&self.source.aspects(), &new.source.aspects()),
        );
        differences.extend(part(
            "place",
            (self.place.covers(&new.place), new.place.covers(&self.place)),
            (&self.place.aspects(), &new.place.aspects()),
        ));
        differences.extend(part(
            "",
            (self.options.covers(&new.options), new.options.covers(&self.options)),
            (&self.options.aspects(), &new.options.aspects()),
        ));
        differences.extend(
            [
                Difference::set("filesystem", &self.filesystems, &new.filesystems),
                Difference::number("suid", (self.suid, new.suid), yes_or_no),
                Difference::number("dev", (self.dev, new.dev), yes_or_no),
                Difference::number("again", (self.again, new.again), yes_or_no),
            ]
            .into_iter()
            .flatten(),
        );
        differences
    }
}

/// What differs in a part that covers, or is covered, as it is said.
fn part(
    name: &str,
    (old_covers, new_covers): (bool, bool),
    (old, new): (&Aspects, &Aspects),
) -> Vec<Difference> {
    let Some(direction) = Direction::between(old_covers, new_covers) else { return Vec::new() };
    let told = |(key, from, to): (String, Option<String>, Option<String>)| {
        Difference::new(format!("{name} {key}").trim_start(), direction, from, to)
    };
    old.differences(new).into_iter().map(told).collect()
}
