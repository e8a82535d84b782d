//! Each limit is hit by a guest, and the error says which it was. A limit that is documented and
//! not enforced would be found here.

use std::time::Duration;

use abaca::types::Share;
use abaca::{Backend, Blame, COMPONENT_BYTES, Error, Limit, Limits, Part};

use crate::support::{Ground, Log, load, processes_with, runtime, share, unique_sleep, until};

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
    let mut one: Share = share(name, 1);
    one.metadata.push(("attack".to_owned(), name.to_owned()));
    let arguments = arguments.iter().map(|text| ("argument".to_owned(), (*text).to_owned()));
    one.metadata.extend(arguments);
    let locations = backend.create_share(&one, None).await?;
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
    let backend = hostile(&ground, |limits| limits.wall = Duration::from_millis(500)).await;
    late(attack(&backend, "loop", &[]).await, "the driver's own computing");
}

#[tokio::test]
async fn wall_in_an_import() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| limits.wall = Duration::from_millis(500)).await;
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
    assert_eq!(attack(&backend, "log-controls", &[]).await.unwrap(), "ok:logged");
    let text = log.text();
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
async fn concurrent_calls() {
    let ground = Ground::new();
    let backend = hostile(&ground, |limits| {
        limits.concurrent_calls = 1;
        limits.wall = Duration::from_secs(2);
    })
    .await;
    let holding = attack(&backend, "sleep", &["60000"]);
    let waiting = async {
        until("the first call holds the place", || !ground.audit("hostile").is_empty()).await;
        // Both deadlines are equally far from their beginnings: the second call gets the place
        // when the first one's time is over, unless its own is over before.
        let short =
            tokio::time::timeout(Duration::from_millis(300), attack(&backend, "echo", &["a"]));
        assert!(short.await.is_err(), "the place is taken");
    };
    let (held, ()) = tokio::join!(holding, waiting);
    late(held, "clock.sleep");
    // The place is free again.
    assert_eq!(attack(&backend, "echo", &["a"]).await.unwrap(), "a");
}

#[tokio::test]
async fn concurrent_calls_wait_no_longer_than_a_call_may() {
    let ground = Ground::new();
    // No place at all: whoever waits ends with its own time.
    let backend = hostile(&ground, |limits| {
        limits.concurrent_calls = 0;
        limits.wall = Duration::from_millis(300);
    })
    .await;
    match attack(&backend, "echo", &["a"]).await {
        Err(error @ Error::Deadline { part: Part::Queue, .. }) => {
            assert_eq!(error.blame(), Blame::Runtime);
        }
        other => panic!("{other:?}"),
    }
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
        assert!(include_str!("limits.rs").contains(&changed), "{field} is hit by no test");
    }
}
