//! New shares with the content of a snapshot: a copy that goes the other way.

use abaca_sdk::{Clones, CreateError, ExportLocation, Result, Share, ShareServer, Snapshot};

use crate::places::{OPTIONS, Place, SNAPSHOTS};
use crate::{Directory, exports, shares};

impl Clones for Directory {
    fn create_share_from_snapshot(
        share: Share,
        snapshot: Snapshot,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        let source = Place::new(SNAPSHOTS, &snapshot.name)?;
        let mode = OPTIONS.mode()?;
        let locations = shares::locations(&share)?;
        let place = shares::claim(&share)?;
        place.copy_from(&source.path, mode)?;
        exports::appear(&place, &share.name)?;
        Ok(locations)
    }
}
