//! How a share is given another size: taken from its clients, copied, the copy resized and put in
//! its place, and given back to its clients, whatever failed. Called by `extending` and
//! `shrinking`.

use abaca_sdk::{Path, Result};

use crate::filesystem::Filesystem;
use crate::image;
use crate::places::Places;

/// Resizes by what `resize` does to a copy of the share's image that is mended. The share is there
/// for its clients when this is back.
pub fn resize(
    places: &Places,
    filesystem: Filesystem,
    resize: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    places.detach()?;
    let resized = places.expect_free(filesystem).and_then(|()| {
        places.replace(|partial| {
            image::copy(&places.image, partial)?;
            filesystem.mend(partial)?;
            resize(partial)
        })
    });
    // Replacing may have been cut short by its last step.
    let back = places.recover().and_then(|_| places.attach(filesystem));
    resized.and(back)
}
