//! What holds on: processes that do not end, files that do not open, and the lock that the
//! broker and its hands hold for as long as they live.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use abaca_broker::protocol::{ErrorKind, FilesRequest, Outcome, RequestKind};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{
    AMPLE, Broker, at, command, eventually, mark, pause, processes, root_for, script, write,
};

/// Of fcntl(2): which signal says that somebody waits for the lease.
const F_SETSIG: i32 = 10;

/// What answers at once, answers within this time.
const SOON: Duration = Duration::from_secs(3);

/// Holds on to a process as a debugger does: however it is killed, it stays until this is
/// dropped, and nobody else can reap it. That is what hanging in the kernel looks like.
struct Held(i32);

impl Held {
    #[expect(unsafe_code, reason = "ptrace has no safe wrapper")]
    fn new(pid: i32) -> Held {
        // SAFETY: takes numbers only.
        let answer = unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0, 0) };
        assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
        Held(pid)
    }
}

impl Drop for Held {
    #[expect(unsafe_code, reason = "a traced process that is no child has no safe wrapper")]
    fn drop(&mut self) {
        // SAFETY: the status may be null.
        unsafe { libc::waitpid(self.0, std::ptr::null_mut(), libc::__WALL) };
    }
}

fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

fn sleeping(mark: &str) -> (Broker, RequestKind) {
    let text = format!("exec sleep {mark}");
    let broker = Broker::with(&script("sleep", &text, "timeout = \"5m\""));
    (broker, command("sh", &["-c", &text], AMPLE))
}

/// Another command is answered, and soon.
fn others_go_on(broker: &mut Broker) {
    let start = Instant::now();
    let (outcome, _) = broker.ask(command("wc", &["-c"], AMPLE), b"1");
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_hand_that_does_not_end_stalls_nobody() {
    if !root_for("a process that does not end") {
        return;
    }
    let mark = mark(20);
    let (mut broker, request) = sleeping(&mark);
    broker.send(request, &[]);
    eventually("it runs", || !processes(&mark).is_empty());
    let hand = broker.hands()[0];
    let held = Held::new(hand);
    kill(hand);
    pause(200);
    others_go_on(&mut broker);
    drop(held);
    let result = broker.receive().unwrap().header.result;
    assert!(matches!(result, Outcome::Error { kind: ErrorKind::Io, .. }), "{result:?}");
    assert_eq!(processes(&mark), Vec::<i32>::new());
}

#[test]
fn a_command_that_does_not_end_stalls_nobody() {
    if !root_for("a process that does not end") {
        return;
    }
    let mark = mark(21);
    let (mut broker, request) = sleeping(&mark);
    let id = broker.send(request, &[]);
    eventually("it runs", || !processes(&mark).is_empty());
    let held = Held::new(processes(&mark)[0]);
    kill(broker.hands()[0]);
    pause(200);
    others_go_on(&mut broker);
    let frame = broker.receive().unwrap();
    assert_eq!(frame.header.id, id);
    let Outcome::Error { message, .. } = frame.header.result else { panic!("{frame:?}") };
    assert!(message.contains("hang in the kernel"), "{message}");
    drop(held);
}

/// A lease on a file: who opens it waits until this is dropped, or the system's patience ends.
struct Lease(File);

impl Lease {
    #[expect(unsafe_code, reason = "leases have no safe wrapper")]
    fn new(path: &Path) -> Lease {
        let file = File::options().read(true).write(true).open(path).unwrap();
        let fd = file.as_raw_fd();
        // SAFETY: numbers only. SIGURG, unlike the usual SIGIO, is ignored by default.
        let answers = unsafe {
            [
                libc::fcntl(fd, F_SETSIG, libc::SIGURG),
                libc::fcntl(fd, libc::F_SETLEASE, libc::F_WRLCK),
            ]
        };
        assert_eq!(answers, [0, 0], "{}", std::io::Error::last_os_error());
        Lease(file)
    }
}

/// A broker with a lock file as its standard output, and that file's path.
fn locked(more: &str) -> (Broker, tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lock");
    let file = File::create(&path).unwrap();
    flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
    (Broker::holding(more, file), directory, path)
}

fn is_free(lock: &Path) -> bool {
    flock(File::open(lock).unwrap(), FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// Whether a process has the file open, by whatever number.
fn has_open(pid: i32, path: &Path) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    descriptors.flatten().any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == path))
}

/// A slow command under way, that detached one more, in a broker that holds a lock.
fn locked_and_slow(mark: &str) -> (Broker, tempfile::TempDir, PathBuf) {
    let text = format!("setsid sleep {mark} & sleep {mark}");
    let (mut broker, directory, lock) = locked(&script("slow", &text, "timeout = \"5m\""));
    broker.send(command("sh", &["-c", &text], AMPLE), &[]);
    eventually("it runs", || processes(mark).len() >= 2);
    (broker, directory, lock)
}

#[test]
fn the_lock_is_held_by_broker_and_hands_and_by_no_command() {
    let mark = mark(22);
    let (broker, _directory, lock) = locked_and_slow(&mark);
    assert!(has_open(i32::try_from(broker.process.id()).unwrap(), &lock));
    assert!(has_open(broker.hands()[0], &lock));
    for command in processes(&mark) {
        assert!(!has_open(command, &lock));
    }
}

#[test]
fn the_lock_is_free_only_when_the_commands_are_gone() {
    for (test, killed) in [(23, false), (24, true)] {
        let mark = mark(test);
        let (mut broker, _directory, lock) = locked_and_slow(&mark);
        assert!(!is_free(&lock));
        if killed {
            broker.process.kill().unwrap();
        } else {
            broker.socket = None;
        }
        eventually("the lock is free", || is_free(&lock));
        assert_eq!(processes(&mark), Vec::<i32>::new(), "killed: {killed}");
    }
}

#[test]
fn a_hand_on_files_holds_the_lock_and_is_bound_in_memory() {
    let (mut broker, _directory, lock) = locked("");
    let file = broker.path("shares/a");
    write(&file, "data");
    let lease = Lease::new(&file);
    let request = FilesRequest::Read { at: at("a"), offset: 0, length: 9 };
    broker.send(RequestKind::Files { request, deadline_ms: AMPLE }, &[]);
    let bound = |pid: i32| {
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
        let line = limits.lines().find(|line| line.starts_with("Max address space"));
        line.is_some_and(|line| line.matches("1073741824").count() == 2)
    };
    eventually("a hand is bound", || broker.hands().iter().any(|hand| bound(*hand)));
    assert!(has_open(broker.hands()[0], &lock));
    drop(lease.0);
    let frame = broker.receive().unwrap();
    assert_eq!(frame.body, b"data");
}
