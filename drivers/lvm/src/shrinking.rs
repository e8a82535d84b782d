//! Making shares smaller, if what they hold fits. An ext4 file system shrinks only while nobody
//! has it, so clients wait or are shut out meanwhile; a local client that is in the share makes it
//! fail.
//!
//! ```text
//! mounted ─ withdraw, unmount ─▶ e2fsck ─ resize2fs ─ lvreduce ─▶ mount, export
//!                                   └──── does not fit ─────────────▶ (as it was)
//! ```
//! Cut short anywhere, the volume is never smaller than its file system; `ensure_share` or the
//! same call mounts it again.

use abaca_sdk::{Error, Result, Share, ShareServer, Shrinking};

use crate::answers::Volume;
use crate::{Lvm, exports, filesystem, record, volumes};

impl Shrinking for Lvm {
    fn shrink_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        let volume = reducible(&share)?;
        exports::withdraw(&volume.name)?;
        let shrunk = filesystem::unmount(&volume.name).and_then(|()| shrink(&volume, new_size));
        // Also where it failed: the share goes on as it is.
        filesystem::mount(&volume.name)?;
        exports::appear(&volume.name)?;
        shrunk
    }
}

fn shrink(volume: &Volume, gib: u64) -> Result<()> {
    filesystem::shrink(&volume.name, gib)?;
    volumes::reduce(volume, gib)
}

/// The volume of a share that can shrink: LVM makes none smaller that has snapshots, and its clients
/// are not shut out to hear that.
fn reducible(share: &Share) -> Result<Volume> {
    let volume = record::present(share)?;
    if let Some(snapshot) = volumes::snapshot_of(&volume.name)? {
        return Err(Error::ShareIsBusy(format!(
            "a share with snapshots cannot shrink, and this one has {}; remove it first",
            volumes::named(&snapshot)?
        )));
    }
    Ok(volume)
}
