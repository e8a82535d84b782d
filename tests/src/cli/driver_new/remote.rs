//! The driver that is generated, changed as its author would whose tool runs on the array itself: it is
//! reached by `ssh`. It is tested as any other, and no backend has it: no policy can grant a remote yet.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use abaca::testing::{Failure, Fault, Plan, Stage, StageBuilder, samples};
use abaca::{Driver, Runtime};
use serde_json::{Value, json};

use super::abaca;
use super::stage::{component_of, generated};
use crate::support::{Desk, Ground, built};

/// The driver's name.
const NAME: &str = "remote";

/// The remote's name.
const ARRAY: &str = "array";

/// What is changed: a file of the driver's, what stands there, and what stands there then.
const CHANGES: [(&str, &str, &str); 5] = [
    ("src/array.rs", "use abaca_sdk::command::{self, Output};", "use abaca_sdk::command::Output;"),
    ("src/array.rs", "use abaca_sdk::{CommandFailure,", "use abaca_sdk::{ssh, CommandFailure,"),
    ("src/array.rs", "command::run(\"arrayctl\",", "ssh::run(\"array\", \"arrayctl\","),
    ("stage.toml", "[[command]]\n", "[[command]]\nremote = \"array\"\n"),
    ("src/lib.rs", "#[cfg(test)]\nmod tests;\n", ""),
];

/// The driver's directory, with its component built.
fn made() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| generated(NAME, change))
}

fn change(fresh: &Path) {
    for (file, old, new) in CHANGES {
        let text = fs::read_to_string(fresh.join(file)).unwrap();
        assert!(text.contains(old), "{file}: {old}");
        fs::write(fresh.join(file), text.replace(old, new)).unwrap();
    }
    // It runs nothing on the host.
    let manifest = fs::read_to_string(fresh.join("manifest.toml")).unwrap();
    let (head, _) = manifest.split_once("# `share-`").unwrap();
    let (_, needs) = manifest.split_once("[needs.").unwrap();
    let remote = format!("[needs.remotes.{ARRAY}]\npurpose = \"the array\"\n");
    fs::write(fresh.join("manifest.toml"), format!("{head}{remote}\n[needs.{needs}")).unwrap();
}

fn component() -> PathBuf {
    made();
    component_of(NAME)
}

async fn driver() -> Driver {
    built(Runtime::builder()).load(component()).await.unwrap()
}

fn stage(driver: &Driver) -> StageBuilder<'_> {
    Stage::builder(driver).script_file(made().join("stage.toml"))
}

#[test]
fn it_passes_the_suite_and_stories() {
    let place = made();
    let (component, stage) = (component(), place.join("stage.toml"));
    let test = ["test", component.to_str().unwrap(), "--stage", stage.to_str().unwrap()];
    let desk = Desk::bare();
    let report = desk.json(&test);
    let passed = report["findings"].as_array().unwrap().iter();
    let passed: Vec<_> = passed.filter(|one| one["verdict"] == "passed").collect();
    assert!(passed.len() >= 140, "only {} checks passed", passed.len());
    // What goes wrong on the way to the array counts as what goes wrong here.
    for id in ["create-share/error-at-each-request", "get-share-stats/garbled-output"] {
        assert!(passed.iter().any(|one| one["id"] == id), "{id} did not pass");
    }
    desk.json(&[&test[..], &["--faults", "--seed", "7", "--stories", "20"]].concat());
}

#[tokio::test]
async fn remotes_do_what_the_script_says() {
    let stage = stage(&driver().await).build().unwrap();
    let arguments = json!([samples::share("share-1", 2), null]);
    let made = stage.call("create-share", arguments.clone()).await.unwrap();
    assert!(made.is_ok(), "{made}");
    let volume = format!("volume share-1: {} bytes", 2_u64 << 30);
    let facts = stage.facts();
    assert!(facts.iter().any(|fact| fact.starts_with(&volume)), "{facts:?}");
    let asked = made.requests.iter().find(|one| one.import == "ssh.run").unwrap();
    assert_eq!(asked.asked["remote"], ARRAY);
    assert_eq!(asked.asked["program"], "arrayctl");
    // The array cannot be reached, at each of the requests to it.
    for at in 1..=made.requests.len() as u64 {
        let plan = Plan::from([(at, Fault::Fails(Failure::Deadline))]);
        let fork = stage.fork();
        let failed = fork.call_with("extend-share", extended(), None, &plan).await.unwrap();
        assert!(failed.requests.len() < at as usize || failed.error().is_some(), "{at}: {failed}");
        assert!(fork.call("extend-share", extended()).await.unwrap().is_ok(), "{at}");
    }
}

fn extended() -> Value {
    json!([samples::share("share-1", 2), 3, null])
}

#[tokio::test]
async fn only_remotes_that_are_granted_and_programs_that_are_told_answer() {
    let driver = driver().await;
    let arguments = json!([samples::share("share-1", 2), null]);
    // Programs of the host, and not of the array.
    let here = fs::read_to_string(made().join("stage.toml")).unwrap();
    let here = here.replace("remote = \"array\"\n", "");
    let stage = Stage::builder(&driver).script_text(&here).build().unwrap();
    let answered = stage.call("create-share", arguments).await.unwrap();
    assert_eq!(answered.error(), Some("denied"), "{answered}");
    let text = answered.to_string();
    assert!(text.contains("`when` and `remote = \\\"array\\\"`"), "{text}");
    assert!(stage.unanswered().iter().any(|one| one.starts_with("array: arrayctl ")));
}

#[tokio::test]
async fn its_transcript_is_replayed_byte_for_byte() {
    let (ground, driver) = (Ground::new(), driver().await);
    let file = ground.path().join("made.jsonl");
    let stage = stage(&driver).record(&file).build().unwrap();
    let arguments = json!([samples::share("share-1", 2), null]);
    assert!(stage.call("create-share", arguments).await.unwrap().is_ok());
    drop(stage);
    let again = ground.path().join("again.jsonl");
    let component = component();
    let words = [&file, &component, Path::new("--output"), &again].map(|one| one.to_str().unwrap());
    let answer = abaca(ground.path(), &[&["replay"], &words[..]].concat());
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let (recorded, replayed) =
        (fs::read_to_string(file).unwrap(), fs::read_to_string(again).unwrap());
    assert!(recorded.contains("\"ssh.run\""), "{recorded}");
    assert_eq!(recorded, replayed);
}

#[test]
fn no_backend_has_it() {
    made();
    let (ground, component) = (Ground::new(), component());
    let component = component.to_str().unwrap();
    let policy = ground.write("remote.policy.toml", "schema = 1\ndriver = \"remote\"\n");
    let text = format!(
        "schema = 1\n[backends.remote]\ndriver = {component:?}\npolicy = {policy:?}\n\
         approved = false\n[backends.remote.options]\nremote_server = \"192.0.2.10\"\n"
    );
    let desk = Desk::with(&ground, &text);
    let inspection = desk.json(&["driver", "inspect", component]);
    let ssh =
        json!({ "name": "ssh", "purpose": "runs programs on granted remotes", "served": false });
    assert!(inspection["asks_for"].as_array().unwrap().contains(&ssh), "{inspection}");
    for words in [&["backend", "check"][..], &["driver", "approve", component, "--yes"]] {
        let answer = desk.run(words);
        assert_eq!(answer.code, Some(2), "{words:?}: {answer:?}");
        for wanted in ["`abaca:host/ssh`", "no policy can grant yet", "`abaca test`"] {
            assert!(answer.stderr.contains(wanted), "{words:?}: {wanted}: {answer:?}");
        }
    }
    // Neither a policy nor its lock file is written.
    let there = fs::read_dir(ground.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let there: Vec<_> = there.filter_map(|name| name.into_string().ok()).collect();
    let policies: Vec<_> = there.iter().filter(|name| name.contains("policy")).collect();
    assert_eq!(policies, ["remote.policy.toml"], "{there:?}");
}
