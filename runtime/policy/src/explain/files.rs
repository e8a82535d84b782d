//! Why a verb on files is granted or not, rule by rule.

use crate::explain::{Explanation, RuleExplanation, Verdict};
use crate::guest_path::GuestPath;
use crate::owned::Object;
use crate::policy::Policy;
use crate::rule::{FilesRule, Verb};
use crate::text::shown;

impl Explanation {
    pub(crate) fn of_files(policy: &Policy, verb: Verb, words: &[String]) -> Explanation {
        let wanted = if verb.is_of_two() { 2 } else { 1 };
        if words.len() != wanted {
            let paths = if wanted == 2 { "two paths" } else { "one path" };
            return Explanation::refused(format!("{verb} is about {paths}, ROOT:relative/path"));
        }
        let read = |word: &String| GuestPath::parse_argument(word);
        let paths: Vec<GuestPath> = match words.iter().map(read).collect() {
            Ok(paths) => paths,
            Err(denial) => return Explanation::refused(denial.reason),
        };
        let rule = |path| policy.decide_files(verb, path).map(|grant| grant.rule.id.clone());
        let outcome: Result<Vec<String>, _> = paths.iter().map(rule).collect();
        let rules = policy.files().iter().map(|rule| RuleExplanation {
            id: rule.id.clone(),
            user: None,
            verdict: verdict(policy, rule, verb, &paths),
        });
        Explanation {
            outcome: outcome.map(|ids| ids.join(" + ")).map_err(|denial| denial.reason),
            rules: rules.collect(),
        }
    }
}

/// What a rule says of those of the paths that it reaches.
fn verdict(policy: &Policy, rule: &FilesRule, verb: Verb, paths: &[GuestPath]) -> Verdict {
    if !rule.verbs.contains(&verb) {
        let verbs: Vec<_> = rule.verbs.iter().map(|verb| verb.as_str()).collect();
        return Verdict::Refused {
            at: None,
            expected: verbs.join(", "),
            got: verb.as_str().to_owned(),
        };
    }
    let reached: Vec<&GuestPath> = paths.iter().filter(|path| rule.reaches(path)).collect();
    if reached.is_empty() {
        let got = paths.first().map(GuestPath::to_string).unwrap_or_default();
        return Verdict::Refused { at: Some(0), expected: rule.place(), got: shown(&got) };
    }
    let beneath = |path: &&GuestPath| {
        let root = policy.root(&path.root)?;
        let components = path.components.iter().map(String::as_str);
        let place: Vec<&str> = std::iter::once(root.path.as_str()).chain(components).collect();
        Some((path.to_string(), place.join("/")))
    };
    let own = |path: &&GuestPath| Object::at(path).filter(|_| rule.own);
    Verdict::Matched {
        argv: reached.iter().map(ToString::to_string).collect(),
        values: reached.iter().filter_map(beneath).collect(),
        needs: reached
            .iter()
            .filter_map(own)
            .map(|object| format!("{object}, where something is there"))
            .collect(),
        makes: Vec::new(),
    }
}
