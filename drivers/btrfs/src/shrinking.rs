//! Making shares smaller. btrfs takes any limit, also one below what is there: so what is there
//! is counted first.

use abaca_sdk::{Error, Result, Share, ShareServer, Shrinking, files, local};

use crate::{Btrfs, group, places, quota, subvolume};

impl Shrinking for Btrfs {
    fn shrink_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        let found = places::share(&share.id, &share.name)?;
        let pool = found.pool;
        // What is only in memory is not counted yet.
        quota::sync(pool)?;
        if let Some(group) = found.group {
            local::check_fits(files::usage(&found.path)?.allocated_bytes, new_size)?;
            pool.promise(&share.id, &share.name, new_size)?;
            group::limit(&group::place(&group), &group)?;
            return quota::sync(pool);
        }
        if let Some(doubt) = quota::doubt(pool)? {
            return Err(Error::BackendFailed(format!(
                "how much the share holds cannot be relied on ({doubt}); have it counted anew by \
                 `btrfs quota rescan -w PATH`, then try again"
            )));
        }
        let subvolume = subvolume::show(&found.path)?;
        local::check_fits(subvolume.used, new_size)?;
        quota::limit(pool, &subvolume, new_size)?;
        quota::sync(pool)?;
        pool.promise(&share.id, &share.name, new_size)
    }
}
