//! Bounds on a command together with everything it starts, where this machine has them.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use abaca_broker::protocol::{ErrorKind, Hello, Outcome, RequestKind, Wall};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{
    AMPLE, Broker, command, eventually, mark, perl, processes, root_for, script, skipped,
};

/// What starts a broker in a namespace of processes of its own.
const ALONE: [&str; 4] = ["/usr/bin/unshare", "--pid", "--fork", "--mount-proc"];

/// As many processes as the broker lets there be at once.
const PROCESSES_MAX: u32 = 1024;

/// More than that, and few enough that a machine without the bound bears them.
const ATTEMPTS: u32 = 1400;

/// More than half of the bytes that a command may have with all that it starts, in pieces.
const PART: u64 = PIECE * (LAST + 1);
const PIECE: u64 = 1_150_000_000;
const LAST: u64 = 1;

/// Such memory is not had in no time, in milliseconds.
const UNHURRIED: u64 = 60_000;

/// A broker with `rule`, if it can build this wall around what it runs.
fn bounded(wall: Wall, rule: &str) -> Option<Broker> {
    let mut broker = Broker::start(&format!("schema = 1\ndriver = \"test\"\n{rule}"));
    let hello: Hello = broker.hello();
    if hello.walls.contains(&wall) {
        return Some(broker);
    }
    skipped(&format!("(this user has no control groups for it on this machine): {wall:?}"));
    None
}

/// What the control group of a hand is called.
fn called(hand: i32) -> String {
    let namespace = std::fs::metadata("/proc/self/ns/pid").unwrap().ino();
    format!("abaca-broker-{namespace}-{hand}")
}

/// The control groups of this name, in all hierarchies.
fn groups(name: &str) -> Vec<PathBuf> {
    fn search(place: &Path, name: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let here = entry.path();
                search(&here, name, found);
                if entry.file_name().to_str() == Some(name) {
                    found.push(here);
                }
            }
        }
    }
    let mut found = Vec::new();
    search(Path::new("/sys/fs/cgroup"), name, &mut found);
    found
}

#[test]
fn a_command_and_what_it_starts_have_so_many_processes_together() {
    let text = format!(
        "my $n = 1; while ($n < {ATTEMPTS}) {{ my $p = fork; last unless defined $p; \
         if (!$p) {{ sleep 600; exit }} $n++ }} print $n"
    );
    let Some(mut broker) = bounded(Wall::Processes, &perl(&text, "timeout = \"1m\"")) else {
        return;
    };
    let (done, output) = broker.done("perl", &["-e", &text]);
    assert_eq!(output, PROCESSES_MAX.to_string());
    assert!(done.stages[0].walls.contains(&Wall::Processes));
}

#[test]
fn where_no_group_bounds_them_they_are_counted() {
    // To a root that has groups, they are hidden.
    let hidden = ["/usr/bin/unshare", "--mount", "/usr/bin/sh", "-c"];
    let text = "umount --recursive --lazy /sys/fs/cgroup 2>/dev/null; exec \"$0\" \"$@\"";
    let first: Vec<&str> = match rustix::process::geteuid().is_root() {
        true => hidden.into_iter().chain([text]).collect(),
        false => Vec::new(),
    };
    let word = mark(31);
    let bomb = format!(
        "my $n = 1; while ($n < {ATTEMPTS}) {{ my $p = fork; last unless defined $p; \
         if (!$p) {{ sleep 600; exit }} $n++ }} sleep 600; q({word})"
    );
    let rules = perl(&bomb, "timeout = \"5m\"");
    let rules = format!("schema = 1\ndriver = \"test\"\n{rules}");
    let mut broker = Broker::started_by(&first, &rules);
    let hello = broker.hello();
    assert!(hello.walls.contains(&Wall::Watch) && !hello.walls.contains(&Wall::Processes));
    match broker.command("perl", &["-e", &bomb]).0 {
        Outcome::Error { kind: ErrorKind::Limit, message } => {
            assert!(message.contains("1024 processes and threads"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(processes(&bomb), [0; 0]);
}

#[test]
fn a_command_and_what_it_starts_have_so_much_memory_together() {
    // One holds its part while the other asks for as much: each alone may have it. Read of zeros,
    // for that touches each page once.
    let text = format!(
        "open my $z, '<', '/dev/zero'; \
         our $x; sub take {{ sysread $z, $x, {PIECE}, $_ * {PIECE} for 0..{LAST} }} \
         pipe my $r, my $w; pipe my $hold, my $end; \
         my $one = fork; if (!$one) {{ close $end; take; syswrite $w, 'y'; \
         sysread $hold, my $b, 1; exit 0 }} close $w; sysread $r, my $b, 1; \
         my $other = fork; if (!$other) {{ take; exit 0 }} \
         waitpid $other, 0; print $?; close $end; waitpid $one, 0; print qq( $?)"
    );
    let rule = perl(&text, "timeout = \"1m\"");
    let Some(mut broker) = bounded(Wall::Memory, &rule) else { return };
    let available = std::fs::read_to_string("/proc/meminfo").unwrap();
    let available = available.lines().find_map(|line| line.strip_prefix("MemAvailable:")).unwrap();
    let available: u64 = available.trim().trim_end_matches(" kB").parse().unwrap();
    if available < 4 * PART / 1024 {
        return skipped("(too little memory is free on this machine): a bound on memory");
    }
    let (outcome, output) = broker.ask(command("perl", &["-e", &text], UNHURRIED), &[]);
    let Outcome::Done(done) = outcome else { panic!("{outcome:?}") };
    let output = String::from_utf8(output).unwrap();
    // The kernel chooses which of them it kills.
    assert!(["9 0", "0 9"].contains(&output.as_str()), "{output}: {done:?}");
    assert!(done.stages[0].walls.contains(&Wall::Memory));
}

#[test]
fn a_group_goes_with_its_command_also_when_the_hand_is_killed() {
    let mark = mark(40);
    let text = format!("sleep {mark}");
    let Some(mut broker) = bounded(Wall::Processes, &script("sleep", &text, "timeout = \"5m\""))
    else {
        return;
    };
    for killed in [false, true] {
        let target = broker.send(command("sh", &["-c", &text], AMPLE), &[]);
        eventually("it runs", || !processes(&mark).is_empty());
        let hand = broker.hands()[0];
        let name = called(hand);
        assert!(!groups(&name).is_empty());
        if killed {
            kill_process(Pid::from_raw(hand).unwrap(), Signal::KILL).unwrap();
        } else {
            broker.send(RequestKind::Cancel { target }, &[]);
        }
        let result = broker.receive().unwrap().header.result;
        assert_eq!(matches!(result, Outcome::Cancelled { .. }), !killed, "{result:?}");
        assert_eq!(groups(&name), Vec::<PathBuf>::new(), "killed: {killed}");
    }
}

#[test]
fn what_brokers_left_that_are_gone_is_removed_by_the_next_one() {
    let mark = mark(41);
    let text = format!("sleep {mark}");
    let Some(mut broker) = bounded(Wall::Processes, &script("sleep", &text, "timeout = \"5m\""))
    else {
        return;
    };
    broker.send(command("sh", &["-c", &text], AMPLE), &[]);
    eventually("it runs", || !processes(&mark).is_empty());
    let in_use = called(broker.hands()[0]);
    let places: Vec<PathBuf> =
        groups(&in_use).iter().map(|group| group.parent().unwrap().to_owned()).collect();
    assert!(!places.is_empty());
    // Of namespaces and processes that never were: only the lock says who is gone.
    let stale = format!("abaca-broker-1-{}", std::process::id());
    let kept = [format!("abaca-broker-2-{}", std::process::id()), format!("other-1-{mark}")];
    for name in kept.iter().chain([&stale]) {
        for place in &places {
            std::fs::create_dir(place.join(name)).unwrap();
        }
    }
    let held: Vec<File> =
        places.iter().map(|place| File::open(place.join(&kept[0])).unwrap()).collect();
    for group in &held {
        flock(group, FlockOperation::LockShared).unwrap();
    }
    bounded(Wall::Processes, &script("true", "true", "")).unwrap();
    assert_eq!(groups(&stale), Vec::<PathBuf>::new());
    for name in kept.iter().chain([&in_use]) {
        assert_eq!(groups(name).len(), places.len(), "{name}");
    }
    for (place, name) in places.iter().flat_map(|place| kept.iter().map(move |name| (place, name)))
    {
        std::fs::remove_dir(place.join(name)).unwrap();
    }
}

#[test]
fn brokers_in_different_namespaces_of_processes_have_groups_of_their_own() {
    if !root_for("namespaces of processes") {
        return;
    }
    let mark = mark(42);
    let text = format!("sleep {mark}");
    let rule =
        format!("schema = 1\ndriver = \"test\"\n{}", script("sleep", &text, "timeout = \"5m\""));
    let mut brokers = [&ALONE, &ALONE].map(|first| Broker::started_by(first, &rule));
    for broker in &mut brokers {
        if !broker.hello().walls.contains(&Wall::Processes) {
            return skipped("(no control groups on this machine): two of one number");
        }
        broker.send(command("sh", &["-c", &text], AMPLE), &[]);
    }
    eventually("both run", || processes(&mark).len() == brokers.len());
    let number = |process: &i32| {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap();
        numbers.split_whitespace().last().unwrap().to_owned()
    };
    let group = |process: &i32| std::fs::read_to_string(format!("/proc/{process}/cgroup")).unwrap();
    let commands = processes(&mark);
    let numbers: BTreeSet<String> = commands.iter().map(number).collect();
    assert_eq!(numbers.len(), 1, "they were to have one number: {numbers:?}");
    let groups: BTreeSet<String> = commands.iter().map(group).collect();
    assert_eq!(groups.len(), brokers.len(), "{groups:?}");
}

#[test]
fn a_broker_that_begins_elsewhere_takes_no_group_away() {
    if !root_for("namespaces of processes") {
        return;
    }
    let Some(mut broker) = bounded(Wall::Processes, &script("true", "true", "")) else { return };
    // A group is empty before its command is in it; that is when it could be taken.
    let (starts, commands) = (40, 400);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..starts {
                let rule = format!("schema = 1\ndriver = \"test\"\n{}", script("t", "true", ""));
                Broker::started_by(&ALONE, &rule).hello();
            }
            ended.store(true, Ordering::Relaxed);
        });
        let mut done = 0;
        while done < commands || !ended.load(Ordering::Relaxed) {
            broker.done("sh", &["-c", "true"]);
            done += 1;
        }
    });
}
