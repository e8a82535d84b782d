//! `abaca policy`: whether a policy is right, what it grants, and why. It decides nothing
//! itself: the answers are those of the policy crate, which the broker asks as well.

use std::path::Path;
use std::process::ExitCode;

use abaca::policy::{CommandRule, Explanation, FilesRule, Policy, Verdict};
use abaca::read_policy;
use serde_json::json;

use crate::cli::{Global, PolicyCommand};
use crate::failure::{Failure, Result};
use crate::output::{Output, facts, plain, table};
use crate::service::Service;

/// The exit code when a command line is denied: the same as for any refusal.
const DENIED: u8 = 2;

/// Does what was asked; answers the exit code.
///
/// # Errors
/// When there is no such policy, or it is wrong.
pub fn run(command: PolicyCommand, global: &Global, output: Output) -> Result<ExitCode> {
    match command {
        PolicyCommand::Check { file } => {
            check(&read_policy(&file)?, output)?;
            Ok(ExitCode::SUCCESS)
        }
        PolicyCommand::Explain { policy, argv } => explain(&find(&policy, global)?, &argv, output),
    }
}

/// The policy of a file, of a backend, or of the backend that has a driver of this name.
fn find(wanted: &str, global: &Global) -> Result<Policy> {
    if Path::new(wanted).is_file() {
        return Ok(read_policy(Path::new(wanted))?);
    }
    let service = Service::open(global)?;
    if let Some(entry) = service.entries().find(|entry| entry.name == wanted) {
        return Ok(read_policy(&entry.policy)?);
    }
    let mut unreadable = None;
    for entry in service.entries() {
        match read_policy(&entry.policy) {
            Ok(policy) if policy.driver() == wanted => return Ok(policy),
            Ok(_) => {}
            Err(error) => unreadable = Some(error),
        }
    }
    // The one that is meant may be the one that is wrong.
    Err(unreadable.map_or_else(
        || {
            Failure::refused(
                format!("`{wanted}` is neither a backend, nor the driver of one, nor a file"),
                "`abaca backend list` shows the backends",
            )
        },
        Failure::from,
    ))
}

fn check(policy: &Policy, output: Output) -> Result<()> {
    let command = |rule: &CommandRule| {
        json!({
            "id": rule.id, "program": rule.program, "command_line": rule.to_string(),
            "read": rule.read, "write": rule.write, "capabilities": rule.caps,
            "root_equivalent": rule.root_equivalent, "reason": rule.reason,
        })
    };
    let files = |rule: &FilesRule| json!({ "id": rule.id, "root": rule.root, "verbs": verbs(rule), "depth": rule.depth });
    let roots: serde_json::Map<_, _> =
        policy.roots().map(|root| (root.name.clone(), root.path.clone().into())).collect();
    let document = json!({
        "driver": policy.driver(),
        "digest": policy.digest(),
        "roots": roots,
        "commands": policy.commands().iter().map(command).collect::<Vec<_>>(),
        "files": policy.files().iter().map(files).collect::<Vec<_>>(),
    });
    output.answer(&document, || text(policy))
}

fn text(policy: &Policy) -> String {
    let mut text =
        facts([("driver", policy.driver().to_owned()), ("sha256", policy.digest().to_owned())]);
    let roots = policy.roots().map(|root| [root.name.clone(), root.path.clone()]);
    text.push_str(&format!("\n{}", table(["root", "path"], roots)));
    let commands = policy.commands().iter().map(|rule| {
        let caps = rule.caps.join(" ");
        let danger = if rule.root_equivalent.is_some() { "as good as root" } else { "" };
        [rule.id.clone(), rule.to_string(), rule.write.join(" "), caps, danger.to_owned()]
    });
    let commands: Vec<_> = commands.collect();
    if !commands.is_empty() {
        let headers = ["command", "command line", "writes", "capabilities", ""];
        text.push_str(&format!("\n{}", table(headers, commands)));
    }
    let files = policy
        .files()
        .iter()
        .map(|rule| [rule.id.clone(), rule.root.clone(), verbs(rule).join(" ")]);
    let files: Vec<_> = files.collect();
    if !files.is_empty() {
        text.push_str(&format!("\n{}", table(["files", "root", "verbs"], files)));
    }
    text
}

fn verbs(rule: &FilesRule) -> Vec<String> {
    rule.verbs.iter().map(ToString::to_string).collect()
}

fn explain(policy: &Policy, argv: &[String], output: Output) -> Result<ExitCode> {
    let (program, args) = argv.split_first().map_or(("", argv), |(first, rest)| (first, rest));
    let explanation = policy.explain_command(program, args);
    let document = json!({ "driver": policy.driver(), "explanation": explanation });
    output.answer(&document, || told(&explanation, program))?;
    Ok(if explanation.outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(DENIED) })
}

fn told(explanation: &Explanation, program: &str) -> String {
    let mut text = match &explanation.outcome {
        Ok(id) => format!("granted by `{id}`\n"),
        Err(reason) => format!("denied: {}\n", plain(reason)),
    };
    for rule in &explanation.rules {
        let verdict = match &rule.verdict {
            Verdict::Matched { argv, values } => {
                let values: String = values
                    .iter()
                    .map(|(label, value)| format!("\n      {} = {}", plain(label), plain(value)))
                    .collect();
                format!("matches; runs {} {}{values}", plain(program), plain(&argv.join(" ")))
            }
            refused @ Verdict::Refused { .. } => plain(&refused.to_string()),
        };
        text.push_str(&format!("  {}: {verdict}\n", rule.id));
    }
    text
}
