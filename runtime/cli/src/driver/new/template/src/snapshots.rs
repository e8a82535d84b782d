//! Snapshots of shares.

use abaca_sdk::{Error, Result, ShareServer, Snapshot, SnapshotUpdate, Snapshots};

use crate::Driver;
use crate::array::{self, Trouble};

impl Snapshots for Driver {
    fn create_snapshot(snapshot: Snapshot, _: Option<ShareServer>) -> Result<SnapshotUpdate> {
        match array::snapshot(&snapshot.share_name, &snapshot.name) {
            // The name has the snapshot's own identifier in it: an earlier call made it.
            Ok(()) | Err(Trouble::Exists(_)) => Ok(SnapshotUpdate { provider_location: None }),
            Err(trouble) => Err(trouble.into()),
        }
    }

    fn delete_snapshot(snapshot: Snapshot, _: Option<ShareServer>) -> Result<()> {
        match array::delete_snapshot(&snapshot.share_name, &snapshot.name) {
            Ok(()) | Err(Trouble::Missing(_)) => Ok(()),
            // Of a share it would be `share-is-busy`; with this one the snapshot stays available.
            Err(Trouble::InUse(why)) => Err(Error::ShareSnapshotIsBusy(why)),
            Err(trouble) => Err(trouble.into()),
        }
    }
}
