//! Which file a program is: what the rule pins, at the start and at each use.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use abaca_broker::protocol::{ErrorKind, Outcome, Status};
use sha2::{Digest, Sha256};

use crate::harness::{Broker, root_for};

/// Gives the broker a directory that nobody else writes and nobody else sees, with a copy of
/// `true` in it. The broker's command line follows, as "$0" and "$@".
const OWN_PLACE: [&str; 5] = [
    "/usr/bin/unshare",
    "--mount",
    "/usr/bin/sh",
    "-c",
    "mount -t tmpfs -o mode=755 none /mnt && cp /usr/bin/true /mnt/tool && exec \"$0\" \"$@\"",
];

fn sha256(file: &str) -> String {
    Sha256::digest(fs::read(file).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn policy(program: &str, more: &str) -> String {
    format!(
        "schema = 1\ndriver = \"test\"\n[[command]]\nid = \"c\"\nprogram = {program:?}\n\
         args = []\n{more}\n"
    )
}

#[test]
fn a_program_with_other_contents_ends_the_broker() {
    let of = |file: &str| format!("sha256 = {:?}", sha256(file));
    let mut broker = Broker::start(&policy("/usr/bin/true", &of("/usr/bin/true")));
    broker.hello();
    assert_eq!(broker.done("true", &[]).0.status, Status::Exited(0));
    let mut broker = Broker::start(&policy("/usr/bin/true", &of("/usr/bin/false")));
    let Outcome::Failed { message } = broker.receive().unwrap().header.result else {
        panic!("it serves")
    };
    for word in ["rule c", "/usr/bin/true", &sha256("/usr/bin/true"), &sha256("/usr/bin/false")] {
        assert!(message.contains(word), "{word}: {message}");
    }
}

/// One of the system's own scripts, at which only its contents are wrong: the kernel would start the
/// interpreter that it names.
#[test]
fn a_script_ends_the_broker() {
    let is_script = |path: &PathBuf| {
        let mut first = [0; 2];
        let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut first));
        read.is_ok() && first == *b"#!"
    };
    let mut programs = fs::read_dir("/usr/bin").unwrap().map(|entry| entry.unwrap().path());
    let script = programs.find(is_script).expect("a system with a script");
    let more = "root-equivalent = \"a test\"";
    let mut broker = Broker::start(&policy(script.to_str().unwrap(), more));
    let Outcome::Failed { message } = broker.receive().unwrap().header.result else {
        panic!("it serves {}", script.display())
    };
    assert!(message.contains("only native programs run"), "{message}");
}

/// The policy compares paths; a link and another mount lead into a root by a path that does not tell.
#[test]
fn a_program_behind_a_link_into_a_root_ends_the_broker() {
    if !root_for("a program in a directory that only root writes") {
        return;
    }
    let place = |lead: &str| {
        format!(
            "mount -t tmpfs -o mode=755 none /mnt && mkdir /mnt/root /mnt/beside && \
             cp /usr/bin/true /mnt/root/tool && {lead} && exec \"$0\" \"$@\""
        )
    };
    let root = "[roots.r]\npath = \"/mnt/root\"\n\
                [[files]]\nid = \"f\"\nroot = \"r\"\nverbs = [\"list\"]\n";
    for (lead, program) in [
        ("ln -s root/tool /mnt/tool", "/mnt/tool"),
        ("ln -s ../root /mnt/beside/link", "/mnt/beside/link/tool"),
        ("mount --bind /mnt/root /mnt/beside", "/mnt/beside/tool"),
    ] {
        let script = place(lead);
        let first = ["/usr/bin/unshare", "--mount", "/usr/bin/sh", "-c", &script];
        let mut broker = Broker::started_by(&first, &policy(program, root));
        let Outcome::Failed { message } = broker.receive().unwrap().header.result else {
            panic!("{lead}: it serves")
        };
        assert!(message.contains("lies within the root `r`"), "{lead}: {message}");
        let mut broker = Broker::started_by(&first, &policy(program, ""));
        broker.hello();
        assert_eq!(broker.done("tool", &[]).0.status, Status::Exited(0), "{lead}");
    }
}

#[test]
fn a_program_that_is_replaced_later_runs_unless_it_is_pinned() {
    if !root_for("a program that can be replaced") {
        return;
    }
    let pinned = format!("sha256 = {:?}", sha256("/usr/bin/true"));
    for (more, pinned) in [("", false), (pinned.as_str(), true)] {
        let mut broker = Broker::started_by(&OWN_PLACE, &policy("/mnt/tool", more));
        broker.hello();
        assert_eq!(broker.done("tool", &[]).0.status, Status::Exited(0));
        let tool = PathBuf::from(format!("/proc/{}/root/mnt/tool", broker.process.id()));
        fs::write(tool, fs::read("/usr/bin/false").unwrap()).unwrap();
        let outcome = broker.command("tool", &[]).0;
        match outcome {
            Outcome::Done(done) => assert_eq!((done.status, pinned), (Status::Exited(1), false)),
            Outcome::Error { kind, message } => {
                assert_eq!((kind, pinned), (ErrorKind::Changed, true), "{message}");
                assert!(message.contains("SHA-256"), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }
}
