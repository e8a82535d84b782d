//! The twenty command lines that upstream's list of allowed programs was attacked with, against
//! every policy that we ship: through the gate, and past it, straight at the broker, as a runtime
//! would ask that is itself in the attacker's hands.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use abaca_broker::protocol::{Decoder, Outcome, Request, RequestKind, Response, encode};

use super::{Range, attacks};
use crate::support::{PATIENCE, program};

/// As root all but the last three got through there.
const LINES: [&[&str]; 20] = include!("../data/as-good-as-root.rs");

/// The policies that we ship, for the roots of this ground.
fn shipped(range: &Range) -> Vec<PathBuf> {
    let drivers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../drivers");
    let policies = fs::read_dir(drivers).unwrap().map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for policy in policies.map(|driver| driver.join("policy.toml")).filter(|file| file.is_file()) {
        let text = fs::read_to_string(&policy).unwrap();
        // Where a policy wants a directory, there is one.
        let at = range.ground.path().to_str().unwrap();
        let text = text.replace("\"/srv/abaca", &format!("\"{at}"));
        let own = |line: &str| match line.strip_prefix("path = \"") {
            Some(path) if !Path::new(path.trim_end_matches('"')).exists() => {
                let path = path.trim_end_matches('"').trim_start_matches(at);
                fs::create_dir_all(format!("{at}{path}")).unwrap();
                format!("path = \"{at}{path}\"")
            }
            _ => line.to_owned(),
        };
        let text: String = text.lines().flat_map(|line| [own(line), "\n".to_owned()]).collect();
        let said = |key: &'static str| text.lines().filter_map(move |line| line.strip_prefix(key));
        // Programs of storage that is not here cannot be granted here.
        if let Some(missing) =
            said("program = ").find(|one| !Path::new(one.trim_matches('"')).exists())
        {
            eprintln!("SKIPPED: {} needs {missing}", policy.display());
            continue;
        }
        // What a root lies on is of no matter to a command line.
        let lies_on = |line: &str| {
            ["filesystem = \"", "mount-options"].iter().any(|key| line.starts_with(key))
        };
        let text: String =
            text.lines().filter(|line| !lies_on(line)).flat_map(|line| [line, "\n"]).collect();
        let name = policy.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        found.push(range.ground.write(&format!("{name}.shipped.policy.toml"), &text));
    }
    assert!(found.len() >= 2, "{found:?}");
    found
}

/// Makes the hostile driver ask for a line under each of the policies.
async fn through_the_gate(range: &Range, lines: &[&[&str]]) -> Vec<String> {
    let mut told = Vec::new();
    for (at, policy) in shipped(range).into_iter().enumerate() {
        let text = fs::read_to_string(policy).unwrap();
        let name = text.lines().find(|line| line.starts_with("driver = ")).unwrap().to_owned();
        let policy = text.replace(&name, "driver = \"hostile\"");
        let driver = range.hostile.driver().clone();
        let backend = range.ground.backend(&format!("shipped-{at}"), driver, &policy, &[]).await;
        for line in lines {
            let one = crate::support::attack_share("command", line);
            told.push(super::range::told(backend.create_share(&one, None).await));
        }
    }
    told
}

/// A broker that we ask ourselves.
struct Direct {
    child: Child,
    socket: UnixStream,
    decoder: Decoder,
}

impl Direct {
    fn start(policy: &Path) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut command = Command::new(program("abaca-broker"));
        command.arg("--policy").arg(policy).args(["--socket-fd", "0"]);
        let child = command.stdin(Stdio::from(OwnedFd::from(theirs))).spawn().unwrap();
        let mut broker = Self { child, socket: ours, decoder: Decoder::default() };
        assert!(matches!(broker.answer(), Outcome::Hello(_)));
        broker
    }

    fn asks(&mut self, line: &[&str]) -> String {
        let (program, args) = line.split_first().unwrap();
        let kind = RequestKind::Command {
            program: (*program).to_owned(),
            args: args.iter().map(|word| (*word).to_owned()).collect(),
            secrets: Vec::new(),
            deadline_ms: 60_000,
        };
        self.socket.write_all(&encode(&Request { id: 1, kind }, &[]).unwrap()).unwrap();
        format!("{:?}", self.answer())
    }

    fn answer(&mut self) -> Outcome {
        loop {
            if let Some(frame) = self.decoder.next::<Response>().unwrap() {
                return frame.header.result;
            }
            let mut piece = [0; 64 * 1024];
            let count = self.socket.read(&mut piece).unwrap();
            assert_ne!(count, 0, "the broker has ended");
            self.decoder.push(&piece[..count]);
        }
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        let _ = self.child.wait();
    }
}

/// The same past the gate.
fn at_the_broker(range: &Range, lines: &[&[&str]]) -> Vec<String> {
    let mut told = Vec::new();
    for policy in shipped(range) {
        let mut broker = Direct::start(&policy);
        told.extend(lines.iter().map(|line| broker.asks(line)));
    }
    told
}

/// Whether an answer is that of a driver which measures the root `shares`.
fn measures_shares(told: &str) -> bool {
    !["no rule names the program", "argument 4 should be", "arguments"]
        .iter()
        .any(|other| told.contains(other))
}

attacks! { Arguments:
    /// Asks for the twenty lines that upstream's filters were attacked with, under every policy
    /// that we ship.
    twenty_lines_through_the_gate {
        given: |range| drop(shipped(range)),
        attack: async |range| through_the_gate(range, &LINES).await,
        contained: "all of them are denied, under each policy",
        refused: "err:Error::Denied(",
        // Of the drivers whose shares lie in a root of that name; others measure something else.
        twin: async |range| {
            let line: &[&str] = &["df", "--output=size,avail", "--block-size=1", "--", "shares:"];
            let mut told = through_the_gate(range, &[line]).await;
            told.retain(|text| measures_shares(text));
            assert!(told.len() >= 2, "{told:?}");
            told
        },
        answers: "ok:0:",
    }

    /// Asks for the same lines past the gate, as a runtime would that is in the attacker's hands.
    twenty_lines_at_the_broker {
        given: |range| drop(shipped(range)),
        attack: async |range| at_the_broker(range, &LINES),
        contained: "all of them are denied: the broker trusts nothing that a runtime says",
        refused: "Denied {",
        twin: async |range| {
            let line: &[&str] = &["df", "--output=size,avail", "--block-size=1", "--", "shares:"];
            let mut told = at_the_broker(range, &[line]);
            told.retain(|text| measures_shares(text));
            assert!(told.len() >= 2, "{told:?}");
            told
        },
        answers: "Done(Done",
    }
}
