//! Access rules as permission bits of the share's directory. The whole set is
//! applied each time, so it does not matter what was there.

use abaca_sdk::{Access, AccessRule, Result, Share, ShareServer, files, local};

use crate::Btrfs;
use crate::places::{self, OPTIONS};

impl Access for Btrfs {
    fn update_access(
        share: Share,
        access_rules: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<()> {
        let place = places::share(&share.id, &share.name)?.path;
        let (bits, refused) = local::permission_bits(&access_rules);
        files::set_mode(&place, OPTIONS.mode()? | bits)?;
        refused.map_or(Ok(()), Err)
    }
}
