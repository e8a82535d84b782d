//! Making shares larger, while they are in use.

use abaca_sdk::{Extending, Result, Share, ShareServer};

use crate::{Lvm, filesystem, shrinking, volumes};

impl Extending for Lvm {
    fn extend_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        let volume = shrinking::resizable(&share)?;
        volumes::extend(&volume, new_size)?;
        filesystem::grow(&volume.name)
    }
}
