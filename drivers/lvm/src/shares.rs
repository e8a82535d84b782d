//! Making, removing and finding shares.

use abaca_sdk::{CreateError, Error, ExportLocation, Result, Share, ShareServer, Shares, files};

use crate::{Lvm, exports, filesystem, options, places, record, volumes};

impl Shares for Lvm {
    fn create_share(
        share: Share,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        exports::check_protocol(&share)?;
        let volume = record::begin(&share.id, &share.name)?;
        if !record::is_filled(&share.id)? {
            volumes::create(&volume, share.size)?;
            filesystem::make(&volume)?;
            record::set_filled(&share.id)?;
        }
        Ok(open(&volume)?)
    }

    /// A share without a record was never begun, or is removed.
    fn delete_share(share: Share, _: Option<ShareServer>) -> Result<()> {
        let Some(volume) = record::volume(&share.id)? else { return Ok(()) };
        // Of one that never came to be, whatever its name, the record is all there is.
        if !record::is_filled(&share.id)? && volumes::find(&volume)?.is_none() {
            return record::forget(&share.id);
        }
        // Or it would go with them.
        if let Some(snapshot) = volumes::snapshot_of(&volume)? {
            return Err(Error::ShareIsBusy(format!(
                "the share has the snapshot {}; remove it first",
                volumes::named(&snapshot)?
            )));
        }
        exports::vanish(&volume)?;
        filesystem::unmount(&volume)?;
        files::remove(&places::of(&volume))?;
        volumes::remove(&volume, Error::ShareIsBusy)?;
        record::forget(&share.id)
    }

    fn ensure_share(share: Share, _: Option<ShareServer>) -> Result<Vec<ExportLocation>> {
        let volume = record::present(&share)?.name;
        volumes::activate(&volume)?;
        filesystem::mount(&volume)?;
        exports::appear(&volume)?;
        exports::locations(&volume)
    }
}

/// Mounts and exports a new share, to nobody yet. A repeated call finds rules perhaps, which
/// the service sets again.
pub fn open(volume: &str) -> Result<Vec<ExportLocation>> {
    filesystem::mount(volume)?;
    files::set_mode(&places::of(volume), options::mode()?)?;
    exports::appear(volume)?;
    exports::locations(volume)
}
