//! How things end: by themselves, by a deadline, by a cancel, and when somebody dies.

use std::time::{Duration, Instant};

use abaca_broker::protocol::{ErrorKind, Outcome, RequestKind, Status};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{
    AMPLE, Broker, command, eventually, mark, processes, root_for, script, skipped,
};

/// A broker that runs a script which hides processes in every way a shell knows, all of
/// them sleeping for `mark` seconds.
fn hiding(mark: &str, end: &str) -> (Broker, String) {
    let text = format!(
        "setsid sleep {mark} & (trap \"\" TERM HUP; sleep {mark} & sleep {mark}) & \
         setsid sh -c \"setsid sleep {mark} &\" ; {end}"
    );
    (Broker::with(&script("hide", &text, "timeout = \"5m\"")), text)
}

fn gone(mark: &str) {
    eventually("the processes are gone", || processes(mark).is_empty());
}

#[test]
fn a_daemon_neither_hangs_the_call_nor_outlives_it() {
    let mark = mark(1);
    let (mut broker, text) = hiding(&mark, "echo started");
    let start = Instant::now();
    let (done, output) = broker.done("sh", &["-c", &text]);
    assert_eq!((done.status, output.as_str()), (Status::Exited(0), "started\n"));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    // Not eventually: when the answer is here they are gone already.
    assert_eq!(processes(&mark), Vec::<i32>::new());
}

#[test]
fn a_tree_that_goes_on_forking_is_killed() {
    let mark = mark(2);
    // Bounded, so that a failure does not take the machine along.
    let text = format!(
        "f() {{ i=0; while [ $i -lt 3000 ]; do setsid sleep {mark} & i=$((i+1)); done; }}; \
         f & f & wait"
    );
    let mut broker = Broker::with(&script("bomb", &text, "timeout = \"1m\""));
    let (outcome, _) = broker.ask(command("sh", &["-c", &text], 300), &[]);
    assert_eq!(outcome, Outcome::Deadline { rule: "bomb".into() });
    assert_eq!(processes(&mark), Vec::<i32>::new());
}

#[test]
fn the_deadline_kills_the_tree() {
    let mark = mark(3);
    let (mut broker, text) = hiding(&mark, &format!("sleep {mark}"));
    let start = Instant::now();
    let (outcome, _) = broker.ask(command("sh", &["-c", &text], 500), &[]);
    assert_eq!(outcome, Outcome::Deadline { rule: "hide".into() });
    assert!(start.elapsed() >= Duration::from_millis(500));
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert_eq!(processes(&mark), Vec::<i32>::new());
}

#[test]
fn the_rules_timeout_counts_when_it_is_shorter() {
    let mut broker = Broker::with(&script("slow", "sleep 60", "timeout = \"200ms\""));
    let (outcome, _) = broker.command("sh", &["-c", "sleep 60"]);
    assert_eq!(outcome, Outcome::Deadline { rule: "slow".into() });
}

#[test]
fn a_cancel_kills_the_tree_and_the_queue_forgets() {
    let mark = mark(4);
    let (mut broker, text) = hiding(&mark, &format!("sleep {mark}"));
    // More than there are hands: the last of them wait.
    let ids: Vec<u64> =
        (0..20).map(|_| broker.send(command("sh", &["-c", &text], AMPLE), &[])).collect();
    eventually("they run", || processes(&mark).len() >= 16);
    for target in &ids {
        broker.send(RequestKind::Cancel { target: *target }, &[]);
    }
    for _ in &ids {
        let result = broker.receive().unwrap().header.result;
        assert_eq!(result, Outcome::Cancelled { rule: "hide".into() });
    }
    assert_eq!(processes(&mark), Vec::<i32>::new());
}

#[test]
fn a_cancel_is_not_kept_waiting_by_another_command() {
    let mark = mark(8);
    let text = format!("sleep {mark}");
    let mut broker = Broker::with(&script("sleep", &text, "timeout = \"5m\""));
    let first = broker.send(command("sh", &["-c", &text], AMPLE), &[]);
    let second = broker.send(command("sh", &["-c", &text], AMPLE), &[]);
    eventually("both run", || processes(&mark).len() >= 2);
    for target in [first, second] {
        let start = Instant::now();
        broker.send(RequestKind::Cancel { target }, &[]);
        assert_eq!(broker.receive().unwrap().header.id, target);
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }
}

#[test]
fn when_the_runtime_is_gone_everything_ends() {
    let mark = mark(5);
    let (mut broker, text) = hiding(&mark, &format!("sleep {mark}"));
    broker.send(command("sh", &["-c", &text], AMPLE), &[]);
    eventually("it runs", || processes(&mark).len() >= 4);
    broker.socket = None;
    assert_eq!(broker.process.wait().unwrap().code(), Some(0));
    assert_eq!(processes(&mark), Vec::<i32>::new());
}

#[test]
fn when_the_broker_is_killed_everything_ends() {
    let mark = mark(6);
    let (mut broker, text) = hiding(&mark, &format!("sleep {mark}"));
    broker.send(command("sh", &["-c", &text], AMPLE), &[]);
    eventually("it runs", || processes(&mark).len() >= 4);
    broker.process.kill().unwrap();
    // The socket ends only when no hand is left, and hands leave nothing.
    assert!(broker.receive().is_none());
    gone(&mark);
}

#[test]
fn when_a_hand_is_killed_its_command_ends_and_the_broker_goes_on() {
    let mark = mark(7);
    let (mut broker, text) = hiding(&mark, &format!("sleep {mark}"));
    broker.send(command("sh", &["-c", &text], AMPLE), &[]);
    eventually("it runs", || processes(&mark).len() >= 4);
    let hand = broker.hands()[0];
    kill_process(Pid::from_raw(hand).unwrap(), Signal::KILL).unwrap();
    let result = broker.receive().unwrap().header.result;
    assert!(matches!(result, Outcome::Error { kind: ErrorKind::Io, .. }), "{result:?}");
    assert_eq!(processes(&mark), Vec::<i32>::new());
    let (outcome, _) = broker.ask(command("wc", &["-c"], AMPLE), b"1");
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
}

/// Where groups of processes are stopped so that not even a kill ends them.
const FREEZER: &str = "/sys/fs/cgroup/freezer";

#[test]
fn what_no_kill_ends_is_struck_at_until_it_ends() {
    if !std::path::Path::new(FREEZER).join("cgroup.procs").exists() || !root_for("a frozen process")
    {
        skipped("(needs the freezer of control groups, version 1): what no kill ends");
        return;
    }
    let mark = mark(41);
    let text = format!("exec sleep {mark}");
    let mut broker = Broker::with(&script("hang", &text, "timeout = \"5m\""));
    let id = broker.send(command("sh", &["-c", &text], 1_000), &[]);
    eventually("it runs", || !processes(&mark).is_empty());
    let frozen = processes(&mark)[0];
    let ice = format!("{FREEZER}/abaca-test-{frozen}");
    let tell = |file: &str, word: &str| std::fs::write(format!("{ice}/{file}"), word).unwrap();
    std::fs::create_dir(&ice).unwrap();
    tell("cgroup.procs", &frozen.to_string());
    tell("freezer.state", "FROZEN");
    // Its hand gives up; then it is the broker's.
    eventually("the hand has ended", || broker.hands() == [frozen]);
    tell("freezer.state", "THAWED");
    let answer = broker.receive().unwrap();
    assert_eq!(answer.header.id, id);
    let said = format!("{:?}", answer.header.result);
    assert!(said.contains("do not end") && !said.contains("Deadline"), "{said}");
    eventually("nothing is left, not even unreaped", || broker.hands().is_empty());
    std::fs::remove_dir(&ice).unwrap();
}
