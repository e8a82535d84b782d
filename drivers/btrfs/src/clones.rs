//! New shares with the content of a snapshot: writable snapshots of it, which share its blocks.
//! Each begins with the limit that its snapshot got from its share, and is given its own before
//! a client sees it.

use abaca_sdk::{Clones, CreateError, Error, ExportLocation, Result, Share, ShareServer, Snapshot};

use crate::places::SNAPSHOTS;
use crate::{Btrfs, making, subvolume};

impl Clones for Btrfs {
    fn create_share_from_snapshot(
        share: Share,
        snapshot: Snapshot,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        if share.consistency_group_id.is_some() {
            return Err(Error::Unsupported(
                "members of a consistency group are not made from snapshots of single shares"
                    .to_owned(),
            )
            .into());
        }
        let source = SNAPSHOTS.join(&snapshot.name);
        Ok(making::appear(&share, |staged| subvolume::clone(&source, staged))?)
    }
}
