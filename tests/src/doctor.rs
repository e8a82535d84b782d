//! `abaca doctor`: what it says of walls and limits is found out by trying, and it can say no.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use abaca::{Limits, Wall};
use serde_json::Value;

use crate::support::{Desk, Ground, program};

/// The walls by the words that they have in JSON.
fn words(walls: impl IntoIterator<Item = Wall>) -> BTreeSet<String> {
    let word = |wall| serde_json::to_value(wall).unwrap().as_str().unwrap().to_owned();
    walls.into_iter().map(word).collect()
}

fn names(rows: &Value, key: &str, which: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let rows = rows.as_array().unwrap().iter().filter(|row| which(row));
    rows.map(|row| row[key].as_str().unwrap().to_owned()).collect()
}

/// Every required wall stands, and each was tried.
fn all_stand(answer: &Value) {
    let walls = &answer["walls"];
    let standing = names(walls, "wall", |row| row["stands"] == true);
    let known = names(walls, "wall", |_| true);
    // One of these two keeps commands from the network.
    let mut required = words(Wall::ALL.into_iter().filter(|wall| wall.is_required()));
    assert_eq!(["network", "sockets"].iter().filter(|one| known.contains(**one)).count(), 1);
    // And one of these bounds how many processes they have.
    assert_eq!(["processes", "watch"].iter().filter(|one| known.contains(**one)).count(), 1);
    let either = ["network", "sockets", "processes", "watch"];
    required.retain(|wall| !either.contains(&wall.as_str()));
    required.extend(known.into_iter().filter(|wall| either.contains(&wall.as_str())));
    assert!(standing.is_superset(&required), "{walls}");
    for row in walls.as_array().unwrap().iter().filter(|row| row["stands"] == true) {
        assert_ne!(row["tried"], "nothing", "{row}");
        assert!(!row["got"].as_str().unwrap().is_empty(), "{row}");
    }
}

#[test]
fn every_wall_is_tried_from_inside() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    all_stand(&desk.json(&["doctor"]));
    let shown = desk.run(&["doctor"]);
    for wall in ["files", "scope", "capabilities", "syscalls"] {
        assert!(shown.stdout.contains(wall), "{shown:?}");
    }
}

#[test]
fn an_ordinary_user_has_every_required_wall() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: the whole suite runs as an ordinary user already");
        return;
    }
    let ground = Ground::new();
    fs::set_permissions(ground.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["abaca", "abaca-broker", "abaca-compiler"] {
        fs::copy(program(name), ground.path().join(name)).unwrap();
    }
    let words = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    let mut first: Vec<PathBuf> = words.iter().map(PathBuf::from).collect();
    first.push(ground.path().join("abaca"));
    let desk = Desk::home(&ground).with_first(first);
    let answer = desk.json(&["doctor"]);
    assert_eq!(answer["user"], 65534);
    all_stand(&answer);
}

#[test]
fn where_no_wall_stands_it_says_so() {
    let ground = Ground::new();
    #[expect(clippy::disallowed_methods, reason = "what the broker runs as a command, without it")]
    let output = std::process::Command::new(program("abaca-broker"))
        .arg("--try-walls")
        .env("ABACA_CANARY", "1")
        .current_dir(ground.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let tried: Value = serde_json::from_slice(&output.stdout).unwrap();
    let open = names(&tried, "wall", |row| row["stands"] == false);
    // What depends on who runs the tests, and where, is left out.
    for wall in
        ["environment", "limits", "no-new-privileges", "files", "attributes", "scope", "syscalls"]
    {
        assert!(open.contains(wall), "{wall}: {tried}");
    }
    assert!(open.contains("capabilities") || !rustix::process::geteuid().is_root(), "{tried}");
}

#[test]
fn every_limit_is_hit() {
    let ground = Ground::new();
    let answer = Desk::home(&ground).run(&["doctor", "--limits", "--json"]);
    let answer: Value =
        serde_json::from_str(&answer.stdout).unwrap_or_else(|_| panic!("{answer:?}"));
    let broken = names(&answer["limits"], "limit", |row| row["holds"] != true);
    assert!(broken.is_empty(), "{broken:?} of {}", answer["limits"]);
    let tried = names(&answer["limits"], "limit", |row| row["holds"] == true);
    let declared = format!("{:#?}", Limits::default());
    let fields = declared.lines().filter_map(|line| line.trim().split_once(": "));
    let fields = fields.map(|(name, _)| name.to_owned());
    // And those that nobody sets, or each rule for itself.
    let others = ["component_bytes", "component_functions", "command_output"].map(str::to_owned);
    assert_eq!(tried, fields.chain(others).collect(), "{answer}");
}

#[test]
fn without_a_broker_it_says_what_is_missing() {
    let ground = Ground::new();
    let text = Desk::home(&ground).fails(5, &["doctor", "--broker", "/nonexistent/broker"]);
    assert!(text.contains("/nonexistent/broker"), "{text}");
}
