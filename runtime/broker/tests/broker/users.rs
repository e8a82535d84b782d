//! Whom commands run as: the rule's user, with his rights and no others.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use abaca_broker::protocol::{Outcome, Status};

use crate::harness::{Broker, root_for, script, write};

/// Nobody, in most systems; neither user nor group owns anything.
const NOBODY: u32 = 65534;

fn user(uid: u32) -> String {
    format!("user = {{ uid = {uid}, gid = {uid} }}")
}

/// What the broker says instead of serving.
fn refusal(first: &[&str], more: &str) -> String {
    let policy = format!("schema = 1\ndriver = \"test\"\n{}", script("script", "true", more));
    let mut broker = Broker::started_by(first, &policy);
    match broker.receive().unwrap().header.result {
        Outcome::Failed { message } => message,
        other => panic!("{other:?}"),
    }
}

/// A file for commands that know it as "$0".
fn script_on_file(text: &str, more: &str) -> String {
    format!(
        "[[command]]\nid = \"script\"\nprogram = \"/usr/bin/sh\"\nargs = [\"-c\", '''{text}''', \
         {{ path = {{ root = \"shares\", leaf = \"root\" }} }}]\n\
         root-equivalent = \"a test\"\nwrite = [\"shares\"]\n{more}\n"
    )
}

#[test]
fn a_command_is_its_rules_user_in_every_respect() {
    if !root_for("a command that becomes another user") {
        return;
    }
    let text = "grep -E '^(Uid|Gid|Groups|CapPrm|CapEff|CapBnd|CapAmb):' /proc/self/status";
    let id = NOBODY.to_string();
    let ids = [id.as_str(); 4].join("\t");
    for (caps, left) in [("", "0000000000000000"), ("caps = [\"CHOWN\"]", "0000000000000001")] {
        for who in [user(NOBODY), "user = \"nobody\"".to_owned()] {
            // With groups, so that they would be seen.
            let first = ["/usr/bin/setpriv", "--groups=4,24"];
            let rule = script("script", text, &format!("{who}\n{caps}"));
            let policy = format!("schema = 1\ndriver = \"test\"\n{rule}");
            let mut broker = Broker::started_by(&first, &policy);
            broker.hello();
            let (done, output) = broker.done("sh", &["-c", text]);
            assert_eq!(done.stages[0].user, Some(NOBODY));
            let value = |key: &str| {
                let line = output.lines().find(|line| line.starts_with(key)).unwrap();
                line.split_once(':').unwrap().1.trim().to_owned()
            };
            assert_eq!(value("Uid:"), ids, "{who}");
            // What group the name has is the system's to say.
            assert!(value("Gid:") == ids || who.contains("nobody"), "{who}: {}", value("Gid:"));
            assert_eq!(value("Groups:"), "", "{who}");
            for key in ["CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
                assert_eq!(value(key), left, "{who} {key}");
            }
        }
    }
}

#[test]
fn a_user_reads_and_writes_only_what_is_his() {
    if !root_for("files of root, seen by another user") {
        return;
    }
    let text = "cat \"$0/secret\"; echo new >\"$0/secret\"; echo x >\"$0/made\"; \
                cat \"$0/own/file\"; echo y >\"$0/own/made\"; echo $?";
    // Without the rule's user: root's files are root's, whatever it lacks in capabilities.
    for (more, root) in [(String::new(), true), (user(NOBODY), false)] {
        let mut broker = Broker::with(&script_on_file(text, &more));
        let secret = broker.path("shares/secret");
        write(&secret, "root's\n");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(broker.path("shares"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(broker.path("shares/own")).unwrap();
        write(&broker.path("shares/own/file"), "own\n");
        if !root {
            chown(broker.path("shares/own"), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let (done, output) = broker.done("sh", &["-c", text, "shares:"]);
        assert_eq!(done.status, Status::Exited(0));
        assert_eq!(output, if root { "root's\nown\n0\n" } else { "own\n0\n" });
        let secret = fs::read_to_string(secret).unwrap();
        assert_eq!(secret, if root { "new\n" } else { "root's\n" });
        assert_eq!(broker.path("shares/made").exists(), root);
        assert_eq!(fs::read_to_string(broker.path("shares/own/made")).unwrap(), "y\n");
    }
}

#[test]
fn a_user_that_is_not_there_ends_the_broker() {
    let message = refusal(&["/usr/bin/env"], "user = \"no-such-user\"");
    for word in ["rule script", "no-such-user", "/etc/passwd", "uid = N"] {
        assert!(message.contains(word), "{word}: {message}");
    }
}

#[test]
fn a_broker_without_roots_power_has_its_own_user_only() {
    let own = rustix::process::geteuid().as_raw();
    let group = rustix::process::getegid().as_raw();
    let plain = format!("user = {{ uid = {own}, gid = {group} }}");
    let first = ["/usr/bin/setpriv", "--bounding-set=-setuid,-setgid", "--inh-caps=-all"];
    let bare = [&first[..], &["--clear-groups"]].concat();
    let root = rustix::process::geteuid().is_root();
    let first: &[&str] = if root { &bare } else { &["/usr/bin/env"] };
    let message = refusal(first, &user(own + 1));
    for word in ["cannot become another", &own.to_string(), "start it as root"] {
        assert!(message.contains(word), "{word}: {message}");
    }
    if !root_for("supplementary groups, given and taken") {
        return;
    }
    let rule = script("script", "id -u", &plain);
    let policy = format!("schema = 1\ndriver = \"test\"\n{rule}");
    let mut broker = Broker::started_by(&bare, &policy);
    broker.hello();
    assert_eq!(broker.done("sh", &["-c", "id -u"]).1, "0\n");
    let grouped = [&first[..first.len() - 1], &["--groups=4"]].concat();
    assert!(refusal(&grouped, &plain).contains("supplementary groups"));
}
