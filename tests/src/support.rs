//! What the tests stand on: a temporary ground with real directories, the components and
//! programs that were built, and the records that a share service would make.
//!
//! It judges nothing; the tests do.

mod desk;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use abaca::types::{
    AccessLevel, AccessRule, AccessRulesStatus, AccessType, Share, ShareProtocol, ShareStatus,
    Snapshot, SnapshotStatus,
};
use abaca::{Backend, BackendConfiguration, Driver, Limits, OptionValue, Runtime};
use serde_json::Value;
use tempfile::TempDir;

pub use desk::Desk;

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

/// A runtime with these limits. Compiled components are kept between tests, for time's sake.
pub fn runtime(limits: Limits) -> Runtime {
    let user = rustix::process::getuid().as_raw();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("compiled-{user}"));
    let builder = Runtime::builder().limits(limits).broker(program("abaca-broker"));
    let readable = fs::create_dir_all(&cache).is_ok();
    let builder = if readable {
        fs::set_permissions(&cache, fs::Permissions::from_mode(0o700)).unwrap();
        builder.cache(cache)
    } else {
        builder
    };
    builder.build().unwrap()
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
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A share as a service describes it to a backend.
pub fn share(display_name: &str, size: u64) -> Share {
    let id = uuid::Uuid::new_v4().to_string();
    Share {
        share_id: id.clone(),
        name: format!("share-{id}"),
        id,
        size,
        protocol: ShareProtocol::Nfs,
        host: "test@home".to_owned(),
        pool: None,
        status: ShareStatus::Creating,
        access_rules_status: AccessRulesStatus::Active,
        replica_state: None,
        availability_zone: None,
        share_network_id: None,
        share_server_id: None,
        export_locations: Vec::new(),
        user_id: "user".to_owned(),
        project_id: "project".to_owned(),
        display_name: Some(display_name.to_owned()),
        display_description: None,
        snapshot_id: None,
        share_type_id: None,
        extra_specs: Vec::new(),
        metadata: Vec::new(),
        is_public: false,
        consistency_group_id: None,
        source_cgsnapshot_member_id: None,
        created_at: None,
        launched_at: None,
    }
}

/// A snapshot of a share as a service describes it.
pub fn snapshot(share: &Share) -> Snapshot {
    let id = uuid::Uuid::new_v4().to_string();
    Snapshot {
        snapshot_id: id.clone(),
        name: format!("share-snapshot-{id}"),
        id,
        share_instance_id: share.id.clone(),
        share_id: share.share_id.clone(),
        share_name: share.name.clone(),
        size: share.size,
        protocol: share.protocol,
        status: SnapshotStatus::Creating,
        provider_location: None,
        display_name: None,
        project_id: share.project_id.clone(),
        created_at: None,
    }
}

/// A rule that lets a user in.
pub fn rule(access_to: &str, access_level: AccessLevel) -> AccessRule {
    AccessRule {
        id: uuid::Uuid::new_v4().to_string(),
        access_type: AccessType::User,
        access_to: access_to.to_owned(),
        access_level,
    }
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

/// Waits until a condition holds, and says what did not if it never does.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
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

/// What is logged on this thread while it is kept.
pub struct Log {
    written: Arc<Mutex<Vec<u8>>>,
    _subscriber: tracing::subscriber::DefaultGuard,
}

impl Log {
    pub fn capture() -> Self {
        let written = Arc::new(Mutex::new(Vec::new()));
        let writer = {
            let written = Arc::clone(&written);
            move || Written(Arc::clone(&written))
        };
        let subscriber = tracing_subscriber::fmt()
            .with_writer(writer)
            .with_ansi(false)
            .with_max_level(tracing::Level::DEBUG)
            .finish();
        Self { written, _subscriber: tracing::subscriber::set_default(subscriber) }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
    }
}

struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
