//! Copies of datasets: streams from one `zfs` to another, which no driver sees. Called by `clones`,
//! `replication` and `replicated_snapshots`.
//!
//! ```text
//! zfs send -vDp  A@S          │ zfs receive -v  B     a clone
//! zfs send -vDR  A@NEW        │ zfs receive -v  B     a replica
//! zfs send -vDRI OLD A@NEW    │ zfs receive -vF B     what has changed since, with all snapshots
//! ```
//! The last one makes B what A is: it also removes what A has no more, and B itself where it does
//! not know where B comes from. So it is begun only from a snapshot that both have.

use abaca_sdk::{Result, command, log};

use crate::record::Record;
use crate::{dataset, tool};

/// Makes `to` of a snapshot.
pub fn clone(from: &Record, tag: &str, to: &Record) -> Result<()> {
    full("-vDp", from, tag, to)
}

/// Makes `to` of a snapshot and all before it.
pub fn replicate(from: &Record, tag: &str, to: &Record) -> Result<()> {
    full("-vDR", from, tag, to)
}

/// Whether `to` is there and was received up to this snapshot.
pub fn is_received(to: &Record, tag: &str) -> Result<bool> {
    Ok(dataset::is_there(to)? && dataset::has_snapshot(to, tag)?)
}

fn full(words: &str, from: &Record, tag: &str, to: &Record) -> Result<()> {
    let answer = command::pipeline([
        tool::zfs(["send", words, &format!("{}@{tag}", from.dataset)]),
        tool::zfs(["receive", "-v", &to.dataset]),
    ]);
    // What is received appears whole; then the tool may still have failed to mount or serve it.
    match answer {
        Ok(_) => Ok(()),
        Err(error) => came(to, tag, error),
    }
}

/// Brings `to` from the snapshot `base`, which both have, to the snapshot `tag`.
pub fn catch_up(from: &Record, base: &str, tag: &str, to: &Record) -> Result<()> {
    let is_fuse = tool::is_fuse()?;
    if is_fuse {
        // What clients of this host have read of it, the kernel keeps until it is mounted anew.
        dataset::unmount(to)?;
    }
    let answer = command::pipeline([
        tool::zfs(["send", "-vDRI", base, &format!("{}@{tag}", from.dataset)]),
        tool::zfs(["receive", "-vF", &to.dataset]),
    ]);
    // Also of one that did not come: what was there before is for reading still.
    let end = match answer {
        Ok(_) => Ok(()),
        Err(error) => came(to, tag, error),
    };
    let mounted = dataset::mount(to);
    if is_fuse {
        // It mounts with the `readonly` that came, not with that of its own.
        dataset::set(to, "readonly=on")?;
    }
    end.and(mounted)
}

/// The error, unless what was to come is there all the same.
fn came(to: &Record, tag: &str, error: abaca_sdk::Error) -> Result<()> {
    if !dataset::has_snapshot(to, tag)? {
        return Err(error);
    }
    if !tool::is_taken(&error) {
        log::warning(format!("{} was received, and then: {}", to.dataset, error.text()));
    }
    Ok(())
}
