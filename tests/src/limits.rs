//! Each limit is hit by a guest, and the error says which it was. A limit that is documented and
//! not enforced would be found here.

mod concurrency;
mod handles;

use std::time::{Duration, Instant};

use abaca::{Backend, Blame, COMPONENT_BYTES, Error, Limit, Limits};

use crate::support::{Ground, Log, attack_share, load, processes_with, runtime, unique_sleep};

/// The hostile driver under limits of which one is small.
async fn hostile(ground: &Ground, change: impl FnOnce(&mut Limits)) -> Backend {
    hostile_with(ground, "", change).await
}

async fn hostile_with(ground: &Ground, rules: &str, change: impl FnOnce(&mut Limits)) -> Backend {
    let mut limits = Limits::default();
    change(&mut limits);
    let runtime = runtime(limits);
    let driver = load(&runtime, "abaca-guest-hostile").await;
    let policy = format!("schema = 1\ndriver = \"hostile\"\n{rules}");
    ground.backend("hostile", driver, &policy, &[]).await
}

async fn attack(backend: &Backend, name: &str, arguments: &[&str]) -> Result<String, Error> {
    let locations = backend.create_share(&attack_share(name, arguments), None).await?;
    Ok(locations.into_iter().map(|location| location.path).collect::<Vec<_>>().join("\n"))
}

/// Asserts which limit ended the call, and that its figure is told.
fn told(answer: Result<String, Error>, wanted: Limit, figure: &str) {
    let error = answer.unwrap_err();
    assert_eq!(error.blame(), Blame::Driver);
    assert!(matches!(error, Error::Limit { limit, .. } if limit == wanted), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&wanted.to_string()) && text.contains(figure), "{text}");
}

/// Asserts that the deadline ended the call, and during what.
fn late(answer: Result<String, Error>, wanted: &str) {
    match answer.unwrap_err() {
        Error::Deadline { part, wall, .. } => {
            assert!(part.to_string().contains(wanted), "{part}");
            assert!(wall <= Duration::from_secs(2));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn memory_bytes() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.memory_bytes = 4 << 20).await;
    told(attack(&backend, "memory", &[]).await, Limit::Memory, "4194304 bytes");
    assert_eq!(attack(&backend, "echo", &["a"]).await.unwrap(), "a");
}

/// What a store is made of is refused while the driver describes itself.
#[tokio::test]
async fn what_a_store_holds() {
    type Change = fn(&mut Limits);
    let changes: [(&str, Change); 5] = [
        ("memory", |limits| limits.memory_bytes = 65_536),
        ("elements", |limits| limits.table_elements = 1),
        ("instances", |limits| limits.instances = 1),
        ("memories", |limits| limits.memories = 0),
        ("tables", |limits| limits.tables = 0),
    ];
    for (what, change) in changes {
        let mut limits = Limits::default();
        change(&mut limits);
        let file = crate::support::component("abaca-guest-minimal");
        let error = runtime(limits).load(file).await.expect_err(what);
        assert_eq!(error.blame(), Blame::Driver, "{what}");
        assert!(matches!(error, Error::Limit { limit: Limit::Memory, .. }), "{what}: {error:?}");
    }
}

#[tokio::test]
async fn cpu() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.cpu = Duration::from_millis(200)).await;
    told(attack(&backend, "loop", &[]).await, Limit::Cpu, "200 ms");
    // Waiting for the host is not computing.
    assert_eq!(attack(&backend, "sleep", &["400"]).await.unwrap(), "ok:()");
}

#[tokio::test]
async fn cpu_is_not_what_a_guest_waits_for() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.cpu = Duration::from_millis(200)).await;
    assert!(attack(&backend, "sleep", &["600"]).await.unwrap().starts_with("ok"));
}

#[tokio::test]
async fn wall_in_the_guest() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.wall = Duration::from_secs(2)).await;
    late(attack(&backend, "loop", &[]).await, "the driver's own computing");
}

#[tokio::test]
async fn wall_in_an_import() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.wall = Duration::from_secs(2)).await;
    late(attack(&backend, "sleep", &["60000"]).await, "the import clock.sleep 60000");
}

#[tokio::test]
async fn wall_in_a_child_process() {
    let ground = Ground::new();
    let seconds = unique_sleep();
    let rules = format!(
        "[[command]]\nid = \"hold\"\nprogram = \"/usr/bin/sleep\"\nargs = [\"{seconds}\"]\n\
         timeout = \"60m\"\n"
    );
    let wall = Duration::from_secs(1);
    let backend = hostile_with(&ground, &rules, |limits| limits.wall = wall).await;
    late(attack(&backend, "command", &["sleep", &seconds]).await, "the import command.run");
    assert_eq!(processes_with(&seconds), [0; 0]);
}

#[tokio::test]
async fn host_calls() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.host_calls = 50).await;
    told(attack(&backend, "host-call-flood", &[]).await, Limit::HostCalls, "50 are allowed");
}

/// A call that asks faster than it may waits, and does not fail.
#[tokio::test]
async fn host_call_burst_and_host_calls_per_second() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| {
        limits.host_call_burst = 5;
        limits.host_calls_per_second = 50;
    })
    .await;
    // Thirty requests more than the burst take more than half a second, however fast the machine.
    let began = Instant::now();
    assert_eq!(attack(&backend, "ask", &["35"]).await.unwrap(), "ok:35");
    assert!(began.elapsed() >= Duration::from_millis(500), "{:?}", began.elapsed());

    // The wait ends with the call, and is told as what it is.
    let slow = |burst: u32| {
        move |limits: &mut Limits| {
            limits.host_call_burst = burst;
            limits.host_calls_per_second = 1;
            limits.wall = Duration::from_secs(2);
        }
    };
    let (impatient, patient) = (Ground::new(), Ground::new());
    let backend = hostile(&impatient, slow(5)).await;
    late(attack(&backend, "ask", &["20"]).await, "asking the host too often in a second");
    let backend = hostile(&patient, slow(20)).await;
    assert_eq!(attack(&backend, "ask", &["20"]).await.unwrap(), "ok:20");
}

#[tokio::test]
async fn denials() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.denials = 20).await;
    told(attack(&backend, "denial-flood", &[]).await, Limit::Denials, "20 are allowed");
    let denied = ground.audit("hostile").into_iter().filter(|line| line["event"] == "denied");
    assert_eq!(denied.count(), 21);
}

#[tokio::test]
async fn lifted_bytes() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.lifted_bytes = 16_384).await;
    told(attack(&backend, "huge-list", &["1000"]).await, Limit::LiftedBytes, "16384 bytes");
    assert_eq!(attack(&backend, "echo", &["a"]).await.unwrap(), "a");
}

/// Each request is small enough; what counts is what all of them lift.
#[tokio::test]
async fn lifted_bytes_in_all() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| {
        limits.lifted_bytes = 16_384;
        limits.lifted_bytes_in_all = 100_000;
    })
    .await;
    told(attack(&backend, "lift", &["11", "10000"]).await, Limit::LiftedInAll, "100000 bytes");
    assert_eq!(attack(&backend, "lift", &["9", "10000"]).await.unwrap(), "ok:9");
    told(attack(&backend, "lift", &["1", "20000"]).await, Limit::LiftedBytes, "16384 bytes");
    // Many small ones count, too: each takes room beside its text.
    told(attack(&backend, "lift", &["5000", "1"]).await, Limit::LiftedInAll, "100000 bytes");
}

#[tokio::test]
async fn lowered_bytes() {
    let ground = Ground::new();
    let mut limits = Limits::default();
    limits.lowered_bytes = 100_000;
    let driver = load(&runtime(limits), "abaca-guest-hostile").await;
    let text = abaca::OptionValue::Text("x".repeat(10_000));
    let policy = "schema = 1\ndriver = \"hostile\"\n";
    let backend = ground.backend("hostile", driver, policy, &[("hostile_text", text)]).await;
    told(attack(&backend, "lower", &["10"]).await, Limit::LoweredBytes, "100000 bytes");
    assert_eq!(attack(&backend, "lower", &["9"]).await.unwrap(), "ok:90000");
}

#[tokio::test]
async fn stack_bytes() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.stack_bytes = 64 * 1024).await;
    told(attack(&backend, "recurse", &["10000"]).await, Limit::Stack, "65536 bytes");
    assert_eq!(attack(&backend, "recurse", &["100"]).await.unwrap(), "ok:100");
    // More of it, and what was too deep is not.
    let roomy = Ground::new();
    let backend = hostile(&roomy, |limits| limits.stack_bytes = 8 << 20).await;
    assert_eq!(attack(&backend, "recurse", &["10000"]).await.unwrap(), "ok:10000");
}

#[tokio::test]
async fn log_lines_and_their_length() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| {
        limits.log_lines = 3;
        limits.log_line_bytes = 200;
        limits.host_calls = 100;
    })
    .await;
    let log = Log::capture();
    told(attack(&backend, "log-flood", &[]).await, Limit::HostCalls, "100 are allowed");
    assert_eq!(log.text().matches("line ").count(), 3);
    // Of as many lines as there may be, one is long.
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.log_line_bytes = 200).await;
    assert_eq!(attack(&backend, "log-controls", &[]).await.unwrap(), "ok:logged");
    let text = log.text();
    assert!(text.contains(" bytes more)"), "one was cut");
    let longest = text.lines().map(str::len).max().unwrap();
    assert!(longest < 200 + 500, "{longest} bytes, with what the host says of each line");
}

#[tokio::test]
async fn state_keys() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.state_keys = 5).await;
    let answer = attack(&backend, "state-flood", &[]).await.unwrap();
    assert!(answer.starts_with("ok:5\n") && answer.contains("5 keys"), "{answer}");
}

#[tokio::test]
async fn state_bytes() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.state_bytes = 4_000).await;
    let answer = attack(&backend, "state-flood", &[]).await.unwrap();
    assert!(answer.starts_with("ok:3\n") && answer.contains("4000 bytes"), "{answer}");
}

#[tokio::test]
async fn state_value_bytes() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.state_value_bytes = 1023).await;
    let answer = attack(&backend, "state-flood", &[]).await.unwrap();
    assert!(answer.starts_with("ok:0\n") && answer.contains("1023 bytes"), "{answer}");
}

#[tokio::test]
async fn the_size_of_a_component() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("large.wasm");
    let start = std::fs::read(crate::support::component("abaca-guest-minimal")).unwrap();
    std::fs::write(&file, start).unwrap();
    // A file with a hole takes no room on the disk.
    let grown = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
    grown.set_len(COMPONENT_BYTES + 1).unwrap();
    let words = format!("larger than {COMPONENT_BYTES} bytes");
    let error = runtime(Limits::default()).load(&file).await.unwrap_err();
    assert!(error.to_string().contains(&words), "{error}");
    let bytes = std::fs::read(&file).unwrap();
    let error = runtime(Limits::default()).load_bytes("large", bytes).await.unwrap_err();
    assert_eq!(error.blame(), Blame::Driver);
    assert!(error.to_string().contains(&words), "{error}");
}

#[test]
fn no_limit_is_without_a_test() {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../runtime/host/src/limits.rs");
    let source = std::fs::read_to_string(source).unwrap();
    let fields = source.lines().filter_map(|line| line.strip_prefix("    pub ")?.split_once(": "));
    let fields: Vec<_> = fields.map(|(name, _)| name).collect();
    assert!(fields.len() >= 15, "{fields:?}");
    for field in fields {
        // Spelt so that this line is not what is found.
        let changed = format!("limits.{field} =");
        let tests = [
            include_str!("limits.rs"),
            include_str!("limits/concurrency.rs"),
            include_str!("limits/handles.rs"),
            include_str!("compiling.rs"),
        ];
        let hit = tests.iter().any(|tests| tests.contains(&changed));
        assert!(hit, "{field} is hit by no test");
    }
}
