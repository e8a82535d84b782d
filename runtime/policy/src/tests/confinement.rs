//! What a rule says about the walls around its command.

use std::fmt::Write;

use crate::{Policy, PolicyError, SyscallGroup, User};

/// A policy of one rule with `more` in it.
fn with(more: &str) -> Result<Policy, PolicyError> {
    let mut source = "schema = 1\ndriver = \"d\"\n[[command]]\n".to_owned();
    writeln!(source, "id = \"x\"\nprogram = \"/usr/bin/x\"\nargs = []\n{more}").unwrap();
    Policy::parse(&source, "p.toml")
}

fn fault(more: &str) -> String {
    with(more).unwrap_err().to_string()
}

#[test]
fn system_calls_are_given_back_by_known_groups() {
    assert_eq!(with("").unwrap().commands()[0].syscalls, []);
    let policy = with("syscalls = [\"quota\", \"file-handles\"]").unwrap();
    let groups = [SyscallGroup::Quota, SyscallGroup::FileHandles];
    assert_eq!(policy.commands()[0].syscalls, groups);
    for (more, said) in [
        (
            "syscalls = [\"qouta\"]",
            "did you mean `quota`? Allowed: quota, keyring, file-handles, attributes, \
             semaphores, local-sockets, subvolumes, async-io",
        ),
        ("syscalls = [\"mount\"]", "unknown group of system calls"),
        ("syscalls = [\"quota\", \"quota\"]", "names this twice"),
        ("syscalls = \"quota\"", "must be a list"),
    ] {
        assert!(fault(more).contains(said), "{more}: {}", fault(more));
    }
}

#[test]
fn a_program_may_be_pinned_by_its_digest() {
    let digits = "0123456789abcdef".repeat(4);
    let policy = with(&format!("sha256 = {digits:?}")).unwrap();
    assert_eq!(policy.commands()[0].sha256.as_deref(), Some(digits.as_str()));
    assert_eq!(with("").unwrap().commands()[0].sha256, None);
    let wrong = [
        digits.to_uppercase(),
        digits.replace('0', "g"),
        digits.replacen('0', "", 1),
        String::new(),
    ];
    for wrong in wrong {
        let said = fault(&format!("sha256 = {wrong:?}"));
        assert!(said.contains("sha256sum PROGRAM"), "{wrong}: {said}");
    }
}

#[test]
fn the_network_is_granted_by_a_plain_yes() {
    let network = |more| with(more).unwrap().commands()[0].network;
    assert!(!network("") && !network("network = false") && network("network = true"));
    for more in ["network = \"tcp\"", "network = [\"true\"]", "network = 1"] {
        assert!(fault(more).contains("must be true or false"), "{more}: {}", fault(more));
    }
}

#[test]
fn a_command_may_have_a_user_of_its_own() {
    let user = |more| with(more).unwrap().commands()[0].user.clone();
    assert_eq!(user(""), None);
    assert_eq!(user("user = \"nobody\""), Some(User::Named("nobody".to_owned())));
    let numbered = Some(User::Numbered { uid: 1000, gid: 100 });
    assert_eq!(user("user = { uid = 1000, gid = 100 }"), numbered);
    for (more, said) in [
        ("user = \"\"", "no name of a user"),
        ("user = \"a:b\"", "no name of a user"),
        ("user = \"1000\"", "{ uid = N, gid = N }"),
        ("user = \"-root\"", "no name of a user"),
        ("user = { uid = 1000 }", "needs the key `gid`"),
        ("user = { uid = 4294967295, gid = 0 }", "0 to 4294967294"),
        ("user = { uid = -1, gid = 0 }", "0 to 4294967294"),
        ("user = { uid = 1, gid = 1, groups = [] }", "\"groups\""),
        ("user = 1000", "must be a table"),
    ] {
        assert!(fault(more).contains(said), "{more}: {}", fault(more));
    }
}

/// Whatever differs in the walls is not covered, unless it is a wall more.
#[test]
fn covers_compares_the_walls() {
    let covers = |a: &str, b: &str| with(a).unwrap().covers(&with(b).unwrap());
    let pinned = format!("sha256 = {:?}", "0".repeat(64));
    for (wide, narrow) in [
        ("network = true", ""),
        ("syscalls = [\"quota\"]", ""),
        ("caps = [\"CHOWN\"]", ""),
        ("", pinned.as_str()),
    ] {
        assert!(covers(wide, narrow) && !covers(narrow, wide), "{wide:?} {narrow:?}");
    }
    for (one, other) in [("", "user = \"nobody\""), ("user = \"a\"", "user = \"b\"")] {
        assert!(!covers(one, other) && !covers(other, one), "{one:?} {other:?}");
    }
    assert!(covers("user = \"a\"", "user = \"a\""));
}
