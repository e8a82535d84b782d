//! Snapshots of shares.

use abaca_sdk::{Error, Result, ShareServer, Snapshot, SnapshotUpdate, Snapshots};

use crate::record::{self, Record};
use crate::{Zfs, dataset, tool};

impl Snapshots for Zfs {
    fn create_snapshot(snapshot: Snapshot, _: Option<ShareServer>) -> Result<SnapshotUpdate> {
        let share = share(&snapshot)?;
        dataset::snapshot(&share, &record::begin_tag(&snapshot)?)?;
        Ok(SnapshotUpdate { provider_location: None })
    }

    fn delete_snapshot(snapshot: Snapshot, _: Option<ShareServer>) -> Result<()> {
        if let (Some(share), Some(tag)) =
            (Record::of(&snapshot.share_instance_id)?, record::tag(&snapshot)?)
        {
            remove(&share, &tag)?;
        }
        record::forget_tag(&snapshot)
    }
}

/// The share of a snapshot.
pub fn share(snapshot: &Snapshot) -> Result<Record> {
    Record::of(&snapshot.share_instance_id)?.ok_or_else(|| {
        Error::ShareResourceNotFound(format!(
            "no dataset was made for the share {}",
            snapshot.share_instance_id
        ))
    })
}

/// Removes a snapshot; none there is success.
pub fn remove(share: &Record, tag: &str) -> Result<()> {
    if !dataset::has_snapshot(share, tag)? {
        return Ok(());
    }
    dataset::destroy_snapshot(share, tag).map_err(|error| match error {
        Error::CommandFailed(ref failure) if tool::is_busy(&error) => {
            Error::ShareSnapshotIsBusy(failure.stderr.trim().to_owned())
        }
        error => error,
    })
}
