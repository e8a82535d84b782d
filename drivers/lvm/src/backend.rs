//! Who this driver is, whether it can work, and how much there is in its group.

use abaca_sdk::{
    Backend, Capacity, Description, Error, HostError, Result, ShareProtocol, ShareStats, files,
};

use crate::{Lvm, exports, options, places, volumes};

impl Backend for Lvm {
    fn describe() -> Description {
        options::declarations().chain(exports::declarations()).fold(
            Description::new("lvm", env!("CARGO_PKG_VERSION"), ShareProtocol::Nfs)
                .protocol(ShareProtocol::Cifs)
                .vendor("Abaca"),
            Description::option,
        )
    }

    fn do_setup() -> Result<()> {
        Ok(())
    }

    fn check_for_setup_error() -> Result<()> {
        options::check()?;
        volumes::check_group()?;
        files::list_after(&places::MOUNTS.path(), None, 1).map_err(|error| match error {
            HostError::NotFound(text) => Error::BadConfiguration(text),
            error => error.into(),
        })?;
        exports::check()
    }

    /// Upstream shows the group as its only pool; here the back end itself is it.
    fn get_share_stats() -> Result<ShareStats> {
        let (total, free) = volumes::space()?;
        Ok(ShareStats::new(Capacity::Gib(total), Capacity::Gib(free)))
    }
}
