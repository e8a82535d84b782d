//! Access rules as permission bits of the share's top. The whole set is applied each time, so it
//! does not matter what was there.

use abaca_sdk::{Access, AccessRule, Result, Share, ShareServer, files, local};

use crate::places::OPTIONS;
use crate::{Image, shares};

impl Access for Image {
    fn update_access(
        share: Share,
        access_rules: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<()> {
        // Else the directory that it is mounted on would be opened.
        let (places, _) = shares::mounted(&share.id, &share.name)?;
        let (bits, refused) = local::permission_bits(&access_rules);
        files::set_mode(&places.share, OPTIONS.mode()? | bits)?;
        refused.map_or(Ok(()), Err)
    }
}
