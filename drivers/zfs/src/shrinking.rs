//! Making shares smaller, if what they and their snapshots hold fits.

use abaca_sdk::{Error, GIB, Result, Share, ShareServer, Shrinking};

use crate::{Zfs, dataset, places, tool};

impl Shrinking for Zfs {
    fn shrink_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        let record = places::known(&share)?;
        // What is full to the last byte is too full, as for upstream.
        let used = dataset::size(&record, "used")?;
        if used >= new_size.saturating_mul(GIB) {
            return Err(Error::ShareShrinkingPossibleDataLoss(format!(
                "the share and its snapshots hold {used} bytes, which {new_size} GiB have no more \
                 room beside"
            )));
        }
        dataset::set_quota(&record, new_size).map_err(|error| match error {
            // Somebody wrote meanwhile.
            Error::CommandFailed(ref failure) if tool::is_too_small(&error) => {
                Error::ShareShrinkingPossibleDataLoss(failure.stderr.trim().to_owned())
            }
            error => error,
        })
    }
}
