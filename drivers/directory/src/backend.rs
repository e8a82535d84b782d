//! Who this driver is, whether it can work, and how much there is.

use abaca_sdk::{Backend, Description, Result, ShareProtocol, ShareStats, files};

use crate::places::{OPTIONS, POOL, SHARES, SNAPSHOTS};
use crate::{Directory, exports};

impl Backend for Directory {
    fn describe() -> Description {
        OPTIONS.declarations().into_iter().chain(exports::declarations()).fold(
            Description::new("directory", env!("CARGO_PKG_VERSION"), ShareProtocol::Nfs)
                .protocol(ShareProtocol::Cifs)
                .vendor("Abaca"),
            Description::option,
        )
    }

    fn do_setup() -> Result<()> {
        Ok(())
    }

    fn check_for_setup_error() -> Result<()> {
        OPTIONS.check()?;
        exports::check()?;
        for root in [SHARES, SNAPSHOTS] {
            files::list_after(&root.path(), None, 1)?;
        }
        POOL.measure().map(drop)
    }

    fn get_share_stats() -> Result<ShareStats> {
        POOL.stats()
    }
}
