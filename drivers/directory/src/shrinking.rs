//! Making shares smaller: another promise, if what is in the share fits into it.

use abaca_sdk::{Error, GIB, Result, Share, ShareServer, Shrinking, files};

use crate::places::{Place, SHARES};
use crate::{Directory, capacity};

impl Shrinking for Directory {
    fn shrink_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        let place = Place::new(SHARES, &share.name)?;
        check_fits(files::usage(&place.path)?.allocated_bytes, new_size)?;
        capacity::promise(&share.id, &share.name, new_size).map(drop)
    }
}

/// Whether so many bytes fit into `size` GiB. What counts is what they take on the
/// storage, as a quota would count it.
fn check_fits(bytes: u64, size: u64) -> Result<()> {
    if bytes <= size.saturating_mul(GIB) {
        return Ok(());
    }
    Err(Error::ShareShrinkingPossibleDataLoss(format!(
        "the share holds {:.2} GiB ({bytes} bytes), which is more than {size} GiB",
        bytes as f64 / GIB as f64
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_share_fits_exactly() {
        assert!(check_fits(2 * GIB, 2).is_ok());
        assert!(check_fits(u64::MAX, u64::MAX).is_ok());
        let error = check_fits(2 * GIB + 1, 2).unwrap_err();
        assert!(matches!(error, Error::ShareShrinkingPossibleDataLoss(_)));
    }
}
