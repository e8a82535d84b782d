//! Many requests at once: each is answered by its own answer, and one that is given up leaves
//! nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{of_dummy, recorded};
use crate::support::{
    Client, Desk, Ground, Service, attack_share, audit, component, dummy_desk, processes_with,
    share, unique_sleep, until,
};

#[test]
fn two_hundred_requests_at_once_are_answered_each_by_its_own() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, "dummy_capacity_gib = 100000\n");
    let service = Service::start(&ground, &desk, &[]);
    let mut client = service.client();
    let shares: Vec<_> = (1..=200).map(|size| share(&format!("share {size}"), size)).collect();
    let mut asked = BTreeMap::new();
    for share in &shares {
        let id = client.send("create_share", &of_dummy(json!({ "share": share })));
        asked.insert(id, share);
    }
    let mut order = Vec::new();
    while order.len() < shares.len() {
        let answer = client.receive();
        let id = answer["id"].as_u64().unwrap();
        let path = answer["result"][0]["path"].as_str().unwrap_or_else(|| panic!("{answer}"));
        assert!(path.ends_with(&asked[&id].name), "{answer}");
        order.push(id);
    }
    let all = client.ok("list_shares", &of_dummy(json!({})));
    assert_eq!(all.as_array().unwrap().len(), shares.len());

    // Different methods, each of a share of its own, and all in one array.
    let mut requests = Vec::new();
    for (at, made) in all.as_array().unwrap().iter().enumerate() {
        let share = &made["share"];
        let (method, params) = match at % 4 {
            0 => ("extend_share", json!({ "share": share, "new_size": 300 })),
            1 => ("delete_share", json!({ "share": share })),
            2 => ("ensure_share", json!({ "share": share })),
            _ => ("get_share_stats", json!({ "refresh": true })),
        };
        let params = of_dummy(params);
        requests.push(
            json!({ "jsonrpc": "2.0", "id": share["id"], "method": method, "params": params }),
        );
    }
    let answers = client.says(json!(requests).to_string());
    assert_eq!(answers.as_array().unwrap().len(), requests.len());
    for answer in answers.as_array().unwrap() {
        assert!(answer.get("error").is_none(), "{answer}");
        let request = requests.iter().find(|one| one["id"] == answer["id"]).unwrap();
        if request["method"] == "ensure_share" {
            let path = answer["result"][0]["path"].as_str().unwrap();
            assert!(path.ends_with(answer["id"].as_str().unwrap()), "{answer}");
        }
    }
    let left = client.ok("list_shares", &of_dummy(json!({})));
    assert_eq!(left.as_array().unwrap().len(), 150);
    let grown = left.as_array().unwrap().iter().filter(|one| one["share"]["size"] == 300);
    assert_eq!(grown.count(), 50);
}

/// A service whose driver does what the metadata of a share says, and may run a `sleep`.
fn hostile(ground: &Ground, seconds: &str) -> Service {
    let policy = format!(
        "schema = 1\ndriver = \"hostile\"\n[[command]]\nid = \"hold\"\n\
         program = \"/usr/bin/sleep\"\nargs = [\"{seconds}\"]\ntimeout = \"60m\"\n"
    );
    ground.write("hostile.policy.toml", &policy);
    let text = Desk::text(ground, "hostile", &component("abaca-guest-hostile"));
    Service::start(ground, &Desk::with(ground, &text), &[])
}

fn attack(client: &mut Client, attack: &str, arguments: &[&str]) -> (u64, String) {
    let share = attack_share(attack, arguments);
    let id = client.send("create_share", &json!({ "backend": "hostile", "share": share }));
    (id, share.id)
}

/// Waits until the share's record says that its call was interrupted.
fn interrupted(client: &mut Client, id: &str) {
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    loop {
        let shares = client.ok("list_shares", &json!({ "backend": "hostile" }));
        let one = shares.as_array().unwrap().iter().find(|one| one["share"]["id"] == id).unwrap();
        if one["share"]["status"] == "error" {
            assert!(one["message"].as_str().unwrap().contains("interrupted"), "{one}");
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{one}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_request_leaves_no_process_and_an_honest_record() {
    let (ground, seconds) = (Ground::new(), unique_sleep());
    let service = hostile(&ground, &seconds);
    let mut client = service.client();
    let (id, share) = attack(&mut client, "command", &["sleep", &seconds]);
    until("the command runs", || !processes_with(&seconds).is_empty()).await;
    assert_eq!(
        client.says(
            json!({
                "jsonrpc": "2.0", "id": "c", "method": "rpc.cancel", "params": { "id": 999 }
            })
            .to_string()
        )["result"],
        false
    );
    client.line(
        json!({ "jsonrpc": "2.0", "method": "rpc.cancel", "params": { "id": id } }).to_string(),
    );
    let answer = client.receive();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!(-32006)), "{answer}");
    assert_eq!(answer["error"]["data"]["kind"], "cancelled");
    until("nothing runs", || processes_with(&seconds).is_empty()).await;
    interrupted(&mut client, &share);
    let locks = client.ok("list_locks", &json!({ "backend": "hostile" }));
    assert_eq!(locks, json!([]));

    // A client that goes away gives up what it asked for; others are answered.
    let mut other = service.client();
    let (_, share) = attack(&mut other, "command", &["sleep", &seconds]);
    until("the command runs", || !processes_with(&seconds).is_empty()).await;
    drop(other);
    until("nothing runs", || processes_with(&seconds).is_empty()).await;
    interrupted(&mut client, &share);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_request_leaves_no_lock() {
    let ground = Ground::new();
    let service = hostile(&ground, "1");
    let mut client = service.client();
    let (first, _) = attack(&mut client, "lock-hold", &["exports", "60000"]);
    let directory = ground.state().join("hostile");
    let mut other = service.client();
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    while other.ok("list_locks", &json!({ "backend": "hostile" })) == json!([]) {
        assert!(std::time::Instant::now() < deadline, "{:?}", audit(&directory));
    }
    let held = other.ok("list_locks", &json!({ "backend": "hostile" }));
    assert_eq!(held[0]["name"], "exports");
    let cancel =
        json!({ "jsonrpc": "2.0", "id": "c", "method": "rpc.cancel", "params": { "id": first } });
    client.line(cancel.to_string());
    let answers = [client.receive(), client.receive()];
    assert!(answers.iter().any(|one| one["id"] == "c" && one["result"] == true), "{answers:?}");
    assert!(answers.iter().any(|one| one["error"]["code"] == -32006), "{answers:?}");
    until("nobody holds it", || {
        other.ok("list_locks", &json!({ "backend": "hostile" })) == json!([])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_finished_when_the_service_is_told_to_stop() {
    let ground = Ground::new();
    let service = Service::start(&ground, &dummy_desk(&ground, ""), &[]);
    let mut client = service.client();
    let mut slow = share("slow", 1);
    slow.metadata.push(("sleep_ms".to_owned(), "1500".to_owned()));
    let id = client.send("create_share", &of_dummy(json!({ "share": slow })));
    let mut other = service.client();
    until("it has begun", || recorded(&mut other, &slow.id) != Value::Null).await;
    service.signal(rustix::process::Signal::TERM);
    let answer = client.receive();
    assert_eq!(answer["id"], id);
    assert!(answer["result"][0]["path"].is_string(), "{answer}");
    assert!(client.is_closed() && other.is_closed());
    let mut service = service;
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
    assert!(!service.socket.exists(), "the socket has gone with it");
}
