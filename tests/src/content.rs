//! Files whose content a rule says, through a real component: what is written, what the audit tells
//! of it, and what can be learnt from that. What must not be written is in the hostile corpus.

use std::fs;

use abaca::asked::{Asked, Decision};
use abaca::audit::{AuditFile, Entry};
use abaca::policy::{GuestPath, Policy, Request, Verb, learn};
use abaca::{Backend, Limits};
use sha2::{Digest, Sha256};

use crate::support::{Ground, attack_share, load, runtime};

/// Blocks of a server's configuration about shares of the backend's own.
const POLICY: &str = r#"schema = 1
driver = "hostile"

[roots.shares]
path = "@/shares"
[roots.exports]
path = "@/exports"

[types.name]
first = "a-z"
rest = "a-z0-9-"
max = 32

[[files]]
id = "share"
root = "shares"
name = "name"
verbs = ["make-dir", "remove"]
owner = "self"

[[files]]
id = "export"
root = "exports"
name = "name"
verbs = ["write"]
owner = "self"
content = [
    "EXPORT {",
    { concat = ["  Export_Id = ", { int = { min = 1, max = 65535 } }, ";"] },
    { concat = ["  Path = ", { path = { root = "shares", leaf = "dir", name = "name", pass = "path", looked-up = "the NFS server looks it up", owner = "self" } }, ";"] },
    { repeat = { concat = ["  CLIENT { Clients = ", { cidr = { within = ["198.51.100.0/24"] } }, "; Access_Type = ", { one-of = ["RO", "RW"] }, "; }"] }, min = 0, max = 16 },
    "}",
]

[[files]]
id = "export-remove"
root = "exports"
name = "name"
verbs = ["read", "remove"]
owner = "self"
"#;

const BLOCK: &str = "EXPORT {\n  Export_Id = 7;\n  Path = shares:one;\n  CLIENT { Clients = \
                     198.51.100.0/25; Access_Type = RO; }\n}\n";

async fn open(ground: &Ground) -> Backend {
    fs::create_dir(ground.path().join("exports")).unwrap();
    let runtime = runtime(Limits::default());
    let driver = load(&runtime, "abaca-guest-hostile").await;
    let policy = POLICY.replace('@', ground.path().to_str().unwrap());
    ground.backend("exporting", driver, &policy, &[]).await
}

async fn file(backend: &Backend, asked: &[&str]) -> String {
    let one = attack_share("file", asked);
    backend.create_share(&one, None).await.unwrap().remove(0).path
}

/// Every request of the audit that was written by `files.write`.
fn writes(ground: &Ground) -> Vec<Asked> {
    let audit = AuditFile::open(&ground.state().join("exporting/audit.jsonl")).unwrap();
    let mut found = Vec::new();
    audit
        .entries(0, |entry, _| {
            if let Entry::Line(line) = entry {
                found.extend(Asked::of(&line).filter(|asked| asked.import == "files.write"));
            }
            true
        })
        .unwrap();
    found
}

#[tokio::test]
async fn a_driver_writes_what_the_rule_says_about_what_is_its_own() {
    let ground = Ground::new();
    let backend = open(&ground).await;
    let write = ["write", "exports", "one", BLOCK];
    let answer = file(&backend, &write).await;
    assert!(answer.contains("NotFound"), "the share is not there yet: {answer}");
    fs::create_dir(ground.shares().join("theirs")).unwrap();
    let theirs = BLOCK.replace("shares:one", "shares:theirs");
    let answer = file(&backend, &["write", "exports", "one", &theirs]).await;
    assert!(answer.contains("was not made by this backend"), "{answer}");
    assert_eq!(fs::read_dir(ground.path().join("exports")).unwrap().count(), 0);
    for asked in [&["make-dir", "shares", "one", "750"][..], &write, &write] {
        assert_eq!(file(&backend, asked).await, "ok:()", "{asked:?}");
    }
    let host = ground.shares().join("one");
    let expected = BLOCK.replace("shares:one", host.to_str().unwrap());
    assert_eq!(fs::read_to_string(ground.path().join("exports/one")).unwrap(), expected);
    let answer = file(&backend, &["read", "exports", "one"]).await;
    assert_eq!(answer, format!("ok:{expected:?}"));
    // Where somebody else has put a file, nothing is replaced.
    fs::write(ground.path().join("exports/two"), "theirs").unwrap();
    let answer = file(&backend, &["write", "exports", "two", BLOCK]).await;
    assert!(answer.contains("was not made by this backend"), "{answer}");
    assert_eq!(fs::read_to_string(ground.path().join("exports/two")).unwrap(), "theirs");
    assert_eq!(file(&backend, &["remove", "exports", "one"]).await, "ok:true");
}

#[tokio::test]
async fn the_audit_tells_the_lines_the_values_and_what_was_written() {
    let ground = Ground::new();
    let backend = open(&ground).await;
    assert_eq!(file(&backend, &["make-dir", "shares", "one", "750"]).await, "ok:()");
    assert_eq!(file(&backend, &["write", "exports", "one", BLOCK]).await, "ok:()");
    let bad = BLOCK.replace("}\n", "}\n\u{1b}[2J");
    let answer = file(&backend, &["write", "exports", "one", &bad]).await;
    assert!(answer.contains("Denied"), "{answer}");
    let written = fs::read(ground.path().join("exports/one")).unwrap();
    let sha256: String =
        Sha256::digest(&written).iter().map(|byte| format!("{byte:02x}")).collect();
    let lines = ground.audit("exporting");
    let of = |event: &str| {
        let is_it =
            |line: &&serde_json::Value| line["event"] == event && line["import"] == "files.write";
        lines.iter().find(is_it).unwrap().clone()
    };
    let (intent, outcome, denied) = (of("intent"), of("outcome"), of("denied"));
    assert_eq!((&intent["rule"], &outcome["rule"]), (&"export".into(), &"export".into()));
    let content = &intent["content"];
    assert_eq!(content["asked"][2], "  Path = shares:one;");
    assert_eq!(
        content["values"],
        serde_json::json!([
            ["int", "7"],
            ["name", "shares:one"],
            ["cidr", "198.51.100.0/25"],
            ["one-of", "RO"]
        ])
    );
    assert_eq!(
        (&content["sha256"], &content["bytes"]),
        (&sha256.clone().into(), &written.len().into())
    );
    assert_eq!(outcome["rebuilt"], serde_json::json!({ "bytes": written.len(), "sha256": sha256 }));
    let resolved = outcome["resolved"].as_array().unwrap();
    assert_eq!(resolved.len(), 2, "the place, and the share in the file: {outcome}");
    let reason = denied["reason"].as_str().unwrap();
    assert!(reason.contains("what is written: "), "{denied}");
    assert!(!denied.to_string().contains('\u{1b}'));
    assert!(!intent["content"].to_string().contains(ground.path().to_str().unwrap()));
}

#[tokio::test]
async fn what_was_written_can_be_decided_again_and_learnt_from() {
    let ground = Ground::new();
    let backend = open(&ground).await;
    assert_eq!(file(&backend, &["make-dir", "shares", "one", "750"]).await, "ok:()");
    assert_eq!(file(&backend, &["write", "exports", "one", BLOCK]).await, "ok:()");
    let source = POLICY.replace('@', ground.path().to_str().unwrap());
    let policy = |source: &str| Policy::parse(source, "p.toml").unwrap();
    let [asked] = writes(&ground).try_into().unwrap();
    let [Request::Write { lines, .. }] = asked.requests.as_deref().unwrap() else {
        panic!("{asked:?}")
    };
    assert_eq!(lines.len(), 5);
    assert_eq!(asked.decide(&policy(&source)), Decision::Granted("export".to_owned()));
    let denied = asked.decide(&policy(&source.replace("\"RO\", \"RW\"", "\"RW\"")));
    let Decision::Denied(why) = denied else { panic!("{denied:?}") };
    assert!(why.contains("line 4 should be"), "{why}");
    // Of an audit from before the rule, nobody knows.
    let mut before = asked;
    let path = GuestPath::parse_argument("exports:one").unwrap();
    before.requests = Ok(vec![Request::Files { verb: Verb::Write, path }]);
    let unknown = before.decide(&policy(&source));
    assert!(matches!(unknown, Decision::Unknown(_)), "{unknown:?}");
    let requests = writes(&ground).into_iter().flat_map(|asked| asked.requests.unwrap());
    let learned = learn(&source, "p.toml", requests).unwrap();
    assert!(learned.text.contains("{ int = { min = 7, max = 7 } }"), "{}", learned.text);
    assert!(learned.text.contains("one-of = [\"RO\"]"), "{}", learned.text);
    assert!(!learned.diff.asks_more);
}
