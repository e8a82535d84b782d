//! Making shares smaller: another promise, if what is in the share fits into it.

use abaca_sdk::{Error, Result, Share, ShareServer, Shrinking, command, local};

use crate::Directory;
use crate::places::{POOL, Place, SHARES};

impl Shrinking for Directory {
    fn shrink_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        let place = Place::new(SHARES, &share.name)?;
        if !place.is_there()? {
            return Err(place.not_found());
        }
        local::check_fits(used(&place)?, new_size)?;
        POOL.promise(&share.id, &share.name, new_size)
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
}
