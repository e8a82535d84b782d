//! `abaca backend reconcile`: what does not fit between the records and what is there, each named.

use std::fs;

use serde_json::{Value, json};

use super::{Neighbours, command};
use crate::support::{Desk, Ground};

/// What is found, at the exit code that goes with it.
fn found(desk: &Desk, code: i32, more: &[&str]) -> Value {
    let answer = desk.run(&[&["backend", "reconcile", "--json"], more].concat());
    assert_eq!(answer.code, Some(code), "{answer:?}");
    let document: Value = serde_json::from_str(&answer.stdout).unwrap();
    document["backends"][0].clone()
}

#[test]
fn what_does_not_fit_is_named_with_what_to_do() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    desk.json(&["share", "create", "papers", "--size", "1"]);
    let share = desk.share("papers");
    let id = share["id"].as_str().unwrap();
    let name = format!("share-{id}");
    let all = found(&desk, 0, &["--ensure"]);
    for list in ["unfinished", "left_over", "shared", "missing", "unclear"] {
        assert_eq!(all["found"][list], json!([]), "{list}");
    }
    assert!(desk.run(&["backend", "reconcile", "home"]).stdout.contains("and nothing else"));

    // Something of a share that nobody knows any more, and something without an identifier.
    let lost = "share-00000000-0000-4000-8000-000000000001";
    for strange in [lost, "common"] {
        fs::create_dir(ground.shares().join(strange)).unwrap();
        desk.json(&["owned", "add", "home", "root:shares", strange]);
    }
    let all = found(&desk, 2, &[]);
    assert_eq!(all["found"]["left_over"][0]["name"], lost, "{all:#}");
    assert_eq!(all["found"]["shared"][0]["name"], "common", "{all:#}");
    let told = desk.run(&["backend", "reconcile"]);
    assert!(told.stdout.contains(lost) && told.stdout.contains("left over"), "{told:?}");
    assert!(told.stderr.contains("do not fit in 1 places"), "{told:?}");
    desk.json(&["owned", "remove", "home", "root:shares", lost]);
    found(&desk, 0, &[]);

    // What is recorded and gone, without its driver and with it.
    fs::remove_dir(ground.shares().join(&name)).unwrap();
    let all = found(&desk, 2, &[]);
    assert_eq!(all["found"]["missing"][0]["name"], name, "{all:#}");
    assert_eq!(all["unserved"], json!([]));
    let all = found(&desk, 2, &["--ensure"]);
    assert_eq!(all["unserved"][0]["id"], id, "{all:#}");
    desk.json(&["share", "delete", "papers"]);
    found(&desk, 0, &["--ensure"]);
    desk.fails(2, &["backend", "reconcile", "nobody"]);
}

/// What failed is told with its message; what may have been made by a program that did not end well
/// as unclear.
#[tokio::test]
async fn what_failed_and_what_may_be_is_told() {
    let all = Neighbours::new().await;
    command(&all.mine, &["false", "create", "one"]).await;
    let found = all.mine.reconcile().await.unwrap();
    assert_eq!(found.unclear.len(), 1, "{found:?}");
    assert_eq!(found.unclear[0].name, "one");
    assert!(!found.is_in_order());
    assert!(all.other.reconcile().await.unwrap().is_in_order());
    let failing = crate::support::attack_share("trap", &[]);
    all.other.create_share(&failing, None).await.unwrap_err();
    let found = all.other.reconcile().await.unwrap();
    assert_eq!(found.unfinished.len(), 1, "{found:?}");
    let one = &found.unfinished[0];
    assert_eq!((one.kind.as_str(), one.id.as_str()), ("share", failing.id.as_str()));
    assert!(one.status == "error" && one.message.is_some(), "{one:?}");
}
