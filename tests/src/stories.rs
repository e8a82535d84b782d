//! Stories with faults: a seed makes the same one everywhere, and what fails is cut down.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Desk, Ground, component};

fn told(desk: &Desk, driver: &str, more: &[&str]) -> (Option<i32>, Value) {
    let component = component(&format!("abaca-driver-{driver}"));
    let words = ["test", component.to_str().unwrap(), "--faults", "--json"];
    let answer = desk.run(&[&words, more].concat());
    (answer.code, serde_json::from_str(&answer.stdout).expect(&answer.stderr))
}

fn stage(driver: &str) -> String {
    format!("{}/../drivers/{driver}/stage.toml", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn our_drivers_come_out_of_every_story_as_without_faults() {
    let desk = Desk::bare();
    for driver in ["directory", "image", "lvm"] {
        let (code, came) = told(&desk, driver, &["--stage", &stage(driver), "--seed", "1"]);
        assert_eq!(came["failure"], Value::Null, "{driver}: {came:#}");
        assert_eq!(code, Some(0));
        assert!(came["faults"].as_u64().unwrap() > 100, "{came:#}");
    }
    let (code, came) = told(&desk, "dummy", &["--seed", "1"]);
    assert_eq!((code, &came["failure"]), (Some(0), &Value::Null), "{came:#}");
}

#[test]
fn a_seed_makes_the_same_stories() {
    let desk = Desk::bare();
    let once = |seed: &str| {
        let stage = stage("directory");
        let arguments = ["--stage", &stage, "--seed", seed, "--stories", "20"];
        let (_, mut came) = told(&desk, "directory", &arguments);
        came["took_ms"] = Value::Null;
        came
    };
    assert_eq!(once("5"), once("5"));
    let (five, six) = (once("5"), once("6"));
    assert_ne!((&five["calls"], &five["faults"]), (&six["calls"], &six["faults"]));
}

#[test]
fn a_story_that_fails_is_cut_down_to_what_fails() {
    let ground = Ground::new();
    let desk = Desk::bare();
    // A `cp` that leaves something behind.
    let script = ground.path().join("stage.toml");
    let own = fs::read_to_string(stage("directory")).unwrap();
    let broken = "\n[[command]]\nwhen = [\"cp\", \"...\", \"--\", \"{from}\", \"{to}\"]\n\
                  does = [{ copy = { from = \"{from}\", to = \"{to}\" } }, \
                  { create-volume = { name = \"copied\", size = \"1\" } }]\n";
    fs::write(&script, own + broken).unwrap();
    let arguments = ["--stage", script.to_str().unwrap(), "--seed", "3"];
    let (code, came) = told(&desk, "directory", &arguments);
    assert_eq!(code, Some(3), "{came:#}");
    let failure = &came["failure"];
    let steps = failure["steps"].as_array().unwrap();
    // Without a snapshot nothing is copied, without a share there is none, and no fault is needed.
    let actions: Vec<_> = steps.iter().map(|step| &step["action"]).collect();
    assert_eq!(actions, [&json!("create-share"), &json!("create-snapshot")], "{failure:#}");
    assert!(steps.iter().all(|step| step["fault"] == Value::Null), "{failure:#}");
    assert!(failure["reason"].as_str().unwrap().contains("volume copied"), "{failure:#}");
    assert!(failure["length"].as_u64().unwrap() >= 2);
    let (_, again) = told(&desk, "directory", &arguments);
    assert_eq!(&again["failure"], failure);
}
