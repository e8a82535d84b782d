//! `abaca driver new`: what it writes is a driver that builds, passes its own tests, and is what its
//! manifest says; and what it refuses.
//!
//! The tests of the component that it writes are run here as they stand in the templates, on the
//! component that was generated and built: the engine is not compiled once more for them.

#[path = "../../../runtime/cli/src/driver/new/template/component-tests/src/lifecycle.rs"]
mod lifecycle;
mod remote;
mod stage;
#[path = "../../../runtime/cli/src/driver/new/template/component-tests/src/transcript.rs"]
mod transcript;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use self::lifecycle::whole_life;
use self::stage::{cargo, checkout, component, driver, file, made};
use crate::support::{Answer, Desk, Ground, program};

/// What the templates have in the place of a name and of a checkout.
const WORDS: [&str; 3] = ["driver-name", "driver_name", "/path/to/abaca"];

/// Runs the command in this directory.
fn abaca(directory: &Path, words: &[&str]) -> Answer {
    #[expect(clippy::disallowed_methods, reason = "the command is what is tested")]
    let mut command = std::process::Command::new(program("abaca"));
    let output = command.args(words).current_dir(directory).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Answer { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// All files below a directory, by their places in it.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let place = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                found.insert(place, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn every_name_makes_a_whole_driver() {
    let ground = Ground::new();
    let longest = format!("a{}", "-b1".repeat(13));
    for name in ["x1", "my-array", "self", &longest] {
        let answer = abaca(ground.path(), &["driver", "new", name, "--json"]);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        let document: Value = serde_json::from_str(&answer.stdout).unwrap();
        assert_eq!(document["directory"], name);
        assert_eq!(document["package"], format!("abaca-driver-{name}"));
        let files = files(&ground.path().join(name));
        assert_eq!(document["files"], json!(files.keys().collect::<Vec<_>>()));
        for (file, text) in &files {
            assert!(WORDS.iter().all(|word| !text.contains(word)), "{name}: {file}");
        }
        assert!(files["src/backend.rs"].contains(&format!("{}_server", name.replace('-', "_"))));
        // Cargo and the policy language take them.
        let words = ["metadata", "--no-deps", "--format-version", "1"];
        let metadata: Value =
            serde_json::from_str(&cargo(&ground.path().join(name), &words)).unwrap();
        assert_eq!(metadata["packages"].as_array().unwrap().len(), 2, "{metadata}");
        let policy = ground.path().join(name).join("policy.toml");
        let desk = Desk::with(&ground, "none is needed");
        desk.json(&["policy", "check", policy.to_str().unwrap()]);
    }
    let answer = abaca(ground.path(), &["driver", "new", "x2"]);
    assert!(answer.stdout.contains("next: cd x2 && just unit"), "{answer:?}");
}

#[test]
fn the_checkout_is_the_one_that_is_named_or_the_one_around() {
    let ground = Ground::new();
    // Another one: what a checkout has, and no more.
    let other = ground.path().join("other");
    for part in ["guest-sdk", "runtime/host", "wit/driver", "deep/down"] {
        fs::create_dir_all(other.join(part)).unwrap();
    }
    for part in ["guest-sdk/Cargo.toml", "runtime/host/Cargo.toml"] {
        fs::write(other.join(part), "").unwrap();
    }
    for part in ["Cargo.lock", "rust-toolchain.toml", "rustfmt.toml"] {
        fs::write(other.join(part), "# the other's").unwrap();
    }
    let made = |directory: &Path, words: &[&str]| -> Value {
        let answer = abaca(directory, &[&["driver", "new", "--json"], words].concat());
        assert_eq!(answer.code, Some(0), "{answer:?}");
        serde_json::from_str(&answer.stdout).unwrap()
    };
    let named = made(ground.path(), &["one", "--sdk", other.to_str().unwrap()]);
    assert_eq!(named["sdk"], other.to_str().unwrap());
    let lock = ground.path().join("one/Cargo.lock");
    assert_eq!(fs::read_to_string(lock).unwrap(), "# the other's");
    let around = made(&other.join("deep/down"), &["two", "--directory", "../two"]);
    assert_eq!(around["sdk"], other.to_str().unwrap());
    assert!(other.join("deep/two/src/lib.rs").is_file());
    let built_from = made(ground.path(), &["three"]);
    assert_eq!(built_from["sdk"], checkout().to_str().unwrap());
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_left() {
    let ground = Ground::new();
    let here = ground.path().join("here");
    fs::create_dir(&here).unwrap();
    let refused = |words: &[&str], wanted: &[&str]| {
        let answer = abaca(&here, &[&["driver", "new"], words].concat());
        assert_eq!(answer.code, Some(2), "{words:?}: {answer:?}");
        assert!(answer.stderr.contains("\nfault: operator\nnext: "), "{answer:?}");
        for word in wanted {
            assert!(answer.stderr.contains(word), "{words:?}: {word} is not in {answer:?}");
        }
    };
    let long = "a".repeat(41);
    for name in ["", "1a", "a-", "a--b", "My-Array", "a_b", "../a", "ä", &long] {
        refused(&[name], &["can be no driver's name", "`my-array`"]);
    }
    refused(&["a", "--directory", "nowhere/a"], &["nowhere", "make it first"]);
    refused(&["a", "--sdk", "nowhere"], &["guest-sdk/Cargo.toml"]);
    assert_eq!(fs::read_dir(&here).unwrap().count(), 0);
    // Neither a file, nor a directory, nor what leads nowhere is written over.
    fs::write(here.join("a"), "mine").unwrap();
    fs::create_dir(here.join("b")).unwrap();
    std::os::unix::fs::symlink("nowhere", here.join("c")).unwrap();
    for name in ["a", "b", "c"] {
        refused(&[name], &["is there already", "--directory"]);
    }
    assert_eq!(fs::read_to_string(here.join("a")).unwrap(), "mine");
    assert_eq!(fs::read_dir(&here).unwrap().count(), 3);
    let answer = abaca(&here, &["driver", "new", "A", "--json"]);
    assert_eq!(answer.code, Some(2));
    assert_eq!(answer.failure()["error"]["blame"], "operator");
}

#[test]
fn its_own_unit_tests_pass() {
    // With the components' profile, of which everything else was compiled already.
    let told = cargo(made(), &["test", "--profile", "component"]);
    assert!(told.contains("test result: ok. ") && !told.contains(" 0 passed"), "{told}");
}

#[test]
fn the_component_is_what_the_manifest_says() {
    let ground = Ground::new();
    let desk = Desk::with(&ground, "none is needed");
    let component = component();
    let component = component.to_str().unwrap();
    let inspection = desk.json(&["driver", "inspect", component]);
    assert_eq!(inspection["name"], "driver-name");
    assert_eq!(inspection["findings"], json!([]), "{inspection}");
    let offers = inspection["offers"].as_array().unwrap().iter();
    let offers: Vec<_> = offers.filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(offers, ["backend", "shares", "extending", "shrinking", "snapshots", "access"]);
    // The example is what an operator gets.
    let digest = inspection["manifest"]["digest"].as_str().unwrap();
    let answers = format!("driver = \"driver-name\"\nmanifest = \"{digest}\"\n");
    let answers = ground.write("answers.toml", &answers);
    let policy = ground.path().join("approved.toml");
    desk.json(&[
        "driver",
        "approve",
        component,
        "--answers",
        answers.to_str().unwrap(),
        "--policy",
        policy.to_str().unwrap(),
    ]);
    let (approved, example) = (fs::read_to_string(policy).unwrap(), made().join("policy.toml"));
    let example = fs::read_to_string(example).unwrap();
    assert!(example.ends_with(&approved), "{approved}");
}

#[tokio::test]
async fn its_transcript_is_what_a_recording_makes() {
    let ground = Ground::new();
    let driver = driver().await;
    let mut recorded = Vec::new();
    for name in ["one.jsonl", "two.jsonl"] {
        let file = ground.path().join(name);
        whole_life(&stage::stage(&driver).record(&file).build().unwrap()).await;
        recorded.push(fs::read_to_string(file).unwrap());
    }
    // The clock is the stage's, so the same calls are the same bytes.
    assert_eq!(recorded[0], recorded[1]);
    let shipped = fs::read_to_string(file("transcripts/lifecycle.jsonl")).unwrap();
    assert_eq!(recorded[0].replace(driver.digest(), &"0".repeat(64)), shipped);
    let again = stage::stage(&driver).record(ground.path().join("one.jsonl")).build();
    assert!(again.unwrap_err().to_string().contains("one.jsonl"));
}
