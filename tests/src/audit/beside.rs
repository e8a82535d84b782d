//! Several at once write one audit: calls, openings of a backend, processes.

use std::collections::BTreeMap;

use abaca::audit::{AuditLog, AuditSettings};
use tokio::task::JoinSet;

use super::{Written, hostile, runs};
use crate::support::Ground;

#[test]
fn processes_write_one_chain() {
    let written = Written::new();
    let children: Vec<_> = (0..6)
        .map(|number| {
            let words = ["share", "create", &format!("beside-{number}"), "--size", "1"];
            written.desk.command(&words).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let found = written.verified(0, &[]);
    assert_eq!(found["notes"].as_array().unwrap().len(), 0, "{found}");
    let mut calls = BTreeMap::<String, i32>::new();
    for line in written.ground.audit("dummy") {
        let call = line["call"].as_str().unwrap().to_owned();
        *calls.entry(call).or_default() += match line["event"].as_str() {
            Some("call") => 1,
            Some("call-end") => -1,
            _ => 0,
        };
    }
    assert!(calls.len() >= 18 && calls.values().all(|open| *open == 0), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn openings_of_one_backend_write_one_chain_over_files() {
    let ground = Ground::new();
    let mut settings = AuditSettings::default();
    settings.file_bytes = 5_000;
    let (one, other) =
        (hostile(&ground, settings.clone()).await, hostile(&ground, settings.clone()).await);
    let mut all = JoinSet::new();
    for number in 0..40 {
        let backend = if number % 2 == 0 { one.clone() } else { other.clone() };
        all.spawn(async move { runs(&backend, &["echo", "-n", "beside"]).await });
    }
    assert!(all.join_all().await.iter().all(|said| said == "ok:0:beside"));
    drop((one, other));
    let log = AuditLog::open(&ground.state(), "hostile").unwrap();
    let found = log.verify(Vec::new()).unwrap();
    assert!(found.is_whole() && found.notes.is_empty(), "{found:?}");
    assert!(found.files.len() > 5, "{:?}", found.files);
    // 40 calls with a beginning, an intent, an outcome and an end, and a line for each new file.
    assert_eq!(found.lines, 160 + found.files.len() as u64 - 1);
    assert_eq!(found.anchor.unwrap().link, found.last.unwrap());
}
