//! What a manifest needs more or less than another beside rules, need by need. `Needs::covers`
//! alone decides what is more: each need is asked about by itself.

use std::time::Duration;

use crate::diff::{Change, Difference, Direction};
use crate::needs::{LimitNeeds, NamedNeed, Needs, OptionNeed};
use crate::risk::{Risk, RiskClass};
use crate::subject::Subject;
use crate::units::show_size;

/// One need, as if there were no other.
pub(crate) struct One {
    /// `options.NAME`, or what else it is called.
    pub id: String,
    /// What for, in the vendor's words, or how much.
    line: String,
    pub needs: Needs,
}

/// Needs that are this one alone.
type Only = fn(NamedNeed) -> Needs;

impl Needs {
    /// What is at stake when all of this is granted.
    pub fn risk(&self) -> Risk {
        use RiskClass::{R1, R2, R3};
        let secrets = self.options.iter().filter(|option| option.secret);
        let secrets = secrets.map(|one| (R3, format!("it uses the secret `{}`", one.name)));
        let outside = [
            (!self.remotes.is_empty(), "it runs programs on other machines"),
            (!self.origins.is_empty(), "it sends requests to other machines"),
            (!self.networks.is_empty(), "it leases addresses"),
        ];
        let outside = outside.into_iter().filter(|(holds, _)| *holds);
        let state = self.state.map(|_| (R1, "it keeps a state of its own".to_owned()));
        Risk::of(secrets.chain(outside.map(|(_, why)| (R2, why.to_owned()))).chain(state))
    }

    /// What `new` needs more and less.
    pub(crate) fn diff(&self, new: &Needs) -> Vec<Change> {
        let (olds, news) = (self.each(), new.each());
        let of = |all: &[One], id: &str| all.iter().position(|one| one.id == id);
        let change = |one: &One, direction, asks_more, differences| Change {
            direction,
            asks_more,
            risk: one.needs.risk(),
            subject: Subject::Need,
            id: one.id.clone(),
            was: None,
            line: one.line.clone(),
            differences,
        };
        let gone = olds.iter().filter(|old| of(&news, &old.id).is_none());
        let gone = gone.map(|old| change(old, Direction::Gone, false, Vec::new()));
        let others = news.iter().filter_map(|new| {
            let Some(old) = of(&olds, &new.id).and_then(|at| olds.get(at)) else {
                let more = !Needs::default().covers(&new.needs);
                return Some(change(new, Direction::New, more, Vec::new()));
            };
            let more = !old.needs.covers(&new.needs);
            let direction = Direction::between(!more, new.needs.covers(&old.needs))?;
            let (from, to) = (Some(old.line.clone()), Some(new.line.clone()));
            let difference = Difference::new(new.id.clone(), direction, from, to);
            Some(change(new, direction, more, vec![difference]))
        });
        gone.chain(others).collect()
    }

    /// Every need by itself. Limits are always there: one that is not said is the runtime's.
    pub(crate) fn each(&self) -> Vec<One> {
        let one = |id: String, line: String, needs| One { id, line, needs };
        let options = self.options.iter().map(|option| {
            let OptionNeed { name, purpose, secret } = option;
            let secret = if *secret { ", a secret" } else { "" };
            let needs = Needs { options: vec![option.clone()], ..Needs::default() };
            one(format!("options.{name}"), format!("{purpose}{secret}"), needs)
        });
        let mut all: Vec<One> = options.collect();
        let kinds: [(&str, &[NamedNeed], Only); 3] = [
            ("remotes", &self.remotes, |it| Needs { remotes: vec![it], ..Needs::default() }),
            ("origins", &self.origins, |it| Needs { origins: vec![it], ..Needs::default() }),
            ("networks", &self.networks, |it| Needs { networks: vec![it], ..Needs::default() }),
        ];
        for (kind, named, only) in kinds {
            all.extend(named.iter().map(|it| {
                one(format!("{kind}.{}", it.name), it.purpose.clone(), only(it.clone()))
            }));
        }
        all.extend(self.state.map(|bytes| {
            let needs = Needs { state: Some(bytes), ..Needs::default() };
            one("state".to_owned(), show_size(bytes), needs)
        }));
        let LimitNeeds { wall, cpu, memory } = self.limits;
        let time = |time: Option<Duration>| time.map(|time| format!("{time:?}"));
        let limits = [
            ("wall", time(wall), LimitNeeds { wall, ..LimitNeeds::default() }),
            ("cpu", time(cpu), LimitNeeds { cpu, ..LimitNeeds::default() }),
            ("memory", memory.map(show_size), LimitNeeds { memory, ..LimitNeeds::default() }),
        ];
        all.extend(limits.into_iter().map(|(name, shown, limits)| {
            let line = shown.unwrap_or_else(|| "the runtime's limit".to_owned());
            one(format!("limits.{name}"), line, Needs { limits, ..Needs::default() })
        }));
        all
    }
}
