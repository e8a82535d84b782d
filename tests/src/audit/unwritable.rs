//! What cannot be written down is not done.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::ordinary_user;
use crate::support::{Answer, Desk, Ground, tree};

/// A ground whose backend `home` has an audit already, with nothing made.
fn checked(desk: impl Fn(&Ground) -> Desk) -> (Ground, Desk) {
    let ground = Ground::new();
    let desk = desk(&ground);
    desk.json(&["backend", "check"]);
    (ground, desk)
}

/// Runs the command where a script has changed what is mounted, for it alone. Only root can.
fn run_where(ground: &Ground, script: &str, words: &[&str]) -> Answer {
    let script = format!(
        "set -e; PATH=/usr/sbin:/usr/bin:/sbin:/bin; cd {}\n{script}\nexec \"$@\"",
        ground.path().display()
    );
    let mut first: Vec<PathBuf> =
        ["/usr/bin/unshare", "--mount", "/bin/sh", "-c"].iter().map(PathBuf::from).collect();
    first.extend([PathBuf::from(script), "sh".into(), crate::support::program("abaca")]);
    Desk::home(ground).with_first(first).run(words)
}

/// Asserts that the audit kept a share from being made.
fn assert_nothing_done(ground: &Ground, answer: &Answer, why: &str) {
    assert_eq!(answer.code, Some(5), "{answer:?}");
    assert!(answer.stderr.contains(why), "{answer:?}");
    assert!(tree(&ground.shares()).is_empty(), "{answer:?}");
}

const CREATE: [&str; 5] = ["share", "create", "one", "--size", "1"];

#[test]
fn nothing_is_done_on_a_full_file_system() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can mount a small file system");
        return;
    }
    let (ground, desk) = checked(Desk::home);
    // The audit alone lies on a file system with no more than the rest of its last page.
    let full = "mkdir tiny\nmount -t tmpfs -o size=16k tmpfs tiny\n\
                cp state/home/audit.jsonl tiny/\n\
                head -c 64k /dev/zero > tiny/fill 2> /dev/null || true\n\
                mount --bind tiny/audit.jsonl state/home/audit.jsonl";
    let answer = run_where(&ground, full, &CREATE);
    assert_nothing_done(&ground, &answer, "No space left on device");
    assert!(answer.stderr.contains("error: the audit "), "{answer:?}");
    // So it is when nothing at all can be written.
    let full = "cp -r state kept\nmount -t tmpfs -o size=400k,mode=0700 tmpfs state\n\
                cp -r kept/home state/\nhead -c 1m /dev/zero > state/fill 2> /dev/null || true";
    let answer = run_where(&ground, full, &CREATE);
    assert_nothing_done(&ground, &answer, "");
    // And where there is room, it is done.
    desk.json(&["share", "create", "two", "--size", "1"]);
    assert_eq!(tree(&ground.shares()).len(), 1);
}

#[test]
fn what_could_not_be_written_whole_is_taken_back() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can mount a small file system");
        return;
    }
    let (ground, _desk) = checked(Desk::home);
    // The whole audit, in its own directory, and a command that runs into the end of the room.
    let script = "mkdir tiny\nmount -t tmpfs -o size=16k tmpfs tiny\n\
                  cp state/home/audit.jsonl tiny/\n\
                  head -c 64k /dev/zero > tiny/fill 2> /dev/null || true\n\
                  mount --bind tiny/audit.jsonl state/home/audit.jsonl\n\
                  \"$1\" share create one --size 1 2> /dev/null && exit 9";
    let answer = run_where(&ground, script, &["audit", "verify"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(
        answer.stdout.contains("home: whole: ") && !answer.stdout.contains("note"),
        "{answer:?}"
    );
}

#[test]
fn nothing_is_done_while_the_audit_is_read_only() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can mount a file read-only");
        return;
    }
    let (ground, desk) = checked(Desk::home);
    for file in ["audit.jsonl", "audit.head"] {
        let read_only = format!(
            "mount --bind state/home/{file} state/home/{file}\n\
             mount -o remount,bind,ro state/home/{file}"
        );
        let answer = run_where(&ground, &read_only, &CREATE);
        assert_nothing_done(&ground, &answer, "Read-only file system");
    }
    desk.json(&CREATE);
}

#[test]
fn an_ordinary_user_does_nothing_while_the_audit_is_read_only() {
    let desk = match rustix::process::geteuid().is_root() {
        true => ordinary_user::desk,
        false => Desk::home,
    };
    let (ground, desk) = checked(desk);
    for file in ["audit.jsonl", "audit.head"] {
        let path = ground.state().join("home").join(file);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        let answer = desk.run(&CREATE);
        assert_nothing_done(&ground, &answer, "Permission denied");
        assert!(answer.stderr.contains("error: the audit "), "{answer:?}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    desk.json(&CREATE);
}
