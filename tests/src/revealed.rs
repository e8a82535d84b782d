//! Secrets that stand in the environment, and those that a policy reveals to the driver itself: who
//! gets them, and that they are found nowhere else, whatever an honest driver lets slip. Canaries are
//! planted, and everything that is left is searched for them.

mod everywhere;
mod memory;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use abaca::policy::Policy;
use serde_json::{Value, json};

use crate::support::{
    Desk, Ground, attack_share, component, processes_with, tree, unique_sleep, until,
};

/// What is planted. Its SHA-256, with the line's end, says that a program read it.
const CANARY: &str = "kept-77c1-from-everybody";
const DIGEST: &str = "e80f06d08f38022d3d75c60ec0365ce91ea6cf9217420fbc3df6b4182bf3ba55";

/// The variable that it is planted in.
const VARIABLE: &str = "ABACA_TEST_TOKEN";

/// What the driver may do, and read where `OPTIONS` says so.
const POLICY: &str = r#"
schema = 1
driver = "hostile"
OPTIONS

[roots.shares]
path = "SHARES"

[types.word]
first = "a-z"
rest = "a-z0-9-"
max = 64

[[command]]
id = "say"
program = "/usr/bin/echo"
args = ["-n", { name = "word" }]

[[command]]
id = "repeat"
program = "/usr/bin/cat"
args = []
stdin-max = "1KiB"

[[command]]
id = "digest"
program = "/usr/bin/sha256sum"
args = [{ secret = "hostile_secret" }]

[[command]]
id = "hold"
program = "/usr/bin/tail"
args = ["--follow", "--sleep-interval=SECONDS", { secret = "hostile_secret" }]

[[files]]
id = "tree"
root = "shares"
verbs = ["read"]
name = "word"
depth = 1
"#;

const REVEAL: &str = "[options]\nreveal = [\"hostile_secret\"]";

fn desk(ground: &Ground, options: &str, value: &str, seconds: &str) -> Desk {
    let policy = POLICY.replace("OPTIONS", options).replace("SECONDS", seconds);
    let policy = policy.replace("SHARES", ground.shares().to_str().unwrap());
    ground.write("hostile.policy.toml", &policy);
    let text = Desk::text(ground, "hostile", &component("abaca-guest-hostile"));
    Desk::with(ground, &format!("{text}hostile_secret = {value}\n"))
}

/// Plants the canary in a file.
fn planted(ground: &Ground) -> &'static str {
    fs::create_dir_all(ground.path().join("secrets")).unwrap();
    let file = ground.write("secrets/token", &format!("{CANARY}\n"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    "{ file = \"secrets/token\" }"
}

/// What the attack brought, and all that was said of it.
fn attack(desk: &Desk, attack: &str, arguments: &[&str]) -> (Result<String, Value>, String) {
    let params = json!({ "share": attack_share(attack, arguments) }).to_string();
    let mut command = desk.command(&["call", "hostile", "create_share", &params, "--json"]);
    command.env(VARIABLE, format!("{CANARY}\n")).env("ABACA_LOG", "trace");
    let output = command.output().unwrap();
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    let answer = match output.status.code() {
        Some(0) => {
            let locations: Value = serde_json::from_str(&stdout).unwrap();
            let paths = locations.as_array().unwrap().iter().map(|one| one["path"].as_str());
            Ok(paths.map(Option::unwrap).collect::<Vec<_>>().join("\n"))
        }
        _ => {
            let error = stderr.lines().rev().find_map(|line| serde_json::from_str(line).ok());
            let error: Value = error.unwrap_or_else(|| panic!("{stderr}"));
            Err(error["error"].clone())
        }
    };
    (answer, stdout + &stderr)
}

/// A driver reads its secret, lets it slip wherever it can, and is recorded meanwhile.
#[test]
fn a_transcript_holds_a_secret_by_its_name_only() {
    let ground = Ground::new();
    let desk = desk(&ground, REVEAL, planted(&ground), "1");
    for way in ["read", "stdin", "log", "argument", "answer", "error"] {
        let file = ground.path().join(format!("{way}.jsonl"));
        let params = json!({ "share": attack_share("let-slip", &["hostile_secret", way]) });
        let (file, params) = (file.to_str().unwrap(), params.to_string());
        desk.run(&["record", "-o", file, "--", "call", "hostile", "create_share", &params]);
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains("\"line\":\"end\""), "{way}: {text}");
        assert!(text.contains("<secret hostile_secret>"), "{way}: {text}");
    }
    assert_kept(&ground);
}

/// Asserts that the canary is in no file of the ground but where it was planted.
fn assert_kept(ground: &Ground) {
    let found = tree(ground.path()).into_iter().filter(|(path, (_, contents))| {
        !path.starts_with("secrets")
            && contents.windows(CANARY.len()).any(|bytes| bytes == CANARY.as_bytes())
    });
    assert_eq!(
        found.map(|(path, _)| path).collect::<Vec<_>>(),
        [""; 0].map(std::path::PathBuf::from)
    );
}

#[test]
fn a_secret_that_is_revealed_goes_no_further_than_the_driver() {
    let ground = Ground::new();
    let desk = desk(&ground, REVEAL, planted(&ground), "1");
    let mut said = String::new();
    let bytes = format!("{} bytes", CANARY.len());
    for (way, wanted) in [
        ("read", bytes.as_str()),
        // Standard input is for secrets too.
        ("stdin", &bytes),
        ("log", "ok:logged"),
        // Words are written down, and a command line is for everybody to read.
        ("argument", "denied: true"),
        ("path", "denied: true"),
        // So is what is kept.
        ("state", "denied: true"),
    ] {
        let (answer, told) = attack(&desk, "let-slip", &["hostile_secret", way]);
        assert_eq!(answer.unwrap(), wanted, "{way}");
        said += &told;
    }
    assert!(said.contains("the token is <secret hostile_secret>, as it should be"), "{said}");
    assert!(said.contains("token=\"<secret hostile_secret>\""), "{said}");
    assert!(said.contains("<secret hostile_secret>=\"name\""), "{said}");
    let (answer, told) = attack(&desk, "let-slip", &["hostile_secret", "error"]);
    let error = answer.unwrap_err();
    let text = "the token is <secret hostile_secret>, as it should be";
    assert_eq!(error["driver"], json!({ "backend-failed": text }));
    assert!(error["message"].as_str().unwrap().contains(text), "{error}");
    said += &told;
    let (answer, told) = attack(&desk, "let-slip", &["hostile_secret", "answer"]);
    let error = answer.unwrap_err();
    assert_eq!(error["kind"], "contract", "{error}");
    assert!(error["message"].as_str().unwrap().contains("`hostile_secret`"), "{error}");
    said += &told;
    let (answer, told) = attack(&desk, "let-slip", &["hostile_secret", "panic"]);
    assert_eq!(answer.unwrap_err()["kind"], "trap");
    assert!(told.contains(text), "{told}");
    said += &told;
    for words in [
        &["backend", "options", "hostile"][..],
        &["backend", "list"],
        &["audit", "show"],
        &["audit", "show", "--json"],
        &["audit", "verify"],
        &["share", "list"],
        &["share", "list", "--json"],
        &["policy", "check", ground.path().join("hostile.policy.toml").to_str().unwrap()],
    ] {
        let answer = desk.run(&[&["-vv"], words].concat());
        assert_eq!(answer.code, Some(0), "{answer:?}");
        said += &(answer.stdout + &answer.stderr);
    }
    assert!(said.to_lowercase().contains("secrets that the driver itself reads"), "{said}");
    assert!(!said.contains(CANARY), "{said}");
    let denied = ground.audit("hostile").into_iter().filter(|line| line["event"] == "denied");
    let asked: Vec<_> = denied.map(|line| line.to_string()).collect();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.iter().all(|line| line.contains("hostile_secret")), "{asked:?}");
    // Each call in which the driver was told it has a line that says so, before what it did with it.
    let lines = ground.audit("hostile");
    let told: Vec<_> = lines.iter().filter(|line| line["event"] == "reveal").collect();
    assert!(told.iter().all(|line| line["name"] == "hostile_secret"), "{told:?}");
    let is_slip = |line: &&Value| line["event"] == "call" && line["method"] == "create-share";
    assert_eq!(told.len(), lines.iter().filter(is_slip).count());
    assert_kept(&ground);
}

#[test]
fn without_the_policys_word_a_driver_reads_no_secret() {
    let ground = Ground::new();
    for value in [planted(&ground), &format!("{{ env = \"{VARIABLE}\" }}")] {
        let desk = desk(&ground, "", value, "1");
        let (answer, _) = attack(&desk, "let-slip", &["hostile_secret", "read"]);
        assert_eq!(answer.unwrap(), "no value: true", "it is told the name");
        let (answer, _) = attack(&desk, "config", &["hostile_secret"]);
        assert_eq!(answer.unwrap(), "ok:Some(Value::Secret(\"hostile_secret\"))");
        // A program reads it, and says what it read.
        let (answer, said) = attack(&desk, "command", &["sha256sum", "hostile_secret"]);
        assert!(answer.unwrap().contains(DIGEST), "{said}");
        assert!(!said.contains(CANARY), "{said}");
    }
    assert!(ground.audit("hostile").iter().all(|line| line["event"] != "reveal"));
    assert_kept(&ground);
}

#[test]
fn a_variable_is_inherited_by_nobody() {
    let ground = Ground::new();
    let seconds = unique_sleep();
    let desk = desk(&ground, "", &format!("{{ env = \"{VARIABLE}\" }}"), &seconds);
    let interval = format!("--sleep-interval={seconds}");
    let share = attack_share("command", &["tail", "--follow", &interval, "hostile_secret"]);
    let params = json!({ "share": share }).to_string();
    let mut command = desk.command(&["call", "hostile", "create_share", &params]);
    let mut abaca = command.env(VARIABLE, format!("{CANARY}\n")).spawn().unwrap();
    let policy = ground.path().join("hostile.policy.toml");
    let started = || {
        let of = |text: &str| processes_with(text).into_iter().filter(|id| *id != abaca.id());
        of(&interval).chain(of(policy.to_str().unwrap())).collect::<Vec<_>>()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(until("the program and the broker run", || started().len() >= 2));
    for id in started() {
        for file in ["cmdline", "environ"] {
            // A process that has ended meanwhile has nothing to show.
            let text = fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&text).contains(CANARY), "{file} of {id}");
        }
    }
    let pid = rustix::process::Pid::from_raw(abaca.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(abaca.wait().unwrap().code(), Some(130));
    assert_kept(&ground);
}

#[test]
fn what_cannot_be_kept_or_revealed_is_refused() {
    let ground = Ground::new();
    let check = |options: &str, value: &str, variable: Option<&str>| {
        let desk = desk(&ground, options, value, "1");
        let mut command = desk.command(&["backend", "options", "hostile"]);
        if let Some(text) = variable {
            command.env(VARIABLE, text);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{options} {value}");
        String::from_utf8(output.stderr).unwrap()
    };
    let variable = format!("{{ env = \"{VARIABLE}\" }}");
    for (options, value, text, words) in [
        ("", variable.as_str(), None, &["its variable ABACA_TEST_TOKEN is not set"][..]),
        ("", &variable, Some(""), &["is empty"]),
        ("", &variable, Some(&*"x".repeat(64 * 1024 + 1)), &["65537 bytes", "at most 65536"]),
        ("", "{ env = \"1A\" }", None, &["{ env = \"NAME\" }"]),
        ("", "{ env = \"A=B\" }", None, &["{ env = \"NAME\" }"]),
        ("", "{ env = \"A\", file = \"b\" }", None, &["{ env = \"NAME\" }"]),
        (REVEAL, &variable, Some("short"), &["fewer than 8 bytes", "`reveal`"]),
        (
            "[options]\nreveal = [\"hostile_text\"]",
            &variable,
            Some(CANARY),
            &["hostile_text", "no secret option"],
        ),
        ("[options]\nreveal = []", &variable, Some(CANARY), &["names no option"]),
        ("[options]\nreveal = [\"A\"]", &variable, Some(CANARY), &["no name of an option"]),
        ("[options]\nreveal = [\"a\", \"a\"]", &variable, Some(CANARY), &["twice"]),
        ("[options]\nshow = [\"a\"]", &variable, Some(CANARY), &["unknown key", "reveal"]),
        ("[options]", &variable, Some(CANARY), &["reveal"]),
    ] {
        let said = check(options, value, text);
        assert!(words.iter().all(|word| said.contains(word)), "{options} {value}: {said}");
        assert!(!said.contains(CANARY), "{said}");
    }
    assert!(!ground.state().join("hostile").exists(), "nothing was made");
}

#[test]
fn a_policy_that_reveals_more_is_not_covered() {
    let policy = |options: &str| {
        let text = format!("schema = 1\ndriver = \"hostile\"\n{options}\n");
        Policy::parse(&text, "p.toml").unwrap()
    };
    let (none, one) = (policy(""), policy(REVEAL));
    let two = policy("[options]\nreveal = [\"hostile_secret\", \"another\"]");
    assert!(two.covers(&one) && one.covers(&none) && one.covers(&one));
    assert!(!none.covers(&one) && !one.covers(&two));
    assert!(one.reveals("hostile_secret") && !one.reveals("another"));
}
