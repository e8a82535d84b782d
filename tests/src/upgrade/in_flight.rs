//! A thousand calls while the driver is upgraded and rolled back under a running service.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use abaca::types::{Share, ShareStatus};
use serde_json::{Value, json};

use super::{approved, text_of};
use crate::support::components::{with_manifest, written};
use crate::support::{Client, Ground, PATIENCE, Service, share};

/// How many clients ask at the same time.
const CLIENTS: usize = 4;

/// How many calls each of them has under way: a thousand in all.
const UNDER_WAY: usize = 250;

/// How many shares each of them has; a share has one call at a time.
const SHARES: usize = 8;

/// Asks again and again, as many at once as there may be, until `done`; answers how many were
/// asked. Each answer must be a result.
fn ask(mut client: Client, shares: &[Share], done: &AtomicBool) -> usize {
    let send = |client: &mut Client, share: Option<&Share>| match share {
        Some(share) => client.send("ensure_share", &json!({ "backend": "home", "share": share })),
        None => client.send("get_share_stats", &json!({ "backend": "home", "refresh": true })),
    };
    let kinds = shares.iter().map(Some).chain(std::iter::repeat(None)).take(UNDER_WAY);
    let mut open: BTreeMap<u64, Option<&Share>> =
        kinds.map(|kind| (send(&mut client, kind), kind)).collect();
    let mut asked = open.len();
    while !open.is_empty() {
        let answer = client.receive();
        assert!(answer.get("error").is_none(), "{answer}");
        let kind = open.remove(&answer["id"].as_u64().unwrap()).unwrap();
        if !done.load(Ordering::Acquire) {
            open.insert(send(&mut client, kind), kind);
            asked += 1;
        }
    }
    asked
}

/// Component and policy of a line.
fn version(line: &Value) -> (String, String) {
    let text = |key: &str| line[key].as_str().unwrap().to_owned();
    (text("component"), text("policy"))
}

/// Waits until a call begins on another component than before, at the end of the audit.
fn until_other(ground: &Ground, before: &str) -> (String, String) {
    // The other version is opened beside a thousand calls.
    let deadline = Instant::now() + PATIENCE * 6;
    loop {
        let lines = ground.audit("home");
        let calls = lines.iter().filter(|line| line["event"] == "call");
        let last = calls.map(version).next_back();
        if let Some(other) = last.filter(|(component, _)| component != before) {
            return other;
        }
        assert!(Instant::now() < deadline, "the service goes on with {before}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn no_call_fails_of_an_upgrade_or_a_rollback_nor_runs_under_another_policy() {
    let ground = Ground::new();
    let desk = approved(&ground, "approved = true\n");
    let service = Service::start(&ground, &desk, &[]);
    let shares = || (0..SHARES).map(|at| share(&format!("share {at}"), 1)).collect();
    let mut made: Vec<Vec<Share>> = (0..CLIENTS).map(|_| shares()).collect();
    let mut client = service.client();
    for one in made.iter_mut().flatten() {
        client.ok("create_share", &json!({ "backend": "home", "share": one }));
        one.status = ShareStatus::Available;
    }
    let first = version(ground.audit("home").last().unwrap());
    // Each version has a rule for what all its calls ask that the other one has not.
    let renamed = with_manifest("directory", |text| {
        let text = text.replacen("id = \"measure\"", "id = \"gauge\"", 1);
        text.replacen("timeout = \"30m\"", "timeout = \"31m\"", 1)
    });
    let more = written(&ground, "renamed.wasm", &renamed);
    desk.json(&["driver", "upgrade", "home", text_of(&more)]);
    let answers = ground.write("name.toml", &desk.consents(&more));
    let done = AtomicBool::new(false);
    let (asked, second) = std::thread::scope(|scope| {
        let ask = |shares| {
            let (client, done) = (service.client(), &done);
            scope.spawn(move || ask(client, shares, done))
        };
        let clients: Vec<_> = made.iter().map(|shares| ask(shares)).collect();
        // However this ends, the clients must end too.
        let second = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let words = ["driver", "pending", "home", "--approve", "--answers", text_of(&answers)];
            desk.json(&words);
            let second = until_other(&ground, &first.0);
            desk.json(&["driver", "rollback", "home"]);
            assert_eq!(until_other(&ground, &second.0), first);
            second
        }));
        done.store(true, Ordering::Release);
        let asked: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
        (asked, second.unwrap())
    });
    assert!(asked > CLIENTS * UNDER_WAY, "{asked}");
    assert_eq!(service.stop(), Some(0));

    let lines = ground.audit("home");
    let mut versions = BTreeSet::new();
    let mut calls: BTreeMap<&str, BTreeSet<_>> = BTreeMap::new();
    for line in &lines {
        versions.insert(version(line));
        calls.entry(line["call"].as_str().unwrap()).or_default().insert(version(line));
    }
    assert_ne!((&first.0, &first.1), (&second.0, &second.1));
    let (first_version, second_version) = (first.clone(), second.clone());
    assert_eq!(versions, BTreeSet::from([first, second]), "components under others' policies");
    assert!(calls.values().all(|versions| versions.len() == 1), "a call changed its version");
    // And what was granted, the policy of its own version has granted.
    let measured = |rule: &str| {
        let granted = lines.iter().filter(|line| line["event"] == "intent" && line["rule"] == rule);
        granted.map(version).collect::<BTreeSet<_>>()
    };
    assert_eq!(measured("measure"), BTreeSet::from([first_version]));
    assert_eq!(measured("gauge"), BTreeSet::from([second_version]));
    assert!(lines.iter().all(|line| line["event"] != "denied"));
}
