//! How a share appears in a pool: made aside, where no client comes, and given its name when it is
//! whole. Called by `shares`, `clones`, `replication` and `migration`.

use abaca_sdk::{Error, ExportLocation, Path, Result, Share, files, local};

use crate::places::is_there;
use crate::pools::Pool;
use crate::{exports, quota, subvolume};

/// Makes a share by what `make` puts at the place it is given. Repeated after a call that was
/// cut short, it makes the share anew or finds it whole.
pub fn appear(
    share: &Share,
    pool: &Pool,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<Vec<ExportLocation>> {
    let place = pool.shares.join(&share.name);
    let (mode, locations) = (pool.options().mode()?, locations(share, pool)?);
    let is_made = is_there(&place)?;
    if is_made && !local::is_promised(&share.id)? {
        return Err(foreign(&place));
    }
    // Before anything is made: whatever is on the storage is accounted for.
    pool.promise(&share.id, &share.name, share.size)?;
    if is_made {
        quota::limit(pool, &subvolume::show(&place)?, share.size)?;
        quota::sync(pool)?;
    } else {
        put(share, pool, Some(mode), make)?;
    }
    exports::appear(&place, &share.name)?;
    Ok(locations)
}

/// Puts a share where none is, by what `make` puts at the place it is given. Without a mode it
/// keeps the permission bits that it was made with.
pub fn put(
    share: &Share,
    pool: &Pool,
    mode: Option<u32>,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let staged = pool.staging.join(&share.name);
    // What an earlier call left.
    subvolume::remove(&staged)?;
    if let Err(error) = make_whole(pool, &staged, mode, share.size, make) {
        // If that fails too, the repeated call removes it, or that of the share's removal.
        drop(subvolume::remove(&staged));
        return Err(error);
    }
    files::rename(&staged, &pool.shares.join(&share.name))?;
    quota::sync(pool)
}

/// Makes a share where no client comes, with all that it must have before one does.
fn make_whole(
    pool: &Pool,
    staged: &Path,
    mode: Option<u32>,
    size: u64,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    make(staged)?;
    if let Some(mode) = mode {
        files::set_mode(staged, mode)?;
    }
    quota::limit(pool, &subvolume::show(staged)?, size)
}

/// A subvolume that is there though nothing was promised is somebody else's. Its content is
/// neither handed out nor removed.
pub fn foreign(place: &Path) -> Error {
    Error::BackendFailed(format!(
        "`{place}` is there and was not made for this share; move it away"
    ))
}

/// Where clients find a share that is in this pool.
pub fn locations(share: &Share, pool: &Pool) -> Result<Vec<ExportLocation>> {
    Ok(vec![ExportLocation::new(exports::location(pool, &share.name)?)])
}
