//! Behind which walls the command of a rule runs: what `abaca policy explain` shows beside the
//! rule that grants.

use abaca::policy::{CommandRule, Policy};
use serde_json::{Value, json};

use crate::output::{facts, plain};

/// The walls, for programs.
pub(super) fn document(policy: &Policy, rule: &CommandRule) -> Value {
    let roots = |names: &[String]| -> Vec<Value> {
        let found = names.iter().filter_map(|name| policy.root(name));
        found.map(|root| json!({ "name": root.name, "path": root.path })).collect()
    };
    json!({
        "program": rule.program,
        "sha256": rule.sha256,
        "read": roots(&rule.read),
        "write": roots(&rule.write),
        "user": rule.user.as_ref().map(ToString::to_string),
        "capabilities": rule.caps,
        "syscalls": rule.syscalls.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "network": rule.network,
        "timeout_ms": u64::try_from(rule.timeout.as_millis()).unwrap_or(u64::MAX),
        "stdout_max": rule.stdout_max,
        "stderr_max": rule.stderr_max,
        "stdin_max": rule.stdin_max,
    })
}

/// The walls, for people.
pub(super) fn text(policy: &Policy, rule: &CommandRule) -> String {
    let none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    let roots = |names: &[String]| {
        let found = names.iter().filter_map(|name| policy.root(name));
        none(
            found
                .map(|root| format!("{} ({})", root.name, root.path))
                .collect::<Vec<_>>()
                .join(", "),
        )
    };
    let syscalls: Vec<_> = rule.syscalls.iter().map(ToString::to_string).collect();
    let facts = facts([
        ("program", rule.program.clone()),
        ("sha256", rule.sha256.clone().unwrap_or_default()),
        ("reads", roots(&rule.read)),
        ("writes", roots(&rule.write)),
        ("user", rule.user.as_ref().map_or("as the broker".to_owned(), ToString::to_string)),
        ("capabilities", none(rule.caps.join(" "))),
        ("system calls", syscalls.join(", ")),
        ("network", if rule.network { "this machine's" } else { "none" }.to_owned()),
        ("time", humantime::format_duration(rule.timeout).to_string()),
        (
            "bytes",
            format!(
                "{} of output and {} of errors are kept, {} of input is taken",
                rule.stdout_max, rule.stderr_max, rule.stdin_max
            ),
        ),
    ]);
    let lines = facts.lines().map(|line| format!("    {}\n", plain(line)));
    format!("  behind these walls:\n{}", lines.collect::<String>())
}
