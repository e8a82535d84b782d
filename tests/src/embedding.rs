//! The example of a service that embeds the library: it really serves two backends, and is as short
//! as it shows.

#[path = "../../runtime/host/examples/two_backends.rs"]
#[expect(dead_code, reason = "what it is as a program is not used here")]
mod two_backends;

use serde_json::json;

use crate::support::{Client, Desk, Ground, component, patiently, programs, share};

const EXAMPLE: &str = include_str!("../../runtime/host/examples/two_backends.rs");

#[test]
fn the_example_is_under_sixty_lines() {
    assert!(EXAMPLE.lines().count() < 60);
}

#[test]
fn the_example_serves_two_backends_and_finds_their_shares_again() {
    let ground = Ground::new();
    let driver = component("abaca-driver-dummy");
    let nothing = ground.path().join("nothing.wasm");
    let mut text = String::new();
    for (name, driver) in [("one", &driver), ("two", &driver), ("broken", &nothing)] {
        ground.write(&format!("{name}.policy.toml"), "schema = 1\ndriver = \"dummy\"\n");
        let own = Desk::text(&ground, name, driver);
        // What holds for all is said once.
        let (common, own) = own.split_once("[backends.").unwrap();
        text = match text.as_str() {
            "" => format!("{common}[backends.{own}"),
            _ => format!("{text}\n[backends.{own}"),
        };
    }
    let file = ground.write("abaca.toml", &text);
    let socket = ground.path().join("door.sock");
    let shares = ["one", "two"].map(|name| (name, share(name, 1)));
    for restarted in [false, true] {
        let service = tokio::runtime::Runtime::new().unwrap();
        let (file, socket_of) = (file.clone(), socket.clone());
        let serving =
            service.spawn(async move { two_backends::serve(&file, &programs(), &socket_of).await });
        let mut client = patiently(|| {
            assert!(!serving.is_finished(), "it ended by itself");
            Client::connect(&socket).ok()
        });
        let backends = client.ok("list_backends", &json!({}));
        let errors = backends.as_array().unwrap().iter().map(|one| one["error"].is_null());
        assert_eq!(errors.collect::<Vec<_>>(), [false, true, true], "{backends}");
        for (backend, one) in &shares {
            if !restarted {
                client.ok("create_share", &json!({ "backend": backend, "share": one }));
            }
            let list = client.ok("list_shares", &json!({ "backend": backend }));
            assert_eq!(list[0]["share"]["id"], one.id, "{list}");
            assert_eq!(list[0]["share"]["status"], "available");
        }
        drop(client);
        service.shutdown_background();
        // Ended in the background, it may have come to removing its socket, or not.
        if let Err(error) = std::fs::remove_file(&socket) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
        }
    }
}
