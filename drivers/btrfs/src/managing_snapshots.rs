//! Taking over read-only snapshots of a share that are in the root `snapshots` already, and
//! letting snapshots go. What is taken over gets the snapshot's name.

use abaca_sdk::{Error, ManagedSnapshot, ManagingSnapshots, Pair, Result, Snapshot, files};

use crate::managing::gib;
use crate::places::{self, is_there};
use crate::snapshots::check_taken_of;
use crate::{Btrfs, subvolume};

impl ManagingSnapshots for Btrfs {
    fn manage_existing_snapshot(
        snapshot: Snapshot,
        driver_options: Vec<Pair>,
    ) -> Result<ManagedSnapshot> {
        let unfit = Error::ManageInvalidSnapshot;
        if let Some((name, _)) = driver_options.first() {
            return Err(unfit(format!("there is no driver option `{name}` for a snapshot")));
        }
        let places::Found { path: share, pool, .. } =
            places::share(&snapshot.share_instance_id, &snapshot.share_name)?;
        let place = pool.snapshots.join(&snapshot.name);
        let name = name_of(snapshot.provider_location.as_deref().unwrap_or_default())?;
        // At its new name already, if an earlier call came so far.
        let found = if is_there(&place)? { place.clone() } else { pool.snapshots.join(name) };
        if !is_there(&found)? {
            return Err(unfit(format!("`{found}` is not there")));
        }
        let taken = subvolume::show(&found).map_err(|error| match error {
            Error::CommandFailed(failure) => {
                unfit(format!("`{found}` cannot be taken over: {}", failure.stderr.trim()))
            }
            error => error,
        })?;
        let share = subvolume::show(&share)?;
        check_taken_of(&taken, &share).map_err(|why| unfit(format!("`{found}` {why}")))?;
        if found != place {
            files::rename(&found, &place)?;
        }
        // A share that was larger then has shrunk: whatever is made of this needs as much room.
        let size = Some(gib(taken.used)).filter(|size| *size > gib(share.limit.unwrap_or(0)));
        Ok(ManagedSnapshot { size, provider_location: Some(snapshot.name) })
    }

    fn unmanage_snapshot(_: Snapshot) -> Result<()> {
        Ok(())
    }
}

/// A snapshot's name in the root `snapshots`, as the operator gave it.
fn name_of(location: &str) -> Result<&str> {
    match location.is_empty() || location.contains('/') {
        false => Ok(location),
        true => Err(Error::ManageInvalidSnapshot(format!(
            "`{location}` is no snapshot of this back end; write its name in the root `snapshots`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_name() {
        assert_eq!(name_of("monday"), Ok("monday"));
        assert!(name_of("").is_err() && name_of("a/b").is_err() && name_of("/a").is_err());
    }
}
