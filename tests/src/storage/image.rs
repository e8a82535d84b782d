//! The driver `image` on a real file system, with the policy that it ships.

mod busy;
mod faults;
mod lifecycle;
mod resizing;
mod rules;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use abaca::types::{Error as DriverError, ExportLocation, Share};
use abaca::{Backend, BackendConfiguration, Error, Limits, OptionValue, OwnedState};
use rustix::fs::{FallocateFlags, fallocate};

use super::pool::{LARGE, Pool, text};
use crate::support::{Ground, load, runtime};

/// A MiB.
const MIB: u64 = 1 << 20;

/// How long other tests may keep what they have.
const LONGEST: Duration = Duration::from_secs(90);

/// What a share can be.
const KINDS: [&str; 2] = ["ext4", "xfs"];

/// The driver on a pool.
struct Home {
    // Dropped in this order: whoever works in the pool before the pool.
    backend: Backend,
    ground: Ground,
    pool: Pool,
}

impl Home {
    /// None, and a line that says so, for whoever may not have a pool. New shares are of this kind.
    async fn new(kind: &str, skipped: &str) -> Option<Home> {
        let pool = Pool::xfs(skipped, LARGE)?;
        let directories =
            [("shares", 0o711), ("images", 0o700), ("snapshots", 0o700), ("staging", 0o700)];
        for (name, mode) in directories {
            let path = pool.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let ground = Ground::new();
        let backend = open(&ground, &pool, &policy(&pool), kind).await;
        backend.check_for_setup_error().await.unwrap();
        Some(Home { backend, ground, pool })
    }

    fn shares(&self) -> PathBuf {
        self.pool.path().join("shares")
    }

    fn images(&self) -> PathBuf {
        self.pool.path().join("images")
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

    /// Makes a share larger; see [`free`].
    async fn extend(&self, share: &Share, size: u64) {
        free(async || self.backend.extend_share(&self.recorded(share).await, size, None).await)
            .await
            .unwrap();
    }

    /// Makes a share smaller; alike.
    async fn shrink(&self, share: &Share, size: u64) {
        free(async || self.backend.shrink_share(&self.recorded(share).await, size, None).await)
            .await
            .unwrap();
    }

    /// Finds a share again; alike.
    async fn ensure(&self, share: &Share) -> Vec<ExportLocation> {
        free(async || self.backend.ensure_share(&self.recorded(share).await, None).await)
            .await
            .unwrap()
    }

    /// Whether something is mounted at a share's place.
    fn is_mounted(&self, share: &Share) -> bool {
        let place = fs::metadata(self.shares().join(&share.name));
        place.is_ok_and(|place| place.dev() != fs::metadata(self.shares()).unwrap().dev())
    }

    /// Asserts that nothing is left: of shares, of snapshots, of what was being made, of mounts, of
    /// records.
    async fn assert_bare(&self) {
        self.assert_nothing_half_made();
        for root in ["shares", "images", "snapshots"] {
            let left: Vec<_> = fs::read_dir(self.pool.path().join(root)).unwrap().collect();
            assert!(left.is_empty(), "{root}: {left:?}");
        }
        assert_eq!(mounts(&self.pool), [text(&self.pool.path())]);
        assert!(self.backend.records().shares().await.unwrap().is_empty());
        // What was begun and never came to be stays written down until its name is needed.
        let mut owned = self.backend.records().owned().await.unwrap();
        owned.retain(|one| one.state != OwnedState::Open);
        assert!(owned.is_empty(), "{owned:?}");
    }

    /// Asserts that nothing is there that is not whole.
    fn assert_nothing_half_made(&self) {
        let names = |root: &str| {
            let entries = fs::read_dir(self.pool.path().join(root)).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap())
        };
        let half: Vec<_> = names("images").chain(names("snapshots")).collect();
        assert!(half.iter().all(|name| !name.contains('.')), "{half:?}");
        assert_eq!(names("staging").count(), 0);
    }
}

/// The policy that the driver ships, for this pool.
fn policy(pool: &Pool) -> String {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../drivers/image/policy.toml");
    fs::read_to_string(shipped).unwrap().replace("/srv/abaca", text(&pool.path()))
}

/// Opens the backend `home` and has its storage looked at, as a service does.
async fn open(ground: &Ground, pool: &Pool, policy: &str, kind: &str) -> Backend {
    let options = [
        ("driver_handles_share_servers", OptionValue::Boolean(false)),
        ("image_export_root", OptionValue::Text(text(&pool.path().join("shares")).to_owned())),
        ("image_filesystem", OptionValue::Text(kind.to_owned())),
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
    let driver = load(&runtime(Limits::default()), "abaca-driver-image").await;
    let backend = Backend::open(driver, configuration).await.unwrap();
    backend.do_setup().await.unwrap();
    backend
}

/// Where something is mounted beneath a pool, itself included.
fn mounts(pool: &Pool) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mounts").unwrap();
    let places = table.lines().filter_map(|line| line.split(' ').nth(1));
    places.filter(|place| Path::new(place).starts_with(pool.path())).map(str::to_owned).collect()
}

/// Asks again while the answer is that somebody else has the share mounted: whoever has a namespace
/// of mounts, as other tests on this machine do, keeps all that was mounted when he made it.
async fn free<T>(mut ask: impl AsyncFnMut() -> Result<T, Error>) -> Result<T, Error> {
    let deadline = Instant::now() + LONGEST;
    loop {
        match ask().await {
            Err(Error::Driver(DriverError::ShareIsBusy(_))) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            answer => return answer,
        }
    }
}

/// What a client gets that reserves so many MiB in a new file.
fn reserve(directory: &Path, name: &str, mib: u64) -> rustix::io::Result<()> {
    let file = File::create(directory.join(name)).unwrap();
    fallocate(&file, FallocateFlags::empty(), 0, mib * MIB)
}

/// The driver's own error.
fn driver_error<T: std::fmt::Debug>(answer: Result<T, Error>) -> DriverError {
    match answer {
        Err(Error::Driver(error)) => error,
        Err(Error::Create(answer)) => answer.error,
        other => panic!("not the driver's error: {other:?}"),
    }
}
