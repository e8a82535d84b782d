//! Why a command line is granted or not, rule by rule.
//!
//! For `abaca policy explain` and for people who write policies. It decides
//! nothing: its outcome is `Policy::decide_command`'s own.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::policy::{Policy, check_words};
use crate::text::shown;

/// What the policy says of one command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The id of the rule that grants it, or the reason why none does.
    /// Serialised as `{"granted": …}` or `{"denied": …}`.
    #[serde(serialize_with = "outcome_in_words")]
    pub outcome: Result<String, String>,
    /// Every command rule, in the order of the file; none if the words were
    /// refused before any rule was looked at.
    pub rules: Vec<RuleExplanation>,
}

/// What one rule says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleExplanation {
    /// The rule's id.
    pub id: String,
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
                Ok(filled) => Verdict::Matched {
                    argv: filled.argv.iter().map(ToString::to_string).collect(),
                    values: filled.values,
                },
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
            .map(|rule| RuleExplanation { id: rule.id.clone(), verdict: verdict(rule) })
            .collect();
        Explanation { outcome, rules }
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
        self.rules.iter().try_for_each(|rule| write!(f, "\n  {}: {}", rule.id, rule.verdict))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Matched { argv, values } => {
                write!(f, "matches, runs with: {}", argv.join(" "))?;
                values.iter().try_for_each(|(label, value)| write!(f, "\n    {label} = {value}"))
            }
            Verdict::Refused { at: None, expected, got } => {
                write!(f, "is for {expected}, not {got}")
            }
            Verdict::Refused { at: Some(at), expected, got } => {
                write!(f, "argument {} should be {expected}, not {got}", at + 1)
            }
        }
    }
}
