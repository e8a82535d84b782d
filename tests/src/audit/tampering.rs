//! What was changed after it was written is found, and its place is named.

use std::fs;

use abaca::audit::{AuditLog, AuditSettings, FindingKind};

use super::{Written, hostile, runs, sealed};
use crate::support::Ground;

#[test]
fn an_audit_that_nobody_changed_is_whole() {
    let written = Written::new();
    let lines = written.lines();
    let found = written.verified(0, &[]);
    assert_eq!(found["lines"], lines.len());
    assert_eq!((&found["first"]["seq"], &found["last"]["seq"]), (&1.into(), &lines.len().into()));
    // The chain is what it says it is.
    let mut prev = None;
    for (at, line) in lines.iter().enumerate() {
        let fields: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(fields["seq"], at + 1);
        let said = fields["prev"].as_str().unwrap();
        assert!(prev.is_none_or(|prev| prev == said), "{line}");
        let (same, hash) = sealed(line, said);
        assert_eq!(&same, line);
        prev = Some(hash);
    }
    // The state knows the end: the command that wrote it has told it before it ended.
    assert_eq!(found["anchor"]["link"]["seq"], lines.len());
    let answer = written.desk.run(&["audit", "verify"]);
    assert!(answer.stdout.contains("dummy: whole: "), "{answer:?}");
    assert!(answer.stdout.contains("no system log has taken an anchor"), "{answer:?}");
}

#[tokio::test]
async fn every_flipped_bit_is_found() {
    let ground = Ground::new();
    let backend = hostile(&ground, AuditSettings::default()).await;
    runs(&backend, &["echo", "-n", "hello"]).await;
    drop(backend);
    let beside = |name: &str| ground.state().join("hostile").join(name);
    let verification =
        || AuditLog::open(&ground.state(), "hostile").unwrap().verify(Vec::new()).unwrap();
    // Held open, the state's file need not be made ready each time.
    let _open = abaca::Records::open(&ground.state(), "hostile").await.unwrap();
    assert!(verification().is_whole());
    for name in ["audit.jsonl", "audit.head"] {
        let whole = fs::read(beside(name)).unwrap();
        let mut line = 1;
        for (at, byte) in whole.iter().enumerate() {
            let mut flipped = whole.clone();
            // Another bit in each byte: all eight are tried many times.
            flipped[at] ^= 1 << (at % 8);
            fs::write(beside(name), &flipped).unwrap();
            let found = verification();
            let first = found.findings.first().unwrap_or_else(|| panic!("byte {at} of {name}"));
            if name == "audit.jsonl" {
                let place = (&*first.file, first.line, first.kind);
                assert_eq!(place, (name, Some(line), FindingKind::Altered), "byte {at}: {found:?}");
            }
            line += u64::from(*byte == b'\n');
        }
        fs::write(beside(name), &whole).unwrap();
    }
    assert!(verification().is_whole());
}

#[test]
fn a_line_whose_text_was_changed_is_named() {
    let written = Written::new();
    let mut lines = written.lines();
    lines[3] = lines[3].replace("\"event\":\"permitted\"", "\"event\":\"permittee\"");
    assert_ne!(lines, written.lines());
    written.rewrite(&lines);
    assert_eq!(written.found(), ["audit.jsonl:4 altered"]);
    // The other lines are still shown.
    let answer = written.desk.run(&["audit", "show", "--json"]);
    assert_eq!(answer.stdout.lines().count(), lines.len() - 1);
    assert!(answer.stderr.contains("audit.jsonl:4 is not as it was written"), "{answer:?}");
}

#[test]
fn a_dropped_line_is_named() {
    let written = Written::new();
    let mut lines = written.lines();
    lines.remove(4);
    written.rewrite(&lines);
    // Also where the head is told that all is well.
    for _ in 0..2 {
        let found = written.verified(5, &[]);
        let first = &found["findings"][0];
        assert_eq!((&first["line"], &first["kind"]), (&5.into(), &"missing".into()), "{found}");
        assert!(first["message"].as_str().unwrap().contains("seq 5 "), "{found}");
        written.rewrite_head();
    }
    assert_eq!(written.found(), ["audit.jsonl:5 missing"]);
}

#[test]
fn the_first_lines_are_missed_too() {
    let written = Written::new();
    let lines = written.lines();
    written.rewrite(&lines[2..]);
    written.rewrite_head();
    assert_eq!(written.found(), ["audit.jsonl beginning"]);
}

#[test]
fn two_reordered_lines_are_named() {
    let written = Written::new();
    let mut lines = written.lines();
    lines.swap(4, 5);
    written.rewrite(&lines);
    assert_eq!(written.found(), ["audit.jsonl:6 order"]);
    let found = written.verified(5, &[]);
    let message = found["findings"][0]["message"].as_str().unwrap();
    assert!(message.contains("seq 5 stands after seq 6"), "{message}");
}

#[test]
fn a_line_that_stands_there_twice_is_named() {
    let written = Written::new();
    let mut lines = written.lines();
    lines.insert(5, lines[4].clone());
    written.rewrite(&lines);
    written.rewrite_head();
    assert_eq!(written.found(), ["audit.jsonl:6 order"]);
}

#[test]
fn a_truncated_end_is_found_by_the_head() {
    let written = Written::new();
    let lines = written.lines();
    written.rewrite(&lines[..lines.len() - 2]);
    assert_eq!(written.found(), ["audit.jsonl truncated"]);
    let found = written.verified(5, &[]);
    let message = found["findings"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("`audit.head`") && message.contains("the backend's state"),
        "{message}"
    );
    // In the midst of a line, and of the last byte only.
    let text = lines.join("\n") + "\n";
    for cut in [100, 1] {
        fs::write(written.path(), &text.as_bytes()[..text.len() - cut]).unwrap();
        let found = written.found();
        assert!(found.iter().any(|place| place.ends_with("truncated")), "{found:?}");
    }
}

#[test]
fn a_truncated_end_is_found_by_the_state_alone() {
    let written = Written::new();
    let lines = written.lines();
    written.rewrite(&lines[..lines.len() - 1]);
    written.rewrite_head();
    assert_eq!(written.found(), ["audit.jsonl truncated"]);
    fs::remove_file(written.beside("audit.head")).unwrap();
    assert_eq!(written.found(), ["audit.jsonl truncated", "audit.head head"]);
    fs::remove_file(written.path()).unwrap();
    let found = written.found();
    assert!(found.contains(&"audit.jsonl truncated".to_owned()), "{found:?}");
}

#[test]
fn a_tail_that_was_written_anew_is_found_by_the_state() {
    let written = Written::new();
    let mut lines = written.lines();
    // One line says something else, and all after it are sealed again; so is the head.
    lines[3] = lines[3].replace("\"event\":\"permitted\"", "\"event\":\"limit\"");
    for at in 3..lines.len() {
        let prev = sealed(&lines[at - 1], prev_of(&lines[at - 1])).1;
        lines[at] = sealed(&lines[at], &prev).0;
    }
    written.rewrite(&lines);
    written.rewrite_head();
    let found = written.verified(5, &[]);
    let findings = found["findings"].as_array().unwrap();
    assert!(findings.iter().all(|one| one["kind"] == "rewritten"), "{found}");
    assert!(findings.iter().any(|one| one["line"] == lines.len()), "{found}");
}

#[test]
fn a_line_that_was_sealed_again_alone_is_named() {
    let written = Written::new();
    let mut lines = written.lines();
    let changed = lines[2].replace("\"event\":\"permitted\"", "\"event\":\"permittee\"");
    lines[2] = sealed(&changed, prev_of(&changed)).0;
    written.rewrite(&lines);
    // The one after it does not follow it.
    assert_eq!(written.found(), ["audit.jsonl:4 replaced"]);
}

#[test]
fn a_refilled_audit_is_found_by_the_state() {
    let (written, other) = (Written::new(), Written::new());
    // All of it was deleted, and there is another chain that fits itself and its own head.
    for name in ["audit.jsonl", "audit.head"] {
        fs::copy(other.beside(name), written.beside(name)).unwrap();
    }
    let found = written.found();
    let places = ["audit.jsonl:1 foreign", "audit.head head"];
    assert!(places.iter().all(|place| found.contains(&(*place).to_owned())), "{found:?}");
    // Whatever is written after it, it stays found.
    written.goes_on();
    let found = written.found();
    assert!(found.contains(&"audit.jsonl:1 foreign".to_owned()), "{found:?}");
}

/// What a line says that it follows.
fn prev_of(line: &str) -> &str {
    line.split_once("\"prev\":\"").unwrap().1.split_once('"').unwrap().0
}
