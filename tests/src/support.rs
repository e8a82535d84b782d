//! What the tests stand on: a temporary ground with real directories, the components and
//! programs that were built, and the records that a share service would make.
//!
//! It judges nothing; the tests do.

pub mod components;
mod desk;
mod forgery;
mod log;
pub mod reaper;
mod service;
mod wanted;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use abaca::types::ShareStatus;
use abaca::{
    Backend, BackendConfiguration, Driver, Limits, OptionValue, Quarantine, Runtime, ShareRecord,
};
use serde_json::Value;
use tempfile::TempDir;

pub use desk::{Answer, Desk};
pub use forgery::{Forgery, contract};
pub use log::Log;
pub use service::{Client, DUMMIES, Service, dummies_desk, dummy_desk, figures, one_more_dummy};
pub use wanted::{attack_share, rule, share, snapshot};

/// How long a condition is waited for before a test fails: much longer than it should take,
/// for machines with other work.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Where cargo puts what it builds in this profile.
pub fn programs() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).expect("tests are built into target/PROFILE/deps").to_owned()
}

/// A program of this workspace.
pub fn program(name: &str) -> PathBuf {
    let path = programs().join(name);
    assert!(path.is_file(), "{} is missing: run `cargo build`", path.display());
    path
}

/// A component by its crate's name.
pub fn component(name: &str) -> PathBuf {
    let file = format!("{}.wasm", name.replace('-', "_"));
    let target = programs().parent().unwrap().to_owned();
    let path = target.join("wasm32-unknown-unknown/component").join(file);
    assert!(path.is_file(), "{} is missing: run `just components`", path.display());
    path
}

/// Where compiled components are kept between tests, for time's sake: a directory of this user's
/// own, if it can be had.
pub fn compiled() -> Option<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("compiled-{user}"));
    fs::create_dir_all(&cache).ok()?;
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o700)).unwrap();
    Some(cache)
}

/// A runtime with these limits. No backend of it is ever in quarantine, for tests that make a driver
/// do wrong again and again.
pub fn runtime(limits: Limits) -> Runtime {
    runtime_with(limits, program("abaca-broker"))
}

/// Rules by which no backend is ever in quarantine.
fn patient() -> Quarantine {
    let mut patient = Quarantine::default();
    patient.strikes = u32::MAX;
    patient
}

/// The same with another broker.
pub fn runtime_with(limits: Limits, broker: PathBuf) -> Runtime {
    runtime_of(limits, patient(), broker)
}

/// The same with these rules for quarantines.
pub fn runtime_strict(limits: Limits, quarantine: Quarantine) -> Runtime {
    runtime_of(limits, quarantine, program("abaca-broker"))
}

fn runtime_of(limits: Limits, quarantine: Quarantine, broker: PathBuf) -> Runtime {
    built(Runtime::builder().limits(limits).quarantine(quarantine).broker(broker))
}

/// A runtime as described.
pub fn built(builder: abaca::Builder) -> Runtime {
    let builder = builder.compiler(program("abaca-compiler"));
    let builder = match compiled() {
        Some(cache) => builder.cache(cache),
        None => builder,
    };
    let builder = match recorded() {
        Some(file) => builder.record(file),
        None => builder,
    };
    builder.build().unwrap()
}

/// Where the calls of this test are recorded, for whoever makes transcripts of real storage anew: a
/// new file of a directory that `just record` names.
fn recorded() -> Option<PathBuf> {
    let directory = PathBuf::from(std::env::var_os("ABACA_RECORD_TESTS")?);
    Some(directory.join(format!("{}.jsonl", uuid::Uuid::new_v4())))
}

/// Loads one of our components.
pub async fn load(runtime: &Runtime, name: &str) -> Driver {
    runtime.load(component(name)).await.unwrap()
}

/// Directories of one test, removed with it: two granted roots, the state, and what is
/// outside of all grants.
pub struct Ground {
    directory: TempDir,
}

impl Ground {
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("abaca-test-").tempdir().unwrap();
        reaper::leaves(directory.path());
        for name in ["shares", "snapshots", "state", "outside"] {
            let path = directory.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        }
        fs::write(directory.path().join("outside/secret"), "outside of all grants").unwrap();
        Self { directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn shares(&self) -> PathBuf {
        self.path().join("shares")
    }

    pub fn snapshots(&self) -> PathBuf {
        self.path().join("snapshots")
    }

    pub fn outside(&self) -> PathBuf {
        self.path().join("outside")
    }

    pub fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// Writes a file into the ground and says where it is.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The example policy of the directory driver, with the roots of this ground.
    pub fn directory_policy(&self) -> String {
        let example =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../drivers/directory/policy.toml");
        fs::read_to_string(example)
            .unwrap()
            .replace("/srv/abaca/shares", self.shares().to_str().unwrap())
            .replace("/srv/abaca/snapshots", self.snapshots().to_str().unwrap())
    }

    /// A backend `home` of the directory driver, with a few more options.
    pub async fn directory(&self, runtime: &Runtime, more: &[(&str, OptionValue)]) -> Backend {
        let export_root = self.shares().to_str().unwrap().to_owned();
        let mut options = vec![("directory_export_root", OptionValue::Text(export_root))];
        options.extend_from_slice(more);
        let driver = load(runtime, "abaca-driver-directory").await;
        self.backend("home", driver, &self.directory_policy(), &options).await
    }

    /// A backend `minimal` of the driver that does nothing.
    pub async fn minimal(&self, runtime: &Runtime) -> Backend {
        let driver = load(runtime, "abaca-guest-minimal").await;
        self.backend("minimal", driver, "schema = 1\ndriver = \"minimal\"\n", &[]).await
    }

    /// A backend of any driver and policy that does not handle share servers.
    pub async fn backend(
        &self,
        name: &str,
        driver: Driver,
        policy: &str,
        options: &[(&str, OptionValue)],
    ) -> Backend {
        let policy = self.write(&format!("{name}.policy.toml"), policy);
        let mut all: BTreeMap<_, _> =
            options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        all.insert("driver_handles_share_servers".to_owned(), OptionValue::Boolean(false));
        let configuration = BackendConfiguration {
            name: name.to_owned(),
            policy,
            approved: false,
            state: self.state(),
            options: all,
            networks: BTreeMap::new(),
        };
        Backend::open(driver, configuration).await.unwrap()
    }

    /// The audit's lines about one backend, oldest first. A line that is being written is not
    /// there yet.
    pub fn audit(&self, backend: &str) -> Vec<Value> {
        audit(&self.state().join(backend))
    }
}

/// The audit in a backend's directory.
pub fn audit(directory: &Path) -> Vec<Value> {
    let text = fs::read_to_string(directory.join("audit.jsonl")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap());
    // One that was being written when its process was killed is torn at a page's end, for ever.
    let lines = whole.lines().filter(|line| line.ends_with('}'));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A number of seconds, in words for `sleep`, that no other process on this machine sleeps: so
/// it can be told apart in `/proc`.
pub fn unique_sleep() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("3600.{}{next:03}", std::process::id())
}

/// The processes whose command line has this text; those that have ended already do not count.
pub fn processes_with(text: &str) -> Vec<u32> {
    let ids = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        // Arguments end in NUL; a process that is gone or a zombie has none.
        fs::read(format!("/proc/{id}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(text))
    })
    .filter(|id| *id != std::process::id())
    .collect()
}

/// Tries until there is an answer, for a bounded time.
pub fn patiently<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = attempt() {
            return answer;
        }
        assert!(Instant::now() < deadline, "it never was");
    }
}

/// Waits until the share is recorded with this status, and answers the record: what was given up is
/// recorded when nothing of it is left.
pub async fn settled(backend: &Backend, id: &str, status: ShareStatus) -> ShareRecord {
    eventually("what was given up is recorded so", async || {
        let record = backend.records().share(id).await.unwrap().unwrap();
        (record.share.status == status).then_some(record)
    })
    .await
}

/// Waits until a condition holds, and says what did not if it never does.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Looks again and again until there is something to see, and says what was not there if there
/// never is.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Drops a call at one of its points; its answer, if it ended before.
pub async fn dropped_at<T>(point: usize, call: impl Future<Output = T>) -> Option<T> {
    let (mut steps, waits_for_more) = (point / 2 + 1, point % 2 == 1);
    let mut call = pin!(call);
    std::future::poll_fn(move |context| {
        if steps == 0 {
            return Poll::Ready(None);
        }
        steps -= 1;
        match call.as_mut().poll(context) {
            Poll::Pending if steps == 0 && !waits_for_more => Poll::Ready(None),
            polled => polled.map(Some),
        }
    })
    .await
}

/// What calls of a backend hold: named locks, and the marks that say that a call is under way.
pub fn held(ground: &Ground, backend: &Backend) -> Vec<String> {
    let mut held: Vec<_> = backend.locks().unwrap().into_iter().map(|one| one.name).collect();
    let marks = fs::read_dir(ground.state().join(backend.name()).join("calls")).unwrap();
    let marks = marks.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // The broker's lasts as long as its backend.
    held.extend(marks.filter(|name| !name.contains(".broker")));
    held
}

/// Every file and directory beneath a directory, with contents, modes and link targets: equal
/// for two trees that are the same byte for byte.
pub fn tree(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let contents = if metadata.is_dir() {
                open.push(path.clone());
                Vec::new()
            } else if metadata.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else {
                fs::read(&path).unwrap()
            };
            let relative = path.strip_prefix(root).unwrap().to_owned();
            found.insert(relative, (metadata.permissions().mode(), contents));
        }
    }
    found
}
