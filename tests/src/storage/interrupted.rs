//! Tests that are killed leave nothing behind: no mount, no loop device, no process, no file.
//!
//! Each runs as it does otherwise, in a temporary directory of its own and a process group of its
//! own, and is killed in its middle, as nextest does with what it is interrupted in or what takes too
//! long. All that it makes is known by that directory.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::pool::text;
use crate::support::until;

/// Tests with pools, servers, clients, and namespaces of all kinds.
const TESTS: [&str; 5] = [
    "ganesha::btrfs::a_subvolume_on_nfs_from_its_first_day_to_its_last",
    "samba::rules::every_rule_of_the_policy_is_needed",
    "image::resizing::a_share_grows_with_what_is_in_it",
    "zfs::rules::every_rule_of_the_policy_is_needed",
    "btrfs::two_rules::every_rule_for_two_pools_is_needed",
];

/// When they are killed: while they begin, and in their middle.
const MOMENTS: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(900)];

/// What is left of whatever works beneath a directory.
fn left(of: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    all.extend(mounts.lines().filter(|line| line.contains(text(of))).map(str::to_owned));
    for device in fs::read_dir("/sys/block").unwrap().flatten() {
        let image = fs::read_to_string(device.path().join("loop/backing_file")).unwrap_or_default();
        all.extend(image.contains(text(of)).then(|| format!("{:?}: {image}", device.file_name())));
    }
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let path = process.path();
        let read = |name: &str| fs::read(path.join(name)).unwrap_or_default();
        let mentions = |bytes: &[u8]| {
            let place = of.as_os_str().as_bytes();
            bytes.windows(place.len()).any(|part| part == place)
        };
        if mentions(&read("environ")) || mentions(&read("cmdline")) {
            let words = read("cmdline");
            all.push(format!("{:?}: {:?}", process.file_name(), OsStr::from_bytes(&words)));
        }
    }
    let files = fs::read_dir(of).unwrap().flatten();
    all.extend(files.map(|entry| entry.path().display().to_string()));
    all
}

#[tokio::test]
async fn a_test_that_is_killed_leaves_nothing() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED (needs root): what killed tests leave");
        return;
    }
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        for (number, test) in TESTS.iter().enumerate() {
            let moment = MOMENTS[(number + signal.as_raw().unsigned_abs() as usize) % 2];
            let directory = tempfile::Builder::new().prefix("abaca-left-").tempdir().unwrap();
            let place: PathBuf = directory.path().to_owned();
            #[expect(clippy::disallowed_methods, reason = "tests are what is tested")]
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", &format!("storage::{test}"), "--nocapture"])
                .env("TMPDIR", &place)
                .process_group(0)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            tokio::time::sleep(moment).await;
            let _ = kill_process_group(Pid::from_child(&child), signal);
            child.wait().unwrap();
            let mut seen = Vec::new();
            let what = format!("{test} is gone, killed by {signal:?} after {moment:?}");
            let gone = async {
                until(&what, || {
                    seen = left(&place);
                    seen.is_empty()
                })
                .await;
            };
            if tokio::time::timeout(Duration::from_secs(15), gone).await.is_err() {
                panic!("{what}: {seen:#?}");
            }
        }
    }
}
