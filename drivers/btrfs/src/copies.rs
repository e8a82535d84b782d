//! Copies of a share on their way from one pool to the other. Called by `replication`,
//! `replicated_snapshots` and `migration`.
//!
//! ```text
//! first                                              second
//!   shares:NAME ─ snapshot -r ─▶ replicas:WAY/sync-7 ─ send -p sync-6 │ receive ─▶ second-replicas:WAY/sync-7
//! ```
//! A way is a directory of the same name in the root `replicas` of both pools. What has arrived is
//! found out from what lies there, never from memory: a copy is whole if it is read-only, and it is
//! the same as one of the other pool if both have the same origin, which `receive` writes down last
//! of all. The newest that both pools have is what the next one is sent as a change of; it stays
//! until that has arrived. All else is what was cut short, and is removed by the next call. So it
//! works in both directions, and after a change of direction too.

use core::time::Duration;

use abaca_sdk::{Error, HostError, Path, Result, files, lock, log};

use crate::places::is_there;
use crate::pools::Pool;
use crate::subvolume::{self, Subvolume};
use crate::{quota, stream};

/// The beginning of the name of a copy of what a share holds at one moment; a number follows, each
/// larger than all before.
const SYNC: &str = "sync-";

/// The beginning of the name of a snapshot on its way; its identifier follows.
const KEPT: &str = "kept-";

/// The most copies of a way. More than three are there after several calls in a row were cut short.
const COPIES_MAX: usize = 1_000;

/// Permission bits of a way: no client comes here.
const MODE: u32 = 0o700;

/// How long somebody waits who would not wait for a copy to be sent.
const BRIEFLY: Duration = Duration::from_millis(200);

/// From one pool to another, for one share.
#[derive(Debug)]
pub struct Way {
    /// The name of the directories.
    name: String,
    /// Where the share is.
    pub from: &'static Pool,
    /// Where it shall be.
    pub to: &'static Pool,
}

/// A copy that lies in a pool.
#[derive(Clone, Debug)]
struct Copy {
    name: String,
    subvolume: Subvolume,
}

/// What it took to bring one pool up to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synced {
    /// All of the share.
    Whole,
    /// What had changed.
    Change,
    /// Nothing.
    Nothing,
}

impl Copy {
    /// The number of a copy of a share.
    fn number(&self) -> Option<u64> {
        self.name.strip_prefix(SYNC)?.parse().ok()
    }
}

impl Way {
    /// Of a replicated share, by the identifier that all its replicas have.
    pub fn of_share(share_id: &str, from: &'static Pool) -> Self {
        Self { name: format!("share-{share_id}"), from, to: from.other() }
    }

    /// Of a share that is moved, by its own identifier.
    pub fn of_moving(id: &str, from: &'static Pool) -> Self {
        Self { name: format!("moving-{id}"), from, to: from.other() }
    }

    /// Has nobody else work on it, as long as the guard is there.
    pub fn lock(&self) -> Result<lock::Guard> {
        Ok(lock::acquire(&self.name, None)?)
    }

    /// The same, or none if somebody else works on it for longer than a moment.
    pub fn try_lock(&self) -> Result<Option<lock::Guard>> {
        match lock::acquire(&self.name, Some(BRIEFLY)) {
            Ok(guard) => Ok(Some(guard)),
            Err(HostError::Deadline(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it has been made.
    pub fn is_open(&self) -> Result<bool> {
        is_there(&self.end(self.from))
    }

    /// Makes it. Repeated, it finds it.
    pub fn open(&self) -> Result<()> {
        for end in [self.end(self.from), self.end(self.to)] {
            if !is_there(&end)? {
                files::make_dir(&end, MODE)?;
            }
        }
        Ok(())
    }

    /// Removes it with all that lies on it, at one end.
    pub fn close(&self, pool: &Pool) -> Result<()> {
        let end = self.end(pool);
        for name in names(&end)? {
            subvolume::remove(&end.join(&name))?;
        }
        files::remove(&end)?;
        Ok(())
    }

    /// Brings what the share at `share` holds now to the other pool, if it is not there already. It
    /// can be written to, unless it is `shut` for the last time.
    pub fn sync(&self, share: &Path, shut: bool) -> Result<Synced> {
        self.open()?;
        // Else what is only in memory has changed nothing yet.
        quota::sync(self.from)?;
        let mut share_now = subvolume::show(share)?;
        if share_now.read_only && !shut {
            // By a call that was cut short, and came to nothing.
            subvolume::shut(share, false)?;
            share_now = subvolume::show(share)?;
        }
        let (sent, received) = (copies(&self.end(self.from))?, copies(&self.end(self.to))?);
        let last = newest_of_both(&sent, &received);
        self.keep_only(last.as_ref().map(|last| last.name.as_str()), &sent, &received)?;
        if last.as_ref().is_some_and(|last| is_current(&last.subvolume, &share_now)) {
            return Ok(Synced::Nothing);
        }
        let last = last.map(|last| last.name);
        let numbers = sent.iter().chain(&received).filter_map(Copy::number);
        let next = format!("{SYNC}{}", numbers.max().unwrap_or(0).saturating_add(1));
        self.bring(share, &next, last.as_deref())?;
        let Some(last) = &last else {
            quota::sync(self.to)?;
            return Ok(Synced::Whole);
        };
        subvolume::remove(&self.end(self.from).join(last))?;
        subvolume::remove(&self.end(self.to).join(last))?;
        Ok(Synced::Change)
    }

    /// Brings a snapshot of the share to the other pool and puts it at `place` there.
    pub fn carry(&self, share: &Path, snapshot: &Path, id: &str, place: &Path) -> Result<()> {
        if self.newest()?.is_none() {
            // So that the snapshot is only a change of what has to come anyway.
            self.sync(share, false)?;
        }
        let (sent, received) = (copies(&self.end(self.from))?, copies(&self.end(self.to))?);
        let last = newest_of_both(&sent, &received).map(|last| last.name);
        self.keep_only(last.as_deref(), &sent, &received)?;
        let name = format!("{KEPT}{id}");
        self.bring(snapshot, &name, last.as_deref())?;
        subvolume::keep(&self.end(self.to).join(&name), place)?;
        subvolume::remove(&self.end(self.from).join(&name))?;
        subvolume::remove(&self.end(self.to).join(&name))
    }

    /// The newest copy that has arrived whole, if one has.
    pub fn newest(&self) -> Result<Option<Path>> {
        let end = self.end(self.to);
        let whole = copies(&end)?.into_iter().filter(|copy| copy.subvolume.read_only);
        let newest = whole.filter(|copy| copy.number().is_some()).max_by_key(Copy::number);
        Ok(newest.map(|copy| end.join(&copy.name)))
    }

    /// How many bytes of how many have arrived of the copy that is being sent.
    pub fn arrived(&self) -> Result<(u64, u64)> {
        let used = |pool: &Pool| {
            let newest = copies(&self.end(pool))?.into_iter().max_by_key(Copy::number);
            Ok::<_, Error>(newest.map_or(0, |copy| copy.subvolume.used))
        };
        Ok((used(self.to)?, used(self.from)?))
    }

    /// Its directory in a pool.
    fn end(&self, pool: &Pool) -> Path {
        pool.replicas.join(&self.name)
    }

    /// Makes a copy at one end and sends it to the other. If that fails, it is as before.
    fn bring(&self, source: &Path, name: &str, parent: Option<&str>) -> Result<()> {
        let (here, there) = (self.end(self.from).join(name), self.end(self.to).join(name));
        subvolume::keep(source, &here)?;
        let parent = parent.map(|parent| self.end(self.from).join(parent));
        let brought = stream::send(&here, parent.as_ref(), &self.end(self.to)).and_then(|()| {
            let (sent, received) = (subvolume::show(&here)?, subvolume::show(&there)?);
            match received.read_only && received.origin() == sent.origin() {
                true => Ok(()),
                false => Err(Error::BackendFailed(format!(
                    "`{there}` is not what was sent from `{here}`"
                ))),
            }
        });
        if brought.is_err() {
            for place in [&there, &here] {
                // What fails here is removed by the next call.
                drop(subvolume::remove(place));
            }
        }
        brought
    }

    /// Removes all copies from both ends but those of this name.
    fn keep_only(&self, name: Option<&str>, sent: &[Copy], received: &[Copy]) -> Result<()> {
        for (pool, copies) in [(self.from, sent), (self.to, received)] {
            for copy in copies.iter().filter(|copy| Some(copy.name.as_str()) != name) {
                log::info(format!("`{}` was left over", self.end(pool).join(&copy.name)));
                subvolume::remove(&self.end(pool).join(&copy.name))?;
            }
        }
        Ok(())
    }
}

/// Whether a copy of a share has all that the share has now.
fn is_current(copy: &Subvolume, share: &Subvolume) -> bool {
    copy.parent.as_ref() == Some(&share.uuid) && copy.made == share.generation
}

/// The newest copy of the share, as it was sent, that both pools have.
fn newest_of_both(sent: &[Copy], received: &[Copy]) -> Option<Copy> {
    let is_there = |copy: &&Copy| {
        received.iter().any(|other| {
            other.name == copy.name
                && other.subvolume.read_only
                && other.subvolume.origin() == copy.subvolume.origin()
        })
    };
    let whole = sent.iter().filter(|copy| copy.subvolume.read_only && copy.number().is_some());
    whole.filter(is_there).max_by_key(|copy| copy.number()).cloned()
}

/// The copies in one directory; none where that is not there.
fn copies(end: &Path) -> Result<Vec<Copy>> {
    let mut copies = Vec::new();
    for name in names(end)? {
        let subvolume = subvolume::show(&end.join(&name))?;
        copies.push(Copy { name, subvolume });
    }
    Ok(copies)
}

fn names(end: &Path) -> Result<Vec<String>> {
    if !is_there(end)? {
        return Ok(Vec::new());
    }
    let entries = files::list(end, COPIES_MAX)?;
    Ok(entries.into_iter().map(|entry| entry.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(name: &str, uuid: &str, received: Option<&str>, read_only: bool) -> Copy {
        let subvolume = Subvolume {
            id: 256,
            uuid: uuid.into(),
            parent: Some("share".into()),
            read_only,
            limit: None,
            used: 0,
            received: received.map(str::to_owned),
            generation: 9,
            made: 7,
            snapshots: 0,
        };
        Copy { name: name.into(), subvolume }
    }

    #[test]
    fn the_newest_that_both_have_is_found_in_both_directions() {
        let sent = [
            copy("sync-9", "a", None, true),
            copy("sync-10", "b", None, true),
            copy("sync-11", "c", None, true),
            copy("kept-x", "d", None, true),
        ];
        let mut received = vec![
            copy("sync-9", "k", Some("a"), true),
            copy("sync-10", "l", Some("b"), true),
            // Cut short.
            copy("sync-11", "m", None, false),
            copy("kept-x", "n", Some("d"), true),
        ];
        let newest = |from: &[Copy], to: &[Copy]| newest_of_both(from, to).map(|copy| copy.name);
        assert_eq!(newest(&sent, &received).as_deref(), Some("sync-10"));
        assert_eq!(newest(&received, &sent).as_deref(), Some("sync-10"));
        assert_eq!(newest(&sent, &[]), None);
        // Something else of the same name.
        received[1] = copy("sync-10", "l", Some("z"), true);
        assert_eq!(newest(&sent, &received).as_deref(), Some("sync-9"));
        received[0].subvolume.read_only = false;
        assert_eq!(newest(&sent, &received), None);
    }

    #[test]
    fn a_copy_is_current_until_its_share_changes() {
        let mut share = copy("", "share", None, false).subvolume;
        let copy = copy("sync-1", "a", None, true).subvolume;
        assert!(!is_current(&copy, &share));
        share.generation = copy.made;
        assert!(is_current(&copy, &share));
        share.uuid = "another".into();
        assert!(!is_current(&copy, &share));
    }
}
