//! What an operator says of what a backend has made: at the command line, in the library, at the
//! door.

use std::fs;

use abaca::policy::Container;
use abaca::{Blame, Limits, OwnedState};
use serde_json::{Value, json};

use super::{Neighbours, STRANGE, command, file, policy, state};
use crate::support::{Desk, Ground, attack_share, component, dummy_desk};

fn listed(desk: &Desk) -> Vec<Value> {
    desk.json(&["owned", "list"])["owned"].as_array().unwrap().clone()
}

#[test]
fn a_share_that_was_there_before_is_handed_over_and_given_up() {
    let ground = Ground::new();
    ground.write("mine.policy.toml", &policy(ground.path()));
    let desk = Desk::with(&ground, &Desk::text(&ground, "mine", &component("abaca-guest-hostile")));
    assert!(listed(&desk).is_empty());
    fs::create_dir(ground.shares().join("old")).unwrap();
    let remove = |name: &str| {
        let words = ["share", "create", name, "--size", "1", "--metadata", "attack=file"];
        let more = ["--metadata", "argument-0=remove", "--metadata", "argument-1=shares"];
        let made = desk.json(&[&words[..], &more, &["--metadata", "argument-2=old"]].concat());
        made["export_locations"][0].as_str().unwrap().to_owned()
    };
    assert!(remove("one").contains(STRANGE));
    desk.json(&["owned", "add", "mine", "root:shares", "old"]);
    let all = listed(&desk);
    assert_eq!((&all[0]["container"], &all[0]["name"]), (&json!("root:shares"), &json!("old")));
    assert_eq!((&all[0]["state"], &all[0]["call"]), (&json!("made"), &Value::Null));
    let text = desk.run(&["owned", "list", "mine"]).stdout;
    assert!(text.contains("root:shares") && text.contains("added"), "{text}");
    desk.json(&["owned", "remove", "mine", "root:shares", "old"]);
    assert!(listed(&desk).is_empty() && ground.shares().join("old").is_dir());
    assert!(remove("two").contains(STRANGE));
    desk.json(&["owned", "add", "mine", "root:shares", "old"]);
    assert_eq!(remove("three"), "ok:true");
    assert!(listed(&desk).is_empty());

    // Mistakes are told, and change nothing.
    for (words, said) in [
        (&["add", "mine", "root:shares", "old"][..], "is not there"),
        (&["add", "mine", "root:share", "old"], "it is about: root:shares"),
        (&["add", "mine", "shares", "old"], "root:NAME"),
        (&["add", "mine", "root:shares", "../outside"], "no name of a thing"),
        (&["add", "mine", "root:shares", ""], "no name of a thing"),
        (&["add", "nobody", "root:shares", "old"], "nobody"),
        (&["remove", "mine", "group:vg", "one"], "not recorded"),
    ] {
        let told = desk.fails(2, &[&["owned"], words].concat());
        assert!(told.contains(said), "{words:?}: {told}");
    }
    assert!(listed(&desk).is_empty());
    let events: Vec<_> =
        ground.audit("mine").into_iter().map(|line| line["event"].clone()).collect();
    let count = |event: &str| events.iter().filter(|one| **one == event).count();
    assert_eq!((count("owned-add"), count("owned-remove")), (2, 2), "{events:?}");
    let tail = desk.run(&["audit", "tail", "-n", "1000"]).stdout;
    for event in ["owned-add", "owned-remove"] {
        let rows: Vec<_> = tail.lines().filter(|row| row.contains(event)).collect();
        assert!(rows.iter().all(|row| row.contains(" by uid ")), "{tail}");
        assert!(rows.iter().any(|row| row.contains("root:shares old by uid ")), "{tail}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(desk.run(&["completions", shell]).stdout.contains("owned"), "{shell}");
    }
}

#[tokio::test]
async fn what_is_in_doubt_is_settled_by_the_operator() {
    let all = Neighbours::new().await;
    let group = Container::Group("vg".to_owned());
    for name in ["one", "two"] {
        command(&all.mine, &["false", "create", name]).await;
        assert_eq!(state(&all.mine, name).await, Some(OwnedState::Maybe));
    }
    all.mine.add_owned(&group, "one").await.unwrap();
    all.mine.remove_owned(&group, "two").await.unwrap();
    assert!(command(&all.mine, &["echo", "show", "vg/one"]).await.contains("/dev/vg/one"));
    assert!(command(&all.mine, &["echo", "show", "vg/two"]).await.contains(STRANGE));
    let error = all.mine.add_owned(&group, "one").await.unwrap_err();
    assert!(error.blame() == Blame::Operator && error.to_string().contains("already"), "{error}");
    let error = all.mine.remove_owned(&group, "two").await.unwrap_err();
    assert!(error.to_string().contains("not recorded"), "{error}");
    // One backend's record is not another's.
    assert!(command(&all.other, &["echo", "show", "vg/one"]).await.contains(STRANGE));
    assert!(all.other.records().owned().await.unwrap().is_empty());
}

/// No driver reads or writes the record: its own state is another thing.
#[tokio::test]
async fn a_driver_cannot_write_the_record() {
    let mut limits = Limits::default();
    limits.state_keys = 20;
    let all = Neighbours::with(limits).await;
    fs::create_dir(all.ground.shares().join("theirs")).unwrap();
    let one = attack_share("state-flood", &[]);
    all.mine.create_share(&one, None).await.unwrap();
    assert!(all.mine.records().owned().await.unwrap().is_empty());
    assert!(file(&all.mine, &["remove", "shares", "theirs"]).await.contains(STRANGE));
}

#[test]
fn the_door_tells_and_takes_it_too() {
    let ground = Ground::new();
    let desk = dummy_desk(&ground, "");
    let owned = desk.json(&["call", "dummy", "list_owned"]);
    assert_eq!(owned, json!([]));
    let said =
        desk.fails(2, &["call", "dummy", "add_owned", r#"{"container":"root:x","name":"y"}"#]);
    assert!(said.contains("it is about: nothing that is made"), "{said}");
}
