//! What an operator types at a terminal is asked for, one thing after another, and nothing but the
//! driver's whole name approves.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::{ROOTED, and, desk, is_written, words};
use crate::support::components::{with_manifest, written};
use crate::support::{Answer, Desk, Ground, component};

/// Runs a command whose operator types these lines; all that is asked stands in `stderr`.
fn typed(desk: &Desk, words: &[&str], lines: &[&str]) -> Answer {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let end: OwnedFd =
        rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let mut terminal = File::from(terminal);
    for line in lines {
        writeln!(terminal, "{line}").unwrap();
    }
    let mut command = desk.command(words);
    command.stdin(Stdio::from(end.try_clone().unwrap())).stderr(Stdio::from(end));
    let output = command.stdout(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    // Our own ends of it go with the command, or reading would not end.
    drop(command);
    let mut asked = Vec::new();
    // Where nobody has the other end any more, reading ends with an error.
    let _ = terminal.read_to_end(&mut asked);
    Answer {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(asked).unwrap(),
    }
}

#[test]
fn only_the_whole_name_approves() {
    let ground = Ground::new();
    let file = component("abaca-driver-directory");
    let desk = desk(&ground, &file);
    let words = words(&ground, &file);
    for wrong in ["yes", "director", "Directory"] {
        let answer = typed(&desk, &and(&words, &[]), &[wrong]);
        assert_eq!(answer.code, Some(2), "{wrong}: {answer:?}");
        assert!(answer.stderr.contains("nothing was written"), "{answer:?}");
        assert!(!is_written(&ground), "{wrong}");
    }
    // The directory that is missing is asked for first, with what it is for.
    let snapshots = ground.snapshots();
    let lines = [snapshots.to_str().unwrap(), "directory"];
    let answer = typed(&desk, &and(&words[..7], &[]), &lines);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let place = |what: &str| answer.stderr.find(what).unwrap_or_else(|| panic!("{answer:?}"));
    assert!(place("directory for `snapshots` (") < place("type the driver's name, `directory`"));
    assert!(is_written(&ground));
}

#[test]
fn whoever_is_asked_was_shown_what_for() {
    let ground = Ground::new();
    let file = component("abaca-driver-directory");
    let desk = desk(&ground, &file);
    let words = words(&ground, &file);
    // The answer for programs stands on standard output, so people read it on the other one.
    let answer = typed(&desk, &and(&words, &["--json"]), &["directory"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let document: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    let read = answer.stderr.replace("\r\n", "\n");
    let shown = read.find(document["asked"].as_str().unwrap());
    assert!(shown.unwrap() < read.find("type the driver's name").unwrap(), "{answer:?}");
}

#[test]
fn each_rule_as_good_as_root_is_asked_about() {
    let ground = Ground::new();
    let bytes = with_manifest("directory", |text| {
        text.replacen("[[command]]", &format!("{ROOTED}\n[[command]]"), 1)
    });
    let file = written(&ground, "rooted.wasm", &bytes);
    let desk = desk(&ground, &file);
    let words = words(&ground, &file);
    let answer = typed(&desk, &and(&words, &[]), &["", "directory"]);
    assert_eq!(answer.code, Some(2), "{answer:?}");
    assert!(!is_written(&ground), "no reason was given");
    let answer = typed(&desk, &and(&words, &[]), &["we know it", "directory"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.stderr.contains("`rooted` is as good as root."), "{answer:?}");
    let lock = std::fs::read_to_string(ground.path().join("home.policy.lock")).unwrap();
    assert!(lock.contains("rooted = \"we know it\""), "{lock}");
}
