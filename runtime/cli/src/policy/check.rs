//! `abaca policy check`: whether a policy is sound, all that it grants, and what that puts at
//! stake, the most dangerous first.

use abaca::policy::{CommandRule, Content, FilesRule, MountRule, Policy, RiskClass};
use serde_json::json;

use crate::failure::Result;
use crate::output::{Output, facts, table};

/// Shows a policy that has been read, and so is right.
pub(super) fn check(policy: &Policy, output: Output) -> Result<()> {
    let command = |rule: &CommandRule| {
        json!({
            "id": rule.id, "program": rule.program, "command_line": rule.to_string(),
            "sha256": rule.sha256,
            "read": rule.read, "write": rule.write,
            "user": rule.user.as_ref().map(ToString::to_string), "capabilities": rule.caps,
            "syscalls": rule.syscalls.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "network": rule.network, "removes": rule.removes,
            "root_equivalent": rule.root_equivalent, "reason": rule.reason,
        })
    };
    let files = |rule: &FilesRule| {
        json!({
            "id": rule.id, "root": rule.root, "verbs": verbs(rule), "depth": rule.depth,
            "own": rule.own, "content": rule.content.as_ref().map(Content::lines),
        })
    };
    let mount = |rule: &MountRule| {
        json!({
            "id": rule.id, "mount": rule.to_string(), "filesystems": rule.filesystems,
            "suid": rule.suid, "dev": rule.dev,
            "root_equivalent": rule.root_equivalent, "reason": rule.reason,
        })
    };
    let roots: serde_json::Map<_, _> =
        policy.roots().map(|root| (root.name.clone(), root.path.clone().into())).collect();
    let document = json!({
        "driver": policy.driver(),
        "digest": policy.digest(),
        "roots": roots,
        "commands": policy.commands().iter().map(command).collect::<Vec<_>>(),
        "files": policy.files().iter().map(files).collect::<Vec<_>>(),
        "mounts": policy.mounts().iter().map(mount).collect::<Vec<_>>(),
        "reveals": policy.revealed().collect::<Vec<_>>(),
        "risks": policy.risks(),
    });
    output.answer(&document, || text(policy))
}

fn text(policy: &Policy) -> String {
    let mut text =
        facts([("driver", policy.driver().to_owned()), ("sha256", policy.digest().to_owned())]);
    let roots = policy.roots().map(|root| {
        let wanted =
            root.filesystem.as_deref().into_iter().chain(root.mount_options.iter().copied());
        [root.name.clone(), root.path.clone(), wanted.collect::<Vec<_>>().join(" ")]
    });
    text.push_str(&format!("\n{}", table(["root", "path", "must be on"], roots)));
    let commands = policy.commands().iter().map(|rule| {
        let words = |words: Vec<String>| words.join(" ");
        let network = rule.network.then(|| "network".to_owned());
        let syscalls = rule.syscalls.iter().map(ToString::to_string);
        [
            rule.id.clone(),
            rule.to_string(),
            rule.write.join(" "),
            rule.user.as_ref().map(ToString::to_string).unwrap_or_default(),
            rule.caps.join(" "),
            words(network.into_iter().chain(syscalls).collect()),
        ]
    });
    let commands: Vec<_> = commands.collect();
    if !commands.is_empty() {
        let headers = ["command", "command line", "writes", "user", "capabilities", "reaches"];
        text.push_str(&format!("\n{}", table(headers, commands)));
    }
    let files = policy.files().iter().map(|rule| {
        [rule.id.clone(), rule.root.clone(), verbs(rule).join(" "), own(rule).to_owned()]
    });
    let files: Vec<_> = files.collect();
    if !files.is_empty() {
        text.push_str(&format!("\n{}", table(["files", "root", "verbs", ""], files)));
    }
    for rule in policy.files() {
        let Some(content) = &rule.content else { continue };
        let lines = content.lines().iter().map(|line| [rule.id.clone(), line.clone()]);
        text.push_str(&format!("\n{}", table(["writes", "line by line"], lines)));
    }
    let mounts = policy.mounts().iter().map(|rule| [rule.id.clone(), rule.to_string()]);
    let mounts: Vec<_> = mounts.collect();
    if !mounts.is_empty() {
        text.push_str(&format!("\n{}", table(["mount", "what, where and how"], mounts)));
    }
    let revealed = policy.revealed().map(|option| [option.to_owned()]);
    let revealed: Vec<_> = revealed.collect();
    if !revealed.is_empty() {
        text.push_str(&format!("\n{}", table(["secrets that the driver itself reads"], revealed)));
    }
    text.push_str(&risks(policy));
    text
}

/// What the rule is about, if not about everything.
fn own(rule: &FilesRule) -> &'static str {
    if rule.own { "its own only" } else { "" }
}

fn verbs(rule: &FilesRule) -> Vec<String> {
    rule.verbs.iter().map(ToString::to_string).collect()
}

/// What is at stake, the most dangerous first.
fn risks(policy: &Policy) -> String {
    let risks = policy.risks();
    let rows = risks.iter().filter(|rated| rated.risk.class > RiskClass::R0).map(|rated| {
        let reasons: Vec<_> = rated.risk.reasons.iter().map(|one| one.why.as_str()).collect();
        let class = rated.risk.class;
        [class.to_string(), format!("{} {}", rated.subject, rated.id), reasons.join("; ")]
    });
    let rows: Vec<_> = rows.collect();
    let roots = risks.iter().filter(|rated| rated.risk.class == RiskClass::R4).count();
    let summary = match roots {
        0 => "nothing is as good as root".to_owned(),
        count => format!("{count} as good as root (R4)"),
    };
    if rows.is_empty() {
        return format!("\nit asks only: {summary}\n");
    }
    format!("\n{}\n{summary}\n", table(["risk", "of", "because"], rows))
}
