//! A broker under test: its process, its socket, its roots in a temporary directory.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use abaca_broker::protocol::{
    Decoder, Done, FilesReply, FilesRequest, Frame, Hello, MountsRequest, Outcome, Place, Request,
    RequestKind, Response, encode,
};
use tempfile::TempDir;

/// How long a test waits for an answer before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// The deadline of requests that are not about deadlines.
pub const AMPLE: u64 = 20_000;

/// The policy of most tests: two roots, all verbs on files, and two harmless commands.
const POLICY: &str = r#"
schema = 1
driver = "test"

[roots.shares]
path = "@/shares"

[roots.snapshots]
path = "@/snapshots"

[types.share]
first = "a-z0-9"
rest = "a-z0-9-"
max = 64

[[files]]
id = "on-shares"
root = "shares"
verbs = ["read", "write", "list", "make-dir", "remove", "rename", "copy", "set-mode", "set-owner", "usage"]
name = "share"
depth = 4

[[files]]
id = "all-shares"
root = "shares"
verbs = ["list", "usage"]

[[files]]
id = "on-snapshots"
root = "snapshots"
verbs = ["make-dir", "rename"]
name = "share"

[[command]]
id = "show"
program = "/usr/bin/cat"
args = ["--", { path = { root = "shares", leaf = "file", name = "share" } }]
read = ["shares"]

[[command]]
id = "clone"
program = "/usr/bin/cp"
args = ["--archive", "--no-target-directory", "--",
        { path = { root = "snapshots", leaf = "dir", name = "share" } },
        { path = { root = "shares", leaf = "new", name = "share" } }]
read = ["snapshots"]
write = ["shares"]
syscalls = ["attributes"]

[[command]]
id = "count"
program = "/usr/bin/wc"
args = ["-c"]
stdin-max = "1MiB"
"#;

/// A rule that lets the broker run one shell script: `sh -c SCRIPT`.
pub fn script(id: &str, script: &str, more: &str) -> String {
    format!(
        "[[command]]\nid = {id:?}\nprogram = \"/usr/bin/sh\"\nargs = [\"-c\", '''{script}''']\n\
         root-equivalent = \"a test\"\n{more}\n"
    )
}

/// A rule that lets the broker run one text of Perl, which can make any system call:
/// `perl -e TEXT`.
pub fn perl(text: &str, more: &str) -> String {
    format!(
        "[[command]]\nid = \"perl\"\nprogram = \"/usr/bin/perl\"\nargs = [\"-e\", '''{text}''']\n\
         root-equivalent = \"a test\"\n{more}\n"
    )
}

/// True as root; else says that `what` is skipped.
pub fn root_for(what: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skipped(&format!("(needs root): {what}"));
    }
    root
}

/// Says that something is not tried here.
pub fn skipped(what: &str) {
    // Not by eprintln, which the test harness keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED {what}");
}

pub struct Broker {
    pub process: Child,
    pub socket: Option<UnixStream>,
    pub directory: TempDir,
    decoder: Decoder,
    next: u64,
}

impl Broker {
    /// A broker with the usual policy and `more` rules, after its hello.
    pub fn with(more: &str) -> Broker {
        let mut broker = Broker::start(&format!("{POLICY}\n{more}"));
        broker.hello();
        broker
    }

    /// A broker with a policy of the test's own; nothing is read yet.
    pub fn start(policy: &str) -> Broker {
        Broker::start_with(policy, Stdio::inherit(), &[])
    }

    /// The usual policy and `more` rules, and an open file as the broker's standard output.
    pub fn holding(more: &str, stdout: File) -> Broker {
        let mut broker = Broker::start_with(&format!("{POLICY}\n{more}"), stdout.into(), &[]);
        broker.hello();
        broker
    }

    /// The usual policy and `more` rules, and a root without the power over namespaces.
    pub fn humble(more: &str) -> (Broker, Hello) {
        let first = ["/usr/bin/setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"];
        let mut broker = Broker::started_by(&first, &format!("{POLICY}\n{more}"));
        let hello = broker.hello();
        (broker, hello)
    }

    /// A broker with a policy of the test's own, and `first` before it on its command line.
    pub fn started_by(first: &[&str], policy: &str) -> Broker {
        Broker::start_with(policy, Stdio::inherit(), first)
    }

    /// `first` stands before the broker on its command line.
    #[expect(clippy::disallowed_methods, reason = "the broker under test is a process")]
    fn start_with(policy: &str, stdout: Stdio, first: &[&str]) -> Broker {
        let directory = tempfile::tempdir().unwrap();
        for name in ["shares", "snapshots"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let file = directory.path().join("policy.toml");
        let policy = policy.replace('@', directory.path().to_str().unwrap());
        std::fs::write(&file, policy).unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut line: Vec<&str> = first.to_vec();
        line.push(env!("CARGO_BIN_EXE_abaca-broker"));
        let process = Command::new(line[0])
            .args(&line[1..])
            .arg("--policy")
            .arg(&file)
            .args(["--socket-fd", "0"])
            .env("LD_PRELOAD_NOT", "inherited")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(stdout)
            .spawn()
            .unwrap();
        ours.set_read_timeout(Some(PATIENCE)).unwrap();
        Broker { process, socket: Some(ours), directory, decoder: Decoder::default(), next: 1 }
    }

    pub fn hello(&mut self) -> Hello {
        match self.receive().unwrap().header.result {
            Outcome::Hello(hello) => *hello,
            other => panic!("{other:?}"),
        }
    }

    /// The hands there are.
    pub fn hands(&self) -> Vec<i32> {
        let id = self.process.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        children.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn send(&mut self, kind: RequestKind, body: &[u8]) -> u64 {
        let id = self.next;
        self.next += 1;
        let frame = encode(&Request { id, kind }, body).unwrap();
        self.socket.as_ref().unwrap().write_all(&frame).unwrap();
        id
    }

    /// The next answer; `None` when the broker is gone.
    pub fn receive(&mut self) -> Option<Frame<Response>> {
        loop {
            if let Some(frame) = self.decoder.next().unwrap() {
                return Some(frame);
            }
            let mut piece = [0; 64 * 1024];
            let count = match self.socket.as_ref().unwrap().read(&mut piece) {
                // A read with a timeout is not resumed after the machine was suspended.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                answer => answer.unwrap(),
            };
            if count == 0 {
                assert!(!self.decoder.is_partial(), "cut off within an answer");
                return None;
            }
            self.decoder.push(&piece[..count]);
        }
    }

    pub fn ask(&mut self, kind: RequestKind, body: &[u8]) -> (Outcome, Vec<u8>) {
        let id = self.send(kind, body);
        let frame = self.receive().expect("an answer");
        assert_eq!(frame.header.id, id);
        (frame.header.result, frame.body)
    }

    pub fn command(&mut self, program: &str, args: &[&str]) -> (Outcome, Vec<u8>) {
        self.ask(command(program, args, AMPLE), &[])
    }

    /// Runs a command that must be done, and gives its standard output as text.
    pub fn done(&mut self, program: &str, args: &[&str]) -> (Done, String) {
        match self.command(program, args) {
            (Outcome::Done(done), body) => {
                let stdout = &body[..usize::try_from(done.stdout_len).unwrap()];
                (*done, String::from_utf8(stdout.to_vec()).unwrap())
            }
            (other, _) => panic!("{other:?}"),
        }
    }

    pub fn mounts(&mut self, request: MountsRequest) -> Outcome {
        self.ask(RequestKind::Mounts { request, deadline_ms: AMPLE }, &[]).0
    }

    pub fn files(&mut self, request: FilesRequest, body: &[u8]) -> (Outcome, Vec<u8>) {
        self.ask(RequestKind::Files { request, deadline_ms: AMPLE }, body)
    }

    /// Does a verb that must succeed.
    pub fn file_done(&mut self, request: FilesRequest, body: &[u8]) -> (FilesReply, Vec<u8>) {
        match self.files(request, body) {
            (Outcome::Files { reply, .. }, body) => (reply, body),
            (other, _) => panic!("{other:?}"),
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.socket = None;
        let _ = self.process.wait();
    }
}

pub fn command(program: &str, args: &[&str], deadline_ms: u64) -> RequestKind {
    let args = args.iter().map(|&arg| arg.to_owned()).collect();
    RequestKind::Command { program: program.to_owned(), args, secrets: Vec::new(), deadline_ms }
}

pub fn at(path: &str) -> Place {
    Place { root: "shares".to_owned(), path: path.to_owned() }
}

/// Waits until `what` holds; fails after a while.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        pause(10);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test waits for other processes")]
pub fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// The processes whose command line holds `word`.
pub fn processes(word: &str) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())
    })
    .collect()
}

/// A number of seconds that no other process sleeps: a mark to find a process by.
pub fn mark(test: u32) -> String {
    format!("{}.{test}", 100_000 + std::process::id())
}

pub fn write(path: &Path, contents: &str) {
    std::fs::write(path, contents).unwrap();
}
