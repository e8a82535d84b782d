//! Why a command line, a mount or a verb on files is granted or not, rule by rule.
//!
//! For `abaca policy explain` and for people who write policies. It decides
//! nothing: its outcome is that of `Policy::decide_command`, `decide_mount` or `decide_files`.

mod files;

use std::fmt;

use serde::{Serialize, Serializer};

use crate::guest_path::GuestPath;
use crate::mount::MountRule;
use crate::owned::Claim;
use crate::policy::{Policy, check_words};
use crate::text::shown;

/// What the policy says of one command line, one mount, or one verb on files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The id of the rule that grants it, several joined, or the reason why none does.
    /// Serialised as `{"granted": …}` or `{"denied": …}`.
    #[serde(serialize_with = "outcome_in_words")]
    pub outcome: Result<String, String>,
    /// Every rule of that kind, in the order of the file; none if the words were refused before
    /// any rule was looked at.
    pub rules: Vec<RuleExplanation>,
}

/// What one rule says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleExplanation {
    /// The rule's id.
    pub id: String,
    /// Whom it runs as, where that is not whom the broker runs as.
    pub user: Option<String>,
    /// Its verdict.
    pub verdict: Verdict,
}

/// A rule's verdict on a command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It fits.
    Matched {
        /// What would run, readable, without the program.
        argv: Vec<String>,
        /// What the holes were filled with: label and canonical text.
        values: Vec<(String, String)>,
        /// What must be the backend's own, so that the runtime grants it.
        needs: Vec<String>,
        /// What becomes the backend's own.
        makes: Vec<String>,
        /// The lines of the file that would be written, where the rule says what they must be.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<String>,
    },
    /// What would be written there does not fit.
    Unlike {
        /// The first line that does not, from 1; none if it is no text of lines.
        line: Option<usize>,
        /// What is wrong with it.
        reason: String,
    },
    /// It does not fit.
    Refused {
        /// Index of the first argument that does not fit, from 0, without the
        /// program; none if it is the program that differs.
        at: Option<usize>,
        /// What the rule wants there.
        expected: String,
        /// What was there, quoted.
        got: String,
    },
}

impl Explanation {
    pub(crate) fn new(policy: &Policy, program: &str, args: &[String]) -> Explanation {
        let outcome = match policy.decide_command(program, args) {
            Ok(grant) => Ok(grant.rule.id.clone()),
            Err(denial) => Err(denial.reason),
        };
        if check_words(program, args).is_err() {
            return Explanation { outcome, rules: Vec::new() };
        }
        let verdict = |rule: &crate::CommandRule| {
            if rule.program_name() != program {
                let expected = format!("the program {}", rule.program_name());
                return Verdict::Refused { at: None, expected, got: shown(program) };
            }
            match rule.args.fill(args) {
                Ok(filled) => {
                    let (mut needs, mut makes) = (Vec::new(), Vec::new());
                    for claim in &filled.claims {
                        match claim {
                            Claim::Needs(object) => needs.push(object.to_string()),
                            Claim::Makes(object) => makes.push(object.to_string()),
                        }
                    }
                    let argv = filled.argv.iter().map(ToString::to_string).collect();
                    Verdict::Matched {
                        argv,
                        values: filled.values,
                        needs,
                        makes,
                        content: Vec::new(),
                    }
                }
                Err(misfit) => Verdict::Refused {
                    at: Some(misfit.at),
                    expected: misfit.expected,
                    got: misfit.got,
                },
            }
        };
        let rules = policy
            .commands()
            .iter()
            .map(|rule| RuleExplanation {
                id: rule.id.clone(),
                user: rule.user.as_ref().map(ToString::to_string),
                verdict: verdict(rule),
            })
            .collect();
        Explanation { outcome, rules }
    }

    pub(crate) fn of_mount(policy: &Policy, words: &[String]) -> Explanation {
        let (source, place, filesystem, options) = match words {
            [source, place, filesystem] => (source, place, filesystem, Vec::new()),
            [source, place, filesystem, options] => {
                (source, place, filesystem, options.split(',').map(str::to_owned).collect())
            }
            _ => return Explanation::refused("a mount is SOURCE PLACE FILESYSTEM [OPTION,…]"),
        };
        let place = match GuestPath::parse_argument(place) {
            Ok(place) => place,
            Err(denial) => return Explanation::refused(denial.reason),
        };
        let verdict = |rule: &MountRule| {
            let source = rule.spelled(source);
            match rule.judge(&source, &place, filesystem, &options) {
                Ok(grant) => Verdict::Matched {
                    argv: vec![
                        source.to_string(),
                        grant.place.to_string(),
                        grant.filesystem,
                        grant.options.join(","),
                    ],
                    values: Vec::new(),
                    needs: Vec::new(),
                    makes: Vec::new(),
                    content: Vec::new(),
                },
                Err(misfit) => Verdict::Refused {
                    at: Some(misfit.at),
                    expected: misfit.expected,
                    got: misfit.got,
                },
            }
        };
        // The rule of the place says what kind of source the word is.
        let outcome = policy.decide_unmount(&place).and_then(|rule| {
            policy.decide_mount(&rule.spelled(source), &place, filesystem, &options)
        });
        let rules = policy.mounts().iter().map(|rule| RuleExplanation {
            id: rule.id.clone(),
            user: None,
            verdict: verdict(rule),
        });
        let outcome = outcome.map(|grant| grant.rule.id.clone()).map_err(|denial| denial.reason);
        Explanation { outcome, rules: rules.collect() }
    }

    fn refused(reason: impl Into<String>) -> Explanation {
        Explanation { outcome: Err(reason.into()), rules: Vec::new() }
    }
}

fn outcome_in_words<S: Serializer>(
    outcome: &Result<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    enum Outcome<'a> {
        Granted(&'a str),
        Denied(&'a str),
    }
    match outcome {
        Ok(id) => Outcome::Granted(id),
        Err(reason) => Outcome::Denied(reason),
    }
    .serialize(serializer)
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(id) => write!(f, "granted by `{id}`")?,
            Err(reason) => write!(f, "denied: {reason}")?,
        }
        self.rules.iter().try_for_each(|rule| {
            write!(f, "\n  {}: {}", rule.id, rule.verdict)?;
            let user =
                rule.user.as_ref().filter(|_| matches!(rule.verdict, Verdict::Matched { .. }));
            user.map_or(Ok(()), |user| write!(f, "\n    as the user {user}"))
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Matched { argv, values, needs, makes, content } => {
                write!(f, "matches, runs with: {}", argv.join(" "))?;
                values
                    .iter()
                    .try_for_each(|(label, value)| write!(f, "\n    {label} = {value}"))?;
                needs.iter().try_for_each(|object| write!(f, "\n    needs its own {object}"))?;
                makes.iter().try_for_each(|object| write!(f, "\n    makes {object}"))?;
                content.iter().try_for_each(|line| write!(f, "\n    | {line}"))
            }
            Verdict::Unlike { reason, .. } => f.write_str(reason),
            Verdict::Refused { at: None, expected, got } => {
                write!(f, "is for {expected}, not {got}")
            }
            Verdict::Refused { at: Some(at), expected, got } => {
                write!(f, "argument {} should be {expected}, not {got}", at + 1)
            }
        }
    }
}
