//! The driver `zfs` on zfs-fuse, with the policy that it ships: two pools in files, and a daemon of
//! each test's own.
//!
//! The daemon has one socket on a machine and one list of pools. So each test runs in a process
//! and a mount namespace of its own, where these are its own: tests run beside each other, and
//! beside a daemon of the system. Whatever ends that process, the daemon, its mounts and its pools
//! are gone with it.
//!
//! ```text
//! test ─ starts itself again, in a new mount namespace ─▶ test ─▶ zfs-fuse, broker, …
//! ```

mod access;
mod daemon;
mod faults;
mod lifecycle;
mod managing;
mod names;
mod replicas;
mod rules;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use abaca::types::{Error as DriverError, Share};
use abaca::{Backend, BackendConfiguration, Error, Limits, OptionValue};

use self::daemon::Daemon;
use super::pool::{run, text};
use crate::support::{Ground, load, runtime, share, until};

/// A MiB.
const MIB: usize = 1 << 20;

/// Where clients find the shares, by the export locations.
const EXPORT_IP: &str = "192.0.2.1";

/// The driver on two pools.
struct Home {
    // Dropped in this order: whoever works in the pools before the pools.
    backend: Backend,
    ground: Ground,
    daemon: Daemon,
}

impl Home {
    /// The pools, where this process has a namespace for them. Else the test `name` of `module` is
    /// run in one, or a line says what is skipped, and there is nothing more to do here.
    async fn new(module: &str, name: &str, skipped: &str) -> Option<Home> {
        let daemon = Daemon::start(module, name, skipped)?;
        let ground = Ground::new();
        let backend = open(&ground, &policy(&daemon)).await;
        backend.check_for_setup_error().await.unwrap();
        Some(Home { backend, ground, daemon })
    }

    /// The same backend with a policy without one rule.
    async fn broken(&self, id: &str) -> Backend {
        open(&self.ground, &without(&policy(&self.daemon), id)).await
    }

    /// Where the shares of a pool are mounted.
    fn pool(&self, name: &str) -> PathBuf {
        self.daemon.mountpoint(name)
    }

    /// The dataset of a share in a pool.
    fn dataset(pool: &str, share: &Share) -> String {
        format!("{pool}/manila_share_{}", share.id.replace('-', "_"))
    }

    /// Where a share of a pool is mounted.
    fn directory(&self, pool: &str, share: &Share) -> PathBuf {
        self.pool(pool).join(Home::dataset(pool, share).rsplit('/').next().unwrap())
    }

    /// The share as it is recorded.
    async fn recorded(&self, share: &Share) -> Share {
        self.backend.records().share(&share.id).await.unwrap().expect("a record").share
    }

    /// Makes a share in `tank`, and says what is recorded of it and where it is.
    async fn made(&self, share: &Share) -> (Share, PathBuf) {
        self.backend.create_share(share, None).await.unwrap();
        (self.recorded(share).await, self.directory("tank", share))
    }

    /// Asserts that nothing is left: of shares, of snapshots, of mounts, of records.
    async fn assert_bare(&self) {
        assert_eq!(everything(), ["pond", "tank"]);
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let ours = mounts.lines().filter(|line| line.contains("fuse.zfs")).count();
        assert_eq!(ours, 2, "{mounts}");
        assert!(self.backend.records().shares().await.unwrap().is_empty());
        assert!(self.backend.records().snapshots().await.unwrap().is_empty());
    }
}

/// A share for a pool.
fn in_pool(pool: &str, size: u64) -> Share {
    Share { pool: Some(pool.to_owned()), ..share(pool, size) }
}

/// All datasets and snapshots, sorted.
fn everything() -> Vec<String> {
    let list = run("zfs", &["list", "-H", "-o", "name", "-t", "filesystem,snapshot"]);
    let mut names: Vec<_> = list.lines().map(str::to_owned).collect();
    names.sort();
    names
}

/// A property, as the tool tells it.
fn property(name: &str, dataset: &str) -> String {
    run("zfs", &["get", "-H", "-o", "value", name, dataset]).trim().to_owned()
}

/// The policy that the driver ships, for these pools.
fn policy(daemon: &Daemon) -> String {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../drivers/zfs/policy.toml");
    let policy = fs::read_to_string(shipped).unwrap();
    ["tank", "pond"].into_iter().fold(policy, |policy, pool| {
        let path = format!("path = {:?}", text(&daemon.mountpoint(pool)));
        policy.replace(&format!("path = \"/{pool}\""), &path)
    })
}

/// A policy without this rule.
fn without(policy: &str, id: &str) -> String {
    // Each piece is what stands beneath one heading.
    let pieces = policy.split("\n[");
    let kept: Vec<_> =
        pieces.filter(|piece| !piece.contains(&format!("\nid = {id:?}\n"))).collect();
    assert!(kept.join("\n[").len() < policy.len(), "there is no rule {id}");
    kept.join("\n[")
}

/// The options of a backend on these pools.
fn options() -> BTreeMap<String, OptionValue> {
    let text = |text: &str| OptionValue::Text(text.to_owned());
    let list = |words: &[&str]| {
        OptionValue::TextList(words.iter().map(|word| (*word).to_owned()).collect())
    };
    let options = [
        ("driver_handles_share_servers", OptionValue::Boolean(false)),
        ("zfs_zpool_list", list(&["tank", "pond"])),
        ("zfs_share_export_ip", text(EXPORT_IP)),
        ("zfs_service_ip", text("198.51.100.1")),
        ("zfs_dataset_creation_options", list(&["compression=gzip"])),
    ];
    options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Opens the backend `home` and has its storage looked at, as a service does.
async fn open(ground: &Ground, policy: &str) -> Backend {
    let configuration = BackendConfiguration {
        name: "home".to_owned(),
        policy: ground.write("home.policy.toml", policy),
        state: ground.state(),
        options: options(),
        approved: false,
        networks: BTreeMap::new(),
    };
    let driver = load(&runtime(Limits::default()), "abaca-driver-zfs").await;
    let backend = Backend::open(driver, configuration).await.unwrap();
    backend.do_setup().await.unwrap();
    backend
}

/// Writes MiB after MiB, which no compression makes smaller, until there is no more to write or an
/// error.
fn write(directory: &Path, name: &str, mib: usize) -> Result<(), (usize, ErrorKind)> {
    let mut file = File::create(directory.join(name)).map_err(|error| (0, error.kind()))?;
    let mut random = File::open("/dev/urandom").unwrap();
    let mut block = vec![0; MIB];
    for written in 0..mib {
        random.read_exact(&mut block).unwrap();
        let end = file.write_all(&block).and_then(|()| file.sync_data());
        end.map_err(|error| (written, error.kind()))?;
    }
    Ok(())
}

/// Fills a share up to so many MiB, without writing them.
fn fill(dataset: &str, mib: usize) {
    run("zfs", &["create", "-o", &format!("reservation={mib}M"), &format!("{dataset}/filler")]);
}

/// Removes what `fill` made.
async fn drain(dataset: &str) {
    let filler = format!("{dataset}/filler");
    until("the filler is removed", || succeeds("zfs", &["destroy", "-f", &filler])).await;
}

/// Whether a program of the system succeeds now; what it needs may still be in use.
fn succeeds(program: &str, arguments: &[&str]) -> bool {
    #[expect(clippy::disallowed_methods, reason = "changes storage, as an operator does")]
    let output = std::process::Command::new(program).args(arguments).output().unwrap();
    output.status.success()
}

/// The driver's own error.
fn driver_error<T: std::fmt::Debug>(answer: Result<T, Error>) -> DriverError {
    match answer {
        Err(Error::Driver(error)) => error,
        Err(Error::Create(answer)) => answer.error,
        other => panic!("not the driver's error: {other:?}"),
    }
}
