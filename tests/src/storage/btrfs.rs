//! The driver `btrfs` on a real file system, with the policy that it ships.

mod commands;
mod faults;
mod groups;
mod lifecycle;
mod managing;
mod migration;
mod names;
mod replicated_snapshots;
mod replication;
mod rules;
mod trouble;
mod two;
mod two_rules;

pub use two_rules::FIRST_ALONE;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use abaca::types::{Error as DriverError, Share};
use abaca::{Backend, BackendConfiguration, Error, Limits, OptionValue, OwnedState};
use rustix::fs::{FallocateFlags, fallocate};

use super::pool::{LARGE, Pool, run, text};
use crate::support::{Ground, load, runtime};

/// A MiB.
const MIB: u64 = 1 << 20;

/// The driver on a pool.
struct Home {
    // Dropped in this order: whoever works in the pool before the pool.
    backend: Backend,
    ground: Ground,
    pool: Pool,
}

impl Home {
    /// None, and a line that says so, for whoever may not have a pool.
    async fn new(skipped: &str) -> Option<Home> {
        Home::of(skipped, LARGE).await
    }

    /// The same on a pool of so many bytes.
    async fn of(skipped: &str, size: u64) -> Option<Home> {
        let pool = Pool::btrfs(skipped, size)?;
        let directories =
            [("shares", 0o711), ("groups", 0o711), ("snapshots", 0o700), ("staging", 0o700)];
        for (name, mode) in directories {
            let path = pool.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let ground = Ground::new();
        let backend = open(&ground, &pool, &policy(&pool)).await;
        backend.check_for_setup_error().await.unwrap();
        Some(Home { backend, ground, pool })
    }

    fn shares(&self) -> PathBuf {
        self.pool.path().join("shares")
    }

    fn snapshots(&self) -> PathBuf {
        self.pool.path().join("snapshots")
    }

    /// The share as it is recorded.
    async fn recorded(&self, share: &Share) -> Share {
        self.backend.records().share(&share.id).await.unwrap().expect("a record").share
    }

    /// Makes a share, and says what is recorded of it and where it is.
    async fn made(&self, share: &Share) -> (Share, PathBuf) {
        self.backend.create_share(share, None).await.unwrap();
        (self.recorded(share).await, self.shares().join(&share.name))
    }

    /// Asserts that nothing is left: of shares, of snapshots, of what was being made, of quota
    /// groups, of records.
    async fn assert_bare(&self) {
        for root in ["shares", "groups", "snapshots", "staging"] {
            let left: Vec<_> = fs::read_dir(self.pool.path().join(root)).unwrap().collect();
            assert!(left.is_empty(), "{root}: {left:?}");
        }
        assert_eq!(run("btrfs", &["subvolume", "list", text(&self.pool.path())]), "");
        assert!(self.backend.records().shares().await.unwrap().is_empty());
        // What was begun and never came to be stays written down until its name is needed.
        let mut owned = self.backend.records().owned().await.unwrap();
        owned.retain(|one| one.state != OwnedState::Open);
        assert!(owned.is_empty(), "{owned:?}");
    }
}

/// The policy that the driver ships, for this pool.
fn policy(pool: &Pool) -> String {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../drivers/btrfs/policy.toml");
    fs::read_to_string(shipped).unwrap().replace("/srv/abaca", text(&pool.path()))
}

async fn open(ground: &Ground, pool: &Pool, policy: &str) -> Backend {
    attempt(ground, pool, policy).await.unwrap()
}

/// Opens the backend `home` and has its storage looked at, as a service does.
async fn attempt(ground: &Ground, pool: &Pool, policy: &str) -> Result<Backend, Error> {
    let beneath = |name: &str| OptionValue::Text(text(&pool.path().join(name)).to_owned());
    let options = [
        ("driver_handles_share_servers", OptionValue::Boolean(false)),
        ("btrfs_export_root", beneath("shares")),
        ("btrfs_groups_export_root", beneath("groups")),
        ("btrfs_capacity_gib", OptionValue::Integer(8)),
        ("max_over_subscription_ratio", OptionValue::Float(2.0)),
    ];
    let configuration = BackendConfiguration {
        name: "home".to_owned(),
        policy: ground.write("home.policy.toml", policy),
        state: ground.state(),
        options: options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        approved: false,
        networks: BTreeMap::new(),
    };
    let driver = load(&runtime(Limits::default()), "abaca-driver-btrfs").await;
    let backend = Backend::open(driver, configuration).await?;
    backend.do_setup().await?;
    Ok(backend)
}

/// What a client gets that reserves so many MiB in a new file.
fn reserve(directory: &Path, name: &str, mib: u64) -> rustix::io::Result<()> {
    let file = File::create(directory.join(name)).unwrap();
    fallocate(&file, FallocateFlags::empty(), 0, mib * MIB)
}

/// Writes MiB after MiB as a client does, until there is no more to write or an error; what was
/// written is on the storage.
fn write(directory: &Path, name: &str, mib: u64) -> Result<(), (u64, ErrorKind)> {
    let mut file = File::create(directory.join(name)).map_err(|error| (0, error.kind()))?;
    let block = vec![b'x'; 1 << 20];
    for written in 0..mib {
        let end = file.write_all(&block).and_then(|()| file.sync_data());
        end.map_err(|error| (written, error.kind()))?;
    }
    Ok(())
}

/// The driver's own error.
fn driver_error<T: std::fmt::Debug>(answer: Result<T, Error>) -> DriverError {
    match answer {
        Err(Error::Driver(error)) => error,
        Err(Error::Create(answer)) => answer.error,
        other => panic!("not the driver's error: {other:?}"),
    }
}
