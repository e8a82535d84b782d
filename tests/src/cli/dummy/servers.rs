//! Share servers: set up by command or for a share, chosen, shown and removed.

use std::collections::BTreeMap;
use std::process::Stdio;

use abaca::{BackendConfiguration, Limits, OptionValue};

use super::{desk, failing, list, serving, text, without_leases};
use crate::support::{Ground, load, runtime};

#[test]
fn a_server_carries_shares_from_its_setup_to_its_teardown() {
    let ground = Ground::new();
    let desk = serving(&ground);
    let service = ground.write("ldap.toml", "type = \"ldap\"\npassword = \"hidden\"\n");
    let service = service.to_str().unwrap();
    let setup = ["share-server", "setup", "--share-network", "net-1", "--security-service"];
    let server = desk.json(&[&setup[..], &[service]].concat());
    assert_eq!((text(&server, "status"), text(&server, "share_network_id")), ("active", "net-1"));
    assert_eq!(server["addresses"][0]["ip_address"], "10.7.0.10");
    assert_eq!(server["details"]["security_services"], "ldap");
    let id = text(&server, "id");
    assert_eq!(
        desk.json(&["share-server", "show", id.get(..8).unwrap()])["addresses"],
        server["addresses"]
    );

    // A share of the network lies on it, named or chosen.
    let refused = desk.fails(2, &["share", "create", "one", "--size", "1"]);
    assert!(refused.contains("--share-network"), "{refused}");
    let create = ["share", "create", "one", "--size", "1", "--share-network", "net-1"];
    let one = desk.json(&create);
    assert_eq!((text(&one, "share_server_id"), text(&one, "share_network_id")), (id, "net-1"));
    let two = ["share", "create", "two", "--size", "1", "--share-server", id.get(..8).unwrap()];
    assert_eq!(text(&desk.json(&two), "share_server_id"), id);
    let other = ["share", "create", "x", "--size", "1", "--share-server", id];
    let refused = desk.fails(2, &[&other[..], &["--share-network", "net-2"]].concat());
    assert!(refused.contains("net-1") && refused.contains("net-2"), "{refused}");
    // Of another network: a new one is set up.
    let three = ["share", "create", "three", "--size", "1", "--share-network", "net-2"];
    let three = desk.json(&three);
    assert_ne!(text(&three, "share_server_id"), id);
    assert!(three["export_locations"][0].as_str().unwrap().starts_with("10.7.0.11:"), "{three}");
    let servers = desk.json(&["share-server", "list"]);
    assert_eq!(list(&servers, "share_servers").len(), 2, "{servers}");

    // Everything about a share is asked of its server.
    desk.json(&["share", "extend", "one", "--size", "3"]);
    desk.json(&["share", "shrink", "one", "--size", "2"]);
    desk.json(&["access", "allow", "one", "ip", "192.0.2.7"]);
    desk.json(&["snapshot", "create", "one", "kept"]);
    let clone = desk.json(&["share", "create", "clone", "--from-snapshot", "kept"]);
    assert_eq!(text(&clone, "share_server_id"), id, "content stays where it is");
    let teardown = ["share-server", "teardown", id];
    let refused = desk.fails(2, &teardown);
    assert!(refused.contains("abaca share delete"), "{refused}");

    desk.json(&["snapshot", "delete", "kept"]);
    for name in ["one", "two", "three", "clone"] {
        desk.json(&["share", "delete", name]);
    }
    desk.json(&[&teardown[..], &["--security-service", service]].concat());
    desk.json(&["share-server", "teardown", text(&three, "share_server_id")]);
    assert!(list(&desk.json(&["share-server", "list"]), "share_servers").is_empty());
    let records = std::fs::read(ground.state().join("dummy/state.db")).unwrap();
    assert!(!records.windows(6).any(|six| six == b"hidden"), "no password is recorded");
}

#[test]
fn shares_made_at_the_same_time_lie_on_one_server() {
    let ground = Ground::new();
    let desk = serving(&ground);
    let create = |name: &str| {
        let words = ["share", "create", name, "--size", "1", "--share-network", "net-7", "--json"];
        desk.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let all: Vec<_> = ["one", "two", "three"].map(create).into();
    for process in all {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let servers = desk.json(&["share-server", "list"]);
    assert_eq!(list(&servers, "share_servers").len(), 1, "{servers}");
    let shares = desk.json(&["share", "list"]);
    let id = &list(&servers, "share_servers")[0]["id"];
    assert!(list(&shares, "shares").iter().all(|share| share["share_server_id"] == *id));
    let locks = std::fs::read_dir(ground.state().join("dummy/locks")).unwrap();
    assert_eq!(locks.count(), 0, "each has given it back");
}

#[test]
fn what_fails_stays_to_be_removed() {
    let ground = Ground::new();
    let desk = serving(&ground);
    let broken = failing(&desk, "setup-server:share-server-failed=no cable");
    broken.fails(3, &["share", "create", "one", "--size", "1", "--share-network", "net"]);
    assert_eq!(desk.share("one"), serde_json::Value::Null, "there was no server for it");
    let servers = desk.json(&["share-server", "list"]);
    let server = &list(&servers, "share_servers")[0];
    assert_eq!(text(server, "status"), "error");
    assert!(text(server, "message").contains("no cable"), "{server}");
    assert!(list(server, "addresses").is_empty(), "its leases have ended: {server}");
    let named = ["share", "create", "one", "--size", "1", "--share-server", text(server, "id")];
    assert!(desk.fails(2, &named).contains("only an active one"));
    desk.json(&["share-server", "teardown", text(server, "id")]);

    let wrong = ["share-server", "setup", "--network-type", "flat", "--segmentation-id", "7"];
    // What is leased says what the network is; without leases it is what the command says.
    let server = desk.json(&wrong);
    desk.json(&["share-server", "teardown", text(&server, "id")]);
    let desk = without_leases(&ground);
    let refused = desk.fails(2, &wrong);
    assert!(refused.contains("segmentation id 7"), "{refused}");
    desk.fails(2, &["share-server", "setup", "--security-service", "/nowhere/ldap.toml"]);
    let file = ground.write("nis.toml", "type = \"nis\"\npassword = \"hidden\"\n");
    let wrong = ["share-server", "setup", "--security-service", file.to_str().unwrap()];
    let refused = desk.fails(2, &wrong);
    assert!(refused.contains("nis") && !refused.contains("hidden"), "{refused}");
}

#[test]
fn without_share_servers_none_is_asked_for() {
    let ground = Ground::new();
    let desk = desk(&ground);
    for command in [
        &["share-server", "setup"][..],
        &["share", "create", "one", "--size", "1", "--share-network", "net"],
        &["consistency-group", "create", "g", "--share-network", "net"],
    ] {
        let refused = desk.fails(2, command);
        assert!(refused.contains("driver_handles_share_servers = true"), "{refused}");
    }
    let none = desk.run(&["share-server", "list"]);
    assert_eq!(none.stdout, "no share servers\n");
}

#[tokio::test]
async fn leases_without_a_server_are_shown_and_ended() {
    let ground = Ground::new();
    let desk = serving(&ground);
    let driver = load(&runtime(Limits::default()), "abaca-driver-dummy").await;
    let text = |text: &str| OptionValue::Text(text.to_owned());
    let configuration = BackendConfiguration {
        name: "dummy".to_owned(),
        policy: ground.path().join("dummy.policy.toml"),
        approved: false,
        state: ground.state(),
        options: BTreeMap::from([
            ("driver_handles_share_servers".to_owned(), OptionValue::Boolean(true)),
            ("standalone_network_plugin_gateway".to_owned(), text("10.7.0.1")),
            ("standalone_network_plugin_mask".to_owned(), text("24")),
        ]),
        networks: BTreeMap::new(),
    };
    let backend = abaca::Backend::open(driver, configuration).await.unwrap();
    backend.allocate_network("lost", None, Some(2)).await.unwrap();
    let found = desk.json(&["share-server", "list", "--leases"]);
    let leases = list(&found["orphaned_leases"][0], "leases");
    assert_eq!((leases.len(), &leases[0]["server_id"]), (2, &"lost".into()), "{found}");
    let found = desk.run(&["share-server", "list", "--leases"]).stdout;
    assert!(found.contains("lost") && found.contains("abaca share-server release"), "{found}");
    assert!(desk.fails(2, &["share-server", "release", "found"]).contains("--leases"));
    assert_eq!(desk.json(&["share-server", "release", "lost"])["released"]["leases"], 2);
    let found = desk.run(&["share-server", "list", "--leases"]).stdout;
    assert!(found.contains("no leases without a share server"), "{found}");
}
