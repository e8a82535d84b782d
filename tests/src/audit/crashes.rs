//! A writer that came no further, and files that are not as they were left: the chain goes on, and
//! says so.

use std::fs;
use std::io::Write;

use super::{Written, place};

fn append(written: &Written, bytes: &[u8]) {
    fs::OpenOptions::new().append(true).open(written.path()).unwrap().write_all(bytes).unwrap();
}

#[test]
fn a_torn_line_is_kept_and_told() {
    let written = Written::new();
    let before = written.lines();
    for fragment in ["{\"seq\":99,\"prev\":\"0011", "{\"a\"}\n{\"seq\"", "half\n", "\n", "\n\n"] {
        append(&written, fragment.as_bytes());
        let found = written.verified(0, &[]);
        assert_eq!(found["notes"][0]["kind"], "torn", "{fragment:?}: {found}");
        written.goes_on();
        let found = written.verified(0, &[]);
        assert_eq!(found["findings"].as_array().unwrap().len(), 0, "{fragment:?}");
    }
    let text = fs::read_to_string(written.path()).unwrap();
    assert!(text.contains("{\"seq\":99,\"prev\":\"0011\n{\"seq\""), "it is kept: {text}");
    let told = text.lines().filter(|line| line.contains("\"event\":\"torn\"")).count();
    assert_eq!(told, 5);
    assert!(text.starts_with(&before.join("\n")), "nothing was taken out");
    // What is torn cannot be changed either.
    fs::write(written.path(), text.replacen("\"0011\n", "\"0012\n", 1)).unwrap();
    let line = before.len() + 1;
    assert_eq!(written.found(), [format!("audit.jsonl:{line} altered")]);
}

#[test]
fn lines_that_the_head_does_not_know_yet_are_followed() {
    let written = Written::new();
    let head = fs::read(written.beside("audit.head")).unwrap();
    let lines = written.lines();
    // As if its writer had died between the last line and the head.
    written.rewrite(&lines[..lines.len() - 1]);
    written.rewrite_head();
    append(&written, format!("{}\n", lines.last().unwrap()).as_bytes());
    let found = written.verified(0, &[]);
    assert_eq!(place(&found["notes"][0]), "audit.jsonl unknown");
    written.goes_on();
    let found = written.verified(0, &[]);
    assert_eq!(found["notes"].as_array().unwrap().len(), 0, "{found}");
    assert!(written.lines().starts_with(&lines));

    // As if the power had failed before the head was on the disk.
    fs::write(written.beside("audit.head"), head).unwrap();
    let found = written.verified(0, &[]);
    assert_eq!(place(&found["notes"][0]), "audit.jsonl unknown");
    written.goes_on();
    let found = written.verified(0, &[]);
    assert_eq!(found["notes"].as_array().unwrap().len(), 0, "{found}");
    assert!(written.lines().starts_with(&lines));
}

#[test]
fn a_line_whose_end_is_missing_is_ended() {
    let written = Written::new();
    let lines = written.lines();
    written.rewrite(&lines[..lines.len() - 1]);
    written.rewrite_head();
    append(&written, lines.last().unwrap().as_bytes());
    written.goes_on();
    written.verified(0, &[]);
    assert!(written.lines().starts_with(&lines));
    assert!(!fs::read_to_string(written.path()).unwrap().contains("torn"));
}

#[test]
fn what_is_missing_stays_told_when_the_chain_goes_on() {
    let written = Written::new();
    let lines = written.lines();
    written.rewrite(&lines[..lines.len() - 2]);
    written.goes_on();
    let place = format!("audit.jsonl:{} missing", lines.len() - 1);
    assert_eq!(written.found(), [place.clone(), place]);
    let told = written.lines()[lines.len() - 2].clone();
    assert!(
        told.contains("\"event\":\"gap\"") && told.contains(&format!("\"seq\":{}", lines.len()))
    );
}

#[test]
fn an_audit_that_was_deleted_does_not_begin_anew() {
    for files in [&["audit.jsonl"][..], &["audit.head"], &["audit.jsonl", "audit.head"]] {
        let written = Written::new();
        let lines = written.lines().len();
        for file in files {
            fs::remove_file(written.beside(file)).unwrap();
        }
        written.goes_on();
        if files == ["audit.head"] {
            // All lines are there: the head is made anew from them and the state.
            written.verified(0, &[]);
            continue;
        }
        let found = written.verified(5, &[]);
        assert_eq!(found["first"]["seq"], lines + 1, "{found}");
        let kinds: Vec<_> = found["findings"].as_array().unwrap().iter().map(place).collect();
        assert_eq!(kinds, ["audit.jsonl:1 missing", "audit.jsonl beginning"]);
    }
}

#[test]
fn a_process_that_is_killed_leaves_a_whole_chain() {
    let written = Written::new();
    for round in 0..5 {
        let words = ["share", "create", &format!("killed-{round}"), "--size", "1"];
        let mut child = written.desk.command(&words).spawn().unwrap();
        let before = written.lines().len();
        // Somewhere in the midst of its lines, or after them on a fast machine: both must do.
        crate::support::patiently(|| (written.lines().len() > before).then_some(()));
        child.kill().unwrap();
        child.wait().unwrap();
        written.verified(0, &[]);
    }
    written.goes_on();
    written.verified(0, &[]);
}
