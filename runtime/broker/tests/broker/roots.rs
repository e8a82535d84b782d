//! What a root lies on: the mount that the policy wants, and the same one for ever.

use std::process::Command;

use abaca_broker::protocol::{ErrorKind, FilesRequest, Hello, Outcome, Place};

use crate::harness::{Broker, at, root_for};

/// Gives the broker a root of its own on a tmpfs, in a namespace of mounts that ends with it.
/// The broker's command line follows, as "$0" and "$@".
fn on_tmpfs(options: &str) -> [String; 5] {
    let script = format!(
        "mount -t tmpfs -o {options} none /mnt && mkdir /mnt/root /mnt/other && \
         exec \"$0\" \"$@\""
    );
    let words = ["/usr/bin/unshare", "--mount", "/usr/bin/sh", "-c"].map(str::to_owned);
    let [a, b, c, d] = words;
    [a, b, c, d, script]
}

fn policy(more: &str) -> String {
    format!(
        "schema = 1\ndriver = \"test\"\n[roots.shares]\npath = \"/mnt/root\"\n{more}\n\
         [[files]]\nid = \"root\"\nroot = \"shares\"\nverbs = [\"list\"]\n"
    )
}

fn start(options: &str, more: &str) -> Broker {
    let first = on_tmpfs(options);
    Broker::started_by(&first.each_ref().map(String::as_str), &policy(more))
}

/// Runs a command among the mounts that the broker sees.
fn among_its_mounts(broker: &Broker, line: &[&str]) {
    let id = broker.process.id().to_string();
    let words = ["--target", &id, "--mount", "--"];
    let status = Command::new("/usr/bin/nsenter").args(words).args(line).status().unwrap();
    assert!(status.success(), "{line:?}");
}

fn list(broker: &mut Broker) -> Outcome {
    broker.files(FilesRequest::List { at: at(""), after: None, limit: 10 }, &[]).0
}

fn is_refused(outcome: &Outcome, word: &str) -> bool {
    let Outcome::Error { kind: ErrorKind::Changed, message } = outcome else { return false };
    message.contains(word) && !message.contains("/mnt")
}

#[test]
fn a_root_on_another_mount_than_the_policy_says_ends_the_broker() {
    if !root_for("a root on a mount of its own") {
        return;
    }
    let both = "mount-options = [\"nosuid\", \"nodev\"]";
    for (options, more, said) in [
        (
            "mode=755",
            "filesystem = \"btrfs\"",
            &["is on tmpfs", "btrfs", "roots.shares.filesystem"],
        ),
        ("nosuid", both, &["without nodev", "/mnt/root", "roots.shares.mount-options"]),
        ("nodev,noexec", both, &["without nosuid", "the root shares", "mount it with nosuid"]),
        ("mode=755", "mount-options = [\"ro\"]", &["without ro", "mounted", "the policy wants it"]),
    ] {
        let mut broker = start(options, more);
        let Outcome::Failed { message } = broker.receive().unwrap().header.result else {
            panic!("{more} on {options}: it serves")
        };
        for word in said {
            assert!(message.contains(word), "{word}: {message}");
        }
    }
    let mut broker = start("nosuid,nodev", &format!("filesystem = \"tmpfs\"\n{both}"));
    let hello: Hello = broker.hello();
    assert_eq!(hello.roots[0].filesystem, "tmpfs");
    assert_eq!(hello.roots[0].mount_options, ["nodev", "nosuid"]);
    assert!(matches!(list(&mut broker), Outcome::Files { .. }));
}

#[test]
fn a_mount_that_is_changed_while_the_broker_runs_is_used_no_more() {
    if !root_for("a root whose mount is changed") {
        return;
    }
    let mut broker = start("nosuid,nodev", "mount-options = [\"nosuid\"]");
    broker.hello();
    assert!(matches!(list(&mut broker), Outcome::Files { .. }));
    for (options, whole) in [
        ("remount,suid,nodev", false),
        ("remount,nosuid,dev", false),
        ("remount,nosuid,nodev,ro", false),
        ("remount,nosuid,nodev,rw", true),
    ] {
        among_its_mounts(&broker, &["mount", "-o", options, "/mnt"]);
        let outcome = list(&mut broker);
        assert_eq!(matches!(outcome, Outcome::Files { .. }), whole, "{options}: {outcome:?}");
        assert_eq!(is_refused(&outcome, "with other options"), !whole, "{options}: {outcome:?}");
    }
    // Over it: the very same directory, and another one.
    for (over, word) in [("/mnt/root", "mounted over it"), ("/mnt/other", "mounted over it")] {
        among_its_mounts(&broker, &["mount", "--bind", over, "/mnt/root"]);
        let outcome = list(&mut broker);
        assert!(is_refused(&outcome, word), "{over}: {outcome:?}");
        among_its_mounts(&broker, &["umount", "/mnt/root"]);
        assert!(matches!(list(&mut broker), Outcome::Files { .. }));
    }
}

#[test]
fn a_mount_beneath_a_root_is_entered_by_nobody_without_a_rule() {
    if !root_for("a mount beneath a root") {
        return;
    }
    let mut broker = Broker::started_by(
        &["/usr/bin/unshare", "--mount"],
        "schema = 1\ndriver = \"test\"\n[roots.shares]\npath = \"@/shares\"\n\
         [types.share]\nfirst = \"a-z\"\nrest = \"a-z\"\nmax = 9\n[[files]]\nid = \"in\"\n\
         root = \"shares\"\nverbs = [\"list\", \"make-dir\"]\nname = \"share\"\ndepth = 3\n",
    );
    broker.hello();
    let place = broker.path("shares/a");
    std::fs::create_dir(&place).unwrap();
    let place = place.to_str().unwrap().to_owned();
    among_its_mounts(&broker, &["mount", "-t", "tmpfs", "-o", "nosuid,nodev", "none", &place]);
    for path in ["a", "a/b"] {
        let there = Place { root: "shares".to_owned(), path: path.to_owned() };
        let request = FilesRequest::List { at: there, after: None, limit: 10 };
        let (outcome, _) = broker.files(request, &[]);
        let other = matches!(&outcome, Outcome::Error { kind: ErrorKind::OtherDevice, .. });
        assert!(other, "{path}: {outcome:?}");
    }
}
