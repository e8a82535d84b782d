//! Any bytes from a client of the door: each line of the answer is JSON-RPC, and the connection
//! comes to its end when the client's does.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use abaca::door::{Door, bind};
use abaca::{Backend, BackendConfiguration, Limits, OptionValue, Runtime};
use abaca_fuzz::program;
use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// How long an answer is waited for: a machine with other work is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A service with one backend of the driver that does nothing.
struct Service {
    runtime: tokio::runtime::Runtime,
    directory: tempfile::TempDir,
}

static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    let runtime = tokio::runtime::Runtime::new().expect("an async runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let policy = directory.path().join("policy.toml");
    std::fs::write(&policy, "schema = 1\ndriver = \"minimal\"\n").expect("a policy");
    let configuration = BackendConfiguration {
        name: "minimal".to_owned(),
        policy,
        approved: false,
        state: directory.path().join("state"),
        options: [("driver_handles_share_servers".to_owned(), OptionValue::Boolean(false))].into(),
        networks: Default::default(),
    };
    let component = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/wasm32-unknown-unknown/component/abaca_guest_minimal.wasm");
    let socket = directory.path().join("door.sock");
    runtime.block_on(async {
        let mut limits = Limits::default();
        limits.wall = Duration::from_secs(10);
        let (broker, compiler) = (program("abaca-broker"), program("abaca-compiler"));
        let engine = Runtime::builder().limits(limits).broker(broker).compiler(compiler).build();
        let engine = engine.expect("a runtime");
        let driver = engine.load(component).await.expect("`just components` builds it");
        let backend = Backend::open(driver, configuration).await.expect("a backend");
        let listener = bind(&socket, 0o600).expect("a socket");
        tokio::spawn(Door::new().with(backend).serve(listener, std::future::pending()));
    });
    Service { runtime, directory }
});

fuzz_target!(|said: &[u8]| {
    let service = &*SERVICE;
    let answered = service.runtime.block_on(async {
        let socket = service.directory.path().join("door.sock");
        let stream = UnixStream::connect(socket).await.expect("the door is there");
        let (mut reader, mut writer) = stream.into_split();
        let mut answered = Vec::new();
        let ask = async {
            // A client that is turned away before it has said all may not say the rest.
            let _ = writer.write_all(said).await;
            let _ = writer.shutdown().await;
        };
        let hear = async {
            let _ = reader.read_to_end(&mut answered).await;
        };
        tokio::time::timeout(PATIENCE, async { tokio::join!(ask, hear) })
            .await
            .expect("the connection comes to its end");
        answered
    });
    for line in answered.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let answers: Vec<Answer> = match line.first() {
            Some(b'[') => serde_json::from_slice(line).expect("an answer is JSON"),
            _ => vec![serde_json::from_slice(line).expect("an answer is JSON")],
        };
        assert!(!answers.is_empty());
        for Answer { jsonrpc, result, error, .. } in answers {
            assert_eq!(jsonrpc, "2.0");
            assert!(result.is_some() != error.is_some(), "{}", String::from_utf8_lossy(line));
        }
    }
});

/// What each request is answered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    jsonrpc: String,
    /// The client's own, to the letter, and so perhaps a number or a text that few can read.
    #[serde(rename = "id")]
    _id: Box<RawValue>,
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    error: Option<Value>,
}

/// `null` is an answer, and not its absence.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}
