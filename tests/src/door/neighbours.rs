//! A driver that hangs stops its own calls: the other backends of the same service are served.

use std::fs;

use serde_json::{Value, json};

use super::of_dummy;
use crate::support::{
    Client, Ground, Service, component, dummy_desk, one_more_dummy, patiently, share,
};

/// The backend as `list_backends` shows it.
fn listed(client: &mut Client, name: &str) -> Value {
    let backends = client.ok("list_backends", &json!({}));
    backends.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
}

#[test]
fn one_that_hangs_while_it_is_prepared_keeps_nobody_waiting() {
    let ground = Ground::new();
    let hangs = one_more_dummy("hangs", "dummy_delay_ms = 3600000\n");
    // It takes longer than the door waits, and not as long as it could.
    let slow = one_more_dummy("slow", "dummy_delay_ms = 8000\n");
    let desk = dummy_desk(&ground, &(hangs + &slow));
    let service = Service::start(&ground, &desk, &[]);
    let told = service.listening["backends"].as_array().unwrap();
    let kinds: Vec<_> = told.iter().map(|one| &one["error"]["kind"]).collect();
    assert_eq!(kinds, [&Value::Null, &json!("busy"), &json!("busy")], "{told:?}");
    let mut client = service.client();
    client.ok("create_share", &of_dummy(json!({ "share": share("one", 1) })));
    let error = client.fails("list_shares", &json!({ "backend": "hangs" }));
    assert_eq!((&error["code"], &error["data"]["kind"]), (&json!(-32007), &json!("busy")));
    assert_eq!(error["message"], "the backend `hangs` is being prepared");
    assert!(error["data"]["advice"].as_str().unwrap().contains("ask again"), "{error}");

    let slow = json!({ "backend": "slow" });
    patiently(|| client.ask("list_shares", &slow).get("result").cloned());
    assert_eq!(listed(&mut client, "slow")["driver"], "dummy");
    assert_eq!(listed(&mut client, "hangs")["error"]["kind"], "busy");
    // Nobody waits for it at the end either.
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn one_that_could_not_be_prepared_is_tried_again() {
    let ground = Ground::new();
    let away = ground.path().join("later.wasm");
    let driver = component("abaca-driver-dummy");
    let later = one_more_dummy("later", "").replace(&format!("{driver:?}"), &format!("{away:?}"));
    let service = Service::start(&ground, &dummy_desk(&ground, &later), &[]);
    let mut client = service.client();
    let asked = json!({ "backend": "later" });
    let error = client.fails("list_shares", &asked);
    assert!(error["message"].as_str().unwrap().contains("later.wasm"), "{error}");
    assert!(error["data"]["advice"].as_str().unwrap().contains("again every minute"), "{error}");
    fs::copy(driver, away).unwrap();
    patiently(|| client.ask("list_shares", &asked).get("result").cloned());
    assert_eq!(listed(&mut client, "later")["error"], Value::Null);
    client.ok("get_share_stats", &asked);
}

#[test]
fn calls_that_hang_leave_room_for_the_other_backends() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, &one_more_dummy("hangs", ""));
    let service = Service::start(&ground, &desk, &[]);
    let mut client = service.client();
    let mut slow = share("slow", 1);
    slow.metadata.push(("sleep_ms".to_owned(), "3600000".to_owned()));
    let asked = json!({ "backend": "hangs", "share": slow });
    let sent: Vec<_> =
        (0..=abaca::door::CALLS_PER_BACKEND).map(|_| client.send("get_pool", &asked)).collect();
    // One of them, whichever came last to its place; then all others have begun.
    let turned_away = client.receive();
    assert_eq!(turned_away["error"]["code"], -32007, "{turned_away}");
    // Whoever asks, and whatever: it is refused at once.
    let refused = json!({ "backend": "hangs" });
    let mut other = service.client();
    for client in [&mut client, &mut other] {
        let error = client.fails("list_shares", &refused);
        assert_eq!((&error["code"], &error["data"]["kind"]), (&json!(-32007), &json!("busy")));
        assert_eq!(error["message"], "1024 requests of the backend `hangs` run already");
        assert!(error["data"]["advice"].as_str().unwrap().contains("cancel"), "{error}");
        // The others are served, and what is of no backend is.
        let one = json!({ "share": share("one", 1) });
        client.ok("create_share", &of_dummy(one));
        assert_eq!(listed(client, "hangs")["error"], Value::Null);
    }
    // One that ends makes room for one.
    let one = sent.iter().find(|id| turned_away["id"] != **id).unwrap();
    client.line(
        json!({ "jsonrpc": "2.0", "method": "rpc.cancel", "params": { "id": one } }).to_string(),
    );
    assert_eq!(client.receive()["error"]["code"], -32006);
    other.ok("list_shares", &refused);
}
