//! The driver on two pools, with the policy that it ships for that.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use abaca::types::{Replica, ReplicaState, Share};
use abaca::{Backend, BackendConfiguration, Limits, OptionValue};
use rustix::fs::{CWD, FileType, Mode, XattrFlags, makedev, mknodat};

use super::{Home, run, text};
use crate::storage::pool::{LARGE, Pool};
use crate::support::{Ground, load, runtime, share};

/// A client that is not root.
pub const CLIENT: u32 = 4711;

/// What a file says that may bind low ports: a capability of version 2.
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// What the attribute is called that says it.
const CAPABILITY_NAME: &str = "security.capability";

/// The driver on two pools.
pub struct Two {
    // Dropped in this order.
    pub home: Home,
    pub second: Pool,
}

impl Two {
    /// None, and a line that says so, for whoever may not have pools.
    pub async fn new(skipped: &str) -> Option<Two> {
        Two::of(skipped, LARGE).await
    }

    /// The same with a second pool of so many bytes.
    pub async fn of(skipped: &str, size: u64) -> Option<Two> {
        Two::with(skipped, size, |policy| policy).await
    }

    /// The same with the policy changed.
    pub async fn with(skipped: &str, size: u64, edit: impl Fn(String) -> String) -> Option<Two> {
        let (first, second) = (Pool::btrfs(skipped, LARGE)?, Pool::btrfs("", size)?);
        for pool in [&first, &second] {
            pool.mount_within("replicas");
            let roots = [("shares", 0o711), ("snapshots", 0o700), ("staging", 0o700)];
            for (name, mode) in roots.into_iter().chain([("groups", 0o711)]) {
                let path = pool.path().join(name);
                fs::create_dir(&path).unwrap();
                fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            }
        }
        let ground = Ground::new();
        let backend = open(&ground, &first, &second, &edit(policy(&first, &second))).await;
        backend.check_for_setup_error().await.unwrap();
        Some(Two { home: Home { backend, ground, pool: first }, second })
    }

    pub fn backend(&self) -> &Backend {
        &self.home.backend
    }

    /// Another run of the backend, with the policy changed.
    pub async fn with_policy(&self, edit: impl Fn(String) -> String) -> Backend {
        let (first, second) = (&self.home.pool, &self.second);
        open(&self.home.ground, first, second, &edit(policy(first, second))).await
    }

    /// Where a root of the first and of the second pool is.
    pub fn roots(&self, name: &str) -> [PathBuf; 2] {
        [&self.home.pool, &self.second].map(|pool| pool.path().join(name))
    }

    /// The path of a share in the first and in the second pool.
    pub fn places(&self, share: &Share) -> [PathBuf; 2] {
        self.roots("shares").map(|root| root.join(&share.name))
    }

    /// The share in the pool of this name as it is recorded.
    pub async fn made(&self, pool: &str) -> Share {
        let one = Share { pool: Some(pool.to_owned()), ..share("one", 1) };
        self.backend().create_share(&one, None).await.unwrap();
        self.home.recorded(&one).await
    }

    /// The copies that lie in the first and in the second pool, of all shares.
    pub fn copies(&self) -> [Vec<PathBuf>; 2] {
        self.roots("replicas").map(|root| {
            let ways = fs::read_dir(root).unwrap().map(|way| way.unwrap().path());
            let mut copies: Vec<_> = ways
                .flat_map(|way| fs::read_dir(way).unwrap().map(|copy| copy.unwrap().path()))
                .collect();
            copies.sort();
            copies
        })
    }

    /// Asserts that nothing is left in either pool.
    pub async fn assert_bare(&self) {
        for name in ["shares", "snapshots", "staging", "replicas"] {
            for root in self.roots(name) {
                let left: Vec<_> = fs::read_dir(&root).unwrap().collect();
                assert!(left.is_empty(), "{}: {left:?}", root.display());
            }
        }
        for pool in [&self.home.pool, &self.second] {
            let left = run("btrfs", &["subvolume", "list", text(&pool.path())]);
            assert_eq!(left.lines().count(), 1, "{left}");
        }
        assert!(self.backend().records().shares().await.unwrap().is_empty());
        let mut owned = self.backend().records().owned().await.unwrap();
        owned.retain(|one| one.state != abaca::OwnedState::Open);
        assert!(owned.is_empty(), "{owned:?}");
    }
}

/// The policy that the driver ships, for these pools.
pub fn policy(first: &Pool, second: &Pool) -> String {
    let shipped =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../drivers/btrfs/policy-two-pools.toml");
    let policy = fs::read_to_string(shipped).unwrap();
    policy
        .replace("/srv/abaca-second", text(&second.path()))
        .replace("/srv/abaca", text(&first.path()))
}

/// The backend `home` on two pools.
pub async fn open(ground: &Ground, first: &Pool, second: &Pool, policy: &str) -> Backend {
    let shares = |pool: &Pool| OptionValue::Text(text(&pool.path().join("shares")).to_owned());
    let groups = OptionValue::Text(text(&first.path().join("groups")).to_owned());
    let options = [
        ("driver_handles_share_servers", OptionValue::Boolean(false)),
        ("btrfs_export_root", shares(first)),
        ("btrfs_second_export_root", shares(second)),
        ("btrfs_groups_export_root", groups),
        ("btrfs_capacity_gib", OptionValue::Integer(8)),
        ("btrfs_second_capacity_gib", OptionValue::Integer(8)),
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
    let backend = Backend::open(driver, configuration).await.unwrap();
    backend.do_setup().await.unwrap();
    backend
}

/// A share with an active replica in the first pool, and another replica of it in the second, as
/// they are recorded.
pub async fn replicated(two: &Two) -> [Replica; 2] {
    let new = Share { replica_state: Some(ReplicaState::Active), ..share("one", 1) };
    two.backend().create_share(&new, None).await.unwrap();
    let first = Replica { share: two.home.recorded(&new).await, share_server: None };
    let second = another(&first);
    let all = [first, second];
    two.backend().create_replica(&all, &all[1], &[], &[], None).await.unwrap();
    now(two, &all).await
}

/// Another replica of a share, not made yet.
pub fn another(active: &Replica) -> Replica {
    let share_id = active.share.share_id.clone();
    Replica { share: Share { share_id, ..share("one", 1) }, share_server: None }
}

/// Replicas as they are recorded now.
pub async fn now(two: &Two, replicas: &[Replica; 2]) -> [Replica; 2] {
    let [first, second] = replicas;
    [
        Replica { share: two.home.recorded(&first.share).await, share_server: None },
        Replica { share: two.home.recorded(&second.share).await, share_server: None },
    ]
}

/// A directory with everything that a client can make in a share, his own and of root's.
pub fn furnish(directory: &Path) {
    let at = |name: &str| directory.join(name);
    fs::create_dir_all(at("sub/dir with blanks\n")).unwrap();
    fs::write(at("sub/file"), vec![b'a'; 300_000]).unwrap();
    fs::write(at("sub/dir with blanks\n/ünïcode"), "text").unwrap();
    fs::hard_link(at("sub/file"), at("linked")).unwrap();
    symlink("/etc/passwd", at("away")).unwrap();
    File::create(at("sparse")).unwrap().set_len(1 << 20).unwrap();
    let modes = [("suid", 0o4755), ("sgid", 0o2755), ("secret", 0o400), ("capable", 0o755)];
    for (name, mode) in modes {
        fs::write(at(name), name).unwrap();
        chown(at(name), Some(CLIENT), Some(CLIENT)).unwrap();
        fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
    }
    let name = CAPABILITY_NAME;
    rustix::fs::setxattr(at("capable"), name, &CAPABILITY, XattrFlags::empty()).unwrap();
    rustix::fs::setxattr(at("secret"), "user.note", b"mine", XattrFlags::empty()).unwrap();
    let mode = Mode::from_raw_mode(0o640);
    mknodat(CWD, at("pipe"), FileType::Fifo, mode, 0).unwrap();
    mknodat(CWD, at("device"), FileType::CharacterDevice, mode, makedev(1, 3)).unwrap();
    fs::create_dir(at("closed")).unwrap();
    fs::write(at("closed/in"), "in").unwrap();
    chown(at("closed"), Some(CLIENT), Some(CLIENT)).unwrap();
    fs::set_permissions(at("closed"), Permissions::from_mode(0o500)).unwrap();
    chown(directory, Some(CLIENT), Some(CLIENT)).unwrap();
}

/// Changes some of it.
pub fn change(directory: &Path) {
    let at = |name: &str| directory.join(name);
    let mut secret = File::options().append(true).open(at("secret")).unwrap();
    secret.write_all(b", and more").unwrap();
    fs::write(at("closed/more"), "more").unwrap();
    fs::remove_file(at("away")).unwrap();
    fs::rename(at("linked"), at("sub/linked")).unwrap();
    fs::set_permissions(at("sgid"), Permissions::from_mode(0o2711)).unwrap();
    chown(at("suid"), Some(CLIENT + 1), None).unwrap();
    fs::set_permissions(at("suid"), Permissions::from_mode(0o4711)).unwrap();
}

/// What is known of one file: type and mode, owners, device, how many names, when it was changed,
/// capability, contents.
type Facts = (u32, u32, u32, u64, u64, (i64, i64), Vec<u8>, Vec<u8>);

/// All files beneath a directory, and the directory, with all that is known of them.
pub fn census(directory: &Path) -> BTreeMap<PathBuf, Facts> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(path) = open.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let kind = meta.file_type();
        let contents = if kind.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            Vec::new()
        } else if kind.is_symlink() {
            fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
        } else if kind.is_fifo() || kind.is_char_device() {
            Vec::new()
        } else {
            fs::read(&path).unwrap()
        };
        let mut capability = vec![0; 64];
        let whole = CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
        let length = rustix::fs::lgetxattr(&whole, CAPABILITY_NAME, &mut capability).unwrap_or(0);
        capability.truncate(length);
        // How many names a directory has is counted in no file system alike.
        let names = if kind.is_dir() { 1 } else { meta.nlink() };
        let facts = (
            meta.mode(),
            meta.uid(),
            meta.gid(),
            meta.rdev(),
            names,
            (meta.mtime(), meta.mtime_nsec()),
            capability,
            contents,
        );
        found.insert(path.strip_prefix(directory).unwrap().to_owned(), facts);
    }
    found
}

/// Asserts that two directories hold the same, by `diff` and by all that is known of each file.
pub fn assert_same(one: &Path, other: &Path) {
    // Of what is no file `diff` says that it differs.
    let special = ["--exclude=pipe", "--exclude=device"];
    let words = [&["-r", "--no-dereference"], &special[..], &[text(one), text(other)]].concat();
    run("diff", &words);
    let (one, other) = (census(one), census(other));
    for (path, facts) in &one {
        assert_eq!(Some(facts), other.get(path), "{}", path.display());
    }
    assert_eq!(one.len(), other.len());
}

/// Whether nobody can write to a subvolume.
pub fn is_read_only(subvolume: &Path) -> bool {
    run("btrfs", &["property", "get", "-t", "subvol", text(subvolume), "ro"]).trim() == "ro=true"
}

/// So many MiB that cannot be made smaller.
pub fn fill(directory: &Path, name: &str, mib: usize) {
    let mut file = File::create(directory.join(name)).unwrap();
    let mut block = vec![0; 1 << 20];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..mib {
        for byte in &mut block {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state.to_le_bytes()[0];
        }
        file.write_all(&block).unwrap();
    }
    file.sync_all().unwrap();
}
