//! Making shares larger: another promise, if there is room for it.

use abaca_sdk::{Extending, Result, Share, ShareServer};

use crate::Directory;
use crate::places::{POOL, Place, SHARES};

impl Extending for Directory {
    fn extend_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        let place = Place::new(SHARES, &share.name)?;
        if !place.is_there()? {
            return Err(place.not_found());
        }
        POOL.promise(&share.id, &share.name, new_size)
    }
}
