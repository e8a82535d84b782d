//! Access rules as permission bits of the share's directory, or as the clients of its export. The
//! whole set is applied each time, so it does not matter what was there.

use abaca_sdk::{Access, AccessRule, Result, Share, ShareServer, files, local};

use crate::{Btrfs, exports, places};

impl Access for Btrfs {
    fn update_access(
        share: Share,
        access_rules: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<()> {
        let found = places::share(&share.id, &share.name)?;
        if exports::by_ganesha()? {
            return exports::set(&found.path, &share.name, &access_rules);
        }
        let (bits, refused) = local::permission_bits(&access_rules);
        files::set_mode(&found.path, found.pool.options().mode()? | bits)?;
        refused.map_or(Ok(()), Err)
    }
}
