//! Making shares larger, while they are in use. Whether a share with snapshots can grow is LVM's word.

use abaca_sdk::{Extending, Result, Share, ShareServer};

use crate::{Lvm, filesystem, record, volumes};

impl Extending for Lvm {
    fn extend_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        let volume = record::present(&share)?;
        volumes::extend(&volume, new_size)?;
        filesystem::grow(&volume.name)
    }
}
