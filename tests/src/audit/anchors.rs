//! What the system log is told, and what it proves: a chain that was written anew with all that is
//! in the backend's directory does not fit what was anchored before.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use abaca::audit::AuditSettings;

use super::{Written, hostile, place, runs, sealed};
use crate::support::{Desk, Ground, PATIENCE, component, patiently};

/// A system log that remembers what it is told.
struct SystemLog(UnixDatagram);

impl SystemLog {
    fn new(ground: &Ground) -> Self {
        let socket = UnixDatagram::bind(ground.path().join("log.sock")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// The next line, as a log's file has it.
    fn line(&self) -> String {
        let mut buffer = [0; 4096];
        let count = self.0.recv(&mut buffer).unwrap();
        let text = String::from_utf8(buffer[..count].to_vec()).unwrap();
        let text = text.strip_prefix("<85>").expect("authpriv.notice").to_owned();
        format!("Nov 23 08:00:00 host {text}\n")
    }

    /// Everything that it was told by now.
    fn lines(&self) -> String {
        self.0.set_nonblocking(true).unwrap();
        let mut all = String::new();
        let mut buffer = [0; 4096];
        while let Ok(count) = self.0.recv(&mut buffer) {
            all += &format!("host {}\n", std::str::from_utf8(&buffer[..count]).unwrap());
        }
        all
    }
}

/// An audit whose anchors went to a system log.
fn written() -> (Written, SystemLog) {
    let ground = Ground::new();
    let log = SystemLog::new(&ground);
    ground.write("dummy.policy.toml", "schema = 1\ndriver = \"dummy\"\n");
    let text = Desk::text(&ground, "dummy", &component("abaca-driver-dummy"));
    let desk = Desk::with(&ground, &(text + "\n[audit]\nsystem_log = \"log.sock\"\n"));
    let written = Written { ground, desk };
    for _ in 0..3 {
        written.goes_on();
    }
    (written, log)
}

#[test]
fn each_process_anchors_when_it_closes_the_audit() {
    let (written, log) = written();
    let lines = log.lines();
    assert_eq!(lines.lines().count(), 3, "{lines}");
    written.ground.write("auth.log", &format!("sshd[1]: hello\n{lines}\u{1b}[2J\nlast\n"));
    let file = written.ground.path().join("auth.log");
    let found = written.verified(0, &["--anchors", file.to_str().unwrap()]);
    assert_eq!(found["system_log"]["link"]["seq"], written.lines().len(), "{found}");
    let answer = written.desk.run(&["audit", "verify"]);
    assert!(answer.stdout.contains("the system log was given seq"), "{answer:?}");

    let empty = written.ground.write("empty.log", "sshd[1]: hello\n");
    let words = ["audit", "verify", "--anchors", empty.to_str().unwrap()];
    let text = written.desk.fails(2, &words);
    assert!(text.contains("has no anchor"), "{text}");
}

#[test]
fn a_chain_that_was_written_anew_does_not_fit_the_system_log() {
    let (written, log) = written();
    let text = log.lines();
    let mut lines = written.lines();
    lines[2] = lines[2].replace("\"event\":\"permitted\"", "\"event\":\"limit\"");
    let first = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let mut prev = first(&lines[2])["prev"].as_str().unwrap().to_owned();
    for line in lines.iter_mut().skip(2) {
        (*line, prev) = sealed(line, &prev);
    }
    written.rewrite(&lines);
    written.rewrite_head();
    // Whoever can write here can also write the state anew: without it the log alone knows.
    for name in ["state.db", "state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(written.beside(name));
    }
    let file = written.ground.write("auth.log", &text);
    let found = written.verified(5, &["--anchors", file.to_str().unwrap()]);
    let findings = found["findings"].as_array().unwrap();
    let rewritten: Vec<_> = findings.iter().filter(|one| one["kind"] == "rewritten").collect();
    assert_eq!(rewritten.len(), 3, "{found}");
    let message = rewritten[0]["message"].as_str().unwrap();
    assert!(message.starts_with("the system log knows another line"), "{message}");
}

#[test]
fn an_audit_that_was_refilled_with_its_state_does_not_fit_the_system_log() {
    let (written, log) = written();
    let file = written.ground.write("auth.log", &log.lines());
    let words = ["--anchors", file.to_str().unwrap()];
    let seq = written.lines().len();
    // All that the backend had is gone.
    std::fs::remove_dir_all(written.beside("")).unwrap();
    let found = written.verified(5, &words);
    assert_eq!(place(&found["findings"][0]), "audit.jsonl truncated", "{found}");
    let message = found["findings"][0]["message"].as_str().unwrap();
    assert!(message.contains(&format!("seq {seq} was known to the system log")), "{message}");
    // It begins anew: a whole chain, but not that one.
    written.goes_on();
    written.verified(0, &[]);
    let found = written.verified(5, &words);
    assert_eq!(found["findings"].as_array().unwrap().len(), 1, "each chain is told once: {found}");
    assert_eq!(place(&found["findings"][0]), "audit.jsonl foreign", "{found}");
    let message = found["findings"][0]["message"].as_str().unwrap();
    assert!(message.contains(&format!("up to seq {seq}: the audit was begun anew")), "{message}");
}

#[tokio::test]
async fn an_open_audit_is_anchored_after_so_many_lines() {
    let ground = Ground::new();
    let log = SystemLog::new(&ground);
    let mut settings = AuditSettings::default();
    settings.system_log = ground.path().join("log.sock");
    settings.anchor_lines = 4;
    let backend = hostile(&ground, settings).await;
    runs(&backend, &["echo", "-n", "hello"]).await;
    let line = log.line();
    assert!(line.contains(": backend=hostile chain=") && line.contains(" seq=4 sha256="), "{line}");
}

#[tokio::test]
async fn an_open_audit_is_anchored_after_so_long() {
    let ground = Ground::new();
    let log = SystemLog::new(&ground);
    let mut settings = AuditSettings::default();
    settings.system_log = ground.path().join("log.sock");
    settings.anchor_every = Duration::from_millis(1);
    let backend = hostile(&ground, settings).await;
    runs(&backend, &["echo", "-n", "hello"]).await;
    // Perhaps in two pieces, on a slow machine.
    patiently(|| log.line().contains(" seq=4 ").then_some(()));
}
