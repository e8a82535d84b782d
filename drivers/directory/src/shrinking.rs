//! Making shares smaller: another promise, if what is in the share fits into it.

use abaca_sdk::{Error, GIB, Result, Share, ShareServer, Shrinking, command};

use crate::places::{Place, SHARES};
use crate::{Directory, capacity};

impl Shrinking for Directory {
    fn shrink_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        let place = Place::new(SHARES, &share.name)?;
        if !place.is_there()? {
            return Err(place.not_found());
        }
        check_fits(used(&place)?, new_size)?;
        capacity::promise(&share.id, &share.name, new_size)
    }
}

/// The bytes that a share takes on the storage, as `du` counts them. What it could not look
/// into makes it fail: a guess here could lose data.
fn used(place: &Place) -> Result<u64> {
    let output = command::Command::new("du")
        .args(["--summarize", "--block-size=1", "--one-file-system", "--"])
        .arg(&place.path)
        .output()?;
    parse(output.stdout_text()?)
}

/// Reads the answer of `du --summarize`: a number, a tab and the place, on one line.
fn parse(text: &str) -> Result<u64> {
    let mut lines = text.lines();
    if let (Some(line), None) = (lines.next(), lines.next())
        && let Some(bytes) = line.split('\t').next().and_then(|number| number.parse().ok())
    {
        return Ok(bytes);
    }
    Err(Error::BackendFailed("`du` did not answer one line that begins with a number".to_owned()))
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
    fn du_is_read_and_nothing_else() {
        assert_eq!(parse("4096\t/proc/self/fd/100/.\n"), Ok(4096));
        for text in ["", "\n", "x\t.", "-1\t.", "1 2\t.", "1\t.\n2\t.\n", "1e3\t."] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_full_share_fits_exactly() {
        assert!(check_fits(2 * GIB, 2).is_ok());
        assert!(check_fits(u64::MAX, u64::MAX).is_ok());
        let error = check_fits(2 * GIB + 1, 2).unwrap_err();
        assert!(matches!(error, Error::ShareShrinkingPossibleDataLoss(_)));
    }
}
