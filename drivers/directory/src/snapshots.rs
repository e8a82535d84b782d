//! Snapshots: whole copies, which share their blocks with the share where the file
//! system can. A file that is written meanwhile may be caught half-way.

use abaca_sdk::{Result, ShareServer, Snapshot, SnapshotUpdate, Snapshots};

use crate::Directory;
use crate::places::{Place, SHARES, SNAPSHOTS};

/// Permission bits of a snapshot's directory: no client looks into snapshots,
/// whoever could look into the share.
const SNAPSHOT_MODE: u32 = 0o700;

impl Snapshots for Directory {
    fn create_snapshot(snapshot: Snapshot, _: Option<ShareServer>) -> Result<SnapshotUpdate> {
        let share = Place::new(SHARES, &snapshot.share_name)?;
        Place::new(SNAPSHOTS, &snapshot.name)?.copy_from(&share.path, SNAPSHOT_MODE)?;
        Ok(SnapshotUpdate { provider_location: None })
    }

    fn delete_snapshot(snapshot: Snapshot, _: Option<ShareServer>) -> Result<()> {
        Place::new(SNAPSHOTS, &snapshot.name)?.remove()
    }
}
