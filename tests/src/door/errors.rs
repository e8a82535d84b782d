//! Every error of the contract comes through JSON as the driver said it, and to the exit code as
//! whose fault it was.

use std::io::{BufRead, BufReader, Write};

use serde_json::{Value, json};

use super::{json_of, of_dummy, recorded};
use crate::dummy::errors::CASES;
use crate::support::{Ground, Service, dummy_desk, patiently, share};

/// Methods in which no error means anything but that they failed.
const METHODS: [&str; 4] =
    ["ensure_share", "get_pool", "migration_get_info", "migration_get_driver_info"];

/// The share, asking the driver for a failure of a method.
fn failing(share: &Value, method: &str, case: &str, text: &str) -> Value {
    let mut share = share.clone();
    share["metadata"] = json!({ "fail": format!("{}:{case}={text}", method.replace('_', "-")) });
    share
}

#[test]
fn every_error_travels_unchanged_to_json_and_to_the_exit_code() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, "");
    let service = Service::start(&ground, &desk, &[]);
    let socket = service.socket.to_str().unwrap().to_owned();
    let mut client = service.client();
    let one = share("one", 1);
    client.ok("create_share", &of_dummy(json!({ "share": one })));
    let one = recorded(&mut client, &one.id);
    for ((case, make, blame), method) in CASES.into_iter().zip(METHODS.into_iter().cycle()) {
        let said = format!("what {case} says: ü=\"1\"\u{1b}[2J");
        let params = json!({ "share": failing(&one, method, case, &said) });
        let error = client.fails(method, &of_dummy(params.clone()));
        let data = &error["data"];
        assert_eq!(data["driver"], json_of(&make(said.clone())), "{case}");
        let (name, _) = data["driver"].as_object().unwrap().iter().next().unwrap();
        assert_eq!(name, case, "the contract's word");
        assert_eq!((&data["kind"], &data["blame"]), (&json!("driver"), &json_of(&blame)), "{case}");
        let code = match blame {
            abaca::Blame::Operator => 2,
            abaca::Blame::Driver => 3,
            abaca::Blame::Backend => 4,
            abaca::Blame::Runtime => 5,
        };
        assert_eq!(error["code"], -32000 - code, "{case}");

        // The same from the shell, through the service and without it.
        let params = params.to_string();
        let by_service = ["call", "--socket", &socket, "dummy", method, &params, "--json"];
        let alone = ["call", "dummy", method, &params, "--json"];
        for words in [&by_service[..], &alone[..]] {
            let answer = desk.run(words);
            assert_eq!(answer.code, Some(code), "{case}: {answer:?}");
            let document = answer.failure();
            assert_eq!(document["error"]["driver"], data["driver"], "{case}");
            assert_eq!(document["error"]["blame"], data["blame"], "{case}");
            assert_eq!(document["error"]["message"], data["message"], "{case}");
        }
    }
}

#[test]
fn what_is_under_way_is_told_from_what_cannot_be() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, "");
    let service = Service::start(&ground, &desk, &[]);
    let socket = service.socket.to_str().unwrap().to_owned();
    let (mut client, mut slow) = (service.client(), service.client());
    let mut one = share("one", 1);
    one.metadata = vec![("sleep_ms".to_owned(), "600000".to_owned())];
    slow.send("create_share", &of_dummy(json!({ "share": one })));
    patiently(|| (!recorded(&mut client, &one.id).is_null()).then_some(()));
    let params = json!({ "share": recorded(&mut client, &one.id) });
    let error = client.fails("delete_share", &of_dummy(params.clone()));
    assert_eq!((&error["code"], &error["data"]["kind"]), (&json!(-32007), &json!("busy")));
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("create-share is under way"), "{message}");
    let params = params.to_string();
    let by_service = ["call", "--socket", &socket, "dummy", "delete_share", &params, "--json"];
    let alone = ["call", "dummy", "delete_share", &params, "--json"];
    for words in [&by_service[..], &alone[..]] {
        let answer = desk.run(words);
        assert_eq!(answer.code, Some(7), "{answer:?}");
        let document: Value = serde_json::from_str(&answer.stderr).unwrap();
        assert_eq!(document["error"]["kind"], "busy", "{document}");
    }
    // What cannot be stays the operator's.
    let mut none = share("none", 1);
    none.size = 0;
    let error = client.fails("create_share", &of_dummy(json!({ "share": none })));
    assert_eq!((&error["code"], &error["data"]["kind"]), (&json!(-32002), &json!("invalid")));
}

#[test]
fn what_there_is_of_what_could_not_be_made_comes_with_the_error() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, super::lifecycles::NETWORK);
    desk.edit("abaca.toml", "servers = false", "servers = true");
    let service = Service::start(&ground, &desk, &[]);
    let mut client = service.client();
    let info = json!({ "server_id": "s", "share_network_id": "network" });
    let params = json!({
        "network_info": info, "metadata": { "fail": "setup-server:backend-failed=the disks are full" },
    });
    let error = client.fails("setup_server", &of_dummy(params));
    assert_eq!(error["data"]["driver"], json!({ "backend-failed": "the disks are full" }));
    assert_eq!(error["data"]["server_details"]["server_id"], "s");
}

#[test]
fn a_backend_that_cannot_be_used_does_not_keep_the_others() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, "");
    let text = std::fs::read_to_string(&desk.file).unwrap();
    let broken = "\n[backends.broken]\ndriver = \"nothing.wasm\"\npolicy = \"dummy.policy.toml\"\n\
                  approved = false\n\
                  [backends.broken.options]\ndriver_handles_share_servers = false\n";
    ground.write("abaca.toml", &(text + broken));
    let service = Service::start(&ground, &desk, &[]);
    let mut client = service.client();
    let backends = client.ok("list_backends", &json!({}));
    assert_eq!((&backends[0]["name"], &backends[0]["driver"]), (&json!("broken"), &Value::Null));
    let said = backends[0]["error"]["message"].as_str().unwrap();
    assert!(said.contains("nothing.wasm"), "{said}");
    let error = client.fails("list_shares", &json!({ "backend": "broken" }));
    assert_eq!((&error["data"]["message"], &error["code"]), (&json!(said), &json!(-32002)));
    client.ok("get_share_stats", &of_dummy(json!({})));
}

#[test]
fn a_call_from_the_shell_is_looked_at_before_the_backend_is_opened() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, "");
    for (words, wanted) in [
        (&["call", "dummy", "creat_share"][..], "did you mean `create_share`"),
        (&["call", "dummy", "create_share", "[]"], "no JSON object"),
        (&["call", "dummy", "create_share", "{\"backend\": \"x\"}"], "duplicate field `backend`"),
        (&["call", "dummy", "list_shares", "{\"a\": 1, \"a\": 2}"], "unknown field `a`"),
        (&["call", "dummy", "create_share", "{\"share\": {\"size\": \"1\"}}"], "share.size"),
        (&["call", "dummy", "create_share", "{\"shar\": {}}"], "`shar`"),
        (&["call", "dummi", "list_shares"], "no backend `dummi`"),
        (&["call", "--socket", "/nowhere", "dummy", "list_shares"], "/nowhere"),
    ] {
        let text = desk.fails(2, words);
        assert!(text.contains(wanted), "{words:?}: {text}");
    }
    assert!(!ground.state().join("dummy").exists(), "nothing was opened");
    let advice = desk.run(&["call", "dummy", "list_shares", "7"]).stderr;
    assert!(advice.contains("`backend` is what the command line names"), "{advice}");
    assert_eq!(desk.run(&["call", "dummy", "list_shares"]).stdout, "[]\n");
}

#[test]
fn a_service_is_asked_without_its_configuration() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, "");
    let service = Service::start(&ground, &desk, &[]);
    let socket = service.socket.to_str().unwrap().to_owned();
    let asked = ["call", "--socket", &socket, "dummy", "list_shares"];
    let mut command = desk.command(&asked);
    let output = command.env("ABACA_CONFIG", "/nowhere/abaca.toml").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "[]\n");
    // What happens to a service is not a mistake of Abaca's.
    let held: Vec<_> = (0..abaca::door::CONNECTIONS).map(|_| service.client()).collect();
    let answer = desk.run(&asked);
    assert!(answer.stderr.contains("clients are connected already"), "{answer:?}");
    assert_eq!(answer.code, Some(7), "it is for nobody to mend, but to ask again");
    drop((held, service));
    assert!(desk.fails(2, &asked).contains("cannot connect"));
    // Something else listens there: it says nothing, or nothing that can be understood.
    std::fs::remove_file(&socket).unwrap();
    let other = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let serving = std::thread::spawn(move || {
        for answer in ["", "{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":[]}\n", "nonsense\n"] {
            let (mut client, _) = other.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&client).read_line(&mut line).unwrap();
            client.write_all(answer.as_bytes()).unwrap();
        }
    });
    assert!(desk.fails(2, &asked).contains("went away"));
    assert!(desk.fails(2, &asked).contains("does not answer as"));
    assert!(desk.fails(2, &asked).contains("does not answer as"));
    serving.join().unwrap();
}
