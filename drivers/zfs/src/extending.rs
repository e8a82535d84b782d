//! Making shares larger: a larger quota. Also of a share that is full.

use abaca_sdk::{Extending, Result, Share, ShareServer};

use crate::{Zfs, dataset, places};

impl Extending for Zfs {
    fn extend_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        dataset::set_quota(&places::known(&share)?, new_size)
    }
}
