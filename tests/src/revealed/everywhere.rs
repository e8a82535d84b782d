//! A service at work with secrets of every kind, and a search of everything that it leaves and shows:
//! its files, its log with every line that there is, what it says to clients, its figures, and the
//! command line and environment of each process that it starts.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use super::{CANARY, POLICY, REVEAL, VARIABLE, assert_kept, planted};
use crate::support::{
    Client, Desk, Ground, Service, attack_share, component, patiently, unique_sleep,
};

/// One backend is given its secret in a file, and its driver reads it; the other's is in the
/// environment, and its programs read it.
const BACKENDS: [&str; 2] = ["told", "untold"];

fn desk(ground: &Ground, seconds: &str) -> Desk {
    let policy = POLICY.replace("SECONDS", seconds);
    let policy = policy.replace("SHARES", ground.shares().to_str().unwrap());
    ground.write("told.policy.toml", &policy.replace("OPTIONS", REVEAL));
    ground.write("untold.policy.toml", &policy.replace("OPTIONS", ""));
    let hostile = component("abaca-guest-hostile");
    let told = Desk::text(ground, "told", &hostile);
    let untold = Desk::text(ground, "untold", &hostile);
    let (_, untold) = untold.split_once("\n\n").unwrap();
    let file = planted(ground);
    let text = format!(
        "{told}hostile_secret = {file}\n\n{untold}hostile_secret = {{ env = \"{VARIABLE}\" }}\n"
    );
    Desk::with(ground, &text)
}

fn asking(backend: &str, attack: &str, arguments: &[&str]) -> Value {
    json!({ "backend": backend, "share": attack_share(attack, arguments) })
}

/// The processes that this one has started, and those that they have.
pub(super) fn descendants(of: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
            Some((id, parent.trim().parse().ok()?))
        })
        .collect();
    let mut found = vec![of];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        next += 1;
    }
    found.split_off(1)
}

/// What others can read of a process in `/proc`; of one that has ended meanwhile, nothing.
fn shown(id: u32, file: &str) -> String {
    let bytes = fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Everything that a driver can do with its secret, and what clients are told of it.
fn work(client: &mut Client) -> String {
    let mut said = String::new();
    let mut ask = |method: &str, params: Value| {
        let answer = client.ask(method, &params);
        said += &answer.to_string();
        answer
    };
    for backend in BACKENDS {
        for way in ["read", "stdin", "log", "argument", "path", "state", "answer", "error", "panic"]
        {
            ask("create_share", asking(backend, "let-slip", &["hostile_secret", way]));
        }
        let digest =
            ask("create_share", asking(backend, "command", &["sha256sum", "hostile_secret"]));
        assert!(digest.to_string().contains(super::DIGEST), "{digest}");
        ask("list_shares", json!({ "backend": backend }));
    }
    ask("list_backends", json!({}));
    said
}

#[test]
fn what_a_service_leaves_and_shows_has_no_secret() {
    let ground = Ground::new();
    let seconds = unique_sleep();
    let desk = desk(&ground, &seconds);
    let (log, figures) = (ground.path().join("log"), ground.path().join("metrics.sock"));
    let place = format!("unix:{}", figures.display());
    let service = Service::start_with(&ground, &desk, &["--metrics", &place], |command| {
        command.env(VARIABLE, format!("{CANARY}\n")).env("ABACA_LOG", "trace");
        // With every line of every library a pipe that nobody reads would be full soon.
        command.stderr(fs::File::create(&log).unwrap());
    });
    let mut said = service.listening.to_string();
    said += &work(&mut service.client());

    // Programs that have the secret, while they have it.
    let interval = format!("--sleep-interval={seconds}");
    let mut clients = BACKENDS.map(|backend| {
        let mut client = service.client();
        let line = ["tail", "--follow", &interval, "hostile_secret"];
        let id = client.send("create_share", &asking(backend, "command", &line));
        (client, id)
    });
    let started = patiently(|| {
        let started = descendants(service.child.id());
        let running = started.iter().filter(|&&id| {
            let line = shown(id, "cmdline");
            line.starts_with("tail") && line.contains(&interval)
        });
        (running.count() == BACKENDS.len()).then_some(started)
    });
    assert!(started.len() > 2 * BACKENDS.len(), "each has a broker too: {started:?}");
    for id in started {
        for file in ["cmdline", "environ"] {
            assert!(!shown(id, file).contains(CANARY), "{file} of {}", shown(id, "cmdline"));
        }
    }
    assert!(!shown(service.child.id(), "cmdline").contains(CANARY));

    let mut scrape = UnixStream::connect(&figures).unwrap();
    scrape.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    scrape.read_to_string(&mut said).unwrap();
    for (client, id) in &mut clients {
        let params = json!({ "id": id });
        let cancel = json!({ "jsonrpc": "2.0", "method": "rpc.cancel", "params": params });
        client.line(cancel.to_string());
        said += &client.text();
    }
    assert_eq!(service.stop(), Some(0));
    assert!(!said.contains(CANARY), "{said}");
    let logged = fs::read_to_string(&log).unwrap();
    for word in ["import{import=", "<secret hostile_secret>"] {
        assert!(logged.contains(word), "{word} is not in {logged}");
    }
    for backend in BACKENDS {
        assert!(ground.audit(backend).iter().any(|line| line["event"] == "outcome"), "{backend}");
    }
    assert_kept(&ground);
}
