//! Snapshots of shares. A share is mounted meanwhile, and what is on its way to the storage is
//! not waited for: what comes of it is put right where a snapshot is copied.

use abaca_sdk::{Error, Result, ShareServer, Snapshot, SnapshotUpdate, Snapshots};

use crate::{Lvm, record, volumes};

impl Snapshots for Lvm {
    fn create_snapshot(snapshot: Snapshot, _: Option<ShareServer>) -> Result<SnapshotUpdate> {
        let share = record::volume(&snapshot.share_instance_id)?.ok_or_else(|| {
            Error::ShareResourceNotFound(format!(
                "no volume was made for the share {}",
                snapshot.share_instance_id
            ))
        })?;
        let volume = record::begin(&snapshot.id, &snapshot.name)?;
        volumes::snapshot(&volume, snapshot.size, &share)?;
        Ok(SnapshotUpdate { provider_location: None })
    }

    fn delete_snapshot(snapshot: Snapshot, _: Option<ShareServer>) -> Result<()> {
        let Some(volume) = record::volume(&snapshot.id)? else { return Ok(()) };
        volumes::remove(&volume, Error::ShareSnapshotIsBusy)?;
        record::forget(&snapshot.id)
    }
}
