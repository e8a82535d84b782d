//! Making, removing and finding shares.

use abaca_sdk::{
    CreateError, Error, ExportLocation, Result, Share, ShareProtocol, ShareServer, Shares,
};

use crate::Driver;
use crate::array::{self, Trouble};
use crate::backend::location;

impl Shares for Driver {
    fn create_share(
        share: Share,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        if share.protocol != ShareProtocol::Nfs {
            return Err(Error::InvalidShare("the array exports by NFS alone".to_owned()).into());
        }
        // Whatever can fail without the array is done before anything is made.
        let locations = vec![ExportLocation::new(location(&share.name)?)];
        match array::create(&share) {
            Ok(()) => {}
            // An earlier call for the same share came this far; or it is somebody else's.
            Err(Trouble::Exists(_)) => drop(array::expect(&share)?),
            Err(trouble) => return Err(trouble.into()),
        }
        Ok(locations)
    }

    fn delete_share(share: Share, _: Option<ShareServer>) -> Result<()> {
        // Gone already, or never made: that is what was asked for.
        if array::find(&share)?.is_none() {
            return Ok(());
        }
        match array::delete(&share.name) {
            Ok(()) | Err(Trouble::Missing(_)) => Ok(()),
            Err(trouble) => Err(trouble.into()),
        }
    }

    // After a restart of the service. The array exports by itself, so it is enough to look.
    fn ensure_share(share: Share, _: Option<ShareServer>) -> Result<Vec<ExportLocation>> {
        array::expect(&share)?;
        Ok(vec![ExportLocation::new(location(&share.name)?)])
    }
}
