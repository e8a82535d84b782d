//! A backend's driver gets a new version: by itself where it asks for nothing more, after its
//! operator's word where it does, and back again. No call fails of it, and none runs under
//! another version's policy.

mod following;
mod in_flight;
mod refused;

use std::fs;
use std::path::{Path, PathBuf};

use abaca::configuration::Configuration;
use abaca::{Backend, Error, Limits};
use serde_json::Value;

use crate::support::components::{with_manifest, with_section, written};
use crate::support::{Desk, Ground, runtime};

/// A desk with the directory driver, approved as `home`, and these lines more about the backend.
fn approved(ground: &Ground, more: &str) -> Desk {
    approved_of(ground, more, &with_section("abaca-driver-directory", "first", b""))
}

/// The same with this component.
fn approved_of(ground: &Ground, more: &str, component: &[u8]) -> Desk {
    let file = written(ground, "first.wasm", component);
    let text = Desk::text(ground, "home", &file).replace("approved = false\n", more);
    let text = format!("{text}directory_export_root = {:?}\n", ground.shares());
    let desk = Desk::with(ground, &text);
    let answers = ground.write(
        "answers.toml",
        &format!(
            "{}[roots]\nshares = {:?}\nsnapshots = {:?}\n",
            desk.consents(&file),
            ground.shares(),
            ground.snapshots()
        ),
    );
    let policy = ground.path().join("home.policy.toml");
    let (file, answers) = (text_of(&file), text_of(&answers));
    let words = ["driver", "approve", file, "--policy", text_of(&policy), "--answers", answers];
    desk.json(&words);
    desk
}

/// The same driver, but for one section more.
fn same_rights(ground: &Ground) -> PathBuf {
    written(ground, "same.wasm", &with_section("abaca-driver-directory", "more", b"x"))
}

/// The driver with a minute more for one command.
fn more_rights(ground: &Ground) -> PathBuf {
    let longer = |text: String| text.replacen("timeout = \"30m\"", "timeout = \"31m\"", 1);
    written(ground, "more.wasm", &with_manifest("directory", longer))
}

fn text_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The component that the last call of the backend ran on.
fn ran(ground: &Ground) -> Value {
    let mut lines = ground.audit("home").into_iter();
    lines.rfind(|line| line["event"] == "call").unwrap()["component"].clone()
}

fn current(document: &Value) -> u64 {
    document["versions"]["current"].as_u64().unwrap()
}

#[test]
fn what_asks_for_nothing_more_goes_on_if_the_operator_allowed_that() {
    let ground = Ground::new();
    let desk = approved(&ground, "approved = true\nallow_same_rights_upgrades = true\n");
    desk.json(&["share", "create", "one", "--size", "1"]);
    let first = ran(&ground);
    let same = same_rights(&ground);
    let document = desk.json(&["driver", "upgrade", "home", text_of(&same)]);
    assert_eq!((current(&document), &document["versions"]["pending"]), (2, &Value::Null));
    desk.json(&["backend", "check"]);
    assert_ne!(ran(&ground), first);
    assert_eq!(desk.share("one")["status"], "available");
    let text = desk.fails(2, &["driver", "upgrade", "home", text_of(&same)]);
    assert!(text.contains("runs this component already"), "{text}");
    // What asks for more waits all the same.
    let more = more_rights(&ground);
    let document = desk.json(&["driver", "upgrade", "home", text_of(&more)]);
    assert_eq!((current(&document), document["versions"]["pending"].as_u64()), (2, Some(3)));
    desk.json(&["share", "delete", "one"]);
}

/// A command that was left out, because its operator gave no directory for an optional root, is new
/// to him though it is not to the manifest.
#[test]
fn what_was_left_out_does_not_come_back_by_itself() {
    let ground = Ground::new();
    let with = |id: &str| {
        let (from, to) =
            (format!("id = {id:?}\n"), format!("id = {id:?}\nonly-with = \"extra\"\n"));
        let root = "[roots.extra]\npurpose = \"more\"\noptional = true\n\n[roots.shares]\n";
        with_manifest("directory", |text| {
            text.replacen(&from, &to, 1).replacen("[roots.shares]\n", root, 1)
        })
    };
    let more = "approved = true\nallow_same_rights_upgrades = true\n";
    let desk = approved_of(&ground, more, &with("usage"));
    let policy = fs::read_to_string(ground.path().join("home.policy.toml")).unwrap();
    assert!(!policy.contains("\"usage\"") && policy.contains("\"clone\""), "{policy}");
    let other = written(&ground, "other.wasm", &with("clone"));
    let document = desk.json(&["driver", "upgrade", "home", text_of(&other)]);
    assert_eq!((current(&document), document["versions"]["pending"].as_u64()), (1, Some(2)));
    // He is told so.
    for document in [document, desk.json(&["driver", "pending", "home"])] {
        assert_eq!(document["asks_more"], true, "{document}");
        let changes = document["changes"].as_array().unwrap();
        let told: Vec<_> = changes.iter().map(|one| (&one["direction"], &one["id"])).collect();
        let expected = [("new", "usage"), ("gone", "clone")].map(|(a, b)| (a.into(), b.into()));
        assert_eq!(told, expected.each_ref().map(|(a, b): &(Value, Value)| (a, b)), "{document}");
    }
    let shown = desk.run(&["driver", "pending", "home"]).stdout;
    assert!(shown.starts_with("NEW") && shown.contains("command usage: du "), "{shown}");
}

#[test]
fn what_asks_for_more_waits_is_shown_and_goes_back() {
    let ground = Ground::new();
    let desk = approved(&ground, "");
    desk.json(&["backend", "check"]);
    let first = ran(&ground);
    // Nothing was said about upgrades, so this one waits too.
    let same = same_rights(&ground);
    let document = desk.json(&["driver", "upgrade", "home", text_of(&same)]);
    assert_eq!((current(&document), document["versions"]["pending"].as_u64()), (1, Some(2)));
    let more = more_rights(&ground);
    let answer = desk.run(&["driver", "upgrade", "home", text_of(&more)]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stdout.starts_with("WIDER     R2  command usage: du "), "{answer:?}");
    assert_eq!(answer.stdout.lines().filter(|line| line.contains("command ")).count(), 1);
    assert!(answer.stdout.contains("timeout: 1800s -> 1860s\n"), "{answer:?}");
    let document = desk.json(&["driver", "pending", "home"]);
    assert_eq!(document["versions"]["pending"], 3);
    let differences = document["changes"].as_array().unwrap();
    assert_eq!((differences.len(), &differences[0]["direction"]), (1, &"wider".into()));
    desk.json(&["backend", "check"]);
    assert_eq!(ran(&ground), first, "the old one keeps serving");

    // Approving asks as the first time did.
    let text = desk.fails(2, &["driver", "pending", "home", "--approve"]);
    assert!(text.contains("no terminal"), "{text}");
    // What was answered to the first is no answer to this one.
    let first_answers = ground.path().join("answers.toml");
    let words = ["driver", "pending", "home", "--approve", "--answers", text_of(&first_answers)];
    assert!(desk.fails(2, &words).contains("for another manifest"));
    let answers = ground.write("name.toml", "driver = \"directory\"\n");
    let words = ["driver", "pending", "home", "--approve", "--answers", text_of(&answers)];
    assert!(desk.fails(2, &words).contains("do not say for which manifest"));
    ground.write("name.toml", &desk.consents(&more));
    assert_eq!(current(&desk.json(&words)), 3);
    desk.json(&["backend", "check"]);
    let third = ran(&ground);
    assert_ne!(third, first);
    let granted = desk.run(&[
        "policy",
        "check",
        text_of(&ground.state().join("home/versions/3.policy.toml")),
    ]);
    assert_eq!(granted.code, Some(0), "{granted:?}");

    assert_eq!(current(&desk.json(&["driver", "rollback", "home"])), 1);
    desk.json(&["backend", "check"]);
    assert_eq!(ran(&ground), first);
    desk.fails(2, &["driver", "rollback", "home"]);
    // Forward again, and let another one go.
    desk.json(&["driver", "upgrade", "home", text_of(&more)]);
    let gone = desk.json(&["driver", "pending", "home", "--refuse"]);
    assert_eq!((current(&gone), &gone["versions"]["pending"]), (1, &Value::Null));
    desk.fails(2, &["driver", "pending", "home"]);

    let decided = ground.audit("home").into_iter().filter(|line| line["event"] == "version");
    let decided: Vec<_> = decided
        .map(|line| (line["decision"].clone(), line["number"].as_u64(), line["component"].clone()))
        .collect();
    let line = |decision: &str, number, component: &Value| {
        (decision.into(), Some(number), component.clone())
    };
    let expected = [
        line("pending", 2, &first),
        line("replaced", 2, &first),
        line("pending", 3, &first),
        line("approved", 3, &first),
        line("rolled-back", 1, &third),
        line("pending", 4, &first),
        line("refused", 4, &first),
    ];
    assert_eq!(decided, expected);
    desk.json(&["audit", "verify"]);
}

#[test]
fn nothing_below_the_floor_runs() {
    let ground = Ground::new();
    let desk = approved(&ground, "allow_same_rights_upgrades = true\n");
    desk.json(&["driver", "upgrade", "home", text_of(&same_rights(&ground))]);
    for wrong in ["0.1.1", "1", "latest"] {
        desk.fails(2, &["driver", "floor", "home", wrong]);
    }
    desk.json(&["driver", "floor", "home", "0.1.0"]);
    desk.fails(2, &["driver", "floor", "home", "0.0.9"]);
    // The same driver, which calls itself older; names of interfaces keep their version.
    let mut older = with_section("abaca-driver-directory", "older", b"");
    let is_version =
        |at: usize, bytes: &[u8]| bytes[at..].starts_with(b"0.1.0") && bytes[at - 1] != b'@';
    for at in 1..older.len() - 5 {
        if is_version(at, &older) {
            older[at..at + 5].copy_from_slice(b"0.0.9");
        }
    }
    let older = written(&ground, "older.wasm", &older);
    assert_eq!(desk.json(&["driver", "inspect", text_of(&older)])["version"], "0.0.9");
    let text = desk.fails(2, &["driver", "upgrade", "home", text_of(&older)]);
    assert!(text.contains("below its floor 0.1.0"), "{text}");
}

#[tokio::test]
async fn only_versions_run_and_only_as_configured() {
    let ground = Ground::new();
    let desk = approved(&ground, "allow_same_rights_upgrades = true\n");
    desk.json(&["driver", "upgrade", "home", text_of(&same_rights(&ground))]);
    let configuration = Configuration::load(&desk.file).unwrap();
    let runtime = runtime(Limits::default());
    let entry = configuration.backends().first().unwrap();
    let open = async |entry| {
        let entry: &abaca::configuration::BackendEntry = entry;
        let driver = runtime.load(&entry.driver).await.unwrap();
        Backend::open(driver, configuration.backend(entry)).await
    };
    let active = configuration.active(entry).unwrap();
    open(&active).await.unwrap();
    // The configured one is the first version, which may run as well.
    open(entry).await.unwrap();
    let mut other = entry.clone();
    other.driver = more_rights(&ground);
    let mut unapproved = other.clone();
    unapproved.approved = false;
    let refused = open(&other).await.unwrap_err();
    assert!(matches!(refused, Error::Unapproved { .. }), "{refused}");
    fs::remove_file(ground.path().join("home.policy.lock")).unwrap();
    // Also where its operator says that it need not be approved.
    let refused = open(&unapproved).await.unwrap_err();
    assert!(refused.to_string().contains("none of its versions"), "{refused}");
    // An operator who changes the policy is told that another one holds.
    desk.edit("home.policy.toml", "schema = 1", "schema = 1 # narrower, says somebody");
    let text = desk.fails(2, &["backend", "check"]);
    assert!(text.contains("not as it was when its driver was first upgraded"), "{text}");
}

#[test]
fn an_upgrade_that_does_not_do_changes_nothing() {
    let ground = Ground::new();
    let desk = approved(&ground, "allow_same_rights_upgrades = true\n");
    let dummy = crate::support::component("abaca-driver-dummy");
    desk.fails(2, &["driver", "upgrade", "home", text_of(&dummy)]);
    let damaged = written(&ground, "damaged.wasm", b"no component");
    desk.fails(3, &["driver", "upgrade", "home", text_of(&damaged)]);
    let untrue = with_manifest("directory", |_| "schema = 1\ndriver = \"directory\"\n".to_owned());
    let untrue = written(&ground, "untrue.wasm", &untrue);
    desk.fails(2, &["driver", "upgrade", "home", text_of(&untrue)]);
    assert!(!ground.state().join("home/versions/versions.toml").exists());
    desk.json(&["backend", "check"]);
    // What was never approved has nothing to compare with.
    let bare = Ground::new();
    let desk = Desk::home(&bare);
    let text = desk.fails(2, &["driver", "upgrade", "home", text_of(&same_rights(&bare))]);
    assert!(text.contains("never approved"), "{text}");
}
