//! Making, removing and finding shares.

use abaca_sdk::{
    CreateError, Error, ExportLocation, HostError, Path, Result, Share, ShareProtocol, ShareServer,
    Shares, files, local,
};

use crate::filesystem::Filesystem;
use crate::places::{OPTIONS, POOL, Places, length};
use crate::{Image, image};

impl Shares for Image {
    fn create_share(
        share: Share,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        // A call that was cut short may have begun it as another one.
        let filesystem = match Filesystem::of(&share.id)? {
            Some(begun) => begun,
            None => Filesystem::configured()?,
        };
        Ok(appear(&share, filesystem, |partial| {
            image::create(partial, share.size)?;
            filesystem.make(partial)
        })?)
    }

    fn delete_share(share: Share, _: Option<ShareServer>) -> Result<()> {
        let places = Places::of(&share.name)?;
        if !local::is_promised(&share.id)? {
            return expect_none(&places);
        }
        places.detach()?;
        places.close()?;
        places.remove()?;
        local::forget(&share.id)
    }

    fn ensure_share(share: Share, _: Option<ShareServer>) -> Result<Vec<ExportLocation>> {
        mounted(&share.id, &share.name)?.0.locations()
    }
}

/// Makes a share of what `make` puts at the place it is given. Repeated after a call that was cut
/// short, it makes the share anew or finds it whole.
pub fn appear(
    share: &Share,
    filesystem: Filesystem,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<Vec<ExportLocation>> {
    if share.protocol != ShareProtocol::Nfs {
        let reason = "shares of this back end are of protocol NFS".to_owned();
        return Err(Error::InvalidShare(reason));
    }
    let places = Places::of(&share.name)?;
    OPTIONS.mode()?;
    let locations = places.locations()?;
    if !local::is_promised(&share.id)? {
        expect_none(&places)?;
    }
    // Before anything is made: whatever is on the storage is accounted for.
    POOL.promise(&share.id, &share.name, share.size)?;
    filesystem.set(&share.id)?;
    if !places.recover()? {
        places.replace(|partial| {
            make(partial)?;
            places.shut(filesystem)
        })?;
    }
    places.attach(filesystem)?;
    Ok(locations)
}

/// What belongs to a share that is there, mounted for its clients, and what it is.
pub fn mounted(id: &str, name: &str) -> Result<(Places, Filesystem)> {
    let places = Places::of(name)?;
    let Some(filesystem) = Filesystem::of(id)? else { return Err(places.not_found()) };
    if !places.recover()? {
        return Err(places.not_found());
    }
    places.attach(filesystem)?;
    Ok((places, filesystem))
}

/// Refuses a share to which nothing was promised, and which is there all the same.
fn expect_none(places: &Places) -> Result<()> {
    if length(&places.image)?.is_some() {
        return Err(places.foreign(&places.image));
    }
    // One that is nobody's business goes; somebody else's is not ours to remove.
    match files::remove(&places.share) {
        Ok(_) => Ok(()),
        Err(HostError::Denied(_) | HostError::NotEmpty(_)) => Err(places.foreign(&places.share)),
        Err(error) => Err(error.into()),
    }
}
