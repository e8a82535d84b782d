//! The walls, each seen from within by a command that tries it.

use std::fs;

use abaca_broker::protocol::Status;

use crate::harness::{Broker, root_for, script, write};

/// Runs a script and gives what it printed, errors included.
fn run(text: &str, more: &str) -> (Broker, Status, String) {
    let mut broker = Broker::with(&script("script", text, more));
    let (done, output) = broker.done("sh", &["-c", text]);
    (broker, done.status, output)
}

#[test]
fn the_environment_is_exactly_three_variables() {
    let rule = "[[command]]\nid = \"env\"\nprogram = \"/usr/bin/env\"\nargs = []\n\
                root-equivalent = \"a test\"\n";
    let mut broker = Broker::with(rule);
    let (_, text) = broker.done("env", &[]);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    let expected = ["HOME=/nonexistent", "LC_ALL=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"];
    assert_eq!(lines, expected);
}

#[test]
fn no_descriptor_is_inherited() {
    // The broker itself was left one open by who started it.
    let left = fs::File::open("/etc/hostname").or_else(|_| fs::File::open("/")).unwrap();
    rustix::io::fcntl_setfd(&left, rustix::io::FdFlags::empty()).unwrap();
    let (_broker, _, text) = run("ls /proc/self/fd", "");
    // The fourth is the directory that ls itself reads.
    assert_eq!(text, "0\n1\n2\n3\n");
}

#[test]
fn a_command_leads_its_own_session_in_the_root_directory() {
    let (_broker, _, text) = run("pwd; umask; cut -d ' ' -f 1,6 /proc/self/stat; echo $$", "");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["/", "0027"]);
    assert!(lines[2].ends_with(lines[3]), "{text}");
}

#[test]
fn the_usual_signals_are_neither_ignored_nor_blocked() {
    let (_broker, _, text) = run("grep -E '^Sig(Blk|Ign):' /proc/self/status", "");
    for line in text.lines() {
        assert!(line.ends_with("0000000000000000"), "{line}");
    }
}

#[test]
fn no_capability_is_left_unless_the_rule_names_it() {
    let text = "grep -E '^(Cap|NoNewPrivs)' /proc/self/status";
    let (_broker, _, output) = run(text, "");
    let value = |output: &str, key: &str| {
        let line = output.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        line.split_ascii_whitespace().last().unwrap().to_owned()
    };
    assert_eq!(value(&output, "NoNewPrivs"), "1");
    for key in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(value(&output, key), "0000000000000000", "{key}");
    }
    if !root_for("the bounding set, and a capability that the rule keeps") {
        return;
    }
    assert_eq!(value(&output, "CapBnd"), "0000000000000000");
    let (_broker, _, output) = run(text, "caps = [\"CHOWN\", \"FOWNER\"]");
    for key in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(value(&output, key), "0000000000000009", "{key}");
    }
}

#[test]
fn the_fence_leaves_the_system_and_the_rules_roots() {
    for path in ["/etc/shadow", "/etc/hosts", "/etc/ssl/openssl.cnf", "/root/.bashrc"] {
        if !std::path::Path::new(path).exists() {
            continue;
        }
        let (_broker, status, _) = run(&format!("cat {path}"), "");
        assert_ne!(status, Status::Exited(0), "{path} was read");
    }
    let (_broker, status, _) = run("cat /etc/passwd >/dev/null && ls /usr >/dev/null", "");
    assert_eq!(status, Status::Exited(0));
}

#[test]
fn a_root_may_be_read_or_written_as_the_rule_says() {
    // Scripts cannot know where the test's directory is, so they are told by its own files.
    let policy = "read = [\"shares\"]\nwrite = [\"snapshots\"]";
    let args = r#"args = ["-c", 'cat "$0/f" && ! echo x >"$0/f" && ! echo x >"$0/new" && echo y >"$1/new"', { path = { root = "shares", leaf = "root", pass = "path", looked-up = "a test" } }, { path = { root = "snapshots", leaf = "root", pass = "path", looked-up = "a test" } }]"#;
    let rule = format!(
        "[[command]]\nid = \"roots\"\nprogram = \"/usr/bin/sh\"\n{args}\n\
         root-equivalent = \"a test\"\n{policy}\n"
    );
    let mut broker = Broker::with(&rule);
    write(&broker.path("shares/f"), "kept\n");
    let text = r#"cat "$0/f" && ! echo x >"$0/f" && ! echo x >"$0/new" && echo y >"$1/new""#;
    let (done, output) = broker.done("sh", &["-c", text, "shares:", "snapshots:"]);
    assert_eq!((done.status, output.as_str()), (Status::Exited(0), "kept\n"));
    assert_eq!(fs::read_to_string(broker.path("shares/f")).unwrap(), "kept\n");
    assert_eq!(fs::read_to_string(broker.path("snapshots/new")).unwrap(), "y\n");
}

#[test]
fn a_command_cannot_signal_what_is_outside() {
    let own = std::process::id();
    let (_broker, status, _) = run(&format!("kill -0 {own}"), "caps = [\"KILL\"]");
    assert_ne!(status, Status::Exited(0));
}

#[test]
fn limits_are_set() {
    let (_broker, _, text) = run("ulimit -c; ulimit -n; ulimit -t; ulimit -v", "timeout = \"7s\"");
    assert_eq!(text, "0\n256\n8\n4194304\n");
    // A command ends before who runs it, where a machine has no memory left.
    let (_broker, _, text) = run("cat /proc/self/oom_score_adj", "");
    assert_eq!(text, "1000\n");
    // The shell has no word for the signals that wait.
    let (_broker, _, text) = run("grep pending /proc/self/limits", "");
    assert_eq!(
        text.split_whitespace().rev().take(3).collect::<Vec<_>>(),
        ["signals", "1024", "1024"]
    );
}
