//! Who is alive: files whose locks the kernel gives back when their holders die, however they die.
//! One for each call under way, held by its process; one for each broker, held by it and by all
//! that it has started.

use std::sync::Arc;

use cap_std::fs::Dir;

use crate::storage::new_file;

/// How the files end whose locks brokers hold.
const BROKER: &str = "broker";

/// Marks what a broker has started as living, for whoever finds a call whose process died: what
/// it had begun may still be at work until the broker has ended it.
#[derive(Clone, Debug)]
pub(crate) struct Presence {
    pub(super) locks: Arc<Dir>,
    pub(super) owner: String,
}

impl Presence {
    /// Identifies this opening of the records among those of all processes.
    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }

    /// Whether a broker of this opening of the records, or anything that it started, lives.
    pub(crate) fn lives(&self, owner: &str) -> bool {
        !owner.is_empty() && has_broker(&self.locks, owner)
    }

    /// A new file with its lock, and its name; whoever inherits the file holds the lock.
    pub(crate) fn mark(&self) -> std::io::Result<(std::fs::File, String)> {
        let name = format!("{}.{}.{BROKER}", self.owner, uuid::Uuid::new_v4());
        let unlocked = format!("{name}.new");
        let file = self.locks.open_with(&unlocked, &new_file())?.into_std();
        file.lock()?;
        // Under its name it is never seen without its lock, and so never swept away.
        self.locks.rename(&unlocked, &self.locks, &name)?;
        Ok((file, name))
    }

    /// Takes the mark away, where nothing is left that it would have to speak for.
    pub(crate) fn remove(&self, name: &str) {
        // One that stays is swept away by whoever opens the records next.
        let _ = self.locks.remove_file(name);
    }
}

/// The file whose lock says that a call is under way.
pub(super) fn lock_name(id: &str) -> String {
    format!("{id}.lock")
}

/// Whether something living holds the lock. What cannot be looked at is taken to be held: a wrong
/// "dead" would contradict a call that goes on.
pub(super) fn is_held(locks: &Dir, name: &str) -> bool {
    match locks.open(name) {
        Ok(file) => file.into_std().try_lock_shared().is_err(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Whether a broker of an owner (of any, for the empty text), or anything that it started, lives.
/// Files of those that do not are removed.
pub(super) fn has_broker(locks: &Dir, owner: &str) -> bool {
    let Ok(entries) = locks.entries() else { return true };
    let mut lives = false;
    for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        if name.starts_with(owner) && name.ends_with(BROKER) {
            if is_held(locks, &name) {
                lives = true;
            } else {
                let _ = locks.remove_file(&name);
            }
        }
    }
    lives
}
