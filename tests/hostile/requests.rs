//! Lines at the JSON door that are no requests, or none that makes sense.

use serde_json::{Value, json};

use super::attacks;
use super::door::{at, discover, fails, says};
use crate::support::share;

attacks! { Door:
    /// Sends lines that are no JSON: noise, half an object, bytes that are no text.
    lines_that_are_nothing {
        attack: async |_| {
            at(|service| {
                says(
                    service,
                    &[b"nonsense", b"{\"jsonrpc\":", b"\xff\xfe", b"\0", b"{'a':1}", b"\x1b[2J"],
                )
            })
            .await
        },
        contained: "a typed error for each, and the connection goes on",
        refused: "\"code\":-32700",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }

    /// Sends JSON that is no request: numbers, empty arrays, other versions, methods that are
    /// numbers.
    json_that_is_no_request {
        attack: async |_| {
            at(|service| {
                says(
                    service,
                    &[
                        b"7",
                        b"[]",
                        b"{}",
                        b"null",
                        b"\"text\"",
                        b"{\"jsonrpc\":\"1.0\",\"id\":4,\"method\":\"list_backends\"}",
                        b"{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"list_backends\"}",
                        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}",
                        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list_backends\",\"more\":1}",
                    ],
                )
            })
            .await
        },
        contained: "a typed error for each",
        refused: "\"code\":-32600",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }

    /// Says an identifier, a method and a parameter twice.
    keys_said_twice {
        attack: async |_| {
            at(|service| {
            says(service, &[
                b"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"list_backends\"}",
                b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list_backends\",\"method\":\"create_share\"}",
                b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list_shares\",\"params\":{\"backend\":\"home\",\"backend\":\"hostile\"}}",
            ])
        }).await
        },
        contained: "refused: which of the two was meant is nobody's guess",
        refused: "duplicate field",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }

    /// Nests its parameters a hundred thousand levels deep.
    parameters_without_a_bottom {
        attack: async |_| {
            at(|service| {
            let deep = |levels: usize| {
                format!(
                    "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list_shares\",\"params\":{}{}}}",
                    "[".repeat(levels),
                    "]".repeat(levels),
                )
            };
            says(service, &[deep(5_000).as_bytes(), deep(100_000).as_bytes()])
        }).await
        },
        contained: "refused; the service's stack is not the client's to use up",
        refused: "\"code\":-32",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }

    /// Sends one line of 32 MiB.
    a_line_without_end {
        attack: async |_| {
            at(|service| {
                let line = vec![b'['; 32 << 20];
                says(service, &[&line])
            })
            .await
        },
        contained: "passed over, with an error, and never held in memory",
        refused: "1048576 bytes",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }

    /// Calls methods that are none, or not a client's to call.
    methods_that_are_none {
        attack: async |_| {
            at(|service| {
                let mut client = service.client();
                [
                    "__init__",
                    "create-share",
                    "do_setup ",
                    "",
                    "rpc.",
                    "describe",
                    "list_shares\u{0}",
                    "../list_shares",
                ]
                .map(|method| client.fails(method, &json!({ "backend": "home" })).to_string())
                .into()
            })
            .await
        },
        contained: "a typed error for each",
        refused: "-32601",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }

    /// Gives parameters of other types, unknown names, and none.
    parameters_of_other_types {
        attack: async |_| {
            at(|service| {
                let good = serde_json::to_value(share("one", 1)).unwrap();
                let with = |field: &str, value: Value| {
                    let mut share = good.clone();
                    share[field] = value;
                    json!({ "backend": "home", "share": share })
                };
                fails(
                    &mut service.client(),
                    "create_share",
                    &[
                        json!([]),
                        Value::Null,
                        json!({}),
                        json!({ "backend": 1 }),
                        with("size", json!(-1)),
                        with("size", json!(1e300)),
                        with("size", json!("1")),
                        with("protocol", json!("NFS")),
                        with("metadata", json!([["a", "b"]])),
                        with("is_public", Value::Null),
                        with("sise", json!(1)),
                    ],
                )
            })
            .await
        },
        contained: "refused by their place; nothing is recorded",
        refused: "-32602",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }

    /// Says numbers that no machine holds, and texts that are none, where a size or a name belongs.
    numbers_beyond_all {
        attack: async |_| {
            at(|service| {
                let good = serde_json::to_string(&share("one", 1)).unwrap();
                let size = "\"size\":1";
                assert!(good.contains(size), "{good}");
                let numbers = [
                    "1e400",
                    "-1e400",
                    "18446744073709551616",
                    "99999999999999999999999999999999999999",
                    "1.0",
                    "1e0",
                    "-0.5",
                    "-9223372036854775809",
                    "true",
                    "[1]",
                    "{\"1\":1}",
                ];
                let params = numbers.map(|number| good.replace(size, &format!("\"size\":{number}")));
                let name = good.replace("\"name\":\"", "\"name\":\"\\ud800");
                assert_ne!(name, good);
                let lines: Vec<String> = params
                    .into_iter()
                    .chain([name])
                    .map(|share| {
                        format!(
                            "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"create_share\",\"params\":\
                             {{\"backend\":\"home\",\"share\":{share}}}}}"
                        )
                    })
                    .collect();
                let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
                says(service, &lines)
            })
            .await
        },
        contained: "refused: a size is a whole number that fits, and a text is Unicode",
        refused: "\"code\":-32",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }

    /// Says a key a second time with its letters escaped.
    keys_in_other_letters {
        attack: async |_| {
            at(|service| {
                says(
                    service,
                    &[
                        br#"{"jsonrpc":"2.0","id":1,"method":"list_backends","meth\u006fd":"list_shares"}"#,
                        br#"{"jsonrpc":"2.0","id":1,"\u0069d":2,"method":"list_backends"}"#,
                        br#"{"jsonrpc":"2.0","id":1,"method":"list_shares","params":{"backend":"home","b\u0061ckend":"hostile"}}"#,
                        br#"{"jsonrpc":"2.0","id":1,"method":"list_shares","params":{"\u0062ackend":"hostile","backend":"home"}}"#,
                    ],
                )
            })
            .await
        },
        contained: "refused: a key is what it says, however it is spelt",
        refused: "duplicate field",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }

    /// Names backends that are none: paths, other cases, nothing.
    backends_that_are_none {
        attack: async |_| {
            at(|service| {
                let names = ["../home", "home/", "HOME", "", "home\u{0}", "*", "nobody"];
                let all = names.map(|name| json!({ "backend": name }));
                fails(&mut service.client(), "list_shares", &all)
            })
            .await
        },
        contained: "refused: a backend is one of the configuration's",
        refused: "no backend `",
        twin: async |_| at(discover).await,
        answers: "\"result\"",
    }
}
