//! Making shares smaller, if they are ext4 and what is in them fits. That is asked before anything
//! is done; what the file system needs for itself, its own tool knows.

use abaca_sdk::command::Command;
use abaca_sdk::{Error, Path, Result, Share, ShareServer, Shrinking, local};

use crate::places::{POOL, length};
use crate::{Image, image, resizing, shares};

impl Shrinking for Image {
    fn shrink_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        let (places, filesystem) = shares::mounted(&share.id, &share.name)?;
        if length(&places.image)? != Some(image::bytes(new_size)) {
            filesystem.check_shrinks()?;
            local::check_fits(used(&places.share)?, new_size)?;
            resizing::resize(&places, filesystem, |partial| {
                filesystem.shrink(partial, new_size)?;
                image::set_length(partial, new_size)
            })?;
        }
        POOL.promise(&share.id, &share.name, new_size)
    }
}

/// How many bytes of the share's file system are taken.
fn used(place: &Path) -> Result<u64> {
    let output =
        Command::new("df").args(["--output=used", "--block-size=1", "--"]).arg(place).output()?;
    parse(output.stdout_text()?)
}

/// Reads the answer of `df --output=used`: a line with a heading, and one with a number.
fn parse(text: &str) -> Result<u64> {
    let mut lines = text.lines();
    if let (Some(_), Some(line), None) = (lines.next(), lines.next(), lines.next())
        && let Ok(bytes) = line.trim_matches(' ').parse()
    {
        return Ok(bytes);
    }
    Err(Error::BackendFailed("`df` did not answer one line with a number".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn df_is_read_and_nothing_else() {
        assert_eq!(parse("     Used\n  4096\n"), Ok(4096));
        for text in ["", "Used\n", "Used\n-1\n", "Used\n1 2\n", "Used\n1\n2\n", "Used\n1e3\n"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
