//! What a client may not do: malformed lines, wrong types, floods. The service answers with typed
//! errors and lives, and its memory stays bounded.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use super::of_dummy;
use crate::support::{Client, DUMMIES, Ground, Service, dummies_desk, dummy_desk, share};

/// The memory that a service may take beyond what it has when it begins, in bytes.
const MORE: u64 = 96 * 1024 * 1024;

fn service(ground: &Ground) -> Service {
    Service::start(ground, &dummy_desk(ground, ""), &[])
}

/// That the service still does its work.
fn works(client: &mut Client) {
    let one = share("one", 1);
    client.ok("create_share", &of_dummy(json!({ "share": one })));
    let one = super::recorded(client, &one.id);
    client.ok("delete_share", &of_dummy(json!({ "share": one })));
}

#[test]
fn what_is_no_request_is_a_typed_error() {
    let ground = Ground::new();
    let service = service(&ground);
    let mut client = service.client();
    let deep = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list_shares\",\"params\":{}1{}}}",
        "[".repeat(5000),
        "]".repeat(5000)
    );
    let many = format!("[{}]", vec!["1"; 300].join(","));
    for (line, code, id) in [
        (&b"nonsense"[..], -32700, Value::Null),
        (b"{\"jsonrpc\":", -32700, Value::Null),
        (b"\xff\xfe", -32700, Value::Null),
        (b"\x00", -32700, Value::Null),
        (b"[]", -32600, Value::Null),
        (b"7", -32600, Value::Null),
        (b"{}", -32600, Value::Null),
        (b"{\"jsonrpc\":\"1.0\",\"id\":4,\"method\":\"list_backends\"}", -32600, json!(4)),
        (b"{\"id\":\"x\",\"method\":\"list_backends\"}", -32600, json!("x")),
        (b"{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"list_backends\"}", -32600, Value::Null),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", -32600, json!(1)),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"list_backends\"}",
            -32600,
            Value::Null,
        ),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list_backends\",\"more\":1}",
            -32600,
            json!(1),
        ),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"nothing\"}", -32601, json!(1.5)),
        (b"{\"jsonrpc\":\"2.0\",\"id\":-1,\"method\":\"__init__\"}", -32601, json!(-1)),
        (b"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"rpc.cancel\"}", -32602, Value::Null),
        (deep.as_bytes(), -32602, json!(1)),
        (many.as_bytes(), -32600, Value::Null),
    ] {
        let answer = client.says(line);
        let line = String::from_utf8_lossy(line);
        let line = line.get(..line.len().min(80)).unwrap_or_default();
        assert_eq!(
            (&answer["error"]["code"], &answer["id"]),
            (&json!(code), &id),
            "{line}: {answer}"
        );
        assert_eq!(answer["error"]["data"]["blame"], "operator", "{line}");
    }
    // An identifier comes back to the letter.
    for id in ["18446744073709551616", "-0", "1.50", "\"a\\u0062\"", "null", "\"\""] {
        client.line(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"list_backends\"}}"));
        let answer = client.text();
        assert!(answer.contains(&format!("\"id\":{id},")), "{id}: {answer}");
    }
    // A request without an identifier is done, and not answered; an array of them neither.
    client.line(b"{\"jsonrpc\":\"2.0\",\"method\":\"list_backends\"}");
    client.line(b"[{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"}]");
    works(&mut client);
}

#[test]
fn parameters_of_the_wrong_type_are_refused_by_their_place() {
    let ground = Ground::new();
    let service = service(&ground);
    let mut client = service.client();
    let with = |field: &str, value: Value| {
        let mut share = super::json_of(&share("one", 1));
        share[field] = value;
        of_dummy(json!({ "share": share }))
    };
    for (params, wanted) in [
        (json!([]), "by name"),
        (Value::Null, "missing field `backend`"),
        (json!({}), "missing field `backend`"),
        (of_dummy(json!({})), "`share`"),
        (of_dummy(json!({ "share": 1 })), "share: invalid type"),
        (with("size", json!("1")), "share.size: invalid type"),
        (with("size", json!(-1)), "share.size: invalid value"),
        (with("size", json!(1e300)), "share.size: invalid"),
        (
            with("protocol", json!("NFS")),
            "share.protocol: unknown variant `NFS`, expected one of `nfs`",
        ),
        (with("metadata", json!([["a", "b"]])), "share.metadata: invalid type"),
        (with("metadata", json!({ "a": 1 })), "share.metadata"),
        (with("is_public", Value::Null), "share.is_public: invalid type"),
        (with("sise", json!(1)), "unknown field `sise`"),
        (json!({ "backend": 1 }), "backend: invalid type"),
        (json!({ "backend": "nobody", "share": share("one", 1) }), "no backend `nobody`"),
    ] {
        let error = client.fails("create_share", &params);
        assert_eq!(error["code"], -32602, "{params}: {error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(wanted), "{params}: {message}");
    }
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"migration_cancel","params":{"driver_info":{"a":"1","a":"2"}}}"#;
    let answer = client.says(twice);
    assert!(answer["error"]["message"].as_str().unwrap().contains("\"a\" is repeated"), "{answer}");
    assert!(ground.audit("dummy").iter().all(|line| line["method"] != "create-share"));
    works(&mut client);
}

#[test]
fn a_line_that_is_too_long_is_passed_over() {
    let ground = Ground::new();
    let service = service(&ground);
    let before = service.memory();
    let mut client = service.client();
    let answer = client.says(vec![b'['; 64 * 1024 * 1024]);
    assert_eq!(answer["error"]["code"], -32600, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("1048576 bytes"), "{answer}");
    works(&mut client);
    assert!(service.memory() < before + MORE, "{before} became {}", service.memory());
}

#[test]
fn ten_thousand_connections_opened_and_dropped() {
    let ground = Ground::new();
    let service = service(&ground);
    let mut client = service.client();
    works(&mut client);
    let before = service.memory();
    let mut open = Vec::new();
    for number in 0..10_000 {
        let mut stream = UnixStream::connect(&service.socket).unwrap();
        // Some say nothing, some half a request, some a whole one whose answer nobody reads. A
        // service that has enough of them closes before that is written.
        let _ = match number % 4 {
            0 => Ok(()),
            1 => stream.write_all(b"{\"jsonrpc\":"),
            2 => stream.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc.discover\"}\n"),
            _ => stream.write_all(b"nonsense\n"),
        };
        open.push(stream);
        if open.len() == 1_000 {
            open.clear();
        }
    }
    drop(open);
    works(&mut client);
    let mut late = crate::support::patiently(|| {
        let mut late = service.client();
        late.line(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list_backends\"}");
        (late.receive()["id"] == 1).then_some(late)
    });
    works(&mut late);
    assert!(service.memory() < before + MORE, "{before} became {}", service.memory());
}

/// Floods whose answers nobody reads, or whose text is kept while they run.
#[test]
fn memory_is_bounded_whatever_is_left_unread() {
    let ground = Ground::new();
    let service = Service::start(&ground, &dummies_desk(&ground, ""), &[]);
    let mut client = service.client();
    works(&mut client);
    let before = service.memory();
    let discover = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc.discover\"}";
    let numbered = |number: usize| discover.replace(":1,", &format!(":{number},"));
    let batch: Vec<_> = (0..abaca::door::ARRAY).map(numbered).collect();
    let batch = format!("[{}]\n", batch.join(","));
    let mut slow = share("slow", 1);
    slow.metadata.push(("sleep_ms".to_owned(), "60000".to_owned()));
    slow.metadata.push(("ballast".to_owned(), "x".repeat(900 * 1024)));
    let mut unread = Vec::new();
    for _ in 0..4 {
        let mut stream = UnixStream::connect(&service.socket).unwrap();
        stream.set_nonblocking(true).unwrap();
        for _ in 0..20 {
            // Until the service reads no more.
            if stream.write_all(batch.as_bytes()).is_err() {
                break;
            }
        }
        unread.push(stream);
    }
    // What runs keeps its text; beyond what is kept at once the rest is refused, with a reason.
    let asking = UnixStream::connect(&service.socket).unwrap();
    asking.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
    let mut sending = asking.try_clone().unwrap();
    let mut params = json!({ "share": slow });
    let writer = std::thread::spawn(move || {
        for (id, backend) in (0..abaca::door::ARRAY).zip(DUMMIES.into_iter().cycle()) {
            params["backend"] = backend.into();
            let ask = json!({ "jsonrpc": "2.0", "id": id, "method": "get_pool", "params": params });
            sending.write_all(format!("{ask}\n").as_bytes()).unwrap();
        }
    });
    let fits = abaca::door::REQUEST_BYTES / (900 * 1024);
    let mut answers = BufReader::new(&asking);
    for _ in fits..abaca::door::ARRAY {
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        assert!(line.contains("-32007"), "{line}");
    }
    writer.join().unwrap();
    assert!(service.memory() < before + 4 * MORE, "{before} became {}", service.memory());
    drop((unread, asking));
    // What they asked for is given up, and there is room again.
    crate::support::patiently(|| client.ask("list_backends", &json!({})).get("result").cloned());
    works(&mut client);
}

#[test]
fn a_name_of_any_length_costs_nothing() {
    let ground = Ground::new();
    let service = service(&ground);
    let mut client = service.client();
    let error = client.fails(&"list_share".repeat(90_000), &json!({}));
    assert_eq!(error["code"], -32601);
    assert!(error.to_string().len() < 2_000, "{error}");
}

#[test]
fn more_than_is_served_at_once_is_turned_away_with_a_reason() {
    let ground = Ground::new();
    let service = Service::start(&ground, &dummies_desk(&ground, ""), &[]);
    let held: Vec<_> = (0..abaca::door::CONNECTIONS).map(|_| service.client()).collect();
    let mut one_more = service.client();
    let answer = one_more.receive();
    assert_eq!(
        (&answer["error"]["code"], &answer["id"]),
        (&json!(-32007), &Value::Null),
        "{answer}"
    );
    assert!(one_more.is_closed());
    for mut client in held {
        assert_eq!(client.says("1")["error"]["code"], -32600);
    }

    // Requests of one client: those that run stay, and one more is refused.
    let mut client = crate::support::patiently(|| {
        let mut client = service.client();
        client.line("1");
        (client.receive()["error"]["code"] == -32600).then_some(client)
    });
    let mut slow = share("slow", 1);
    slow.metadata.push(("sleep_ms".to_owned(), "60000".to_owned()));
    for (_, backend) in (0..abaca::door::CALLS_PER_CONNECTION).zip(DUMMIES.iter().cycle()) {
        client.send("get_pool", &json!({ "backend": backend, "share": slow }));
    }
    let error = client.fails("list_backends", &json!({}));
    assert_eq!(error["code"], -32007, "{error}");
    let again = json!({ "jsonrpc": "2.0", "id": 1, "method": "list_backends" });
    assert_eq!(client.says(again.to_string())["error"]["code"], -32600, "its id is in use");
    drop(client);
    let mut other = service.client();
    // What was given up ends a little later, and keeps its place until then.
    let list = of_dummy(json!({}));
    crate::support::patiently(|| other.ask("list_shares", &list).get("result").cloned());
    works(&mut other);
}
