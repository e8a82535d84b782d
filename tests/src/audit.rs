//! The audit: that each line is in its chain, that whatever is changed later is found and its place
//! named, and that nothing is done that cannot be written down.

mod anchors;
mod beside;
mod crashes;
mod given_up;
mod permitted;
mod reading;
mod room;
mod rotation;
mod tampering;
mod unwritable;

use std::fs;
use std::path::PathBuf;

use abaca::audit::AuditSettings;
use abaca::{Backend, Runtime};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{Desk, Ground, attack_share, built, dummy_desk, load, program};

/// The audit of the backend `dummy` after three commands, and the desk to look at it from.
struct Written {
    ground: Ground,
    desk: Desk,
}

impl Written {
    fn new() -> Self {
        let ground = Ground::new();
        let desk = dummy_desk(&ground, "");
        let written = Self { ground, desk };
        for _ in 0..3 {
            written.goes_on();
        }
        written
    }

    /// Some more lines.
    fn goes_on(&self) {
        let name = uuid::Uuid::new_v4().to_string();
        self.desk.json(&["share", "create", &name, "--size", "1"]);
    }

    /// A file beside the backend's audit.
    fn beside(&self, name: &str) -> PathBuf {
        self.ground.state().join("dummy").join(name)
    }

    fn path(&self) -> PathBuf {
        self.beside("audit.jsonl")
    }

    /// The lines, without their ends.
    fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.path()).unwrap().lines().map(ToOwned::to_owned).collect()
    }

    fn rewrite(&self, lines: &[String]) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(self.path(), text).unwrap();
    }

    /// Tells `audit.head` what whoever has changed the file would want it to know.
    fn rewrite_head(&self) {
        let head = fs::read_to_string(self.beside("audit.head")).unwrap();
        let mut head: Value = serde_json::from_str(&head).unwrap();
        let last: Value = serde_json::from_str(self.lines().last().unwrap()).unwrap();
        head["length"] = fs::metadata(self.path()).unwrap().len().into();
        let (chain, file, length) = (&head["chain"], &head["file"], &head["length"]);
        let (seq, hash) = (&last["seq"], &last["hash"]);
        let text = format!(
            "{{\"chain\":{chain},\"file\":{file},\"length\":{length},\
             \"link\":{{\"seq\":{seq},\"hash\":{hash}}}}}"
        );
        fs::write(self.beside("audit.head"), format!("{text:<319}\n")).unwrap();
    }

    /// What `verify` answers with this exit code.
    fn verified(&self, code: i32, words: &[&str]) -> Value {
        let answer = self.desk.run(&[&["audit", "verify", "--json"], words].concat());
        assert_eq!(answer.code, Some(code), "{answer:?}");
        let document: Value = serde_json::from_str(&answer.stdout).unwrap();
        assert_eq!(document["whole"], code == 0);
        document["backends"][0].clone()
    }

    /// The places that `verify` finds, as `file:line kind`, with what is told to people too.
    fn found(&self) -> Vec<String> {
        let answer = self.desk.run(&["audit", "verify"]);
        assert_eq!(answer.code, Some(5), "{answer:?}");
        assert!(answer.stdout.contains("NOT WHOLE"), "{answer:?}");
        let found = self.verified(5, &[]);
        let places: Vec<_> = found["findings"].as_array().unwrap().iter().map(place).collect();
        assert!(!places.is_empty());
        places
    }
}

/// `file:line kind` of a finding.
fn place(finding: &Value) -> String {
    let line = finding["line"].as_u64().map_or_else(String::new, |line| format!(":{line}"));
    let (file, kind) = (finding["file"].as_str().unwrap(), finding["kind"].as_str().unwrap());
    format!("{file}{line} {kind}")
}

/// The line with another `prev` and the hash that it has then: what somebody writes who knows how.
pub fn sealed(line: &str, prev: &str) -> (String, String) {
    let fields: Value = serde_json::from_str(line).unwrap();
    let line = line.replace(fields["prev"].as_str().unwrap(), prev);
    let text = line.rsplit_once(",\"hash\":\"").unwrap().0;
    let hash: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    (format!("{text},\"hash\":\"{hash}\"}}"), hash)
}

/// The backend `hostile` with an audit of these settings; it may run `echo` with a word, `sleep`, and
/// `ls` on a directory in the ground's `shares`.
async fn hostile(ground: &Ground, settings: AuditSettings) -> Backend {
    let runtime = built(Runtime::builder().broker(program("abaca-broker")).audit(settings));
    hostile_in(ground, &runtime).await
}

/// The same in a runtime that others are in too.
async fn hostile_in(ground: &Ground, runtime: &Runtime) -> Backend {
    let driver = load(runtime, "abaca-guest-hostile").await;
    let policy = "schema = 1\ndriver = \"hostile\"\n\
                  [types.word]\nfirst = \"a-z\"\nrest = \"a-z0-9\"\nmax = 64\n\
                  [[command]]\nid = \"say\"\nprogram = \"/usr/bin/echo\"\n\
                  args = [\"-n\", { name = \"word\" }]\n\
                  [[command]]\nid = \"wait\"\nprogram = \"/usr/bin/sleep\"\n\
                  args = [{ name = \"seconds\" }]\ntimeout = \"60m\"\n\
                  [types.seconds]\nfirst = \"0-9\"\nrest = \"0-9.\"\nmax = 64\n\
                  [[command]]\nid = \"look\"\nprogram = \"/usr/bin/ls\"\nread = [\"shares\"]\n\
                  args = [\"-d\", { path = { root = \"shares\", leaf = \"dir\", name = \"word\" } }]\n";
    let policy = format!("{policy}[roots.shares]\npath = {:?}\n", ground.shares());
    ground.backend("hostile", driver, &policy, &[]).await
}

/// Lets the hostile driver run a command, and says what came of it.
async fn runs(backend: &Backend, words: &[&str]) -> String {
    let answer = backend.create_share(&attack_share("command", words), None).await;
    answer.map_or_else(|error| error.to_string(), |mut said| said.remove(0).path)
}
