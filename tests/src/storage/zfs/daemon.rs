//! A zfs-fuse of a test's own, with the pools `tank` and `pond` in files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::super::pool::{Pool, run, text};
use crate::support::PATIENCE;

/// What it needs.
const NEEDED: [&str; 4] = ["/usr/sbin/zfs-fuse", "/usr/sbin/zfs", "/usr/sbin/zpool", "/dev/fuse"];

/// Where the daemon has its socket, its list of pools, and the lock that keeps a second one from
/// starting. In a test's namespace all are its own.
const PLACES: [&str; 3] = ["/run/zfs", "/var/lib/zfs", "/var/lock/zfs"];

/// Set in a process that has a namespace.
const INSIDE: &str = "ABACA_TEST_INSIDE";

/// How large a pool is; it takes what is written.
const POOL_BYTES: u64 = 6 << 30;

/// How long a test may take in its namespace.
const TEST_TIME: Duration = Duration::from_secs(300);

pub struct Daemon {
    child: Child,
    pool: Pool,
}

impl Daemon {
    /// Starts one in this process's namespace. Where it has none, the test is run in one, to its end.
    pub fn start(module: &str, name: &str, skipped: &str) -> Option<Daemon> {
        let root = rustix::process::geteuid().is_root();
        if !root || !NEEDED.iter().all(|path| Path::new(path).exists()) {
            eprintln!("SKIPPED (needs root and {}): {skipped}", NEEDED.join(", "));
            return None;
        }
        if std::env::var_os(INSIDE).is_none() {
            let (_, module) = module.split_once("::").unwrap();
            run_inside(&format!("{module}::{name}"));
            return None;
        }
        Some(Daemon::with_pools())
    }

    fn with_pools() -> Daemon {
        for place in PLACES {
            fs::create_dir_all(place).unwrap();
            run("mount", &["-t", "tmpfs", "-o", "mode=0700", "tmpfs", place]);
        }
        let pool = Pool::bare();
        let log = File::create(pool.directory().join("log")).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the daemon of the storage")]
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "zfs-fuse", "--no-daemon", "--no-kstat-mount"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let daemon = Daemon { child, pool };
        let deadline = Instant::now() + PATIENCE;
        while !daemon.answers() {
            let said = fs::read_to_string(daemon.pool.directory().join("log")).unwrap();
            assert!(Instant::now() < deadline, "zfs-fuse does not answer: {said}");
            std::thread::sleep(Duration::from_millis(20));
        }
        for name in ["tank", "pond"] {
            let file = daemon.pool.directory().join(format!("{name}.vdev"));
            File::create(&file).unwrap().set_len(POOL_BYTES).unwrap();
            run("zpool", &["create", "-m", text(&daemon.mountpoint(name)), name, text(&file)]);
        }
        daemon
    }

    #[expect(clippy::disallowed_methods, reason = "asks the daemon of the storage")]
    fn answers(&self) -> bool {
        let mut command = Command::new("zpool");
        let command = command.arg("list").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().success()
    }

    /// Where a pool is mounted.
    pub fn mountpoint(&self, pool: &str) -> PathBuf {
        self.pool.directory().join(pool)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its mounts answer nobody any more, and would keep the directory.
        for name in ["tank", "pond"] {
            let _ =
                rustix::mount::unmount(self.mountpoint(name), rustix::mount::UnmountFlags::DETACH);
        }
    }
}

/// Runs one test of this program in a mount namespace. It ends with this process.
fn run_inside(test: &str) {
    #[expect(clippy::disallowed_methods, reason = "runs this test once more")]
    let child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "unshare", "--mount", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = wait(child);
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{test}: {}\n{stdout}\n{stderr}",
        output.status
    );
}

/// Waits for its end; what takes too long is killed.
fn wait(child: Child) -> std::process::Output {
    let id = rustix::process::Pid::from_child(&child);
    let (ended, end) = std::sync::mpsc::channel::<()>();
    let guard = std::thread::spawn(move || {
        if end.recv_timeout(TEST_TIME) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    guard.join().unwrap();
    output
}
