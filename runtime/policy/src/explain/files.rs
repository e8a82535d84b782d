//! Why a verb on files is granted or not, rule by rule; of a write also why its lines are.

use crate::content::{self, Content, Misread};
use crate::explain::{Explanation, RuleExplanation, Verdict};
use crate::guest_path::GuestPath;
use crate::owned::{Claim, Object};
use crate::policy::Policy;
use crate::rule::{FilesRule, Verb};
use crate::text::shown;

impl Explanation {
    pub(crate) fn of_write(policy: &Policy, place: &str, bytes: &[u8]) -> Explanation {
        match content::lines(bytes) {
            Ok(lines) => {
                let words: Vec<_> = std::iter::once(place.to_owned()).chain(lines).collect();
                Explanation::of_files(policy, Verb::Write, &words)
            }
            Err(why) => Explanation::refused(format!("what is written: {why}")),
        }
    }

    pub(crate) fn of_files(policy: &Policy, verb: Verb, words: &[String]) -> Explanation {
        let wanted = if verb.is_of_two() { 2 } else { 1 };
        let (places, lines) = words.split_at_checked(wanted).unwrap_or((words, &[]));
        if places.len() != wanted || !(lines.is_empty() || verb == Verb::Write) {
            let paths = if wanted == 2 { "two paths" } else { "one path" };
            return Explanation::refused(format!("{verb} is about {paths}, ROOT:relative/path"));
        }
        let read = |word: &String| GuestPath::parse_argument(word);
        let paths: Vec<GuestPath> = match places.iter().map(read).collect() {
            Ok(paths) => paths,
            Err(denial) => return Explanation::refused(denial.reason),
        };
        let rule = |path| {
            let grant = match verb {
                Verb::Write => policy.decide_lines(path, lines),
                _ => policy.decide_files(verb, path),
            };
            grant.map(|grant| grant.rule.id.clone())
        };
        let outcome: Result<Vec<String>, _> = paths.iter().map(rule).collect();
        let rules = policy.files().iter().map(|rule| RuleExplanation {
            id: rule.id.clone(),
            user: None,
            verdict: verdict(policy, rule, verb, &paths, lines),
        });
        Explanation {
            outcome: outcome.map(|ids| ids.join(" + ")).map_err(|denial| denial.reason),
            rules: rules.collect(),
        }
    }
}

/// What a rule says of those of the paths that it reaches, and of what would be written there.
fn verdict(
    policy: &Policy,
    rule: &FilesRule,
    verb: Verb,
    paths: &[GuestPath],
    lines: &[String],
) -> Verdict {
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
    let mut values: Vec<_> = reached.iter().filter_map(beneath).collect();
    let mut needs: Vec<_> = reached
        .iter()
        .filter_map(own)
        .map(|object| format!("{object}, where something is there"))
        .collect();
    let mut rebuilt = Vec::new();
    if let Some(content) = &rule.content {
        let read = match read(policy, content, lines) {
            Ok(read) => read,
            Err(unlike) => return unlike,
        };
        values.extend(read.values);
        needs.extend(read.needs);
        rebuilt = read.rebuilt;
    }
    Verdict::Matched {
        argv: reached.iter().map(ToString::to_string).collect(),
        values,
        needs,
        makes: Vec::new(),
        content: rebuilt,
    }
}

struct Read {
    values: Vec<(String, String)>,
    needs: Vec<String>,
    rebuilt: Vec<String>,
}

fn read(policy: &Policy, content: &Content, lines: &[String]) -> Result<Read, Verdict> {
    let content = content.read(lines).map_err(|misread| {
        let line = match &misread {
            Misread::Line(misfit) => Some(misfit.at + 1),
            Misread::Unfit(_) => None,
        };
        Verdict::Unlike { line, reason: misread.to_string() }
    })?;
    let needs = content.claims.iter().map(|claim| match claim {
        Claim::Needs(object) | Claim::Makes(object) => object.to_string(),
    });
    let rebuilt = policy.rebuilt(&content);
    Ok(Read {
        needs: needs.collect(),
        rebuilt: rebuilt.lines().map(str::to_owned).collect(),
        values: content.values,
    })
}
