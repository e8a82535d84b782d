//! Secrets that a policy passes on to commands: the program has the value, and nobody else does.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use abaca::{Backend, Blame, Error, Limits, OptionValue};

use crate::support::{
    Ground, Log, attack_share, load, processes_with, runtime, tree, unique_sleep, until,
};

/// What must be found in the secret's file and nowhere else. Its SHA-256 says that a program read
/// it: `sha256sum` prints that and not the value.
const VALUE: &str = "kept-77c1-from-everybody\n";
const DIGEST: &str = "e80f06d08f38022d3d75c60ec0365ce91ea6cf9217420fbc3df6b4182bf3ba55";

const POLICY: &str = r#"
schema = 1
driver = "hostile"

[[command]]
id = "digest"
program = "/usr/bin/sha256sum"
args = [{ secret = "hostile_secret" }]
accepts = [["sha256sum", "hostile_secret"]]
refuses = [["sha256sum", "another_secret"], ["sha256sum", "/proc/self/fd/100"]]

[[command]]
id = "within-a-word"
program = "/usr/bin/dd"
args = ["status=none", { concat = ["if=", { secret = "hostile_secret" }] }]

[[command]]
id = "shown"
program = "/usr/bin/cat"
args = ["--", { secret = "hostile_secret" }]

[[command]]
id = "shown-cut"
program = "/usr/bin/head"
args = ["--", { secret = "hostile_secret" }]
stdout-max = "9B"

[[command]]
id = "shown-as-an-error"
program = "/usr/bin/ls"
args = ["--", { secret = "hostile_secret", pass = "argument", exposed = "a test" }]

[[command]]
id = "followed"
program = "/usr/bin/tail"
args = ["--follow", "--sleep-interval=SECONDS", { secret = "hostile_secret" }]

[[command]]
id = "exposed"
program = "/usr/bin/sleep"
args = ["SECONDS", { secret = "hostile_secret", pass = "argument", exposed = "a test" }]

[[command]]
id = "changed"
program = "/usr/bin/truncate"
args = ["--size=0", { secret = "hostile_secret" }]

[[command]]
id = "digests"
program = "/usr/bin/tee"
args = [{ secret = "hostile_secret" }]
stdin-max = "1KiB"
"#;

struct Safe {
    ground: Ground,
    file: PathBuf,
    seconds: String,
}

impl Safe {
    fn new(value: &str) -> Self {
        let ground = Ground::new();
        fs::create_dir(ground.path().join("secrets")).unwrap();
        let file = ground.write("secrets/token", value);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
        Self { ground, file, seconds: unique_sleep() }
    }

    async fn backend(&self) -> Backend {
        let driver = load(&runtime(Limits::default()), "abaca-guest-hostile").await;
        let options = [("hostile_secret", OptionValue::SecretFile(self.file.clone()))];
        let policy = POLICY.replace("SECONDS", &self.seconds);
        self.ground.backend("hostile", driver, &policy, &options).await
    }

    /// Asserts that the value is in its own file and in no other one of the ground.
    fn assert_kept(&self) {
        let secret = VALUE.trim_end().as_bytes();
        let holding = tree(self.ground.path()).into_iter().filter(|(_, (_, contents))| {
            contents.windows(secret.len()).any(|bytes| bytes == secret)
        });
        let holding: Vec<_> = holding.map(|(path, _)| path).collect();
        assert_eq!(holding, [PathBuf::from("secrets/token")]);
    }
}

async fn command(backend: &Backend, asked: &[&str]) -> Vec<String> {
    let one = attack_share("command", asked);
    let locations = backend.create_share(&one, None).await.unwrap();
    locations.into_iter().map(|location| location.path).collect()
}

#[tokio::test]
async fn a_program_reads_what_nobody_else_sees() {
    let log = Log::capture();
    let safe = Safe::new(VALUE);
    let backend = safe.backend().await;
    let digest = command(&backend, &["sha256sum", "hostile_secret"]).await;
    assert!(digest[0].starts_with(&format!("ok:0:{DIGEST}  /proc/self/fd/")), "{digest:?}");
    let within = command(&backend, &["dd", "status=none", "if=hostile_secret"]).await;
    assert_eq!(within[0], "ok:0:<secret hostile_secret>\\n");
    let cut = command(&backend, &["head", "--", "hostile_secret"]).await;
    assert_eq!(cut[0], "ok:0:<secret h", "of a value that was cut nothing is left");
    let shown = command(&backend, &["cat", "--", "hostile_secret"]).await;
    assert_eq!(shown[0], "ok:0:<secret hostile_secret>\\n");
    let error = command(&backend, &["ls", "--", "hostile_secret"]).await;
    assert!(error[0].starts_with("ok:2:"), "{error:?}");
    assert!(error[1].contains("<secret hostile_secret>"), "{error:?}");
    // Nor does what a failure says of it.
    let one = attack_share("insist", &["ls", "--", "hostile_secret"]);
    let error = backend.create_share(&one, None).await.unwrap_err();
    assert!(error.to_string().contains("<secret hostile_secret>"), "{error}");
    let said =
        format!("{digest:?}{within:?}{cut:?}{shown:?}{error}{error:?}{backend:?}{}", log.text());
    assert!(!said.contains(VALUE.trim_end()) && !said.contains("kept-"), "{said}");
    let audit = serde_json::Value::from(safe.ground.audit("hostile")).to_string();
    assert!(audit.contains("<secret hostile_secret>"), "{audit}");
    safe.assert_kept();
}

/// While it runs, the command's line is everybody's to read, and tells where the value is only.
#[tokio::test]
async fn what_others_can_read_of_a_running_program_has_no_secret() {
    let safe = Safe::new(VALUE);
    let backend = safe.backend().await;
    let follow = format!("--sleep-interval={}", safe.seconds);
    let one = attack_share("command", &["tail", "--follow", &follow, "hostile_secret"]);
    let look = async {
        let mut line = String::new();
        until("it runs", || {
            let found = processes_with(&follow);
            let lines = found.iter().map(|id| fs::read_to_string(format!("/proc/{id}/cmdline")));
            line = lines
                .filter_map(Result::ok)
                .find(|line| line.starts_with("tail"))
                .unwrap_or_default();
            !line.is_empty()
        })
        .await;
        line
    };
    let line = tokio::select! {
        answer = backend.create_share(&one, None) => panic!("{answer:?}"),
        line = look => line,
    };
    assert!(line.contains("/proc/self/fd/"), "{line:?}");
    assert!(processes_with(VALUE.trim_end()).is_empty());
    // Its twin, to which the operator has consented.
    let one = attack_share("command", &["sleep", &safe.seconds, "hostile_secret"]);
    let answer = backend.create_share(&one, None).await.unwrap();
    assert!(answer[1].path.contains("invalid time interval"), "{answer:?}");
    assert!(answer[1].path.contains("<secret hostile_secret>"), "{answer:?}");
    safe.assert_kept();
}

#[tokio::test]
async fn nothing_changes_the_value() {
    let safe = Safe::new(VALUE);
    let backend = safe.backend().await;
    for asked in [&["truncate", "--size=0", "hostile_secret"][..], &["tee", "hostile_secret"]] {
        let answer = command(&backend, asked).await;
        assert!(answer[0].starts_with("ok:1:"), "{asked:?}: {answer:?}");
    }
    let digest = command(&backend, &["sha256sum", "hostile_secret"]).await;
    assert!(digest[0].contains(DIGEST), "{digest:?}");
    safe.assert_kept();
}

/// The value is read anew for each command, and looked at as when the backend was opened.
#[tokio::test]
async fn a_file_that_no_longer_does_is_not_passed_on() {
    let log = Log::capture();
    let safe = Safe::new("another value");
    let backend = safe.backend().await;
    let before = command(&backend, &["sha256sum", "hostile_secret"]).await;
    fs::set_permissions(&safe.file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&safe.file, VALUE).unwrap();
    let after = command(&backend, &["sha256sum", "hostile_secret"]).await;
    assert!(after[0].contains(DIGEST) && before != after, "{after:?}");
    fs::set_permissions(&safe.file, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = command(&backend, &["sha256sum", "hostile_secret"]).await;
    assert!(refused[0].contains("`hostile_secret` has no value that can be read"), "{refused:?}");
    assert!(!refused[0].contains("secrets/token"), "the guest learns no path: {refused:?}");
    assert!(log.text().contains("can be reached by other users"), "{}", log.text());
    fs::remove_file(&safe.file).unwrap();
    let refused = command(&backend, &["sha256sum", "hostile_secret"]).await;
    assert!(refused[0].contains("has no value"), "{refused:?}");
}

#[tokio::test]
async fn only_a_secret_of_the_driver_is_passed_on() {
    let safe = Safe::new(VALUE);
    let runtime = runtime(Limits::default());
    for wrong in ["hostile_text", "hostile_secrets", "dummy_secret", "driver_handles_share_servers"]
    {
        let policy = POLICY.replace("hostile_secret", wrong);
        let file = safe.ground.write("wrong.policy.toml", &policy);
        let configuration = abaca::BackendConfiguration {
            name: "wrong".to_owned(),
            policy: file,
            approved: false,
            state: safe.ground.state(),
            options: [("driver_handles_share_servers".to_owned(), OptionValue::Boolean(false))]
                .into(),
            networks: Default::default(),
        };
        let driver = load(&runtime, "abaca-guest-hostile").await;
        let error = Backend::open(driver, configuration).await.unwrap_err();
        assert_eq!(error.blame(), Blame::Operator, "{wrong}: {error}");
        let Error::Option { error, .. } = error else { panic!("{wrong}: {error:?}") };
        assert_eq!(error.name, wrong);
        assert!(error.reason.contains("`digest`") && error.help.is_some(), "{error}");
    }
    // One that is not set is asked for in vain.
    let driver = load(&runtime, "abaca-guest-hostile").await;
    let policy = POLICY.replace("SECONDS", "1");
    let backend = safe.ground.backend("unset", driver, &policy, &[]).await;
    let refused = command(&backend, &["sha256sum", "hostile_secret"]).await;
    assert!(refused[0].contains("`hostile_secret` has no value"), "{refused:?}");
}
