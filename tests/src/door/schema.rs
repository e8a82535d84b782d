//! The schema is derived from the types: what it says of a message is what the door does with it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::of_dummy;
use crate::support::{Ground, Service, dummy_desk, share};

fn schema_of(desk: &crate::support::Desk, method: &str, part: &str) -> jsonschema::Validator {
    let answer = desk.run(&["schema", method]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let mut schema: Value = serde_json::from_str(&answer.stdout).unwrap();
    let part = schema["properties"][part].take();
    let definitions = schema["$defs"].take();
    jsonschema::validator_for(&json!({ "allOf": [part], "$defs": definitions })).unwrap()
}

#[test]
fn the_schema_takes_what_the_door_takes_and_refuses_what_it_refuses() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, "");
    let service = Service::start(&ground, &desk, &[]);
    let mut client = service.client();
    let params = schema_of(&desk, "create_share", "params");
    let result = schema_of(&desk, "create_share", "result");
    let one = share("one", 1);
    let good = of_dummy(json!({ "share": one }));
    assert!(params.is_valid(&good), "{:?}", params.validate(&good));
    assert!(result.is_valid(&client.ok("create_share", &good)));
    for (field, value) in [
        ("size", json!("1")),
        ("protocol", json!("NFS")),
        ("metadata", json!([["a", "b"]])),
        ("sise", json!(1)),
        ("status", Value::Null),
    ] {
        let mut bad = good.clone();
        bad["share"][field] = value;
        assert!(!params.is_valid(&bad), "{bad}");
        assert_eq!(client.fails("create_share", &bad)["code"], -32602, "{bad}");
    }
    // What the service answers elsewhere.
    for (method, params) in [
        ("list_backends", json!({})),
        ("list_shares", of_dummy(json!({}))),
        ("get_share_stats", of_dummy(json!({}))),
        ("migration_get_info", of_dummy(json!({ "share": one }))),
    ] {
        let answer = client.ok(method, &params);
        let schema = schema_of(&desk, method, "result");
        assert!(schema.is_valid(&answer), "{method}: {:?}", schema.validate(&answer));
    }
    let error = client.fails("create_share", &json!({ "backend": "nobody", "share": one }));
    let whole: Value = serde_json::from_str(&desk.run(&["schema"]).stdout).unwrap();
    let data =
        json!({ "$ref": "#/components/schemas/ErrorDocument", "components": whole["components"] });
    let schema = jsonschema::validator_for(&data).unwrap();
    assert!(schema.is_valid(&error["data"]), "{:?}", schema.validate(&error["data"]));
}

#[test]
fn every_method_of_a_backend_is_there() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, "");
    let whole: Value = serde_json::from_str(&desk.run(&["schema"]).stdout).unwrap();
    let methods = whole["methods"].as_array().unwrap();
    let there: BTreeSet<_> = methods.iter().map(|one| one["name"].as_str().unwrap()).collect();
    let rooms = concat!(env!("CARGO_MANIFEST_DIR"), "/../runtime/host/src/backend");
    let mut seen = 0;
    let rooms = std::fs::read_dir(rooms).unwrap().map(|room| room.unwrap().path());
    for room in rooms.filter(|room| room.is_file()) {
        let text = std::fs::read_to_string(room).unwrap();
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("    pub async fn ") else { continue };
            let name = rest.split('(').next().unwrap();
            // Named as what it lists.
            let name = if name == "orphaned_leases" { "list_orphaned_leases" } else { name };
            assert!(there.contains(name), "the door lacks {name}");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
    for method in methods {
        let name = method["name"].as_str().unwrap();
        assert!(method["summary"].as_str().unwrap().ends_with('.'), "{name}");
        assert!(method["result"]["schema"].is_object(), "{name}");
        let parameters = method["params"].as_array().unwrap();
        let backend = parameters.iter().find(|one| one["name"] == "backend");
        assert_eq!(backend.is_some_and(|one| one["required"] == true), name != "list_backends");
    }
    // The service tells the same.
    let service = Service::start(&ground, &desk, &[]);
    assert_eq!(service.client().ok("rpc.discover", &json!({})), whole);
    let text = desk.fails(2, &["schema", "creat_share"]);
    assert!(text.contains("`create_share`"), "{text}");
}
