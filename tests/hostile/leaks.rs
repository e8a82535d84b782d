//! The world around an attack, seen before and after it: files outside of what is granted with
//! contents, mode, owner, time and inode; mounts; processes; control groups; descriptors; memory.
//!
//! What ends by itself is waited for, up to the patience of all tests; nothing depends on how
//! fast that is. Only what this test's own ground and processes can have left is looked at, for
//! other tests run beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Range;
use crate::support::{eventually, processes_with};

/// The memory that this process may need for an attack and the compiling of what it brings: a
/// call's own memory is 64 MiB, what it lifts 4 MiB, and the rest is room.
const PEAK_BYTES: u64 = 320 * 1024 * 1024;
/// What of it may stay, with the allocator.
const LASTING_BYTES: u64 = 128 * 1024 * 1024;
/// A broker keeps at most an answer of some mebibytes for each of its requests.
const BROKER_BYTES: u64 = 128 * 1024 * 1024;

/// Files of the system that an attacker would like to change.
const PRECIOUS: &[&str] = &[
    "/etc/passwd",
    "/etc/group",
    "/etc/shadow",
    "/etc/sudoers",
    "/etc/crontab",
    "/etc/ld.so.preload",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/fstab",
    "/root",
    "/usr/bin",
    "/usr/bin/sh",
    "/usr/bin/perl",
    "/usr/bin/mount",
];

/// Devices, of which only who may use them is looked at: everybody does.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/urandom", "/dev/full", "/dev/tty"];

/// What is shared by number, one on a line after the first.
const NUMBERED: [&str; 3] = ["/proc/sysvipc/sem", "/proc/sysvipc/shm", "/proc/sysvipc/msg"];

/// What there was at one time.
pub struct World {
    files: BTreeMap<PathBuf, File>,
    mounts: BTreeSet<String>,
    groups: BTreeSet<PathBuf>,
    numbered: BTreeSet<String>,
    processes: BTreeSet<u32>,
    descriptors: BTreeMap<String, usize>,
    resident: u64,
}

/// All that matters of a file.
#[derive(Debug, PartialEq, Eq)]
struct File {
    mode: u32,
    owner: (u32, u32),
    /// Seconds and nanoseconds; none for a directory in which a neighbour works.
    modified: Option<(i64, i64)>,
    inode: u64,
    links: u64,
    /// Flags as `lsattr` shows them, and extended attributes.
    flags: u64,
    attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    contents: Vec<u8>,
}

impl World {
    /// Looks at it, and begins to measure memory.
    pub fn look(range: &Range) -> Self {
        // What the most memory is counted from; where it is not permitted, all of the test counts.
        let _ = fs::write("/proc/self/clear_refs", "5");
        Self {
            files: files(range),
            mounts: mounts(range),
            groups: groups(|_| true),
            numbered: numbered(),
            processes: descendants(std::process::id()),
            descriptors: descriptors(),
            resident: memory(std::process::id(), "VmRSS:"),
        }
    }

    /// Fails unless the world is as it was, at last.
    pub async fn is_as_it_was(&self, range: &Range) {
        let now = files(range);
        let changed = differing(&self.files, &now);
        assert!(changed.is_empty(), "files outside of all grants: {changed:#?}");
        assert_eq!(mounts(range), self.mounts, "what is mounted where");
        let gone = async || processes_with(&range.seconds).is_empty().then_some(());
        eventually("the processes that the attack started are gone", gone).await;
        let ended = async || (descendants(std::process::id()) == self.processes).then_some(());
        eventually("no process is left beside the brokers", ended).await;
        // What other suites left before is none of ours, also if its number lives again for a while.
        let removed = async || groups(is_gone).is_subset(&self.groups).then_some(());
        eventually("its control groups are removed", removed).await;
        // Other programs of this machine make some for a moment.
        let unmade = async || numbered().is_subset(&self.numbered).then_some(());
        eventually("its semaphores, memory and queues are removed", unmade).await;
        let closed = async || {
            let now = descriptors();
            let more = now.iter().any(|(what, count)| self.descriptors.get(what) < Some(count));
            (!more).then_some(())
        };
        eventually("its descriptors are closed", closed).await;
        let peak = memory(std::process::id(), "VmHWM:");
        assert!(peak < self.resident + PEAK_BYTES, "{} became {peak} bytes", self.resident);
        let freed = async || {
            let now = memory(std::process::id(), "VmRSS:");
            (now < self.resident + LASTING_BYTES).then_some(())
        };
        eventually("its memory is given back", freed).await;
        for broker in &self.processes {
            let peak = memory(*broker, "VmHWM:");
            assert!(peak < BROKER_BYTES, "a broker had {peak} bytes");
        }
    }
}

/// The files that differ, for a message.
fn differing<'a>(
    before: &'a BTreeMap<PathBuf, File>,
    now: &'a BTreeMap<PathBuf, File>,
) -> Vec<(&'a Path, Option<&'a File>, Option<&'a File>)> {
    let paths: BTreeSet<&PathBuf> = before.keys().chain(now.keys()).collect();
    let both = paths.into_iter().map(|path| (path.as_path(), before.get(path), now.get(path)));
    both.filter(|(_, before, now)| before != now).collect()
}

/// Every file of the ground outside of the attacker's roots, and what is precious of the system.
fn files(range: &Range) -> BTreeMap<PathBuf, File> {
    let ground = range.ground.path();
    // What the backends write themselves, and what policies a test writes.
    let policy = ground.join("opened.policy.toml");
    let beside = [range.lair(), range.shop(), range.ground.state(), policy];
    // The neighbour makes and removes shares and snapshots here.
    let neighbour = [range.ground.shares(), range.ground.snapshots()];
    let mut found = BTreeMap::new();
    let mut open = vec![ground.to_owned()];
    while let Some(path) = open.pop() {
        if beside.contains(&path) || path.to_string_lossy().ends_with(".policy.toml") {
            continue;
        }
        let stat = fs::symlink_metadata(&path).unwrap();
        if stat.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let moves = path == ground || neighbour.contains(&path);
        found.insert(path.clone(), File::look(&path, &stat, moves));
    }
    for path in PRECIOUS.iter().map(PathBuf::from) {
        if let Ok(stat) = fs::metadata(&path) {
            // Packages of this machine may be installed meanwhile.
            found.insert(path.clone(), File::look(&path, &stat, stat.is_dir()));
        }
    }
    for path in DEVICES.iter().map(PathBuf::from) {
        if let Ok(stat) = fs::metadata(&path) {
            found.insert(path.clone(), File::look(&path, &stat, true));
        }
    }
    found
}

impl File {
    fn look(path: &Path, stat: &fs::Metadata, moves: bool) -> Self {
        let contents = if stat.is_file() {
            // What only root may read is the kernel's to keep from an ordinary user.
            fs::read(path).unwrap_or_default()
        } else if stat.is_symlink() {
            fs::read_link(path).unwrap().into_os_string().into_encoded_bytes()
        } else {
            Vec::new()
        };
        Self {
            mode: stat.mode(),
            owner: (stat.uid(), stat.gid()),
            modified: (!moves).then(|| (stat.mtime(), stat.mtime_nsec())),
            inode: stat.ino(),
            links: if moves { 0 } else { stat.nlink() },
            flags: flags(path),
            attributes: attributes(path),
            contents,
        }
    }
}

/// A file's flags, as far as a look at it tells them.
fn flags(path: &Path) -> u64 {
    let (none, basic) =
        (rustix::fs::AtFlags::SYMLINK_NOFOLLOW, rustix::fs::StatxFlags::BASIC_STATS);
    rustix::fs::statx(rustix::fs::CWD, path, none, basic).unwrap().stx_attributes.bits()
}

/// A file's extended attributes, with access lists; none where the file system has none.
fn attributes(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut names = vec![0; 1 << 16];
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let value = |name: &[u8]| {
        let mut value = vec![0; 1 << 16];
        let length = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap_or(0);
        (name.to_vec(), value[..length].to_vec())
    };
    names.map(value).collect()
}

/// What is shared by number on this machine: its kind, key, number and rights, not its use.
fn numbered() -> BTreeSet<String> {
    let list = |file: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = |line: &str| {
            format!("{file} {}", line.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
        };
        text.lines().skip(1).map(line).collect::<Vec<_>>()
    };
    NUMBERED.into_iter().flat_map(list).collect()
}

/// What is mounted, but not what other tests mount in directories of their own.
fn mounts(range: &Range) -> BTreeSet<String> {
    let ground = range.ground.path().to_str().unwrap();
    let temporary = std::env::temp_dir();
    let all = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let ours = all.lines().filter(|line| {
        let point = line.split(' ').nth(4).unwrap_or_default();
        point.starts_with(ground) || !Path::new(point).starts_with(&temporary)
    });
    ours.map(str::to_owned).collect()
}

/// Whether a hand, called by its namespace and its number there, has ended; of another namespace
/// nobody here can say.
fn is_gone(hand: &str) -> bool {
    let own = fs::metadata("/proc/self/ns/pid").unwrap().ino().to_string();
    let process = hand.split_once('-').filter(|(namespace, _)| *namespace == own);
    process.is_some_and(|(_, process)| !Path::new("/proc").join(process).exists())
}

/// The control groups of those brokers' hands that are asked for.
fn groups(which: fn(&str) -> bool) -> BTreeSet<PathBuf> {
    fn search(place: &Path, which: fn(&str) -> bool, found: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let name = entry.file_name();
            let hand = name.to_str().and_then(|name| name.strip_prefix("abaca-broker-"));
            if hand.is_some_and(which) {
                found.insert(entry.path());
            }
            search(&entry.path(), which, found);
        }
    }
    let mut found = BTreeSet::new();
    search(Path::new("/sys/fs/cgroup"), which, &mut found);
    found
}

/// The processes beneath one, without itself.
fn descendants(process: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut open = vec![process];
    while let Some(parent) = open.pop() {
        for task in fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            for child in children.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()) {
                found.insert(child);
                open.push(child);
            }
        }
    }
    found
}

/// What this process and its brokers hold open, counted by kind.
fn descriptors() -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for process in descendants(std::process::id()).into_iter().chain([std::process::id()]) {
        for entry in fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            // Sockets and pipes by what they are, not which.
            let kind = target.to_string_lossy().split('[').next().unwrap_or_default().to_owned();
            // The directory that is being read here.
            if !kind.starts_with("/proc/") {
                *counted.entry(format!("{process}: {kind}")).or_default() += 1;
            }
        }
    }
    counted
}

/// A line of a process's status, in bytes.
fn memory(process: u32, line: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let found = status.lines().find_map(|found| found.strip_prefix(line)).unwrap_or("0");
    found.split_whitespace().next().unwrap_or("0").parse::<u64>().unwrap() * 1024
}

/// The look sees each of these changes, or the corpus proves nothing.
#[tokio::test]
async fn every_change_of_a_file_is_seen() {
    use std::os::unix::fs::PermissionsExt;
    type Change = fn(&Path);
    let changes: [(&str, Change); 8] = [
        ("contents of the same length", |file| fs::write(file, "CANARY").unwrap()),
        ("mode", |file| fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap()),
        ("time", |file| {
            let file = fs::File::options().write(true).open(file).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }),
        ("attribute", |file| {
            let flags = rustix::fs::XattrFlags::empty();
            rustix::fs::setxattr(file, "user.abaca", b"1", flags).unwrap();
        }),
        ("inode", |file| {
            fs::copy(file, file.with_file_name("new")).unwrap();
            fs::rename(file.with_file_name("new"), file).unwrap();
        }),
        ("another name", |file| fs::hard_link(file, file.with_file_name("name")).unwrap()),
        ("one more", |file| fs::write(file.with_file_name("more"), "").unwrap()),
        ("one less", |file| fs::remove_file(file).unwrap()),
    ];
    for (what, change) in changes {
        let range = Range::new(super::Setup::default()).await;
        let file = range.ground.outside().join("watched");
        fs::write(&file, "canary").unwrap();
        let before = files(&range);
        assert!(differing(&before, &files(&range)).is_empty(), "{what}: nothing has changed yet");
        change(&file);
        assert!(!differing(&before, &files(&range)).is_empty(), "{what} is not seen");
    }
}

#[test]
fn every_process_and_descriptor_is_seen() {
    let (processes, held) = (descendants(std::process::id()), descriptors());
    let mut child = std::process::Command::new("/usr/bin/sleep").arg("3600").spawn().unwrap();
    assert!(descendants(std::process::id()).difference(&processes).any(|id| *id == child.id()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(descendants(std::process::id()), processes);
    let file = fs::File::open("/dev/null").unwrap();
    assert_ne!(descriptors(), held);
    drop(file);
    assert_eq!(descriptors(), held);
}
