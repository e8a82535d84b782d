//! Snapshots: read-only subvolumes, each of one moment of its share.

use abaca_sdk::{Error, Path, Result, ShareServer, Snapshot, SnapshotUpdate, Snapshots};

use crate::places::{self, is_there};
use crate::{Btrfs, pools, subvolume};

impl Snapshots for Btrfs {
    fn create_snapshot(snapshot: Snapshot, _: Option<ShareServer>) -> Result<SnapshotUpdate> {
        let share = places::share(&snapshot.share_instance_id, &snapshot.share_name)?;
        if let Some(group) = share.group {
            return Err(Error::Unsupported(format!(
                "the share is a member of the consistency group {group}, and is kept with it \
                 alone: take a snapshot of the group"
            )));
        }
        let place = place(&snapshot)?;
        if is_there(&place)? {
            // An earlier call came this far, if it is one of this share.
            check_taken_of(&subvolume::show(&place)?, &subvolume::show(&share.path)?).map_err(
                |why| Error::BackendFailed(format!("`{place}` is there already and {why}")),
            )?;
        } else {
            subvolume::keep(&share.path, &place)?;
        }
        Ok(SnapshotUpdate { provider_location: None })
    }

    fn delete_snapshot(snapshot: Snapshot, _: Option<ShareServer>) -> Result<()> {
        subvolume::remove(&place(&snapshot)?)
    }
}

/// Where a snapshot is: in the pool of its share.
pub fn place(snapshot: &Snapshot) -> Result<Path> {
    Ok(pools::of(&snapshot.share_instance_id)?.snapshots.join(&snapshot.name))
}

/// Whether one is a snapshot of the other; if not, what it is.
pub fn check_taken_of(
    snapshot: &subvolume::Subvolume,
    share: &subvolume::Subvolume,
) -> Result<(), &'static str> {
    match (snapshot.read_only, snapshot.parent.as_ref() == Some(&share.uuid)) {
        (true, true) => Ok(()),
        (false, _) => Err("can be written to, so it is no snapshot"),
        (true, false) => Err("is no snapshot of this share"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subvolume::Subvolume;

    #[test]
    fn a_snapshot_is_read_only_and_of_its_share() {
        let of = |uuid: &str, parent: Option<&str>, read_only| Subvolume {
            id: 256,
            uuid: uuid.into(),
            parent: parent.map(str::to_owned),
            read_only,
            limit: None,
            used: 0,
            received: None,
            generation: 9,
            made: 9,
            snapshots: 0,
        };
        let share = of("a", None, false);
        assert!(check_taken_of(&of("b", Some("a"), true), &share).is_ok());
        assert!(check_taken_of(&of("b", Some("a"), false), &share).is_err());
        assert!(check_taken_of(&of("b", Some("c"), true), &share).is_err());
        assert!(check_taken_of(&of("b", None, true), &share).is_err());
    }
}
