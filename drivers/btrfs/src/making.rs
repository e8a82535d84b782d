//! How a share appears: made aside, where no client comes, and given its name when it is whole.
//! Called by `shares` and `clones`.

use abaca_sdk::{Error, ExportLocation, Path, Result, Share, files, local};

use crate::places::{OPTIONS, POOL, SHARES, STAGING, is_there};
use crate::{quota, subvolume};

/// Makes a share by what `make` puts at the place it is given. Repeated after a call that was
/// cut short, it makes the share anew or finds it whole.
pub fn appear(
    share: &Share,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<Vec<ExportLocation>> {
    let (place, staged) = (SHARES.join(&share.name), STAGING.join(&share.name));
    let (mode, locations) = (OPTIONS.mode()?, locations(share)?);
    let is_made = is_there(&place)?;
    if is_made && !local::is_promised(&share.id)? {
        return Err(foreign(&place));
    }
    // Before anything is made: whatever is on the storage is accounted for.
    POOL.promise(&share.id, &share.name, share.size)?;
    if is_made {
        quota::limit(&subvolume::show(&place)?, share.size)?;
    } else {
        // What an earlier call left.
        subvolume::remove(&staged)?;
        if let Err(error) = make_whole(&staged, mode, share.size, make) {
            // If that fails too, the repeated call removes it, or that of the share's removal.
            drop(subvolume::remove(&staged));
            return Err(error);
        }
        files::rename(&staged, &place)?;
    }
    quota::sync()?;
    Ok(locations)
}

/// Makes a share where no client comes, with all that it must have before one does.
fn make_whole(
    staged: &Path,
    mode: u32,
    size: u64,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    make(staged)?;
    files::set_mode(staged, mode)?;
    quota::limit(&subvolume::show(staged)?, size)
}

/// A subvolume that is there though nothing was promised is somebody else's. Its content is
/// neither handed out nor removed.
pub fn foreign(place: &Path) -> Error {
    Error::BackendFailed(format!(
        "`{place}` is there and was not made for this share; move it away"
    ))
}

/// Where clients find a share.
pub fn locations(share: &Share) -> Result<Vec<ExportLocation>> {
    Ok(vec![ExportLocation::new(OPTIONS.export_location(&share.name)?)])
}
