//! Versions that must not come to run, and what must hold of those that may: an approval that is not
//! as it was, a driver with which the backend does not start, a floor.

use std::fs;
use std::path::{Path, PathBuf};

use abaca::configuration::Configuration;
use abaca::{Backend, Limits, Versions};
use serde_json::{Value, json};

use super::{approved, current, more_rights, ran, same_rights, text_of};
use crate::support::components::{with_manifest, with_section, written};
use crate::support::{Desk, Ground, runtime};

const ALLOWED: &str = "allow_same_rights_upgrades = true\n";

/// The same driver, which calls itself another version; names of interfaces keep theirs.
fn renumbered(ground: &Ground, version: &str) -> PathBuf {
    let mut bytes = with_section("abaca-driver-directory", "renumbered", version.as_bytes());
    let is_version =
        |at: usize, bytes: &[u8]| bytes[at..].starts_with(b"0.1.0") && bytes[at - 1] != b'@';
    for at in 1..bytes.len() - 5 {
        if is_version(at, &bytes) {
            bytes[at..at + 5].copy_from_slice(version.as_bytes());
        }
    }
    written(ground, &format!("{version}.wasm"), &bytes)
}

/// The lines of one event, what was decided and on which version.
fn decided(ground: &Ground) -> Vec<(String, u64)> {
    let lines = ground.audit("home").into_iter().filter(|line| line["event"] == "version");
    lines
        .map(|line| {
            (line["decision"].as_str().unwrap().to_owned(), line["number"].as_u64().unwrap_or(0))
        })
        .collect()
}

fn decisions(wanted: &[(&str, u64)]) -> Vec<(String, u64)> {
    wanted.iter().map(|(decision, number)| ((*decision).to_owned(), *number)).collect()
}

fn pending(desk: &Desk) -> Value {
    desk.json(&["driver", "pending", "home"])["versions"]["pending"].clone()
}

#[test]
fn nothing_is_compared_with_what_was_not_approved() {
    let ground = Ground::new();
    let desk = approved(&ground, ALLOWED);
    let same = same_rights(&ground);
    let kept = |name: &str| fs::read_to_string(ground.path().join(name)).unwrap();
    let (policy, lock) = (kept("home.policy.toml"), kept("home.policy.lock"));
    let document: toml::Table = toml::from_str(&lock).unwrap();
    let manifest = document["manifest"].as_str().unwrap();
    // A rule that the operator has taken back by hand must not come back with an upgrade.
    let narrower = policy.replace("timeout = \"30m\"", "timeout = \"1m\"");
    assert_ne!(narrower, policy);
    let other = lock.replace(manifest, &manifest.chars().rev().collect::<String>());
    for (policy, lock, told) in [
        (narrower.as_str(), lock.as_str(), "it is not as it was approved"),
        (&policy, &other, "the manifest is another one"),
    ] {
        ground.write("home.policy.toml", policy);
        ground.write("home.policy.lock", lock);
        for words in [
            &["driver", "upgrade", "home", text_of(&same)][..],
            &["driver", "floor", "home", "0.1.0"],
            &["backend", "check"],
        ] {
            let text = desk.fails(2, words);
            assert!(text.contains(told), "{words:?}: {text}");
            assert!(text.contains("put back what was approved"), "{text}");
        }
        assert!(Versions::read(&ground.state(), "home").unwrap().is_none());
        assert!(!ground.state().join("home/versions/1.policy.toml").exists());
    }
    ground.write("home.policy.toml", &policy);
    ground.write("home.policy.lock", &lock);
    assert_eq!(current(&desk.json(&["driver", "upgrade", "home", text_of(&same)])), 2);
    // The same for a version that was kept: it does not run, and nothing comes after it but by going back.
    desk.edit("state/home/versions/2.policy.toml", "timeout = \"30m\"", "timeout = \"29m\"");
    let more = more_rights(&ground);
    let text = desk.fails(2, &["driver", "upgrade", "home", text_of(&more)]);
    assert!(text.contains("it is not as it was approved"), "{text}");
    assert_eq!(current(&desk.json(&["driver", "rollback", "home"])), 1);
    desk.json(&["backend", "check"]);
}

#[test]
fn a_version_with_which_the_backend_does_not_start_waits() {
    let ground = Ground::new();
    let desk = approved(&ground, ALLOWED);
    desk.json(&["backend", "check"]);
    let first = ran(&ground);
    // It asks for less: that the root lies on a file system of a kind that it does not lie on.
    let elsewhere = with_manifest("directory", |text| {
        let header = "[roots.shares]\n";
        text.replacen(header, &format!("{header}filesystem = \"iso9660\"\n"), 1)
    });
    let elsewhere = written(&ground, "elsewhere.wasm", &elsewhere);
    let answer = desk.run(&["driver", "upgrade", "home", text_of(&elsewhere)]);
    assert!(answer.code.is_some_and(|code| code >= 2), "{answer:?}");
    assert!(answer.stderr.contains("version 2 asks for nothing more, and waits"), "{answer:?}");
    assert!(answer.stderr.contains("iso9660"), "{answer:?}");
    assert_eq!(pending(&desk), 2);
    let answers = ground.write("name.toml", &desk.consents(&elsewhere));
    let words = ["driver", "pending", "home", "--approve", "--answers", text_of(&answers)];
    assert!(desk.run(&words).stderr.contains("iso9660"));
    assert_eq!(pending(&desk), 2);
    assert!(!ground.state().join("home/versions/2.policy.toml").exists());
    desk.json(&["backend", "check"]);
    assert_eq!(ran(&ground), first, "the old one keeps serving");
    desk.json(&["driver", "pending", "home", "--refuse"]);
    assert_eq!(decided(&ground), decisions(&[("pending", 2), ("refused", 2)]));
}

#[test]
fn what_is_decided_stands_in_the_audit_and_no_number_is_given_twice() {
    let ground = Ground::new();
    let desk = approved(&ground, ALLOWED);
    desk.json(&["backend", "check"]);
    // Who has approved the first one, and where its roots are, comes before its first call.
    let lines = ground.audit("home");
    assert_eq!(lines[0]["event"], "approval");
    let shares = json!(ground.shares());
    assert_eq!((&lines[0]["roots"]["shares"], &lines[0]["reasons"]), (&shares, &json!({})));
    assert!(lines[0]["by"].as_str().unwrap().starts_with("uid "), "{}", lines[0]);
    desk.json(&["backend", "check"]);
    let approvals = |ground: &Ground| {
        ground.audit("home").iter().filter(|line| line["event"] == "approval").count()
    };
    assert_eq!(approvals(&ground), 1, "once, not with each opening");

    desk.json(&["driver", "upgrade", "home", text_of(&same_rights(&ground))]);
    let more = more_rights(&ground);
    let wasm = |number: u32| ground.state().join(format!("home/versions/{number}.wasm"));
    desk.json(&["driver", "upgrade", "home", text_of(&more)]);
    // A newer one takes the place of the one that waits.
    let renumbered = with_manifest("directory", |text| {
        text.replacen("timeout = \"30m\"", "timeout = \"32m\"", 1)
    });
    let renumbered = written(&ground, "renumbered.wasm", &renumbered);
    desk.json(&["driver", "upgrade", "home", text_of(&renumbered)]);
    assert!(!wasm(3).exists() && wasm(4).exists());
    desk.json(&["driver", "pending", "home", "--refuse"]);
    assert!(!wasm(4).exists());
    let document = desk.json(&["driver", "upgrade", "home", text_of(&more)]);
    assert_eq!(document["versions"]["pending"], 5, "{document}");
    let listed = desk.json(&["backend", "list"])["backends"][0].clone();
    assert_eq!((&listed["version"], &listed["pending"]), (&json!(2), &json!(5)));
    assert!(listed["driver"].as_str().unwrap().ends_with("versions/2.wasm"), "{listed}");
    assert!(desk.run(&["backend", "list"]).stdout.contains("2, 5 waits"));
    let answers = ground.write("name.toml", &desk.consents(&more));
    desk.json(&["driver", "pending", "home", "--approve", "--answers", text_of(&answers)]);
    let expected = decisions(&[
        ("pending", 2),
        ("automatic", 2),
        ("pending", 3),
        ("replaced", 3),
        ("pending", 4),
        ("refused", 4),
        ("pending", 5),
        ("approved", 5),
    ]);
    assert_eq!(decided(&ground), expected);
    let approved = ground.audit("home").into_iter().rfind(|line| line["decision"] == "approved");
    let approved = approved.unwrap();
    assert_eq!(approved["roots"]["shares"], shares);
    // What is asked about is what is enforced, not what was configured once.
    let simulated = desk.json(&["policy", "simulate"]);
    assert_eq!(simulated["policy"]["digest"], approved["new_policy"]);
    desk.json(&["audit", "verify"]);
}

#[tokio::test]
async fn neither_going_back_nor_opening_leads_below_the_floor() {
    let ground = Ground::new();
    let desk = approved(&ground, ALLOWED);
    let newer = renumbered(&ground, "0.1.1");
    assert_eq!(current(&desk.json(&["driver", "upgrade", "home", text_of(&newer)])), 2);
    desk.json(&["driver", "floor", "home", "0.1.1"]);
    let text = desk.fails(2, &["driver", "rollback", "home"]);
    assert!(text.contains("below its floor 0.1.1"), "{text}");
    desk.json(&["backend", "check"]);
    // A service that opens what was before is told so too.
    let configuration = Configuration::load(&desk.file).unwrap();
    let mut entry = configuration.backends().first().unwrap().clone();
    (entry.driver, entry.policy) = Versions::files(&ground.state(), "home", 1);
    let driver = runtime(Limits::default()).load(&entry.driver).await.unwrap();
    let refused = Backend::open(driver, configuration.backend(&entry)).await.unwrap_err();
    assert!(refused.to_string().contains("below its floor 0.1.1"), "{refused}");
    // Whoever is told to begin anew is told that the floor goes with it.
    desk.edit("home.policy.toml", "schema = 1", "schema = 1 # other");
    let text = desk.fails(2, &["backend", "check"]);
    assert!(text.contains("forgets the floor 0.1.1"), "{text}");
    fs::remove_file(ground.path().join("home.policy.toml")).unwrap();
    desk.json(&["backend", "check"]);
}

#[test]
fn what_waits_is_compared_where_the_roots_are() {
    let ground = Ground::new();
    let file =
        written(&ground, "first.wasm", &with_section("abaca-driver-directory", "first", b""));
    let text = Desk::text(&ground, "home", &file).replace("approved = false\n", "");
    let desk = Desk::with(&ground, &text);
    // Where it matters to everybody: what changes there is as good as root.
    let shares = Path::new("/opt/abaca-test-shares");
    let answers = format!(
        "{}[roots]\nshares = {shares:?}\nsnapshots = {:?}\n[reasons]\n",
        desk.consents(&file),
        ground.snapshots()
    );
    let policy = ground.path().join("home.policy.toml");
    let words = |answers: &Path| {
        [
            "driver",
            "approve",
            text_of(&file),
            "--policy",
            text_of(&policy),
            "--answers",
            text_of(answers),
        ]
        .map(str::to_owned)
    };
    let run = |words: &[String]| desk.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let refused = run(&words(&ground.write("answers.toml", &answers)));
    // Each rule that is missing a reason is named: they are given one.
    let missing: Vec<_> = refused
        .stderr
        .split(" = \"WHY\"")
        .filter_map(|before| before.rsplit(' ').next())
        .filter(|id| !id.contains('\n') && !id.is_empty())
        .map(|id| format!("{id} = \"tried\"\n"))
        .collect();
    assert!(!missing.is_empty(), "{refused:?}");
    let answers = ground.write("answers.toml", &(answers + &missing.concat()));
    let approved = run(&words(&answers));
    assert_eq!(approved.code, Some(0), "{approved:?}");
    let longer =
        with_manifest("directory", |text| text.replace("timeout = \"60m\"", "timeout = \"61m\""));
    let longer = written(&ground, "longer.wasm", &longer);
    let answer = desk.run(&["driver", "upgrade", "home", text_of(&longer)]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stdout.starts_with("WIDER     R4  "), "{answer:?}");
}
