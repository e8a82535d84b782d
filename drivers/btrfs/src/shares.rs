//! Making, removing and finding shares.

use abaca_sdk::{CreateError, ExportLocation, Result, Share, ShareServer, Shares, local};

use crate::{Btrfs, exports, group, making, migration, places, pools, subvolume};

impl Shares for Btrfs {
    fn create_share(
        share: Share,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        Ok(match &share.consistency_group_id {
            Some(group) => group::join(&share, group)?,
            None => making::appear(&share, pools::choose(&share)?, subvolume::create)?,
        })
    }

    fn delete_share(share: Share, _: Option<ShareServer>) -> Result<()> {
        if let Some(group) = group::of(&share.id)? {
            return group::leave(&share, &group);
        }
        let pool = pools::of(&share.id)?;
        let place = pool.shares.join(&share.name);
        if !local::is_promised(&share.id)? && places::is_there(&place)? {
            return Err(making::foreign(&place));
        }
        migration::abandon(&share)?;
        exports::vanish(&share.name)?;
        subvolume::remove(&pool.staging.join(&share.name))?;
        subvolume::remove(&place)?;
        local::forget(&share.id)
    }

    fn ensure_share(share: Share, _: Option<ShareServer>) -> Result<Vec<ExportLocation>> {
        let found = places::share(&share.id, &share.name)?;
        match found.group {
            Some(group) => group::locations(&share, &group),
            None => {
                exports::appear(&found.path, &share.name)?;
                making::locations(&share, found.pool)
            }
        }
    }
}
