//! `abaca policy explain`: which rule grants a command line, a mount or a verb on files, with which
//! values and behind which walls, or why each rule does not.

use std::path::Path;
use std::process::ExitCode;

use abaca::policy::{Explanation, Policy, Rated, Risk, Subject, Verb, Verdict};
use abaca::read_text;
use serde_json::json;

use super::{DENIED, walls};
use crate::failure::{Failure, Result};
use crate::output::{Output, plain};

/// The word that asks about a mount instead of a command line.
const MOUNT: &str = "mount";

/// The largest file whose content is explained: far above what a rule may say of one.
const MAX_WRITTEN: u64 = 1 << 20;

/// Answers with exit code 0 if it is granted. A word that is none of a program of the policy may
/// be that of something the broker does itself: `mount`, or a verb on files.
pub(super) fn explain(
    policy: &Policy,
    argv: &[String],
    content: Option<&Path>,
    output: Output,
) -> Result<ExitCode> {
    let written = content.map(|file| read_text(file, MAX_WRITTEN)).transpose()?;
    let (program, args) = argv.split_first().map_or(("", argv), |(first, rest)| (first, rest));
    let is_command = policy.commands().iter().any(|rule| rule.program_name() == program);
    let (subject, explanation) = match (program, program.parse::<Verb>(), written) {
        (_, Ok(Verb::Write), Some(written)) if !is_command && args.len() == 1 => {
            let place = args.first().map_or("", String::as_str);
            (Subject::Files, policy.explain_write(place, written.as_bytes()))
        }
        (_, _, Some(_)) => {
            return Err(Failure::refused(
                "a content is only that of one file that is written",
                "ask about it with --content FILE -- write ROOT:relative/path",
            ));
        }
        (MOUNT, ..) if !is_command => (Subject::Mount, policy.explain_mount(args)),
        (_, Ok(verb), None) if !is_command => (Subject::Files, policy.explain_files(verb, args)),
        _ => (Subject::Command, policy.explain_command(program, args)),
    };
    // The two places of a verb may have two rules.
    let matched = explanation.rules.iter().filter(|rule| {
        explanation.outcome.is_ok() && matches!(rule.verdict, Verdict::Matched { .. })
    });
    let granted: Vec<&str> = matched.map(|rule| rule.id.as_str()).collect();
    let mut risks = policy.risks();
    risks.retain(|one| one.subject == subject && granted.contains(&one.id.as_str()));
    let rule = granted.first().and_then(|id| policy.command(id));
    let document = json!({
        "driver": policy.driver(), "explanation": explanation,
        "walls": rule.map(|rule| walls::document(policy, rule)),
        "risks": risks,
    });
    output.answer(&document, || {
        let walls = rule.map(|rule| walls::text(policy, rule)).unwrap_or_default();
        told(&explanation, program) + &walls + &at_stake(&risks)
    })?;
    Ok(if explanation.outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(DENIED) })
}

fn told(explanation: &Explanation, program: &str) -> String {
    let mut text = match &explanation.outcome {
        Ok(id) => format!("granted by `{id}`\n"),
        Err(reason) => format!("denied: {}\n", plain(reason)),
    };
    for rule in &explanation.rules {
        let verdict = match &rule.verdict {
            Verdict::Matched { argv, values, needs, makes, content } => {
                let values: String = values
                    .iter()
                    .map(|(label, value)| format!("\n      {} = {}", plain(label), plain(value)))
                    .collect();
                let needs = needs.iter().map(|one| format!("\n      needs its own {}", plain(one)));
                let makes = makes.iter().map(|one| format!("\n      makes {}", plain(one)));
                let claims: String = needs.chain(makes).collect();
                let user = rule.user.as_ref().map(|user| format!("\n      as the user {user}"));
                let user = user.unwrap_or_default();
                let runs = plain(&argv.join(" "));
                let lines = content.iter().map(|line| format!("\n      | {}", plain(line)));
                let file: String = lines.collect();
                format!("matches; runs {} {runs}{user}{values}{claims}{file}", plain(program))
            }
            refused @ (Verdict::Refused { .. } | Verdict::Unlike { .. }) => {
                plain(&refused.to_string())
            }
        };
        text.push_str(&format!("  {}: {verdict}\n", rule.id));
    }
    text
}

/// How dangerous what is granted is.
fn at_stake(risks: &[Rated]) -> String {
    let line = |rated: &Rated| {
        let Risk { class, reasons } = &rated.risk;
        let reasons: Vec<_> = reasons.iter().map(|reason| plain(&reason.why)).collect();
        let reasons =
            if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
        format!("  risk {class}, {}{reasons}\n", class.meaning())
    };
    risks.iter().map(line).collect()
}
