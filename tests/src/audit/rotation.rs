//! The chain goes on over files; closed ones are kept unless the operator wants fewer.

use std::fs;

use abaca::audit::{AuditLog, AuditSettings, FindingKind, Verification};
use serde_json::Value;

use super::{hostile, runs};
use crate::support::{Desk, Ground, component};

/// Two or three lines.
const SMALL: u64 = 2_000;

fn settings(files_kept: Option<u32>) -> AuditSettings {
    let mut settings = AuditSettings::default();
    settings.file_bytes = SMALL;
    settings.files_kept = files_kept;
    settings
}

/// A ground whose hostile backend has written some files.
async fn written(files_kept: Option<u32>) -> Ground {
    let ground = Ground::new();
    let backend = hostile(&ground, settings(files_kept)).await;
    for _ in 0..8 {
        assert_eq!(runs(&backend, &["echo", "-n", "hello"]).await, "ok:0:hello");
    }
    ground
}

fn verify(ground: &Ground) -> Verification {
    let log = AuditLog::open(&ground.state(), "hostile").unwrap();
    log.verify(Vec::new()).unwrap()
}

fn kinds(found: &Verification) -> Vec<(FindingKind, &str)> {
    found.findings.iter().map(|one| (one.kind, &*one.file)).collect()
}

#[tokio::test]
async fn the_chain_goes_on_over_files() {
    let ground = written(None).await;
    let found = verify(&ground);
    assert!(found.is_whole() && found.notes.is_empty(), "{found:?}");
    assert!(found.files.len() > 5, "{:?}", found.files);
    assert_eq!(found.first.unwrap().seq, 1);
    let directory = ground.state().join("hostile");
    let mut last = String::new();
    for name in &found.files {
        let text = fs::read_to_string(directory.join(name)).unwrap();
        // One line more than fits, which is bounded too.
        assert!(text.len() < 2 * SMALL as usize, "{name}: {}", text.len());
        let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        if !last.is_empty() {
            assert_eq!((&first["event"], &first["prev"]), (&"file".into(), &(*last).into()));
        }
        let end: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        end["hash"].as_str().unwrap().clone_into(&mut last);
    }
    // All of it is shown, in its order; the driver is not needed.
    let desk = Desk::text(&ground, "hostile", &component("abaca-guest-hostile"));
    let answer = Desk::with(&ground, &desk).run(&["audit", "show", "--json"]);
    let seqs: Vec<_> = answer.stdout.lines().map(seq).collect();
    assert_eq!(seqs, (1..=found.last.unwrap().seq).collect::<Vec<_>>());
    let tail = Desk::with(&ground, &desk).run(&["audit", "tail", "--json", "-n", "9"]);
    assert_eq!(tail.stdout.lines().map(seq).collect::<Vec<_>>(), seqs[seqs.len() - 9..]);
}

fn seq(line: &str) -> u64 {
    serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap()
}

#[tokio::test]
async fn a_closed_file_that_is_gone_is_missed() {
    let ground = written(None).await;
    let directory = ground.state().join("hostile");
    fs::rename(directory.join("audit.000003.jsonl"), directory.join("away")).unwrap();
    let found = verify(&ground);
    assert_eq!(kinds(&found), [(FindingKind::Missing, "audit.000004.jsonl")], "{found:?}");
    fs::rename(directory.join("away"), directory.join("audit.000003.jsonl")).unwrap();
    fs::remove_file(directory.join("audit.000001.jsonl")).unwrap();
    let found = verify(&ground);
    assert_eq!(kinds(&found), [(FindingKind::Beginning, "audit.jsonl")], "{found:?}");
}

#[tokio::test]
async fn as_many_closed_files_are_kept_as_the_operator_wants() {
    let ground = written(Some(2)).await;
    let found = verify(&ground);
    assert!(found.is_whole(), "{found:?}");
    assert_eq!(found.files.len(), 3, "{:?}", found.files);
    assert_eq!(found.notes[0].kind, FindingKind::Removed);
    assert!(found.first.unwrap().seq > 1);
    // One more is not as configured.
    fs::remove_file(ground.state().join("hostile").join(&found.files[0])).unwrap();
    let found = verify(&ground);
    assert_eq!(kinds(&found), [(FindingKind::Beginning, "audit.jsonl")], "{found:?}");
}

#[tokio::test]
async fn whoever_dies_between_two_files_is_followed() {
    let ground = written(None).await;
    let directory = ground.state().join("hostile");
    let next = verify(&ground).files.len();
    let closed = directory.join(format!("audit.{next:06}.jsonl"));
    // The file was closed, and the other one not begun, or begun with nothing in it.
    for begun in [false, true] {
        fs::rename(directory.join("audit.jsonl"), &closed).unwrap();
        if begun {
            fs::write(directory.join("audit.jsonl"), "").unwrap();
        }
        let found = verify(&ground);
        assert!(found.is_whole(), "{found:?}");
        if !begun {
            fs::rename(&closed, directory.join("audit.jsonl")).unwrap();
        }
    }
    let backend = hostile(&ground, settings(None)).await;
    runs(&backend, &["echo", "-n", "more"]).await;
    drop(backend);
    let found = verify(&ground);
    assert!(found.is_whole() && found.notes.is_empty(), "{found:?}");
}
