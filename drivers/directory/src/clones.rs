//! New shares with the content of a snapshot: a copy that goes the other way.

use abaca_sdk::{Clones, CreateError, ExportLocation, Result, Share, ShareServer, Snapshot};

use crate::places::{OPTIONS, Place, SNAPSHOTS};
use crate::{Directory, shares};

impl Clones for Directory {
    fn create_share_from_snapshot(
        share: Share,
        snapshot: Snapshot,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        let source = Place::new(SNAPSHOTS, &snapshot.name)?;
        let mode = OPTIONS.mode()?;
        let locations = shares::locations(&share)?;
        shares::claim(&share)?.copy_from(&source.path, mode)?;
        Ok(locations)
    }
}
