//! What a hand costs to start does not depend on what else the broker has to keep.

use abaca_broker::protocol::{CONTENTS_MAX, Outcome};

use crate::harness::{AMPLE, Broker, command, eventually, mark, pause, processes, script};

/// What the broker may have of memory that a fork copies: itself, a frame that is being received,
/// and room. It must keep several times as much here.
const COPIED_MAX: u64 = 32 * 1024 * 1024;

/// How many bytes of answers wait.
const WAITING: u64 = 60 * 1024 * 1024;

/// Bytes of memory of a process that a fork has to copy the tables of.
fn copied(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn answers_that_wait_are_no_memory_that_is_copied() {
    let bytes = CONTENTS_MAX - 4096;
    let text = format!("head -c {bytes} /dev/zero");
    let more = format!("stdout-max = \"{bytes}B\"\nstderr-max = \"1KiB\"");
    let mut broker = Broker::with(&script("much", &text, &more));
    // Nearly all that may wait.
    let asked = WAITING / bytes;
    for _ in 0..asked {
        broker.send(command("sh", &["-c", &text], AMPLE), &[]);
    }
    let mut most = 0;
    eventually("all are answered, and nothing is read", || {
        let hands = broker.hands().len() as u64;
        most = hands.max(most);
        most == asked && hands == 0
    });
    pause(100);
    let copied = copied(broker.process.id());
    assert!(copied < COPIED_MAX, "{copied} bytes, and {} wait", asked * bytes);
    for _ in 0..asked {
        let frame = broker.receive().unwrap();
        let Outcome::Done(done) = frame.header.result else { panic!("{:?}", frame.header) };
        assert_eq!((done.stdout_len, frame.body.len() as u64), (bytes, bytes));
        assert!(frame.body.iter().all(|byte| *byte == 0));
    }
}

#[test]
fn bodies_in_the_queue_are_no_memory_that_is_copied() {
    /// As many as run at once.
    const HANDS: usize = 16;
    let mark = mark(51);
    let text = format!("exec sleep {mark}");
    let count = "[[command]]\nid = \"count-much\"\nprogram = \"/usr/bin/wc\"\nargs = [\"-c\", \"--\"]\n\
                 stdin-max = \"16MiB\"\n";
    let rules = format!("{}{count}", script("sleep", &text, "timeout = \"5m\""));
    let mut broker = Broker::with(&rules);
    for _ in 0..HANDS {
        broker.send(command("sh", &["-c", &text], AMPLE), &[]);
    }
    eventually("all hands are busy", || processes(&mark).len() == HANDS);
    let body = vec![7; 12 << 20];
    for _ in 0..4 {
        broker.send(command("wc", &["-c", "--"], 5 * AMPLE), &body);
    }
    // The last is in the queue when the one behind it is answered.
    let (outcome, _) = broker.ask(command("none", &[], AMPLE), &[]);
    assert!(matches!(outcome, Outcome::Denied { .. }), "{outcome:?}");
    let copied = copied(broker.process.id());
    assert!(copied < COPIED_MAX, "{copied} bytes, and {} wait", 4 * body.len());
    let sleepers = processes(&mark);
    for pid in sleepers {
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
    let mut counted = 0;
    while counted < 4 {
        let frame = broker.receive().unwrap();
        let Outcome::Done(done) = frame.header.result else { panic!("{:?}", frame.header) };
        if done.stdout_len > 0 {
            assert_eq!(frame.body, format!("{}\n", body.len()).into_bytes());
            counted += 1;
        }
    }
}
