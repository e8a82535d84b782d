//! A service that follows a version which cannot be used: the one before goes on, it is told so,
//! and it goes over as soon as it can.

use std::fs;

use serde_json::{Value, json};

use super::{approved, more_rights, ran, text_of};
use crate::support::{Client, Ground, Service, figures, patiently};

fn listed(client: &mut Client) -> Value {
    client.ok("list_backends", &json!({}))[0].clone()
}

#[test]
fn a_version_that_cannot_be_used_is_tried_again_until_it_can() {
    let ground = Ground::new();
    let desk = approved(&ground, "");
    let socket = ground.path().join("metrics.sock");
    let place = format!("unix:{}", socket.display());
    let service = Service::start(&ground, &desk, &["--metrics", &place]);
    let mut client = service.client();
    let first = ran(&ground);
    let more = more_rights(&ground);
    desk.json(&["driver", "upgrade", "home", text_of(&more)]);
    let answers = ground.write("name.toml", &desk.consents(&more));
    desk.json(&["driver", "pending", "home", "--approve", "--answers", text_of(&answers)]);
    let stats = json!({ "backend": "home", "refresh": true });
    let goes_to_another = |client: &mut Client, from: &Value| {
        patiently(|| {
            client.ok("get_share_stats", &stats);
            let now = ran(&ground);
            (now != *from).then_some(now)
        })
    };
    let second = goes_to_another(&mut client, &first);

    // The version to go back to is not there for a while.
    let policy = ground.state().join("home/versions/1.policy.toml");
    let away = ground.path().join("away");
    fs::rename(&policy, &away).unwrap();
    desk.json(&["driver", "rollback", "home"]);
    let behind = patiently(|| {
        let behind = listed(&mut client)["behind"].clone();
        (!behind.is_null()).then_some(behind)
    });
    assert_eq!(behind["version"], 1, "{behind}");
    assert!(behind["error"]["message"].as_str().unwrap().contains("1.policy.toml"), "{behind}");
    assert!(figures(&socket).contains("abaca_versions_behind{backend=\"home\"} 1\n"));
    client.ok("get_share_stats", &stats);
    assert_eq!(ran(&ground), second, "the one before goes on");
    fs::rename(&away, &policy).unwrap();
    assert_eq!(goes_to_another(&mut client, &second), first);
    patiently(|| listed(&mut client)["behind"].is_null().then_some(()));
    assert!(figures(&socket).contains("abaca_versions_behind{backend=\"home\"} 0\n"));
    assert_eq!(service.stop(), Some(0));
}
