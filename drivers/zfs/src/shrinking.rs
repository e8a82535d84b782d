//! Making shares smaller, if what they and their snapshots hold fits.

use abaca_sdk::{Error, Result, Share, ShareServer, Shrinking, local};

use crate::{Zfs, dataset, places, tool};

impl Shrinking for Zfs {
    fn shrink_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        let record = places::known(&share)?;
        local::check_fits(dataset::size(&record, "used")?, new_size)?;
        dataset::set_quota(&record, new_size).map_err(|error| match error {
            // Somebody wrote meanwhile.
            Error::CommandFailed(ref failure) if tool::is_too_small(&error) => {
                Error::ShareShrinkingPossibleDataLoss(failure.stderr.trim().to_owned())
            }
            error => error,
        })
    }
}
