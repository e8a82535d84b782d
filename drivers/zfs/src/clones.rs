//! New shares with the content of a snapshot: copies, as upstream makes them, which do not keep
//! the snapshot from being removed.

use abaca_sdk::{Clones, CreateError, Error, ExportLocation, Result, Share, ShareServer, Snapshot};

use crate::{Zfs, copying, dataset, places, record, shares, snapshots};

impl Clones for Zfs {
    fn create_share_from_snapshot(
        share: Share,
        snapshot: Snapshot,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        let source = snapshots::share(&snapshot)?;
        let tag = record::tag(&snapshot)?.ok_or_else(|| {
            Error::SnapshotResourceNotFound(format!("there is no snapshot {}", snapshot.id))
        })?;
        let properties = shares::properties(&share)?;
        let record = shares::begin(&share, &properties)?;
        if !record::is_received(&share.id)? {
            // What an earlier call left in the middle was never a share.
            let is_left = dataset::is_there(&record)?;
            if is_left && !copying::is_received(&record, &tag)? {
                dataset::destroy_whole(&record)?;
            }
            record::set_receiving(&share.id, &tag)?;
            if !copying::is_received(&record, &tag)? {
                copying::clone(&source, &tag, &record)?;
            }
            record::set_received(&share.id)?;
        }
        for property in &properties {
            dataset::set(&record, property)?;
        }
        dataset::destroy_new_snapshot(&record, &tag)?;
        dataset::mount(&record)?;
        Ok(places::locations(&dataset::mountpoint(&record)?)?)
    }
}
