//! Who clears up when a test is killed: a process beside it that waits for its end, whatever that
//! is, and then takes away what is mounted beneath the test's directories, and the directories.
//!
//! ```text
//! test ─ a pipe, the names of directories ─▶ reaper      test ends ─▶ the pipe does
//!   └─ removes them itself, when it can                    └─▶ unmount, remove, until nothing is left
//! ```
//! One is started for tests that mount something or start servers; directories that were made
//! before are told to it then. It is in a process group of its own, so what interrupts the test's
//! does not reach it.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// What it does. Directories of tests have plain names.
const SCRIPT: &str = r#"
all=
while read -r one; do all="$all $one"; done
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    left=
    for one in $all; do
        [ -e "$one" ] || continue
        tac /proc/self/mounts | while read -r what place rest; do
            case $place in "$one"/*) umount -l "$place" ;; esac
        done
        rm -rf --one-file-system "$one" || true
        [ ! -e "$one" ] || left=1
        case ${one%/*} in */abaca-storage) flock "${one%/*}" rmdir "${one%/*}" ;; esac
    done
    [ -n "$left" ] || exit 0
    sleep 0.3
done
"#;

struct Reaper {
    /// Made before there was one.
    pending: Vec<PathBuf>,
    pipe: Option<ChildStdin>,
}

static REAPER: Mutex<Reaper> = Mutex::new(Reaper { pending: Vec::new(), pipe: None });

/// A directory to be removed when this process is gone. Of pools, the one that all are in goes too,
/// when it is empty.
pub fn leaves(directory: &Path) {
    let mut reaper = REAPER.lock().unwrap_or_else(PoisonError::into_inner);
    match &mut reaper.pipe {
        Some(pipe) => tell(pipe, directory),
        None => reaper.pending.push(directory.to_owned()),
    }
}

/// From now on somebody clears up after this process.
pub fn start() {
    let mut reaper = REAPER.lock().unwrap_or_else(PoisonError::into_inner);
    if reaper.pipe.is_some() {
        return;
    }
    #[expect(clippy::disallowed_methods, reason = "it outlives the test")]
    let child = Command::new("sh")
        .args(["-c", SCRIPT])
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut pipe = child.unwrap().stdin.take().unwrap();
    reaper.pending.drain(..).for_each(|directory| tell(&mut pipe, &directory));
    reaper.pipe = Some(pipe);
}

fn tell(pipe: &mut ChildStdin, directory: &Path) {
    let name = directory.to_str().unwrap();
    assert!(!name.contains(|c: char| c.is_whitespace() || "*?[".contains(c)), "{name}");
    writeln!(pipe, "{name}").unwrap();
}
