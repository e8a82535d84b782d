//! A file system in a file, mounted: what a driver of real storage makes its shares in.
//!
//! ```text
//! TEMPORARY/abaca-storage/          root's alone; who makes or sweeps holds it locked
//!   PID-NUMBER/                     one pool
//!     held                          locked as long as its process lives
//!     image ── loop device ──▶ mounted at   pool/
//!     mounts/                         a small file system in memory, for mounts of the tests' own
//!     …                               what else belongs to it
//! ```
//! It is removed when it is dropped, and after a process that was killed by the reaper beside it;
//! if that was killed too, by the next pool that is made: nobody holds it any more.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};
use rustix::mount::{UnmountFlags, unmount};

use crate::support::reaper;

/// How large a pool is: room for some shares; the file that it lies in takes only what is written.
pub const LARGE: u64 = 8 << 30;

/// A pool that is full soon.
pub const SMALL: u64 = 256 << 20;

/// Where tests mount something of their own.
const MOUNTS: &str = "mounts";

/// The tools of btrfs that its tests need.
const BTRFS: [&str; 3] = ["/usr/bin/btrfs", "/usr/sbin/mkfs.btrfs", "/dev/loop-control"];

/// The tools that make an xfs, and images of ext4 and xfs on it.
const IMAGES: [&str; 3] = ["/usr/sbin/mkfs.xfs", "/usr/sbin/mkfs.ext4", "/dev/loop-control"];

pub struct Pool {
    directory: PathBuf,
    /// Locked; the kernel lets go of it whatever ends this process.
    _held: File,
}

impl Pool {
    /// A btrfs file system of so many bytes, with quotas on; none, and a line that says what is skipped, for
    /// whoever may not have one.
    pub fn btrfs(skipped: &str, size: u64) -> Option<Pool> {
        let pool = Pool::made(skipped, size, "btrfs", &BTRFS)?;
        run("btrfs", &["quota", "enable", text(&pool.path())]);
        Some(pool)
    }

    /// An xfs of so many bytes, whose files can share blocks; none as above.
    pub fn xfs(skipped: &str, size: u64) -> Option<Pool> {
        Pool::made(skipped, size, "xfs", &IMAGES)
    }

    fn made(skipped: &str, size: u64, kind: &str, needed: &[&str]) -> Option<Pool> {
        let root = rustix::process::geteuid().is_root();
        if !root || !needed.iter().all(|path| Path::new(path).exists()) {
            eprintln!("SKIPPED (needs root and {}): {skipped}", needed.join(" and "));
            return None;
        }
        let pool = Pool::place();
        let image = pool.directory.join("image");
        File::create(&image).unwrap().set_len(size).unwrap();
        run(&format!("mkfs.{kind}"), &["-q", text(&image)]);
        // A loop device that `mount` takes is given back by the kernel with the mount.
        let options = "loop,noatime,nosuid,nodev";
        run("mount", &["-t", kind, "-o", options, text(&image), text(&pool.path())]);
        Some(pool)
    }

    /// Makes a subvolume of this name at the top and mounts it where it lies.
    pub fn mount_within(&self, name: &str) {
        let (pool, place) = (self.path(), self.path().join(name));
        run("btrfs", &["subvolume", "create", text(&place)]);
        let device = run("findmnt", &["--noheadings", "--output", "SOURCE", text(&pool)]);
        let options = format!("subvol={name},noatime,nosuid,nodev");
        run("mount", &["-t", "btrfs", "-o", &options, device.trim(), text(&place)]);
        fs::set_permissions(&place, fs::Permissions::from_mode(0o700)).unwrap();
    }

    /// A place for pools of another kind: files, and directories to mount at, that are removed and
    /// swept as a pool is.
    pub fn bare() -> Pool {
        Pool::place()
    }

    /// The directory that is removed with it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.directory.join("pool")
    }

    /// A directory for what else belongs to the pool, and goes with it.
    pub fn beside(&self, name: &str) -> PathBuf {
        let path = self.directory.join(name);
        let _ = fs::create_dir(&path);
        path
    }

    /// A file system in memory; what is mounted in it is unmounted with it.
    pub fn mounts(&self) -> PathBuf {
        let path = self.beside(MOUNTS);
        run("mount", &["-t", "tmpfs", "-o", "nosuid,nodev,mode=0700", "tmpfs", text(&path)]);
        path
    }

    /// A directory for one pool, in this process's hands; what nobody's hands hold is removed.
    fn place() -> Pool {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        reaper::start();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = base().join(format!("{}-{number}", std::process::id()));
        reaper::leaves(&directory);
        let _lock = loop {
            make_base();
            if let Some(lock) = locked_base() {
                break lock;
            }
        };
        let all = fs::read_dir(base()).unwrap();
        all.flatten().for_each(|left| sweep(&left.path()));
        fs::create_dir_all(directory.join("pool")).unwrap();
        let held = File::create(directory.join("held")).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        Pool { directory, _held: held }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        remove(&self.directory);
        if let Some(_lock) = locked_base() {
            // The last one of all; else it is not empty.
            let _ = fs::remove_dir(base());
        }
    }
}

/// Where all pools are.
fn base() -> PathBuf {
    std::env::temp_dir().join("abaca-storage")
}

/// That directory, in this process's hands: nobody makes, sweeps or removes anything there. None if
/// it is not there.
fn locked_base() -> Option<File> {
    let base_now = File::open(base()).ok()?;
    flock(&base_now, FlockOperation::LockExclusive).unwrap();
    // Whoever had it before may have removed it, and another one be there.
    let there = fs::metadata(base()).ok()?;
    (base_now.metadata().unwrap().ino() == there.ino()).then_some(base_now)
}

/// Makes that directory, if it is not there. Root's alone, or a user could put something else in a
/// pool's place.
fn make_base() {
    let base = base();
    let _ = fs::DirBuilder::new().mode(0o700).create(&base);
    let Ok(found) = fs::symlink_metadata(&base) else { return };
    let safe = found.is_dir() && found.uid() == 0 && found.mode() & 0o077 == 0;
    assert!(safe, "{} is not a directory of root's alone", base.display());
}

/// Removes a pool whose process is gone.
fn sweep(directory: &Path) {
    let held = File::open(directory.join("held"));
    if held.is_ok_and(|held| flock(&held, FlockOperation::NonBlockingLockExclusive).is_err()) {
        return;
    }
    eprintln!("swept what a killed process left: {}", directory.display());
    remove(directory);
}

fn remove(directory: &Path) {
    // A broker that is ending may still hold it, and nobody else: what is inside goes with it, and
    // what is mounted there.
    for name in [MOUNTS, "pool"] {
        let _ = unmount(directory.join(name), UnmountFlags::DETACH);
    }
    if let Err(error) = fs::remove_dir_all(directory) {
        eprintln!("{} is left: {error}", directory.display());
    }
}

/// Runs a program of the system, which must succeed, and says what it wrote.
pub fn run(program: &str, arguments: &[&str]) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "makes and looks at storage, as an operator does"
    )]
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a killed process leaves is swept, what a living one holds is not.
#[test]
fn a_pool_is_swept_when_nobody_holds_it() {
    let Some(pool) = Pool::btrfs("a pool that is swept", SMALL) else { return };
    let left = base().join("0-0");
    fs::create_dir_all(left.join("pool")).unwrap();
    fs::write(left.join("image"), "").unwrap();
    fs::write(left.join("held"), "").unwrap();
    let other = Pool::place();
    assert!(!left.exists());
    assert!(pool.path().join(".").is_dir() && other.path().is_dir());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(mounts.contains(text(&pool.path())));
    let path = pool.path();
    drop((pool, other));
    assert!(!path.exists());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(text(&path)));
}
