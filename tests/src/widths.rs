//! How close the shipped policies are to what their drivers ask for. Each driver's tests hand in
//! what was asked in a whole life of its shares; what `abaca policy learn` would narrow by that is
//! too wide, but for what `widths.toml` gives a reason for.
//!
//! ```text
//! life of shares ─▶ audit ─▶ requests ─▶ learn ─▶ differences ─ each in widths.toml? ─▶ or a failure
//! ```
//! A rule that nobody used is a difference as well, and so is a line of `widths.toml` that is about
//! nothing any more.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use abaca::asked::Asked;
use abaca::audit::{AuditFile, AuditLog, Entry};
use abaca::policy::{Change, Direction, Policy, Request, learn};
use serde::Deserialize;

use crate::support::Ground;

/// What a rule is said to be that nobody used.
const UNUSED: &str = "unused";

/// How a part ends that was there more often.
const MORE: &str = "of before";

/// Stands for all policies, or all rules.
const ALL: &str = "*";

/// Why something is wider than what tests can show.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Width {
    /// Of these policies, as `directory/policy-nfs`.
    policies: Vec<String>,
    /// In these rules, roots and so on; all if nothing is said.
    #[serde(default = "all")]
    rules: Vec<String>,
    /// Which part: the end of what a difference is called, or `unused`.
    what: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Widths {
    width: Vec<Width>,
}

fn all() -> Vec<String> {
    vec![ALL.to_owned()]
}

impl Widths {
    fn read() -> Widths {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/widths.toml");
        toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }
}

impl Width {
    /// Whether it is about this part of this rule. Parts are called `argument 3 path.name.max`.
    fn is_about(&self, rule: &str, what: &str) -> bool {
        let named = |one: &String| one == ALL || one == rule;
        let whole = what.rsplit_once(' ').map_or(what, |(_, last)| last);
        let ends = whole.strip_suffix(&self.what);
        let fits = ends.is_some_and(|before| before.is_empty() || before.ends_with('.'));
        self.rules.iter().any(named) && (fits || what == self.what)
    }
}

/// All that was asked for and granted in the back end `name` of a ground.
pub fn asked(ground: &Ground, name: &str) -> Vec<Request> {
    let files = AuditLog::open(&ground.state(), name).unwrap().files().unwrap();
    files.iter().flat_map(asked_in).collect()
}

/// All that was asked for and granted by one file of an audit.
pub fn asked_in(file: &AuditFile) -> Vec<Request> {
    let mut requests = Vec::new();
    file.entries(0, |entry, _| {
        let Entry::Line(line) = entry else { panic!("{}: an unsound line", file.name) };
        if let Some(asked) = Asked::of(&line)
            && asked.granted.is_some()
        {
            requests.extend(asked.requests.unwrap());
        }
        true
    })
    .unwrap();
    requests
}

/// A policy that is shipped, by its name as `directory/policy-nfs`.
pub fn shipped(policy: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../drivers"].iter().collect();
    std::fs::read_to_string(path.join(format!("{policy}.toml"))).unwrap()
}

/// Asserts that these requests need all of a policy that is shipped, and that it allows not much
/// more than them. `source` is its text as it was used.
pub fn assert_close(policy: &str, source: &str, requests: Vec<Request>) {
    close(policy, source, requests, |_| true);
}

/// The same of what a policy has beyond another one: what it shares with that, to the letter, is
/// proved of that.
pub fn assert_close_beyond(base: &str, policy: &str, source: &str, requests: Vec<Request>) {
    let base = Policy::parse(&shipped(base), base).unwrap();
    let own = Policy::parse(&shipped(policy), policy).unwrap();
    let same: BTreeSet<_> = told(&base).intersection(&told(&own)).cloned().collect();
    let same: BTreeSet<_> = same.into_iter().map(|(id, _)| id).collect();
    assert!(!same.is_empty());
    close(policy, source, requests, |id| !same.contains(id));
}

/// The rules and roots of a policy: each by its name, and all that it says.
fn told(policy: &Policy) -> BTreeSet<(String, String)> {
    let commands = policy.commands().iter().map(|one| (one.id.clone(), format!("{one:?}")));
    let files = policy.files().iter().map(|one| (one.id.clone(), format!("{one:?}")));
    let mounts = policy.mounts().iter().map(|one| (one.id.clone(), format!("{one:?}")));
    let roots = policy.roots().map(|one| (one.name.clone(), format!("{one:?}")));
    commands.chain(files).chain(mounts).chain(roots).collect()
}

fn close(policy: &str, source: &str, requests: Vec<Request>, matters: impl Fn(&str) -> bool) {
    let learned = learn(source, policy, requests).unwrap();
    assert!(learned.denied.is_empty(), "{policy} does not grant {:?}", learned.denied);
    let widths = Widths::read().width;
    let of_this: Vec<_> = widths
        .iter()
        .filter(|width| width.policies.iter().any(|one| one == ALL || one == policy))
        .collect();
    let mut used = BTreeSet::new();
    let mut too_wide = Vec::new();
    for change in learned.diff.changes.iter().filter(|change| matters(&change.id)) {
        for (what, told) in parts(change) {
            let reasons = of_this.iter().enumerate();
            let reasons: Vec<_> =
                reasons.filter(|(_, width)| width.is_about(&change.id, &what)).collect();
            if reasons.is_empty() {
                too_wide.push(format!("{} {}: {told}", change.subject, change.id));
            }
            used.extend(reasons.into_iter().map(|(at, _)| at));
        }
    }
    let stale: Vec<_> = of_this
        .iter()
        .enumerate()
        .filter(|(at, width)| !used.contains(at) && !width.policies.iter().any(|one| one == ALL))
        .map(|(_, width)| format!("{} of {:?}: {}", width.what, width.rules, width.reason))
        .collect();
    assert!(
        too_wide.is_empty() && stale.is_empty(),
        "{policy} is wider than what was asked for:\n  {}\nand widths.toml has for it, in vain:\n  {}",
        too_wide.join("\n  "),
        stale.join("\n  ")
    );
}

/// What differs in a rule, and how that is told.
fn parts(change: &Change) -> Vec<(String, String)> {
    if change.direction == Direction::Gone {
        return vec![(UNUSED.to_owned(), format!("nobody used it: {}", change.line))];
    }
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
    // A line that may come many times differs as often; once is enough.
    let mut before = BTreeSet::new();
    let differences = change.differences.iter();
    let differences =
        differences.filter(|one| !one.what.ends_with(MORE) || before.insert(one.from.clone()));
    let told = differences.map(|one| {
        (one.what.clone(), format!("{}: {} -> {}", one.what, side(&one.from), side(&one.to)))
    });
    told.collect()
}

/// The driver `dummy` needs nothing, so its policy grants nothing.
#[test]
fn the_policy_of_dummy_grants_nothing() {
    let policy = Policy::parse(&shipped("dummy/policy"), "dummy").unwrap();
    assert_eq!(told(&policy), BTreeSet::new());
}

/// What is told apart, so that the tests above can fail: a rule that nobody used, a hole that was
/// used for one of its values, and a reason that is given in vain.
#[test]
fn what_is_too_wide_is_told() {
    let source = "schema = 1\ndriver = \"x\"\n[[command]]\nid = \"a\"\nprogram = \"/bin/true\"\n\
                  args = [{ one-of = [\"x\", \"y\"] }]\nread = []\nreason = \"a\"\n\
                  [[command]]\nid = \"b\"\nprogram = \"/bin/false\"\nargs = []\nreason = \"b\"\n";
    let request = |program: &str, args: &[&str]| Request::Command {
        program: program.to_owned(),
        args: args.iter().map(|word| (*word).to_owned()).collect(),
    };
    let wrong = |requests: Vec<Request>| {
        let run = || assert_close("nobody/policy", source, requests);
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        panic.err().map(|why| *why.downcast::<String>().unwrap()).unwrap_or_default()
    };
    let all = || vec![request("true", &["x"]), request("true", &["y"]), request("false", &[])];
    assert_eq!(wrong(all()), "");
    let narrow = wrong(vec![all().remove(0), all().remove(2)]);
    assert!(narrow.contains("command a: argument 1 one-of: \"x\", \"y\" -> \"x\""), "{narrow}");
    let unused = wrong(vec![all().remove(0), all().remove(1)]);
    assert!(unused.contains("command b: nobody used it"), "{unused}");
}
