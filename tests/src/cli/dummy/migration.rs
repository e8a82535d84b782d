//! Moving a share to another pool and to another backend.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use super::{configuration, desk, failing, list, text};
use crate::support::{Desk, Ground, component, patiently};

/// Two backends of the reference driver, `dummy` and `there`, and the share `one` in the first.
fn two(ground: &Ground) -> Desk {
    let driver = component("abaca-driver-dummy");
    let there = format!(
        "\n[backends.there]\ndriver = {driver:?}\npolicy = \"dummy.policy.toml\"\napproved = false\n\
         [backends.there.options]\ndriver_handles_share_servers = false\n\
         dummy_export_host = \"192.0.2.9\"\n"
    );
    let desk = Desk::with(ground, &(configuration(ground) + &there));
    desk.json(&["share", "create", "one", "--size", "3", "--backend", "dummy"]);
    desk
}

fn progress(desk: &Desk) -> Value {
    desk.json(&["migration", "progress", "one"])["progress"].clone()
}

#[test]
fn a_share_moves_to_another_backend_with_its_rules() {
    let ground = Ground::new();
    let desk = two(&ground);
    desk.json(&["access", "allow", "one", "ip", "192.0.2.7"]);
    let before = desk.share("one");
    let started = desk.json(&["migration", "start", "one", "--to", "there#beta"]);
    assert_eq!(text(&started, "status"), "migrating");
    assert!(text(&started, "destination").ends_with("@there#beta"), "{started}");
    let moving = desk.share("one");
    assert_eq!(moving["export_locations"], before["export_locations"]);
    assert_eq!(moving["migrating_to"], started["destination"]);
    for command in [
        &["share", "delete", "one"][..],
        &["share", "extend", "one", "--size", "5"],
        &["snapshot", "create", "one", "kept"],
        &["migration", "start", "one", "--to", "dummy#beta"],
    ] {
        let refused = desk.fails(2, command);
        assert!(refused.contains("abaca migration complete"), "{command:?}: {refused}");
    }
    for percent in [25, 50, 75, 100] {
        assert_eq!(progress(&desk), percent);
    }
    let told = desk.run(&["migration", "progress", "one"]).stdout;
    assert!(told.contains("100 %"), "{told}");

    let moved = desk.json(&["migration", "complete", "one"]);
    assert_eq!((text(&moved, "backend"), text(&moved, "status")), ("there", "available"));
    assert_eq!((&moved["id"], &moved["pool"]), (&before["id"], &"beta".into()));
    assert!(moved["export_locations"][0].as_str().unwrap().starts_with("192.0.2.9:"), "{moved}");
    assert_eq!(moved["migrating_to"], Value::Null);
    assert_eq!(list(&desk.json(&["share", "list"]), "shares").len(), 1, "it is in one backend");
    let rules = desk.json(&["access", "list", "one"]);
    assert_eq!((text(&rules, "status"), list(&rules, "rules").len()), ("active", 1));
    desk.json(&["share", "extend", "one", "--size", "5"]);
    desk.json(&["share", "delete", "one"]);
}

#[test]
fn what_was_broken_off_on_the_way_is_done_again() {
    let ground = Ground::new();
    let desk = two(&ground);
    desk.json(&["migration", "start", "one", "--to", "there#alpha"]);
    while progress(&desk) != 100 {}
    // `there` is the last backend, so it is the one that fails.
    let broken = failing(&desk, "ensure-share:backend-failed=asleep");
    broken.fails(4, &["migration", "complete", "one"]);
    let gone = desk.share("one");
    assert_eq!((text(&gone, "backend"), text(&gone, "status")), ("dummy", "available"));
    let refused = desk.fails(2, &["share", "delete", "one"]);
    assert!(refused.contains("has gone to") && refused.contains("complete"), "{refused}");
    let moved = desk.json(&["migration", "complete", "one"]);
    assert_eq!(text(&moved, "backend"), "there");
    assert_eq!(list(&desk.json(&["share", "list"]), "shares").len(), 1);
}

#[test]
fn a_share_moves_to_another_pool_or_stays() {
    let ground = Ground::new();
    let desk = desk(&ground);
    desk.json(&["share", "create", "one", "--size", "3"]);
    for command in ["progress", "complete", "cancel"] {
        let refused = desk.fails(2, &["migration", command, "one"]);
        assert!(refused.contains("abaca migration start"), "{command}: {refused}");
    }
    let start = ["migration", "start", "one", "--to", "dummy#beta"];
    desk.json(&start);
    let early = desk.json(&["migration", "cancel", "one"]);
    assert_eq!((text(&early, "status"), &early["migrating_to"]), ("available", &Value::Null));
    desk.json(&start);
    while progress(&desk) != 100 {}
    let moved = desk.json(&["migration", "complete", "one"]);
    assert_eq!((text(&moved, "pool"), &moved["migrating_to"]), ("beta", &Value::Null));
    let refused = desk.fails(2, &start);
    assert!(refused.contains("already"), "{refused}");

    for (to, reason) in [
        ("dummy#gamma", "it has: alpha, beta"),
        ("nowhere#alpha", "no backend `nowhere`"),
        ("elsewhere@dummy#alpha", "not this host"),
    ] {
        let refused = desk.fails(2, &["migration", "start", "one", "--to", to]);
        assert!(refused.contains(reason), "{to}: {refused}");
    }
    desk.json(&["snapshot", "create", "one", "kept"]);
    let refused = desk.fails(2, &["migration", "start", "one", "--to", "dummy#alpha"]);
    assert!(refused.contains("abaca snapshot delete"), "{refused}");
    desk.json(&["snapshot", "delete", "kept"]);
    // Switching over too early changes nothing: it goes on, and ends.
    desk.json(&["migration", "start", "one", "--to", "dummy#alpha"]);
    desk.fails(3, &["migration", "complete", "one"]);
    assert_eq!(text(&desk.share("one"), "status"), "migrating");
    while progress(&desk) != 100 {}
    assert_eq!(text(&desk.json(&["migration", "complete", "one"]), "pool"), "alpha");
    desk.json(&["share", "delete", "one"]);
}

#[test]
fn movers_of_data_are_told_how_to_mount() {
    let ground = Ground::new();
    let desk = two(&ground);
    let info = desk.json(&["migration", "info", "one"]);
    let name = format!("share-{}", text(&info, "share_id"));
    let mount =
        json!(["mount", "-t", "nfs", format!("192.0.2.1:/admin/shares/{name}"), "%(path)s"]);
    assert_eq!((&info["mount"], &info["driver_info"]), (&mount, &Value::Null));
    let info = desk.json(&["migration", "info", "one", "--to", "there#alpha"]);
    let told = json!({ "driver": "dummy", "export_host": "192.0.2.9" });
    assert_eq!(info["driver_info"], told);
    desk.json(&["migration", "start", "one", "--to", "there#alpha"]);
    let shown = desk.run(&["migration", "info", "one"]).stdout;
    assert!(shown.contains("export_host=192.0.2.9") && shown.contains("umount"), "{shown}");
}

#[test]
fn what_drivers_do_not_move_is_to_be_copied() {
    let ground = Ground::new();
    let desk = two(&ground);
    let file = std::fs::read_to_string(&desk.file).unwrap();
    ground.write("minimal.policy.toml", "schema = 1\ndriver = \"minimal\"\n");
    let more = format!(
        "\n[backends.small]\ndriver = {:?}\npolicy = \"minimal.policy.toml\"\napproved = false\n\
         [backends.small.options]\ndriver_handles_share_servers = false\n",
        component("abaca-guest-minimal")
    );
    let desk = Desk::with(&ground, &(file + &more));
    desk.json(&["share", "create", "two", "--size", "1", "--backend", "small"]);
    let refused = desk.fails(2, &["migration", "start", "two", "--to", "there#alpha"]);
    assert!(refused.contains("abaca migration info"), "{refused}");
    assert_eq!(text(&desk.share("two"), "status"), "available");
}

/// Starts a command and kills it while the driver of `dummy` works on this method for it.
fn kill_during(ground: &Ground, desk: &Desk, method: &str, words: &[&str]) {
    let text = std::fs::read_to_string(&desk.file).unwrap();
    let (before, after) = text.split_once("driver_handles_share_servers = false\n").unwrap();
    let slow = desk.file.with_file_name("slow.toml");
    let options = "driver_handles_share_servers = false\ndummy_delay_ms = 3000\n";
    std::fs::write(&slow, format!("{before}{options}{after}")).unwrap();
    let begun = || {
        let lines = ground.audit("dummy").into_iter();
        lines.filter(|line| line["event"] == "call" && line["method"] == method).count()
    };
    let was = begun();
    let mut command = desk.beside(slow).command(words);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    patiently(|| {
        std::thread::sleep(Duration::from_millis(10));
        (begun() > was).then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_migration_can_still_be_cancelled_or_completed() {
    let ground = Ground::new();
    let desk = two(&ground);
    let start = ["migration", "start", "one", "--to", "there#beta"];
    kill_during(&ground, &desk, "migration-start", &start);
    let killed = desk.share("one");
    assert_eq!(text(&killed, "status"), "migrating");
    assert!(text(&killed, "migrating_to").ends_with("@there#beta"), "{killed}");
    let message = text(&killed, "message");
    assert!(message.contains("interrupted") && message.contains("cancel"), "{message}");
    let refused = desk.fails(2, &["share", "delete", "one"]);
    assert!(refused.contains("abaca migration complete"), "{refused}");
    assert_eq!(text(&desk.json(&["migration", "cancel", "one"]), "status"), "available");

    desk.json(&start);
    while progress(&desk) != 100 {}
    kill_during(&ground, &desk, "migration-complete", &["migration", "complete", "one"]);
    assert_eq!(text(&desk.share("one"), "status"), "migrating");
    desk.fails(2, &["share", "delete", "one"]);
    assert_eq!(text(&desk.json(&["migration", "complete", "one"]), "backend"), "there");
    assert_eq!(list(&desk.json(&["share", "list"]), "shares").len(), 1);
}
