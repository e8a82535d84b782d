//! `abaca audit tail` and `show`: which lines, in which words, for people and for programs.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use abaca::audit::AuditSettings;
use serde_json::Value;

use super::{Written, hostile, runs};
use crate::support::{Desk, Ground, component};

/// An audit with a granted command, one that fails, denied ones and a hostile word.
async fn written() -> (Ground, Desk) {
    let ground = Ground::new();
    let backend = hostile(&ground, AuditSettings::default()).await;
    runs(&backend, &["echo", "-n", "hello"]).await;
    runs(&backend, &["echo", "-n", "\u{1b}[2J\u{202e}\n{\"seq\":1}"]).await;
    runs(&backend, &["echo", "-n", "Hello"]).await;
    runs(&backend, &["rm", "-rf", "/"]).await;
    let one = crate::support::attack_share("config", &["no_such_option"]);
    let _ = backend.create_share(&one, None).await;
    drop(backend);
    let text = Desk::text(&ground, "hostile", &component("abaca-guest-hostile"));
    let desk = Desk::with(&ground, &text);
    (ground, desk)
}

/// The lines that these words choose.
fn chosen(desk: &Desk, words: &[&str]) -> Vec<Value> {
    let answer = desk.run(&[&["audit", "show", "--json"], words].concat());
    assert_eq!(answer.code, Some(0), "{answer:?}");
    answer.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn events(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["event"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lines_are_chosen_by_rule_verdict_import_call_and_time() {
    let (ground, desk) = written().await;
    let all = chosen(&desk, &[]);
    assert_eq!(all, ground.audit("hostile"));
    assert_eq!(events(&chosen(&desk, &["--verdict", "granted"])), ["intent", "outcome"]);
    assert_eq!(events(&chosen(&desk, &["--verdict", "denied", "--rule", "say"])), ["denied"]);
    let denied = chosen(&desk, &["--verdict", "denied"]);
    assert!(denied.len() >= 2 && events(&denied).iter().all(|event| *event == "denied"));
    let ended =
        chosen(&desk, &["--verdict", "ok"]).len() + chosen(&desk, &["--verdict", "failed"]).len();
    assert_eq!(ended, all.iter().filter(|line| line["event"] == "call-end").count());
    let commands = chosen(&desk, &["--import", "command"]);
    assert_eq!(commands, chosen(&desk, &["--import", "command.run"]));
    assert_eq!(commands.len(), 5);
    assert!(chosen(&desk, &["--import", "comm"]).is_empty());
    let call = all[0]["call"].as_str().unwrap();
    let of_call = chosen(&desk, &["--call", call.get(..8).unwrap()]);
    assert_eq!(events(&of_call), ["call", "intent", "outcome", "call-end"]);
    assert_eq!(chosen(&desk, &["2", "3"]), all[1..3]);
    assert_eq!(chosen(&desk, &["--since", "1h"]), all);
    assert!(chosen(&desk, &["--until", "1h"]).is_empty());
    assert_eq!(chosen(&desk, &["--since", "2020-01-01T00:00:00Z"]), all);
    let text = desk.run(&["audit", "show", "--since", "yesterday"]);
    assert_eq!(text.code, Some(2));
    let text = desk.fails(2, &["audit", "tail", "--backend", "other"]);
    assert!(text.contains("`other`"), "{text}");
}

#[tokio::test]
async fn a_granted_command_is_told_with_all_that_it_was() {
    let (_ground, desk) = written().await;
    let lines = chosen(&desk, &["--verdict", "granted"]);
    let granted = &lines[0]["granted"][0];
    assert_eq!((&granted["rule"], &granted["program"]), (&"say".into(), &"/usr/bin/echo".into()));
    assert_eq!(granted["argv"], serde_json::json!(["echo", "-n", "hello"]));
    assert_eq!(granted["values"], serde_json::json!([["word", "hello"]]));
    let outcome = &lines[1];
    let stage = &outcome["stages"][0];
    assert_eq!(stage["argv"], granted["argv"]);
    assert_eq!(stage["status"], serde_json::json!({ "exited": 0 }));
    let walls = stage["walls"].as_array().unwrap();
    assert!(walls.contains(&"files".into()) && walls.contains(&"syscalls".into()), "{outcome}");
    assert_eq!((&lines[0]["stdin_bytes"], &outcome["stdout_bytes"]), (&0.into(), &5.into()));
    assert!(outcome["duration_ms"].is_u64() && outcome["truncated"] == false, "{outcome}");
    for field in ["component", "policy", "hash", "prev"] {
        assert_eq!(outcome[field].as_str().unwrap().len(), 64, "{field}");
    }
}

#[tokio::test]
async fn a_path_is_told_by_the_file_that_it_was() {
    use std::os::unix::fs::MetadataExt;
    let ground = Ground::new();
    let backend = hostile(&ground, AuditSettings::default()).await;
    let place = ground.shares().join("papers");
    std::fs::create_dir(&place).unwrap();
    runs(&backend, &["ls", "-d", "shares:papers"]).await;
    let lines = ground.audit("hostile");
    let outcome = lines.iter().find(|line| line["event"] == "outcome").unwrap();
    let found = std::fs::metadata(&place).unwrap();
    let stage = &outcome["stages"][0];
    let identity = serde_json::json!({ "device": found.dev(), "inode": found.ino() });
    assert_eq!(stage["resolved"], serde_json::json!([identity]), "{outcome}");
    assert_eq!(stage["argv"], serde_json::json!(["ls", "-d", "<shares>/papers"]));
}

#[tokio::test]
async fn people_read_rows_and_nothing_acts_on_their_terminal() {
    let (_ground, desk) = written().await;
    // The desk itself asserts that there is no control character.
    let tail = desk.run(&["audit", "tail"]).stdout;
    assert!(tail.contains("command.run echo -n hello granted by `say`"), "{tail}");
    assert!(tail.contains("command.run echo -n hello: exited 0 in "), "{tail}");
    assert!(tail.contains("command.run rm -rf /: no rule names the program"), "{tail}");
    assert!(tail.contains("create-share ok in "), "{tail}");
    assert!(tail.contains("\\u{1b}[2J\\u{202e}") && !tail.contains('\u{202e}'), "{tail}");
    assert_eq!(tail.lines().count(), desk.run(&["audit", "tail", "--json"]).stdout.lines().count());
    assert_eq!(desk.run(&["audit", "tail", "-n", "2"]).stdout.lines().count(), 2);
    let show = desk.run(&["audit", "show", "--verdict", "granted"]).stdout;
    assert!(show.contains("rule:") && show.contains("/usr/bin/echo"), "{show}");
}

#[test]
fn a_backend_without_an_audit_has_nothing_to_show() {
    let ground = Ground::new();
    let desk = crate::support::dummy_desk(&ground, "");
    for words in [&["audit", "tail"][..], &["audit", "show"]] {
        let answer = desk.run(words);
        assert_eq!((answer.code, &*answer.stdout), (Some(0), ""), "{answer:?}");
    }
    let answer = desk.run(&["audit", "verify"]);
    assert_eq!(
        (answer.code, &*answer.stdout),
        (Some(0), "dummy: nothing was written yet\n"),
        "{answer:?}"
    );
    assert!(!ground.state().join("dummy").exists(), "looking makes nothing");
}

#[test]
fn tail_follows_what_comes() {
    let written = Written::new();
    let mut follow = written.desk.command(&["audit", "tail", "--follow", "--json", "-n", "1"]);
    let mut child = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let before = written.lines().len();
    assert_eq!(next()["seq"], before);
    written.goes_on();
    for seq in before + 1..=written.lines().len() {
        assert_eq!(next()["seq"], seq);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn mistakes_in_the_configuration_are_told() {
    let ground = Ground::new();
    for (line, told) in [
        ("file_mib = 0", "a file that may hold nothing"),
        ("files_kept = 0", "leave it out to keep all files"),
        ("backend_mib = 0", "or leave it out for equal parts of the file system"),
        ("anchor_lines = 0", "write 1 to anchor each line"),
        ("anchor_seconds = \"one\"", "does not fit"),
        ("file_mb = 1", "did you mean `file_mib`"),
    ] {
        let text = Desk::text(&ground, "dummy", &component("abaca-driver-dummy"));
        let desk = Desk::with(&ground, &format!("{text}[audit]\n{line}\n"));
        let said = desk.fails(2, &["audit", "verify"]);
        assert!(said.contains("abaca.toml:") && said.contains(told), "{line}: {said}");
    }
}
