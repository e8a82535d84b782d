//! The file systems on the volumes: made, copied, checked, resized, mounted. Called by the
//! interfaces.

use core::time::Duration;

use abaca_sdk::clock;
use abaca_sdk::command::{self, Command};
use abaca_sdk::mounts::{self, MountSource};
use abaca_sdk::{CommandFailure, Error, HostError, Result, files};

use crate::{places, volumes};

/// The type of them.
const TYPE: &str = "ext4";

/// What e2fsck answers when it has put something right.
const CORRECTED: i32 = 1;

/// What resize2fs says of a file system that holds more.
const TOO_SMALL: &str = "smaller than minimum";

/// How often a mount that is in use is tried, and how long apart: Samba's processes leave a share a
/// moment after they were told to, and nobody says when.
const TRIES: u32 = 20;
const APART: Duration = Duration::from_millis(100);

/// MiB in a GiB.
const MIB_IN_GIB: u64 = 1024;

/// Makes an empty one on a volume, whatever was there.
pub fn make(volume: &str) -> Result<()> {
    command::run("mkfs.ext4", [volumes::named(volume)?]).map(drop)
}

/// Copies the first so many GiB of a volume, a snapshot, to another of that size, all of it if it is
/// smaller, and makes the copy a file system of its own. Upstream asks first (`count=0`) whether the device takes what is not cached;
/// those of LVM do.
pub fn copy(snapshot: &str, volume: &str, gib: u64) -> Result<()> {
    let (from, to) = (volumes::named(snapshot)?, volumes::named(volume)?);
    let blocks = gib.saturating_mul(MIB_IN_GIB);
    Command::new("dd")
        .arg(format!("if={from}"))
        .arg(format!("of={to}"))
        .arg(format!("count={blocks}"))
        .args(["bs=1M", "iflag=direct", "oflag=direct"])
        .output()?;
    check(volume)?;
    command::run("tune2fs", ["-U", "random", &to])?;
    grow(volume)
}

/// Puts right what a snapshot of a mounted file system, or a crash, has left open.
pub fn check(volume: &str) -> Result<()> {
    let device = volumes::named(volume)?;
    Command::new("e2fsck").args(["-y", "-f", &device]).allow(CORRECTED).output().map(drop)
}

/// Makes it as large as its volume.
pub fn grow(volume: &str) -> Result<()> {
    command::run("resize2fs", [volumes::named(volume)?]).map(drop)
}

/// Makes one that is not mounted so many GiB large, if what it holds fits.
pub fn shrink(volume: &str, gib: u64) -> Result<()> {
    check(volume)?;
    let resized = command::run("resize2fs", [&volumes::named(volume)?, &format!("{gib}G")]);
    resized.map(drop).map_err(|error| match error {
        Error::CommandFailed(CommandFailure { ref stderr, .. }) if stderr.contains(TOO_SMALL) => {
            Error::ShareShrinkingPossibleDataLoss(format!(
                "what the share holds does not fit into {gib} GiB: {}",
                stderr.trim()
            ))
        }
        error => error,
    })
}

/// Mounts a share's file system at its place, which is made.
pub fn mount(volume: &str) -> Result<()> {
    let place = places::of(volume);
    match files::make_dir(&place, places::EMPTY_MODE) {
        Ok(()) | Err(HostError::AlreadyExists(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let source = MountSource::Device(volumes::named(volume)?);
    Ok(mounts::mount(source, &place, TYPE, &[])?)
}

/// Unmounts a share; upstream does so by force, which would not free what is in use either. What
/// stays in use is an error.
pub fn unmount(volume: &str) -> Result<()> {
    for _ in 1..TRIES {
        match mounts::unmount(&places::of(volume)) {
            Err(HostError::Busy(_)) => clock::sleep(APART)?,
            answer => return unmounted(answer),
        }
    }
    unmounted(mounts::unmount(&places::of(volume)))
}

fn unmounted(answer: Result<(), HostError>) -> Result<()> {
    match answer {
        Ok(()) | Err(HostError::NotFound(_)) => Ok(()),
        Err(HostError::Busy(text)) => Err(Error::ShareIsBusy(text)),
        Err(error) => Err(error.into()),
    }
}
