//! Consistency groups and their snapshots.

use serde_json::Value;

use super::{desk, failing, list, serving, text};
use crate::support::{Desk, Ground};

fn member(desk: &Desk, name: &str, group: &str) {
    desk.json(&["share", "create", name, "--size", "2", "--consistency-group", group]);
}

fn members(group: &Value) -> Vec<&str> {
    list(group, "members").iter().map(|one| text(one, "name")).collect()
}

#[test]
fn a_group_is_kept_copied_and_removed() {
    let ground = Ground::new();
    let desk = desk(&ground);
    let group = desk.json(&["consistency-group", "create", "papers"]);
    assert_eq!(text(&group, "status"), "available");
    member(&desk, "one", "papers");
    member(&desk, "two", "papers");
    let shown = desk.json(&["consistency-group", "show", "papers"]);
    assert_eq!(members(&shown), ["one", "two"]);
    assert_eq!(desk.share("one")["consistency_group_id"], shown["id"]);

    let taken = desk.json(&["cgsnapshot", "create", "papers", "monday"]);
    assert_eq!((text(&taken, "status"), list(&taken, "members").len()), ("available", 2));
    assert!(text(&taken["members"][0], "provider_location").contains('@'), "{taken}");
    // What is kept cannot be removed under it.
    for command in [&["share", "delete", "one"][..], &["share", "unmanage", "one"]] {
        let refused = desk.fails(2, command);
        assert!(refused.contains("abaca cgsnapshot delete"), "{refused}");
    }

    let copy = desk.json(&["consistency-group", "create", "copy", "--from-cgsnapshot", "monday"]);
    assert_eq!(copy["from_cgsnapshot"], taken["id"]);
    assert_eq!(members(&copy), ["copy-one", "copy-two"]);
    assert_eq!(desk.share("copy-one")["status"], "available");
    let listed = desk.run(&["consistency-group", "list"]).stdout;
    assert!(listed.contains("papers") && listed.contains("copy"), "{listed}");

    let refused = desk.fails(2, &["consistency-group", "delete", "copy"]);
    assert!(refused.contains("copy-one") && refused.contains("abaca share delete"), "{refused}");
    for name in ["copy-one", "copy-two"] {
        desk.json(&["share", "delete", name]);
    }
    let gone = desk.json(&["consistency-group", "delete", "copy"]);
    assert_eq!(gone["deleted"]["name"], "copy");
    desk.json(&["cgsnapshot", "delete", "monday"]);
    for name in ["one", "two"] {
        desk.json(&["share", "delete", name]);
    }
    desk.json(&["consistency-group", "delete", "papers"]);
    assert!(list(&desk.json(&["cgsnapshot", "list"]), "cgsnapshots").is_empty());
    assert!(list(&desk.json(&["consistency-group", "list"]), "consistency_groups").is_empty());
}

#[test]
fn what_fails_is_shown_and_can_be_removed() {
    let ground = Ground::new();
    let desk = desk(&ground);
    let broken = failing(&desk, "create-consistency-group:backend-failed=full");
    broken.fails(4, &["consistency-group", "create", "papers"]);
    let shown = desk.json(&["consistency-group", "show", "papers"]);
    assert_eq!(text(&shown, "status"), "error");
    assert!(text(&shown, "message").contains("full"), "{shown}");
    let refused = desk.fails(2, &["cgsnapshot", "create", "papers", "monday"]);
    assert!(refused.contains("status is error"), "{refused}");
    let create = ["share", "create", "one", "--size", "1", "--consistency-group", "papers"];
    assert!(desk.fails(2, &create).contains("status is error"));
    desk.json(&["consistency-group", "delete", "papers"]);

    desk.json(&["consistency-group", "create", "papers"]);
    member(&desk, "one", "papers");
    let broken = failing(&desk, "create-cgsnapshot:share-is-busy");
    broken.fails(2, &["cgsnapshot", "create", "papers", "monday"]);
    assert_eq!(text(&desk.json(&["cgsnapshot", "show", "monday"]), "status"), "error");
    let copy = ["consistency-group", "create", "copy", "--from-cgsnapshot", "monday"];
    assert!(desk.fails(2, &copy).contains("abaca cgsnapshot list"));
    let refused = desk.fails(2, &["consistency-group", "delete", "papers"]);
    assert!(refused.contains("members"), "{refused}");
    desk.json(&["cgsnapshot", "delete", "monday"]);
}

#[test]
fn a_group_has_one_share_server() {
    let ground = Ground::new();
    let desk = serving(&ground);
    let refused = desk.fails(2, &["consistency-group", "create", "papers"]);
    assert!(refused.contains("--share-network"), "{refused}");
    let create = ["consistency-group", "create", "papers", "--share-network", "net"];
    let group = desk.json(&create);
    let server = text(&group, "share_server_id");
    member(&desk, "one", "papers");
    assert_eq!(text(&desk.share("one"), "share_server_id"), server);
    desk.json(&["cgsnapshot", "create", "papers", "monday"]);
    let copy = desk.json(&["consistency-group", "create", "copy", "--from-cgsnapshot", "monday"]);
    assert_eq!(text(&copy, "share_server_id"), server, "content stays where it is");
    assert_eq!(text(&desk.share("copy-one"), "share_server_id"), server);
    desk.json(&["share", "delete", "copy-one"]);
    desk.json(&["consistency-group", "delete", "copy"]);
    desk.json(&["cgsnapshot", "delete", "monday"]);
    desk.json(&["share", "delete", "one"]);
    let refused = desk.fails(2, &["share-server", "teardown", server]);
    assert!(refused.contains("abaca consistency-group delete"), "{refused}");
    desk.json(&["consistency-group", "delete", "papers"]);
    desk.json(&["share-server", "teardown", server]);
}
