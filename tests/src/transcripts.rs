//! Transcripts: what `abaca record` writes, and what `abaca replay` makes of it: the same driver,
//! another one, another order, a transcript that is none.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Answer, Desk, Ground, component};

const DRIVER: &str = "abaca-driver-directory";

/// A life of a share, each command recorded into a file of its own.
fn life(ground: &Ground, desk: &Desk) -> Vec<PathBuf> {
    let commands: [&[&str]; 7] = [
        &["backend", "check"],
        &["share", "create", "one", "--size", "2"],
        &["snapshot", "create", "one", "kept"],
        &["share", "create", "two", "--from-snapshot", "kept"],
        &["share", "shrink", "one", "--size", "1"],
        &["access", "allow", "one", "user", "everyone", "--level", "ro"],
        &["share", "delete", "two"],
    ];
    let mut files = Vec::new();
    for (number, command) in commands.into_iter().enumerate() {
        let file = ground.state().with_file_name(format!("{number}.jsonl"));
        let words = [&["record", "--output", file.to_str().unwrap(), "--"], command].concat();
        desk.json(&words);
        files.push(file);
    }
    files
}

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Replays a transcript by the command.
fn replay(desk: &Desk, file: &Path, driver: &str, more: &[&str]) -> Answer {
    let driver = component(driver);
    let words = ["replay", file.to_str().unwrap(), driver.to_str().unwrap()];
    desk.run(&[&words, more].concat())
}

/// What a replay that finds no difference answers.
fn same(desk: &Desk, file: &Path, more: &[&str]) -> Value {
    let answer = replay(desk, file, DRIVER, &[more, &["--json"]].concat());
    assert_eq!(answer.code, Some(0), "{answer:?}");
    serde_json::from_str(&answer.stdout).unwrap()
}

#[test]
fn what_was_recorded_is_replayed_byte_for_byte_without_storage() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let files = life(&ground, &desk);
    // Nothing of it is left: a replay needs neither configuration nor policy nor shares.
    let elsewhere = desk.beside(PathBuf::from("/nowhere"));
    for file in files {
        let again = file.with_extension("again");
        let answer = same(&elsewhere, &file, &["--output", again.to_str().unwrap()]);
        assert_eq!(answer["divergences"], json!([]), "{answer}");
        assert!(answer["calls"].as_u64().unwrap() >= 1, "{answer}");
        assert_eq!(fs::read_to_string(&file).unwrap(), fs::read_to_string(&again).unwrap());
    }
}

#[test]
fn every_crossing_is_a_line_in_order() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let files = life(&ground, &desk);
    let made = lines(&files[1]);
    assert_eq!(made[0]["line"], "begin");
    assert_eq!(made[0]["transcript"], 1);
    let call = made.iter().find(|line| line["method"] == "create-share").unwrap();
    assert_eq!(call["arguments"][0]["size"], 2, "{call}");
    assert_eq!(call["driver"]["name"], "directory");
    let of_call: Vec<_> = made.iter().filter(|line| line["call"] == call["call"]).collect();
    assert_eq!(of_call.last().unwrap()["line"], "end");
    assert!(of_call.last().unwrap()["answered"]["ok"][0]["path"].is_string());
    let imports: Vec<_> = of_call.iter().filter_map(|line| line["import"].as_str()).collect();
    assert!(imports.contains(&"files.make-dir") && imports.contains(&"command.run"), "{imports:?}");
    let numbers: Vec<_> = of_call.iter().filter_map(|line| line["request"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    // What a command printed is there as text.
    let run = of_call.iter().find(|line| line["import"] == "command.run").unwrap();
    assert!(run["answered"]["ok"]["stdout"].as_str().unwrap().contains("Avail"), "{run}");
    // A transcript is for its user alone, and is never written over.
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&files[1]).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(&files[1]).unwrap();
    let file = files[1].to_str().unwrap();
    let text = desk.fails(2, &["record", "--output", file, "--", "backend", "check"]);
    assert!(text.contains(file) && text.contains("not there yet"), "{text}");
    assert_eq!(fs::read(&files[1]).unwrap(), before);
}

#[test]
fn another_request_is_shown_as_a_difference_and_the_next_call_goes_on() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let files = life(&ground, &desk);
    let text = fs::read_to_string(&files[1]).unwrap();
    let changed = files[1].with_extension("changed");
    // As if another version had made the directory with another mode.
    let mode = lines(&files[1])
        .into_iter()
        .find(|line| line["import"] == "files.make-dir")
        .map(|line| format!("\"mode\":{}", line["asked"]["mode"]))
        .unwrap();
    assert_eq!(text.matches(&mode).count(), 1, "{text}");
    fs::write(&changed, text.replace(&mode, "\"mode\":1")).unwrap();
    let answer = replay(&desk, &changed, DRIVER, &[]);
    assert_eq!(answer.code, Some(3), "{answer:?}");
    assert!(answer.stdout.contains("create-share"), "{answer:?}");
    assert!(answer.stdout.contains("- ") && answer.stdout.contains("\"mode\": 1"), "{answer:?}");
    let answer = replay(&desk, &changed, DRIVER, &["--json"]);
    let document: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(document["divergences"].as_array().unwrap().len(), 1, "{document}");
    assert_eq!(document["divergences"][0]["method"], "create-share");
    assert_eq!(
        document["calls"],
        lines(&files[1]).iter().filter(|line| line["line"] == "call").count()
    );
}

#[test]
fn a_loose_replay_takes_another_order_and_a_strict_one_does_not() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let files = life(&ground, &desk);
    // Two requests that do not depend on each other, exchanged.
    let text = fs::read_to_string(&files[1]).unwrap();
    let mut all: Vec<&str> = text.lines().collect();
    let call = lines(&files[1]).into_iter().find(|line| line["method"] == "create-share").unwrap();
    let gets: Vec<_> = lines(&files[1])
        .iter()
        .enumerate()
        .filter(|(_, line)| line["call"] == call["call"] && line["import"] == "config.get")
        .map(|(at, _)| at)
        .collect();
    let pair = gets.windows(2).find(|pair| {
        let of = |at: usize| lines(&files[1])[at]["asked"].clone();
        of(pair[0]) != of(pair[1])
    });
    let pair = pair.expect("it reads two options");
    all.swap(pair[0], pair[1]);
    let number = |at: usize| lines(&files[1])[at]["request"].as_u64().unwrap();
    let (first, second) = (number(pair[0]), number(pair[1]));
    let renumbered = |line: &str, from: u64, to: u64| {
        line.replace(&format!("\"request\":{from},"), &format!("\"request\":{to},"))
    };
    let (one, other) =
        (renumbered(all[pair[0]], second, first), renumbered(all[pair[1]], first, second));
    all[pair[0]] = &one;
    all[pair[1]] = &other;
    let swapped = files[1].with_extension("swapped");
    fs::write(&swapped, all.join("\n") + "\n").unwrap();
    assert_eq!(replay(&desk, &swapped, DRIVER, &[]).code, Some(3));
    assert_eq!(same(&desk, &swapped, &["--loose"])["divergences"], json!([]));
}

#[test]
fn what_is_no_transcript_or_of_another_driver_is_refused_by_file_and_line() {
    let ground = Ground::new();
    let desk = Desk::home(&ground);
    let files = life(&ground, &desk);
    let good = fs::read_to_string(&files[0]).unwrap();
    let bad = files[0].with_extension("bad");
    let cases = [
        (String::new(), ":1: it is empty"),
        (
            good.replacen("\"transcript\":1", "\"transcript\":9", 1),
            ":1: it is a transcript of version 9",
        ),
        (good.lines().skip(1).collect::<Vec<_>>().join("\n"), ":1: a transcript begins"),
        (good.clone() + "{}\n", "it is no line of a transcript"),
        (good.clone() + good.lines().nth(1).unwrap() + "\n", "is there twice"),
        (good.replacen("\"request\":1,", "\"request\":7,", 1), "out of order"),
    ];
    for (text, said) in cases {
        fs::write(&bad, text).unwrap();
        let answer = replay(&desk, &bad, DRIVER, &[]);
        assert_eq!(answer.code, Some(2), "{answer:?}");
        assert!(answer.stderr.contains(said), "{said}: {answer:?}");
    }
    let answer = replay(&desk, &files[0], "abaca-driver-dummy", &[]);
    assert_eq!(answer.code, Some(2), "{answer:?}");
    let told = &answer.stderr;
    assert!(told.contains("of the driver `directory`") && told.contains("`dummy`"), "{told}");
    // What calls no driver leaves no transcript, and says so.
    let none = ground.state().with_file_name("none.jsonl");
    let none = none.to_str().unwrap();
    let answer = desk.run(&["record", "--output", none, "--", "share", "list"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stderr.contains("nothing was recorded"), "{answer:?}");
    assert!(!Path::new(none).exists());
    let answer = desk.run(&["record", "--", "record", "--", "backend", "list"]);
    assert_eq!(answer.code, Some(2), "{answer:?}");
}
