//! New shares with the content of a snapshot: writable snapshots of it, which share its blocks.
//! Each begins with the limit that its snapshot got from its share, and is given its own before
//! a client sees it.

use abaca_sdk::{Clones, CreateError, Error, ExportLocation, Result, Share, ShareServer, Snapshot};

use crate::{Btrfs, making, pools, subvolume};

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
        // A snapshot's blocks are shared, so what is made of it lies beside it.
        let pool = pools::of(&snapshot.share_instance_id)?;
        if pools::are_two()? && share.pool.as_deref().is_some_and(|wanted| wanted != pool.name) {
            return Err(Error::InvalidShare(format!(
                "a share is made from a snapshot in the pool of that, which is `{}`",
                pool.name
            ))
            .into());
        }
        pools::settle(&share.id, pool)?;
        let source = pool.snapshots.join(&snapshot.name);
        Ok(making::appear(&share, pool, |staged| subvolume::clone(&source, staged))?)
    }
}
