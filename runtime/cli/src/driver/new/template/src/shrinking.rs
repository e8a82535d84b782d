//! Making shares smaller, never below what is in them.

use abaca_sdk::{Error, GIB, Result, Share, ShareServer, Shrinking};

use crate::{Driver, array};

impl Shrinking for Driver {
    fn shrink_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        let volume = array::expect(&share)?;
        let size = new_size.saturating_mul(GIB);
        if volume.size <= size {
            return Ok(());
        }
        // Asked here, whatever the tool does: another one might cut off what does not fit. Where clients
        // write meanwhile, the tool's own refusal means the same: see `array::Trouble`.
        if volume.used > size {
            return Err(Error::ShareShrinkingPossibleDataLoss(format!(
                "`{}` holds {} bytes, and {new_size} GiB are {size}",
                share.name, volume.used
            )));
        }
        Ok(array::resize(&share.name, new_size)?)
    }
}
