//! Replicas of a share, with its rules and its snapshots.

use serde_json::Value;

use super::{desk, failing, list, serving, text};
use crate::support::{Desk, Ground};

/// The share `one`, which can have replicas, and the identifier of a second one.
fn replicated(desk: &Desk) -> String {
    let one = desk.json(&["share", "create", "one", "--size", "1", "--replicated"]);
    assert_eq!(text(&one, "replica_state"), "active");
    second(desk)
}

fn second(desk: &Desk) -> String {
    let replica = desk.json(&["replica", "create", "one"]);
    assert_eq!((text(&replica, "status"), text(&replica, "share_name")), ("available", "one"));
    text(&replica, "id").to_owned()
}

/// The state of each replica of `one`.
fn states(desk: &Desk) -> Vec<(String, String)> {
    let found = desk.json(&["replica", "list", "one"]);
    let state = |one: &Value| (text(one, "id").to_owned(), text(one, "replica_state").to_owned());
    list(&found, "replicas").iter().map(state).collect()
}

/// Asks for the state of a replica, and says it.
fn updated(desk: &Desk, replica: &[&str]) -> String {
    let answer = desk.json(&[&["replica", "update"][..], replica].concat());
    text(&list(&answer, "replicas")[0], "replica_state").to_owned()
}

#[test]
fn a_replica_takes_the_place_of_the_active_one() {
    let ground = Ground::new();
    let desk = desk(&ground);
    desk.json(&["share", "create", "plain", "--size", "1"]);
    let refused = desk.fails(2, &["replica", "create", "plain"]);
    assert!(refused.contains("--replicated"), "{refused}");
    let new = replicated(&desk);
    let id = text(&desk.share("one"), "id").to_owned();
    let named = |id: &str, state: &str| (id.to_owned(), state.to_owned());
    assert_eq!(states(&desk), [named(&id, "active"), named(&new, "out-of-sync")]);
    // To its user it is one share, with one set of rules.
    assert_eq!(list(&desk.json(&["share", "list"]), "shares").len(), 2);
    desk.json(&["access", "allow", "one", "ip", "192.0.2.7"]);

    let refused = desk.fails(2, &["replica", "promote", &new]);
    assert!(refused.contains("out-of-sync") && refused.contains("--force"), "{refused}");
    assert_eq!(updated(&desk, &[&new]), "out-of-sync");
    assert_eq!(updated(&desk, &[]), "in-sync");
    for (command, next) in [
        (["replica", "update", &id], "the others follow"),
        (["replica", "promote", &id], "already"),
        (["replica", "delete", &id], "promote another one"),
        (["share", "delete", "one"], "abaca replica delete"),
    ] {
        let refused = desk.fails(2, &command);
        assert!(refused.contains(next), "{command:?}: {refused}");
    }
    let resize = desk.fails(2, &["share", "extend", "one", "--size", "5"]);
    assert!(resize.contains("abaca replica delete"), "{resize}");

    let promoted = desk.json(&["replica", "promote", &new]);
    assert_eq!(text(&promoted, "replica_state"), "active");
    assert_eq!(states(&desk), [named(&id, "out-of-sync"), named(&new, "active")]);
    // It is the same share, with the same rules, at another place.
    let one = desk.share("one");
    assert_eq!(text(&one, "id"), id);
    assert_eq!(one["export_locations"], promoted["export_locations"]);
    let rules = desk.json(&["access", "list", "one"]);
    assert_eq!(list(&rules, "rules")[0]["to"], "192.0.2.7", "{rules}");
    desk.json(&["access", "deny", "one", "ip", "192.0.2.7"]);

    let gone = desk.json(&["replica", "delete", &id]);
    assert_eq!(text(&gone["deleted"], "id"), id);
    assert_eq!(states(&desk), [named(&new, "active")]);
    desk.json(&["share", "delete", "one"]);
    assert_eq!(list(&desk.json(&["replica", "list"]), "replicas").len(), 0);
}

#[test]
fn a_new_replica_has_the_rules_of_the_others() {
    let ground = Ground::new();
    let desk = desk(&ground);
    desk.json(&["share", "create", "one", "--size", "1", "--replicated"]);
    desk.json(&["access", "allow", "one", "ip", "192.0.2.7", "--level", "ro"]);
    let new = second(&desk);
    desk.json(&["replica", "promote", &new, "--force"]);
    let rules = desk.json(&["access", "list", "one"]);
    assert_eq!((text(&rules, "status"), list(&rules, "rules").len()), ("active", 1), "{rules}");
}

#[test]
fn a_snapshot_is_one_on_all_replicas() {
    let ground = Ground::new();
    let desk = desk(&ground);
    let new = replicated(&desk);
    let status = |snapshot: &Value| {
        let status = |one: &Value| text(one, "status").to_owned();
        let instances: Vec<_> = list(snapshot, "instances").iter().map(status).collect();
        (text(snapshot, "status").to_owned(), instances.join(" "))
    };
    let pair = |whole: &str, instances: &str| (whole.to_owned(), instances.to_owned());
    let kept = desk.json(&["snapshot", "create", "one", "kept"]);
    assert_eq!(status(&kept), pair("creating", "available creating"));
    let refused = desk.fails(2, &["snapshot", "delete", "kept"]);
    assert!(refused.contains("abaca snapshot update"), "{refused}");
    for (now, words) in [
        (pair("creating", "available creating"), &["snapshot", "update", "kept"][..]),
        (pair("available", "available available"), &["snapshot", "update"]),
    ] {
        let updated = desk.json(words);
        assert_eq!(status(&list(&updated, "snapshots")[0]), now);
    }
    assert_eq!(list(&desk.json(&["snapshot", "list", "one"]), "snapshots").len(), 1);

    // A third replica gets what there is; the second one takes its part of it with it.
    let third = second(&desk);
    let shown = desk.json(&["snapshot", "show", "kept"]);
    assert_eq!(status(&shown), pair("creating", "available available creating"));
    desk.json(&["snapshot", "update", "kept"]);
    desk.json(&["replica", "delete", &new]);
    let shown = desk.json(&["snapshot", "show", "kept"]);
    assert_eq!(status(&shown), pair("available", "available available"));
    let clone = desk.json(&["share", "create", "clone", "--from-snapshot", "kept"]);
    assert_eq!(clone["from_snapshot"], shown["id"]);

    let left = desk.json(&["snapshot", "delete", "kept"]);
    assert_eq!(status(&left), pair("deleting", "deleting"));
    let updated = desk.json(&["snapshot", "update"]);
    assert!(list(&updated, "snapshots").is_empty(), "{updated}");
    assert!(list(&desk.json(&["snapshot", "list"]), "snapshots").is_empty());
    desk.json(&["replica", "delete", &third]);
    // Without replicas it is an ordinary one.
    let kept = desk.json(&["snapshot", "create", "one", "kept"]);
    assert_eq!(status(&kept), pair("available", "available"));
    assert_eq!(desk.json(&["snapshot", "delete", "kept"])["deleted"]["name"], "kept");
}

#[test]
fn what_fails_is_shown_and_can_be_tried_again() {
    let ground = Ground::new();
    let desk = desk(&ground);
    let new = replicated(&desk);
    let broken = failing(&desk, "create-replica:replication-failed=no link");
    broken.fails(3, &["replica", "create", "one"]);
    let found = desk.json(&["replica", "list"]);
    let third = &list(&found, "replicas")[2];
    assert_eq!((text(third, "status"), text(third, "replica_state")), ("error", "error"));
    assert!(text(third, "message").contains("no link"), "{third}");
    desk.json(&["replica", "delete", text(third, "id")]);

    let broken = failing(&desk, "update-replica-state:backend-failed");
    let answer = broken.run(&["replica", "update", "--json"]);
    assert_eq!(answer.code, Some(4), "{answer:?}");
    let document: Value = serde_json::from_str(&answer.stdout).unwrap();
    let failures = list(&document, "failures");
    assert!(failures[0]["driver"]["backend-failed"].is_string(), "{document}");
    assert_eq!(text(&list(&document, "replicas")[0], "replica_state"), "error");
    assert_eq!(updated(&desk, &[]), "out-of-sync");
    let now = desk.json(&["replica", "list"]);
    assert_eq!(text(&list(&now, "replicas")[1], "status"), "available", "it follows again");

    // A promotion that failed leaves all in error, and what each was for the share.
    let broken = failing(&desk, "promote-replica:replication-failed");
    let id = text(&desk.share("one"), "id").to_owned();
    broken.fails(3, &["replica", "promote", &new, "--force"]);
    assert_eq!(text(&desk.share("one"), "status"), "error");
    assert!(desk.fails(2, &["replica", "promote", &new]).contains("--force"));
    desk.json(&["replica", "promote", &new, "--force"]);
    assert_eq!(text(&desk.share("one"), "status"), "available");
    let broken = failing(&desk, "delete-replica:other");
    broken.fails(3, &["replica", "delete", &id]);
    desk.json(&["replica", "delete", &id]);
}

#[test]
fn a_replica_has_a_share_server_of_its_share_network() {
    let ground = Ground::new();
    let desk = serving(&ground);
    let create = ["share", "create", "one", "--size", "1", "--replicated", "--share-network"];
    let one = desk.json(&[&create[..], &["net"]].concat());
    let replica = desk.json(&["replica", "create", "one"]);
    assert_eq!(replica["share_server_id"], one["share_server_id"]);
    assert!(replica["export_locations"][0].as_str().unwrap().starts_with("10.7.0.10:"));
    updated(&desk, &[]);
    desk.json(&["replica", "promote", text(&replica, "id"), "--force"]);
    assert_eq!(desk.share("one")["share_server_id"], one["share_server_id"]);
}

#[test]
fn a_driver_without_replication_makes_no_share_for_it() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let create = ["share", "create", "one", "--size", "1", "--replicated"];
    let refused = desk.fails(2, &create);
    assert!(refused.contains("`replication`") && refused.contains("directory"), "{refused}");
    assert_eq!(desk.share("one"), Value::Null);
}

#[test]
fn a_pool_that_is_named_is_used_or_refused() {
    let ground = Ground::new();
    let desk = desk(&ground);
    let made =
        desk.json(&["share", "create", "one", "--size", "1", "--replicated", "--pool", "beta"]);
    assert_eq!(text(&made, "pool"), "beta", "{made}");
    desk.json(&["replica", "create", "one", "--pool", "alpha"]);
    for words in [
        &["share", "create", "two", "--size", "1", "--pool", "gamma"][..],
        &["replica", "create", "one", "--pool", "gamma"],
    ] {
        let told = desk.fails(2, words);
        assert!(told.contains("no pool `gamma`") && told.contains("alpha, beta"), "{told}");
    }
}
