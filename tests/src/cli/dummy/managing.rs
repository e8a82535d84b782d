//! Taking over shares and snapshots, and letting them go.

use super::{desk, failing, list, text};
use crate::support::Ground;

#[test]
fn a_share_and_its_snapshot_are_taken_over_and_let_go() {
    let ground = Ground::new();
    let desk = desk(&ground);
    let place = "192.0.2.1:/shares/old";
    let managed = desk.json(&["share", "manage", place, "old", "--option", "size=7"]);
    assert_eq!((&managed["status"], &managed["size_gib"]), (&"available".into(), &7.into()));
    assert_eq!(managed["export_locations"][0], place);
    let refused = desk.fails(2, &["share", "manage", place, "again"]);
    assert!(refused.contains("`old`") && refused.contains("abaca share show"), "{refused}");
    let refused = desk.fails(2, &["share", "manage", "192.0.2.1:/shares/b", "old"]);
    assert!(refused.contains("choose another name"), "{refused}");

    let kept = desk.json(&["snapshot", "manage", "old", "old@monday", "monday"]);
    assert_eq!((&kept["status"], &kept["size_gib"]), (&"available".into(), &7.into()));
    assert_eq!(kept["provider_location"], "old@monday");
    let refused = desk.fails(2, &["snapshot", "manage", "old", "old@monday", "tuesday"]);
    assert!(refused.contains("`monday`"), "{refused}");
    let shown = desk.run(&["snapshot", "show", "monday"]);
    assert!(shown.stdout.contains("location:") && shown.stdout.contains("old@monday"));

    // What it carries goes first.
    let refused = desk.fails(2, &["share", "unmanage", "old"]);
    assert!(refused.contains("`monday`"), "{refused}");
    let gone = desk.json(&["snapshot", "unmanage", "monday"]);
    assert_eq!(gone["unmanaged"]["name"], "monday");
    let gone = desk.run(&["share", "unmanage", "old"]);
    assert_eq!(gone.code, Some(0), "{gone:?}");
    assert!(gone.stdout.starts_with("unmanaged the share old ("), "{gone:?}");
    assert!(list(&desk.json(&["share", "list"]), "shares").is_empty());
    // It is nobody's now, and so can be taken over once more.
    assert_eq!(desk.json(&["share", "manage", place, "old"])["size_gib"], 1);
}

#[test]
fn what_was_not_taken_over_is_not_removed() {
    let ground = Ground::new();
    let desk = desk(&ground);
    let refused = desk.fails(2, &["share", "manage", "192.0.2.9:/shares/old", "old"]);
    assert!(refused.contains("not fit to be taken over"), "{refused}");
    let share = desk.share("old");
    assert_eq!(share["status"], "manage-error");
    assert!(text(&share, "message").contains("192.0.2.9"), "{share}");
    for command in
        [&["share", "delete", "old"][..], &["share", "manage", "192.0.2.9:/shares/old", "another"]]
    {
        let refused = desk.fails(2, command);
        assert!(refused.contains("abaca share unmanage"), "{refused}");
    }
    desk.json(&["share", "unmanage", "old"]);

    desk.json(&["share", "manage", "192.0.2.1:/shares/old", "old"]);
    let broken = failing(&desk, "unmanage:unmanage-invalid-share=it is mounted");
    let refused = broken.fails(2, &["share", "unmanage", "old"]);
    assert!(refused.contains("cannot be let go: it is mounted"), "{refused}");
    assert_eq!(desk.share("old")["status"], "unmanage-error");
    assert!(desk.fails(2, &["share", "delete", "old"]).contains("abaca share unmanage"));
    desk.json(&["share", "unmanage", "old"]);
    assert_eq!(desk.share("old"), serde_json::Value::Null);
}
