//! Making shares smaller, if what is used fits. Nothing is ever written to these shares: the
//! metadata `used_gib` says what is used, else the option `dummy_usage` does.

use abaca_sdk::{Error, Result, Share, ShareServer, Shrinking};

use crate::Dummy;
use crate::call::{Call, value};
use crate::options::Settings;
use crate::world::World;

/// The share metadata that says how many GiB are used.
const USED: &str = "used_gib";

impl Shrinking for Dummy {
    fn shrink_share(share: Share, new_size: u64, _: Option<ShareServer>) -> Result<()> {
        Call::begin("shrink-share", &share.metadata)?
            .change(|world, settings| shrink(world, settings, &share, new_size))
    }
}

fn shrink(world: &mut World, settings: &Settings, share: &Share, new_size: u64) -> Result<()> {
    let held = world.share(&share.id)?;
    let used = used(settings, share, held.size)?;
    if used > new_size as f64 {
        return Err(Error::ShareShrinkingPossibleDataLoss(format!(
            "{used} GiB of the share {} are used, which is more than {new_size} GiB",
            share.id
        )));
    }
    held.size = new_size;
    Ok(())
}

/// How many GiB of a share of `size` GiB are used.
///
/// # Errors
/// [`Error::InvalidShare`] for metadata that is no number.
pub fn used(settings: &Settings, share: &Share, size: u64) -> Result<f64> {
    let Some(text) = value(&share.metadata, USED) else { return Ok(size as f64 * settings.usage) };
    text.parse().ok().filter(|used: &f64| used.is_finite()).ok_or_else(|| {
        Error::InvalidShare(format!("the metadata {USED} = `{text}` is no number of GiB"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{settings, share, with_share};

    fn using(used: &str) -> Share {
        Share { metadata: vec![(USED.into(), used.into())], ..share("a", 6) }
    }

    #[test]
    fn a_share_shrinks_to_what_is_used_and_no_further() {
        let mut world = with_share("a", 6);
        let result = shrink(&mut world, &settings(), &using("3"), 2);
        assert!(matches!(result, Err(Error::ShareShrinkingPossibleDataLoss(_))));
        assert_eq!(world.shares["a"].size, 6);
        shrink(&mut world, &settings(), &using("3"), 3).unwrap();
        assert_eq!(world.shares["a"].size, 3);
    }

    #[test]
    fn the_option_says_what_the_metadata_does_not() {
        let half = Settings { usage: 0.5, ..settings() };
        assert_eq!(used(&half, &share("a", 6), 6), Ok(3.0));
        assert_eq!(used(&half, &using("1"), 6), Ok(1.0));
        for text in ["", "x", "NaN", "inf"] {
            assert!(used(&half, &using(text), 6).is_err(), "{text}");
        }
    }
}
