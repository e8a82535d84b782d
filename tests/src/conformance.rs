//! The conformance suite: our own drivers pass it, on a stage, against transcripts of real storage,
//! and on real storage; and what it says where something is wrong.

use std::fs;

use serde_json::Value;

use crate::support::{Answer, Desk, Ground, component};

fn beside(driver: &str, file: &str) -> String {
    format!("{}/../drivers/{driver}/{file}", env!("CARGO_MANIFEST_DIR"))
}

/// What was recorded by `just record`, with `/srv` for `/tmp`.
fn transcript(driver: &str, of: &str) -> String {
    format!("{}/data/transcripts/{driver}-{of}.jsonl", env!("CARGO_MANIFEST_DIR"))
}

fn test(desk: &Desk, driver: &str, more: &[&str]) -> Answer {
    let component = component(&format!("abaca-driver-{driver}"));
    desk.run(&[&["test", component.to_str().unwrap()], more].concat())
}

/// What the suite finds of a driver that passes it.
fn passes(desk: &Desk, driver: &str, more: &[&str]) -> Value {
    let answer = test(desk, driver, &[more, &["--json"]].concat());
    let report: Value = serde_json::from_str(&answer.stdout).expect(&answer.stderr);
    let failed: Vec<_> = of(&report, "failed");
    assert!(failed.is_empty() && answer.code == Some(0), "{failed:#?}");
    report
}

/// The findings of a report that came to this.
fn of<'r>(report: &'r Value, verdict: &str) -> Vec<&'r Value> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().filter(|one| one["verdict"] == verdict).collect()
}

/// A driver that passes so many checks on its stage.
fn simulated(driver: &str, at_least: usize) {
    simulated_on(driver, "stage.toml", at_least);
}

/// The same on another stage of its own.
fn simulated_on(driver: &str, stage: &str, at_least: usize) {
    let report = passes(&Desk::bare(), driver, &["--stage", &beside(driver, stage)]);
    assert_eq!(report["against"], "simulated");
    let passed = of(&report, "passed").len();
    assert!(passed >= at_least, "only {passed} checks passed");
}

#[test]
fn directory_passes_on_a_stage() {
    simulated("directory", 195);
}

#[test]
fn image_passes_on_a_stage() {
    let report = passes(&Desk::bare(), "image", &["--stage", &beside("image", "stage.toml")]);
    assert!(of(&report, "passed").len() >= 200);
    // Copies to other backends are the runtime's, and images here are of ext4.
    let notes = report["notes"].as_array().unwrap();
    assert_eq!(notes, &["asked for and used by no check: format-xfs, migration"]);
}

#[test]
fn lvm_passes_on_a_stage() {
    simulated("lvm", 195);
}

#[test]
fn lvm_passes_on_a_stage_with_a_file_server() {
    simulated_on("lvm", "stage-cifs.toml", 195);
}

#[test]
fn zfs_passes_on_a_stage() {
    simulated("zfs", 220);
}

#[test]
fn dummy_passes_on_a_stage() {
    // Every interface, with share servers and without.
    let stage = beside("dummy", "stage.toml");
    let report = passes(&Desk::bare(), "dummy", &["--stage", &stage]);
    assert!(of(&report, "passed").len() >= 400);
    let ids: Vec<_> = of(&report, "passed").iter().map(|one| one["id"].as_str().unwrap()).collect();
    for id in ["setup-server/twice", "promote-replica/death-after-each-request", "group/copied"] {
        assert!(ids.contains(&id), "{id} did not pass: {ids:?}");
    }
}

fn recorded(driver: &str, lives: &[&str], at_least: usize) {
    let transcripts: Vec<_> = lives.iter().map(|of| transcript(driver, of)).collect();
    let mut arguments = vec!["--against", "recorded"];
    arguments.extend(transcripts.iter().flat_map(|file| ["--transcript", file.as_str()]));
    let report = passes(&Desk::bare(), driver, &arguments);
    assert_eq!(report["against"], "recorded");
    let passed = of(&report, "passed").len();
    assert!(passed >= at_least, "only {passed} checks passed");
}

#[test]
fn btrfs_passes_against_what_was_recorded() {
    recorded("btrfs", &["lifecycle", "replicas", "migration", "groups"], 120);
}

#[test]
fn zfs_passes_against_what_was_recorded() {
    recorded("zfs", &["lifecycle", "replicas"], 90);
}

#[test]
fn directory_passes_on_real_storage() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let stage = beside("directory", "stage.toml");
    let report = passes(&desk, "directory", &["--against", "real", "--stage", &stage]);
    assert_eq!(report["against"], "real");
    assert!(of(&report, "passed").len() >= 80, "{}", of(&report, "passed").len());
    // What it made there it has removed.
    for root in ["shares", "snapshots"] {
        assert_eq!(fs::read_dir(ground.path().join(root)).unwrap().count(), 0, "{root}");
    }
}

#[test]
fn every_check_says_what_it_means_and_why() {
    let checks = Desk::bare().json(&["test", "--list"]);
    let checks = checks.as_array().unwrap();
    assert!(checks.len() >= 80, "{}", checks.len());
    let mut ids: Vec<_> = checks.iter().map(|check| check["id"].as_str().unwrap()).collect();
    for check in checks {
        for field in ["meaning", "why"] {
            assert!(check[field].as_str().unwrap().len() > 15, "{check}");
        }
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), checks.len(), "two checks have one name");
}

#[test]
fn what_the_stage_does_not_know_is_told_with_what_to_write() {
    // A script without LVM's programs.
    let ground = Ground::new();
    let stage = ground.write("stage.toml", "[options]\nlvm_share_export_root = \"/srv\"\n");
    let answer = test(&Desk::bare(), "lvm", &["--stage", stage.to_str().unwrap()]);
    assert_eq!(answer.code, Some(3), "{answer:?}");
    assert!(answer.stdout.contains("add a [[command]]"), "{answer:?}");
    assert!(answer.stdout.contains("vgs --noheadings"), "{answer:?}");
}

#[test]
fn findings_are_written_for_continuous_integration_too() {
    let ground = Ground::new();
    let file = ground.path().join("findings.xml");
    let stage = beside("directory", "stage.toml");
    let arguments =
        ["--stage", &stage, "--only", "share/*", "--junit", file.to_str().unwrap(), "--json"];
    let answer = test(&Desk::bare(), "directory", &arguments);
    let report: Value = serde_json::from_str(&answer.stdout).unwrap();
    let count = report["findings"].as_array().unwrap().len();
    let xml = fs::read_to_string(&file).unwrap();
    assert!(xml.starts_with("<?xml"), "{xml}");
    assert_eq!(xml.matches("<testcase ").count(), count, "{xml}");
    assert!(xml.contains(&format!("tests=\"{count}\" failures=\"0\"")), "{xml}");
}

#[test]
fn a_known_failure_is_shown_and_one_that_passes_is_a_failure() {
    let ground = Ground::new();
    let desk = Desk::bare();
    let stage = ground.path().join("stage.toml");
    let say = |known: &str| {
        let text = fs::read_to_string(beside("lvm", "stage.toml")).unwrap();
        let known = text.replace("[known]\n", &format!("[known]\n{known}\n"));
        fs::write(&stage, known).unwrap();
        test(&desk, "lvm", &["--stage", stage.to_str().unwrap(), "--only", "delete-share/*"])
    };
    let answer = say("");
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stdout.contains("known delete-share/garbled-output"), "{answer:?}");
    assert!(answer.stdout.contains("prints nothing"), "{answer:?}");
    let answer = say("\"delete-share/works\" = \"we think so\"");
    assert_eq!(answer.code, Some(3), "{answer:?}");
    assert!(answer.stdout.contains("remove the declaration"), "{answer:?}");
    let answer = say("\"delete-share/wroks\" = \"a slip\"");
    assert_eq!(answer.code, Some(2), "{answer:?}");
    assert!(answer.stderr.contains("delete-share/wroks"), "{answer:?}");
    assert!(answer.stderr.contains("--list"), "{answer:?}");
}

#[test]
fn bad_input_is_refused_by_name() {
    let ground = Ground::new();
    let desk = Desk::bare();
    let stage = ground.path().join("stage.toml");
    fs::write(&stage, "[[command]]\nwhen = [\"x\"]\nanswer = \"y\"\n").unwrap();
    let answer = test(&desk, "dummy", &["--stage", stage.to_str().unwrap()]);
    assert_eq!(answer.code, Some(2), "{answer:?}");
    assert!(answer.stderr.contains("stage.toml") && answer.stderr.contains("answer"), "{answer:?}");
    let answer = test(&desk, "dummy", &["--policy", &beside("directory", "policy.toml")]);
    assert_eq!(answer.code, Some(2), "{answer:?}");
    assert!(answer.stderr.contains("`directory`"), "{answer:?}");
    // Nothing that is said may count for nothing, and checking nothing is no success.
    for (more, told) in [
        (&["--only", "shrink/*", "--transcript", "x.jsonl"][..], "--against recorded"),
        (&["--against", "real", "--policy", "x.toml"], "--policy"),
        (&["--faults", "--stories", "0"], "--stories"),
    ] {
        let answer = test(&desk, "dummy", more);
        assert_eq!(answer.code, Some(2), "{answer:?}");
        assert!(answer.stderr.contains(told), "{answer:?}");
    }
    let answer = test(&desk, "dummy", &["--only", "create-share"]);
    assert_eq!(answer.code, Some(2), "{answer:?}");
    assert!(answer.stderr.contains("did you mean `create-share/*`?"), "{answer:?}");
    let nothing = ["--stage", &beside("lvm", "stage.toml"), "--only", "allow-access/*"];
    let answer = test(&desk, "lvm", &nothing);
    assert_eq!(answer.code, Some(2), "{answer:?}");
    assert!(answer.stderr.contains("nothing is left to check"), "{answer:?}");
    let answer = test(&desk, "dummy", &["--against", "recorded"]);
    assert_eq!(answer.code, Some(2), "{answer:?}");
    assert!(answer.stderr.contains("--transcript"), "{answer:?}");
}
