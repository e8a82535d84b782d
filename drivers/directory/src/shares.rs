//! Making, removing and finding shares.

use abaca_sdk::{
    CreateError, Error, ExportLocation, HostError, Result, Share, ShareServer, Shares, files, local,
};

use crate::places::{OPTIONS, POOL, Place, SHARES};
use crate::{Directory, exports};

impl Shares for Directory {
    fn create_share(
        share: Share,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        let mode = OPTIONS.mode()?;
        let locations = locations(&share)?;
        let place = claim(&share)?;
        match files::make_dir(&place.path, mode) {
            // An earlier call for the same share came this far.
            Ok(()) | Err(HostError::AlreadyExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
        exports::appear(&place, &share.name)?;
        Ok(locations)
    }

    fn delete_share(share: Share, _: Option<ShareServer>) -> Result<()> {
        let place = Place::new(SHARES, &share.name)?;
        if !local::is_promised(&share.id)? && place.is_there()? {
            return Err(foreign(&place));
        }
        exports::vanish(&share.name)?;
        place.remove()?;
        local::forget(&share.id)
    }

    fn ensure_share(share: Share, _: Option<ShareServer>) -> Result<Vec<ExportLocation>> {
        let place = Place::new(SHARES, &share.name)?;
        if !place.is_there()? {
            return Err(place.not_found());
        }
        exports::appear(&place, &share.name)?;
        locations(&share)
    }
}

/// Promises a share its size and says where it belongs, unless somebody else's
/// directory is there.
pub fn claim(share: &Share) -> Result<Place> {
    exports::check_protocol(share.protocol)?;
    let place = Place::new(SHARES, &share.name)?;
    // Asked before anything is promised: a promise says that the directory is ours.
    if !local::is_promised(&share.id)? && place.is_there()? {
        return Err(foreign(&place));
    }
    POOL.promise(&share.id, &share.name, share.size)?;
    Ok(place)
}

/// A directory that is there though nothing was promised is somebody else's. Its
/// content is neither handed out nor removed.
fn foreign(place: &Place) -> Error {
    Error::BackendFailed(format!(
        "`{}` is there and was not made for this share; move it away",
        place.path
    ))
}

/// Where clients find a share.
pub fn locations(share: &Share) -> Result<Vec<ExportLocation>> {
    Ok(vec![ExportLocation::new(exports::location(&share.name)?)])
}
