//! Limits of subvolumes, and whether btrfs counts what they hold. Called by the interfaces that
//! set a size.

use abaca_sdk::{Error, GIB, Result, log};

use crate::pools::Pool;
use crate::subvolume::{Subvolume, btrfs};

/// Sets the limit of a subvolume of a pool to so many GiB.
///
/// By its number, and at the root: over its limit, a subvolume takes no order of its own, not
/// even that for more room (EDQUOT).
pub fn limit(pool: &Pool, subvolume: &Subvolume, gib: u64) -> Result<()> {
    btrfs(["qgroup", "limit", "--"])
        .arg(gib.saturating_mul(GIB))
        .arg(format!("0/{}", subvolume.id))
        .arg(pool.shares.path())
        .output()
        .map(drop)
}

/// Waits until all that was done in a pool is on the storage, and counted. Without it a power cut takes
/// back what is only in memory: limits, names, new subvolumes.
pub fn sync(pool: &Pool) -> Result<()> {
    btrfs(["filesystem", "sync", "--"]).arg(pool.shares.path()).output().map(drop)
}

/// What makes the numbers wrong, if they are: none is that they can be relied on.
pub fn doubt(pool: &Pool) -> Result<Option<String>> {
    let output = btrfs(["qgroup", "show", "--raw", "--"]).arg(pool.shares.path()).output()?;
    let warning = String::from_utf8_lossy(&output.stderr);
    Ok(Some(warning.trim()).filter(|warning| !warning.is_empty()).map(str::to_owned))
}

/// Whether limits hold here at all, and this program may set them.
pub fn check(pool: &Pool) -> Result<()> {
    match doubt(pool) {
        Ok(None) => Ok(()),
        Ok(Some(doubt)) => {
            log::warning(format!(
                "limits hold roughly, and no share shrinks, until quotas are counted anew by \
                 `btrfs quota rescan -w PATH`: {doubt}"
            ));
            Ok(())
        }
        Err(Error::CommandFailed(failure)) => Err(Error::BadConfiguration(format!(
            "the limits of shares are quota groups, and `btrfs qgroup show` fails: {}; turn them \
             on by `btrfs quota enable PATH`, and run Abaca's broker as root",
            failure.stderr.trim()
        ))),
        Err(error) => Err(error),
    }
}
