//! The connection itself: hello, mistakes of the operator, mistakes of the runtime.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use abaca_broker::protocol::{Outcome, RequestKind, VERSION, Wall};

use crate::harness::{AMPLE, Broker, command};

#[test]
fn the_broker_says_who_it_is() {
    let mut broker = Broker::start(
        "schema = 1\ndriver = \"test\"\n[roots.shares]\npath = \"@/shares\"\n\
         [[files]]\nid = \"f\"\nroot = \"shares\"\nverbs = [\"list\"]\n",
    );
    let hello = broker.hello();
    assert_eq!((hello.version, hello.driver.as_str()), (VERSION, "test"));
    assert_eq!(hello.policy_digest.len(), 64);
    assert_eq!(hello.user, rustix::process::geteuid().as_raw());
    assert_eq!(hello.roots.len(), 1);
    let stat = rustix::fs::stat(broker.path("shares")).unwrap();
    assert_eq!((hello.roots[0].device, hello.roots[0].inode), (stat.st_dev, stat.st_ino));
    assert!(hello.walls.contains(&Wall::Capabilities));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the broker under test is a process")]
fn the_socket_may_be_any_descriptor_but_must_be_a_socket() {
    let broker = Broker::with("");
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    rustix::io::fcntl_setfd(&theirs, rustix::io::FdFlags::empty()).unwrap();
    let start = |descriptor: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_abaca-broker"));
        command.arg("--policy").arg(broker.path("policy.toml")).args(["--socket-fd", descriptor]);
        command.stdin(Stdio::null()).spawn().unwrap()
    };
    let mut process = start(&theirs.as_raw_fd().to_string());
    drop(theirs);
    let mut prefix = [0; 8];
    ours.read_exact(&mut prefix).unwrap();
    drop(ours);
    assert_eq!(process.wait().unwrap().code(), Some(0));
    for wrong in ["0", "1", "999"] {
        assert_eq!(start(wrong).wait().unwrap().code(), Some(2), "{wrong}");
    }
}

#[test]
fn a_policy_that_cannot_stand_is_said_and_ends_the_broker() {
    let root = "schema = 1\ndriver = \"test\"\n[roots.shares]\npath = \"@/SHARES\"\n\
                [[files]]\nid = \"f\"\nroot = \"shares\"\nverbs = [\"list\"]\n";
    let missing_root = root.replace("SHARES", "missing");
    let tool = |program: &str| {
        format!(
            "schema = 1\ndriver = \"test\"\n[[command]]\nid = \"c\"\nprogram = {program:?}\nargs = []\n"
        )
    };
    for (policy, word) in [
        ("scheme = 1\n".to_owned(), "scheme"),
        (missing_root, "missing"),
        (tool("/usr/bin/no-such-tool"), "no-such-tool"),
        (tool("/etc/passwd"), "not executable"),
        (tool("/usr/bin/ldd"), "a script"),
    ] {
        let mut broker = Broker::start(&policy);
        match broker.receive().unwrap().header.result {
            Outcome::Failed { message } => assert!(message.contains(word), "{message}"),
            other => panic!("{other:?}"),
        }
        assert!(broker.receive().is_none());
        assert_eq!(broker.process.wait().unwrap().code(), Some(2));
    }
}

#[test]
fn a_broken_frame_ends_the_connection() {
    for bytes in [&[0xff; 64][..], b"\x02\x00\x00\x00\x00\x00\x00\x00{}"] {
        let mut broker = Broker::with("");
        broker.socket.as_ref().unwrap().write_all(bytes).unwrap();
        let answer = broker.receive().unwrap().header;
        assert!(matches!(answer.result, Outcome::Failed { .. }), "{answer:?}");
        assert!(broker.receive().is_none());
        assert_eq!(broker.process.wait().unwrap().code(), Some(2));
    }
}

#[test]
fn many_requests_at_once_are_each_answered_once() {
    let mut broker = Broker::with("");
    let mut ids: Vec<u64> = Vec::new();
    for _ in 0..60 {
        ids.push(broker.send(command("wc", &["-c"], AMPLE), b"12345"));
    }
    broker.send(RequestKind::Cancel { target: 9999 }, &[]);
    let mut answered = Vec::new();
    for _ in &ids {
        let frame = broker.receive().unwrap();
        assert!(matches!(frame.header.result, Outcome::Done(_)), "{:?}", frame.header);
        assert_eq!(frame.body, b"5\n");
        answered.push(frame.header.id);
    }
    answered.sort_unstable();
    assert_eq!(answered, ids);
}
