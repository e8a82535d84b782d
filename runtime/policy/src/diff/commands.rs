//! Command rules of two policies.

use crate::diff::compared::Compared;
use crate::diff::{Difference, Direction};
use crate::policy::Policy;
use crate::risk::Risk;
use crate::rule::CommandRule;
use crate::subject::Subject;
use crate::units::show_size;

impl Compared for CommandRule {
    const SUBJECT: Subject = Subject::Command;

    fn all(policy: &Policy) -> &[Self] {
        policy.commands()
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn line(&self) -> String {
        self.to_string()
    }

    fn risk(&self, policy: &Policy) -> Risk {
        policy.command_risk(self)
    }

    fn covers(&self, other: &Self) -> bool {
        CommandRule::covers(self, other)
    }

    fn differences(&self, new: &Self) -> Vec<Difference> {
        differences(self, new)
    }
}

fn differences(old: &CommandRule, new: &CommandRule) -> Vec<Difference> {
    let yes_or_no = |yes: bool| if yes { "true" } else { "false" }.to_owned();
    let pinned = |rule: &CommandRule| rule.sha256.clone();
    let sha256 = match (pinned(old), pinned(new)) {
        (None, None) => None,
        (from, to) if from == to => None,
        (from, to) => {
            let direction = Direction::between(from.is_none(), to.is_none());
            Some(Difference::new("sha256", direction.unwrap_or(Direction::Changed), from, to))
        }
    };
    let readable = |rule: &CommandRule| {
        let both =
            rule.write.iter().chain(rule.read.iter().filter(|root| !rule.write.contains(root)));
        both.cloned().collect::<Vec<_>>()
    };
    let bytes = |what: &str, from: u64, to: u64| Difference::number(what, (from, to), show_size);
    let user = |rule: &CommandRule| {
        rule.user.as_ref().map_or("the broker's own".to_owned(), ToString::to_string)
    };
    let mut differences = old.args.differences(&new.args);
    differences.extend(
        [
            Difference::text("program", &old.program, &new.program),
            sha256,
            Difference::text("user", &user(old), &user(new)),
            Difference::set("caps", &old.caps, &new.caps),
            Difference::set("syscalls", &old.syscalls, &new.syscalls),
            Difference::number("network", (old.network, new.network), yes_or_no),
            Difference::set("write", &old.write, &new.write),
            Difference::set("read", &readable(old), &readable(new)),
            Difference::number("timeout", (old.timeout, new.timeout), |time| format!("{time:?}")),
            bytes("stdout-max", old.stdout_max, new.stdout_max),
            bytes("stderr-max", old.stderr_max, new.stderr_max),
            bytes("stdin-max", old.stdin_max, new.stdin_max),
            Difference::text("removes", &yes_or_no(old.removes), &yes_or_no(new.removes)),
        ]
        .into_iter()
        .flatten(),
    );
    differences
}
