//! Access rules as permission bits of the share's directory, or as the clients of its export. The
//! whole set is applied each time, so it does not matter what was there.

use abaca_sdk::{Access, AccessRule, Result, Share, ShareServer, files, local};

use crate::places::{OPTIONS, Place, SHARES};
use crate::{Directory, exports};

impl Access for Directory {
    fn update_access(
        share: Share,
        access_rules: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Vec<AccessRule>,
        _: Option<ShareServer>,
    ) -> Result<()> {
        let place = Place::new(SHARES, &share.name)?;
        if !exports::are_local()? {
            return exports::set(&place, &share.name, &access_rules);
        }
        let (bits, refused) = local::permission_bits(&access_rules);
        files::set_mode(&place.path, OPTIONS.mode()? | bits)
            .map_err(|error| place.failed(error))?;
        refused.map_or(Ok(()), Err)
    }
}
