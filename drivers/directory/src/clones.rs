//! New shares with the content of a snapshot: a copy that goes the other way.

use abaca_sdk::{Clones, CreateError, Error, ExportLocation, Result, Share, ShareServer, Snapshot};

use crate::places::{OPTIONS, Place, SNAPSHOTS};
use crate::{Directory, exports, shares};

impl Clones for Directory {
    fn create_share_from_snapshot(
        share: Share,
        snapshot: Snapshot,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        let source = Place::new(SNAPSHOTS, &snapshot.name)?;
        // Before anything is promised: a share of nothing would be left.
        if !source.is_there()? {
            let reason = format!("`{}` is not there", source.path);
            return Err(Error::SnapshotResourceNotFound(reason).into());
        }
        let mode = OPTIONS.mode()?;
        let locations = shares::locations(&share)?;
        let place = shares::claim(&share)?;
        place.copy_from(&source.path, mode)?;
        exports::appear(&place, &share.name)?;
        Ok(locations)
    }
}
