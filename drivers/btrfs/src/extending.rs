//! Making shares larger: another promise and another limit, if there is room for it. Also of a
//! share that is full.

use abaca_sdk::{Extending, Result, Share, ShareServer};

use crate::{Btrfs, group, places, quota, subvolume};

impl Extending for Btrfs {
    fn extend_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        let found = places::share(&share.id, &share.name)?;
        found.pool.promise(&share.id, &share.name, new_size)?;
        match found.group {
            Some(group) => group::limit(&group::place(&group), &group)?,
            None => quota::limit(found.pool, &subvolume::show(&found.path)?, new_size)?,
        }
        quota::sync(found.pool)
    }
}
