//! Migration that the host assists, between drivers of two kinds: what is in a share is copied by
//! the runtime, with all that belongs to it, or the share stays as it was.

mod commands;
mod copying;
mod trouble;

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::fs::{self, File, Permissions};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};

use abaca::types::{MigrationDestination, Share, ShareStatus};
use abaca::{Backend, BackendConfiguration, Limits, OptionValue, OwnedState};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, futimens, mknodat, setxattr,
    utimensat,
};

use super::pool::{LARGE, Pool, text};
use crate::support::{Ground, load, runtime, share};

/// The drivers that are moved between: what each ships, in a directory of its own in the pool.
const IMAGE: &str = "image";
const DIRECTORY: &str = "directory";

/// Two backends in one pool.
struct Pair {
    // Dropped in this order: whoever works in the pool before the pool.
    image: Backend,
    directory: Backend,
    /// Held: policies and state are in it.
    _ground: Ground,
    pool: Pool,
}

impl Pair {
    /// None, and a line that says so, for whoever may not have a pool.
    async fn new(skipped: &str) -> Option<Pair> {
        Pair::with(skipped, "ext4", &[], |policy| policy).await
    }

    /// The same with images of this kind, these options of both, and a change of both policies.
    async fn with(
        skipped: &str,
        kind: &str,
        more: &[(&str, OptionValue)],
        change: impl Fn(String) -> String,
    ) -> Option<Pair> {
        let pool = Pool::xfs(skipped, LARGE)?;
        let ground = Ground::new();
        let mut both = Vec::new();
        for driver in [IMAGE, DIRECTORY] {
            prepare(&pool, driver);
            let policy = change(policy(&pool, driver));
            let mut options = vec![
                ("driver_handles_share_servers", OptionValue::Boolean(false)),
                ("max_over_subscription_ratio", OptionValue::Float(20.0)),
            ];
            let export_root = OptionValue::Text(text(&shares(&pool, driver)).to_owned());
            options.extend(match driver {
                IMAGE => vec![
                    ("image_export_root", export_root),
                    ("image_filesystem", OptionValue::Text(kind.to_owned())),
                ],
                _ => vec![("directory_export_root", export_root)],
            });
            options.extend_from_slice(more);
            let configuration = BackendConfiguration {
                name: driver.to_owned(),
                policy: ground.write(&format!("{driver}.policy.toml"), &policy),
                state: ground.state(),
                options: options.into_iter().map(|(name, one)| (name.to_owned(), one)).collect(),
                approved: false,
                networks: BTreeMap::new(),
            };
            let component = format!("abaca-driver-{driver}");
            let loaded = load(&runtime(Limits::default()), &component).await;
            let backend = Backend::open(loaded, configuration).await.unwrap();
            backend.check_for_setup_error().await.unwrap();
            both.push(backend);
        }
        let [image, directory] = both.try_into().unwrap();
        Some(Pair { image, directory, _ground: ground, pool })
    }

    /// Where the share of a backend is.
    fn place(&self, backend: &Backend, share: &Share) -> PathBuf {
        shares(&self.pool, backend.name()).join(&share.name)
    }

    /// Makes a share, and says what is recorded of it and where it is.
    async fn made(&self, backend: &Backend, size: u64) -> (Share, PathBuf) {
        let one = share("moving", size);
        backend.create_share(&one, None).await.unwrap();
        (recorded(backend, &one.id).await.unwrap(), self.place(backend, &one))
    }

    /// Asserts that nothing is left of any share, and nothing mounted.
    async fn assert_bare(&self) {
        for backend in [&self.image, &self.directory] {
            assert!(backend.records().shares().await.unwrap().is_empty());
            assert!(backend.records().migrations().await.unwrap().is_empty());
            let mut owned = backend.records().owned().await.unwrap();
            owned.retain(|one| one.state != OwnedState::Open);
            assert!(owned.is_empty(), "{owned:?}");
            let base = self.pool.path().join(backend.name());
            for root in fs::read_dir(base).unwrap() {
                let left: Vec<_> = fs::read_dir(root.unwrap().path()).unwrap().collect();
                assert!(left.is_empty(), "{left:?}");
            }
        }
        let table = fs::read_to_string("/proc/self/mounts").unwrap();
        let beneath = table.lines().filter(|line| line.contains(text(&self.pool.path())));
        assert_eq!(beneath.count(), 1, "{table}");
    }
}

/// Where the shares of a driver's backend are.
fn shares(pool: &Pool, driver: &str) -> PathBuf {
    pool.path().join(driver).join("shares")
}

/// Makes the directories of a driver's roots.
fn prepare(pool: &Pool, driver: &str) {
    let base = pool.path().join(driver);
    for (name, mode) in
        [("shares", 0o711), ("images", 0o700), ("snapshots", 0o700), ("staging", 0o700)]
    {
        fs::create_dir_all(base.join(name)).unwrap();
        fs::set_permissions(base.join(name), Permissions::from_mode(mode)).unwrap();
    }
}

/// The policy that a driver ships, for this pool.
fn policy(pool: &Pool, driver: &str) -> String {
    let shipped = format!("{}/../drivers/{driver}/policy.toml", env!("CARGO_MANIFEST_DIR"));
    let base = pool.path().join(driver);
    fs::read_to_string(shipped).unwrap().replace("/srv/abaca", text(&base))
}

/// A share as it is recorded, if it is.
async fn recorded(backend: &Backend, id: &str) -> Option<Share> {
    backend.records().share(id).await.unwrap().map(|record| record.share)
}

/// The instance of a share to be made elsewhere.
fn arriving(share: &Share) -> Share {
    let id = uuid::Uuid::new_v4().to_string();
    let name = format!("share-{id}");
    let export_locations = Vec::new();
    Share { id, name, export_locations, status: ShareStatus::Creating, ..share.clone() }
}

/// Where it goes, as a service says it.
fn to(backend: &Backend) -> MigrationDestination {
    let host = format!("test@{}#{}", backend.name(), backend.name());
    MigrationDestination { host, capabilities: Vec::new() }
}

/// A file that has not been read for long.
const UNREAD: &str = "large";

/// Since when.
const UNREAD_SINCE: (i64, i64) = (1_000_000_000, 123_456_789);

/// Makes it so, as of its last change.
fn touch(top: &Path) {
    let last_modification = Timespec { tv_sec: 1_100_000_000, tv_nsec: 987_654_321 };
    let (tv_sec, tv_nsec) = UNREAD_SINCE;
    let times = Timestamps { last_access: Timespec { tv_sec, tv_nsec }, last_modification };
    futimens(File::open(top.join(UNREAD)).unwrap().as_fd(), &times).unwrap();
}

/// When it was last read. Whoever looks into it changes that.
fn accessed(top: &Path) -> (i64, i64) {
    let about = fs::metadata(top.join(UNREAD)).unwrap();
    (about.atime(), about.atime_nsec())
}

/// What a client could put into a share, of all kinds.
fn fill(top: &Path) {
    let write = |name: &str, contents: &[u8]| {
        fs::write(top.join(name), contents).unwrap();
        top.join(name)
    };
    let large: Vec<u8> = (0..5_000_000_u32).map(|number| (number % 251) as u8).collect();
    let large = write("large", &large);
    chown(&large, Some(1000), Some(1001)).unwrap();
    fs::set_permissions(&large, Permissions::from_mode(0o640)).unwrap();
    write("empty", b"");
    fs::set_permissions(write("closed", b"closed"), Permissions::from_mode(0o0)).unwrap();
    fs::set_permissions(write("program", b"#!"), Permissions::from_mode(0o6755)).unwrap();
    // Names of all sorts.
    for name in [
        &b"\xff\xfe not UTF-8"[..],
        b"a\nline",
        b"-rf",
        b" ",
        b"'\"$(id)`id`;&|*?\\",
        "schön ☃".as_bytes(),
        &[b'x'; 255],
    ] {
        fs::write(top.join(OsStr::from_bytes(name)), name).unwrap();
    }
    // A file that is mostly holes, up to its end.
    let sparse = File::create(top.join("sparse")).unwrap();
    sparse.set_len(300 << 20).unwrap();
    sparse.write_all_at(b"in the midst", 150 << 20).unwrap();
    // One file with three names, one of them in another directory.
    let deep = (0..50).fold(top.join("deep"), |path, level| path.join(level.to_string()));
    fs::create_dir_all(&deep).unwrap();
    let linked = write("linked", b"once");
    fs::hard_link(&linked, top.join("linked too")).unwrap();
    fs::hard_link(&linked, deep.join("linked deep")).unwrap();
    fs::create_dir(top.join("nothing in it")).unwrap();
    let shared = top.join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o3775)).unwrap();
    chown(&shared, Some(7), Some(8)).unwrap();
    // Links, which nobody follows.
    for (target, name) in [("/etc/shadow", "out"), ("nowhere", "dangling"), ("../..", "up")] {
        symlink(target, top.join(name)).unwrap();
        lchown(top.join(name), Some(1000), Some(1000)).unwrap();
    }
    for (kind, name) in [(FileType::Fifo, "pipe"), (FileType::Socket, "socket")] {
        mknodat(CWD, top.join(name), kind, Mode::from_raw_mode(0o620), 0).unwrap();
    }
    // Attributes, also of a directory, and an access control list: user 1000 may read.
    for name in ["large", "shared"] {
        let value = b"any\0bytes\xff";
        setxattr(top.join(name), "user.note", value, XattrFlags::empty()).unwrap();
        setxattr(top.join(name), "trusted.note", value, XattrFlags::empty()).unwrap();
    }
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, bits, id) in [
        (1_u16, 6_u16, u32::MAX),
        (2, 4, 1000),
        (4, 4, u32::MAX),
        (16, 4, u32::MAX),
        (32, 0, u32::MAX),
    ] {
        list.extend(tag.to_le_bytes());
        list.extend(bits.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    setxattr(top.join("linked"), "system.posix_acl_access", &list, XattrFlags::empty()).unwrap();
    setxattr(top.join("shared"), "system.posix_acl_default", &list, XattrFlags::empty()).unwrap();
    // Old times, to the nanosecond.
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    let times = Timestamps {
        last_access: time(1_000_000_000, 123_456_789),
        last_modification: time(1_100_000_000, 987_654_321),
    };
    utimensat(CWD, top.join("out"), &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    for name in ["large", "shared", "deep"] {
        futimens(File::open(top.join(name)).unwrap().as_fd(), &times).unwrap();
    }
}

/// All that is known of one thing in a share.
#[derive(Debug, PartialEq)]
struct Seen {
    kind: u32,
    mode: u32,
    owner: (u32, u32),
    modified: (i64, i64),
    contents: Vec<u8>,
    attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The first of its names.
    first: PathBuf,
}

/// All that is in a share, but for what is left out.
fn seen(top: &Path, ignored: &[&str]) -> BTreeMap<PathBuf, Seen> {
    let mut found = BTreeMap::new();
    let mut firsts: BTreeMap<u64, PathBuf> = BTreeMap::new();
    let mut open = vec![top.to_owned()];
    let mut paths = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let entry = entry.unwrap();
            let is_ignored = ignored.iter().any(|name| entry.file_name() == *name);
            if directory == top && is_ignored {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            }
            paths.push(entry.path());
        }
    }
    paths.sort();
    for path in paths {
        let about = fs::symlink_metadata(&path).unwrap();
        let relative = path.strip_prefix(top).unwrap().to_owned();
        let first = firsts.entry(about.ino()).or_insert_with(|| relative.clone()).clone();
        let contents = match about.file_type() {
            kind if kind.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_vec(),
            kind if kind.is_file() && about.len() < 100 << 20 => fs::read(&path).unwrap(),
            kind if kind.is_file() => vec![],
            _ => vec![],
        };
        let seen = Seen {
            kind: about.mode() & libc::S_IFMT,
            mode: about.mode() & 0o7777,
            owner: (about.uid(), about.gid()),
            modified: (about.mtime(), about.mtime_nsec()),
            contents,
            attributes: if about.is_symlink() { BTreeMap::new() } else { attributes(&path) },
            first,
        };
        found.insert(relative, seen);
    }
    found
}

/// Asserts that there is the same in two shares, and says what is not.
fn assert_same(now: &BTreeMap<PathBuf, Seen>, before: &BTreeMap<PathBuf, Seen>, what: &str) {
    for name in now.keys().chain(before.keys()) {
        let (now, before) = (now.get(name), before.get(name));
        if now != before {
            let shown =
                |seen: Option<&Seen>| format!("{seen:?}").chars().take(500).collect::<String>();
            panic!("{what}: {name:?}: {}\ninstead of {}", shown(now), shown(before));
        }
    }
}

fn attributes(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut names = vec![0; 4096];
    let Ok(length) = rustix::fs::listxattr(path, names.as_mut_slice()) else {
        return BTreeMap::new();
    };
    names.truncate(length);
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let mut value = vec![0; 4096];
        let name = CString::new(name).unwrap();
        let length = rustix::fs::getxattr(path, name, value.as_mut_slice()).unwrap();
        value.truncate(length);
        value
    };
    // xfs tells its access control lists twice.
    names
        .filter(|name| !name.starts_with(b"security.") && !name.starts_with(b"trusted.SGI_"))
        .map(|name| (name.to_vec(), value(name)))
        .collect()
}
