//! From one file system to another: `btrfs send | btrfs receive`. Called by `copies` alone.
//!
//! What was sent appears under its own name in a directory of the other pool, whole and read-only
//! at the end. Cut short, it stays there, writable and without a received identifier: that is how
//! `copies` tells it.

use abaca_sdk::command::pipeline;
use abaca_sdk::{CommandFailure, Error, Path, Result};

use crate::pools;
use crate::subvolume::btrfs;

/// What the kernel says where there is no more room; commands run with `LC_ALL=C`.
const FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// What `receive -C` says first, with a path of the host.
const CHROOT: &str = "Chroot to ";

/// Sends what is read-only at `source` into a directory: all of it, or what makes it differ from
/// `parent`, which has been received there before.
pub fn send(source: &Path, parent: Option<&Path>, directory: &Path) -> Result<()> {
    let send = match parent {
        Some(parent) => btrfs(["send", "-q", "-p"]).arg(parent),
        None => btrfs(["send", "-q"]),
    };
    // Within the directory, so that a stream that says other places finds none.
    let receive = btrfs(["receive", "-q", "-C", "--"]).arg(directory);
    match pipeline([send.arg("--").arg(source), receive]) {
        Ok(_) => Ok(()),
        Err(Error::CommandFailed(failure)) => Err(told(failure, pools::holding(directory).name)),
        Err(error) => Err(error),
    }
}

/// What a failure means.
fn told(failure: CommandFailure, pool: &str) -> Error {
    let lines = failure.stderr.lines().filter(|line| !line.starts_with(CHROOT));
    let stderr = lines.collect::<Vec<_>>().join("\n");
    match FULL.iter().find(|full| stderr.contains(*full)) {
        Some(full) => Error::BackendFailed(format!("the pool `{pool}` is full: {full}")),
        None => Error::CommandFailed(CommandFailure { stderr, ..failure }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pool_is_named_and_no_path_is_told() {
        let failure = |stderr: &str| CommandFailure {
            program: "btrfs | btrfs".into(),
            code: Some(1),
            stderr: stderr.into(),
        };
        for full in FULL {
            let stderr = format!("Chroot to /srv/x\nERROR: write to a failed: {full}\n");
            let Error::BackendFailed(text) = told(failure(&stderr), "second") else { panic!() };
            assert_eq!(text, format!("the pool `second` is full: {full}"));
        }
        let other = told(failure("Chroot to /srv/x\nERROR: odd"), "second");
        assert_eq!(other, Error::CommandFailed(failure("ERROR: odd")));
    }
}
