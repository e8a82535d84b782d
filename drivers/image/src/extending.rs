//! Making shares larger: another promise and another image, if there is room for it.

use abaca_sdk::{Extending, GIB, Result, Share, ShareServer};

use crate::places::{POOL, length};
use crate::{Image, image, mounted, resizing, shares};

impl Extending for Image {
    fn extend_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        let (places, filesystem) = shares::mounted(&share.id, &share.name)?;
        let before = length(&places.image)?.unwrap_or_default();
        image::check_not_smaller(before, new_size)?;
        if before < image::bytes(new_size) {
            POOL.promise(&share.id, &share.name, new_size)?;
            let grown = resizing::resize(&places, filesystem, |partial| {
                image::set_length(partial, new_size)?;
                filesystem.grow(partial)?;
                // An xfs grows when it is mounted.
                mounted::aside(&places, partial, filesystem, |_| Ok(()))
            });
            if grown.is_err() {
                // It is promised what it has, whatever failed.
                let now = length(&places.image)?.unwrap_or_default();
                POOL.promise(&share.id, &share.name, now / GIB)?;
            }
            return grown;
        }
        POOL.promise(&share.id, &share.name, new_size)
    }
}
