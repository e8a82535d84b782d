//! New shares with the content of a snapshot: copies, which do not keep the snapshot from being
//! removed. Upstream at this commit mounts the snapshot itself where the copy should be.

use abaca_sdk::{Clones, CreateError, Error, ExportLocation, Result, Share, ShareServer, Snapshot};

use crate::{Lvm, exports, filesystem, record, shares, volumes};

impl Clones for Lvm {
    fn create_share_from_snapshot(
        share: Share,
        snapshot: Snapshot,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        exports::check_protocol(&share)?;
        let source = record::volume(&snapshot.id)?.ok_or_else(|| {
            Error::SnapshotResourceNotFound(format!("there is no snapshot {}", snapshot.id))
        })?;
        let volume = record::begin(&share.id, &share.name)?;
        if !record::is_filled(&share.id)? {
            volumes::create(&volume, share.size)?;
            filesystem::copy(&source, &volume, share.size)?;
            record::set_filled(&share.id)?;
        }
        Ok(shares::open(&volume)?)
    }
}
