//! Who this driver is, whether it can work, and how much there is.

use abaca_sdk::{Backend, Description, Result, ShareProtocol, ShareStats, files};

use crate::Image;
use crate::filesystem::{self, Filesystem};
use crate::places::{IMAGES, OPTIONS, POOL, SHARES, SNAPSHOTS, STAGING};

impl Backend for Image {
    fn describe() -> Description {
        OPTIONS.declarations().into_iter().chain([filesystem::declaration()]).fold(
            Description::new("image", env!("CARGO_PKG_VERSION"), ShareProtocol::Nfs)
                .vendor("Abaca"),
            Description::option,
        )
    }

    fn do_setup() -> Result<()> {
        Ok(())
    }

    /// That the images lie on a file system which shares blocks is the policy's word, which the
    /// broker checks.
    fn check_for_setup_error() -> Result<()> {
        OPTIONS.check()?;
        Filesystem::configured()?;
        for root in [IMAGES, SNAPSHOTS, SHARES, STAGING] {
            files::list_after(&root.path(), None, 1)?;
        }
        POOL.measure().map(drop)
    }

    fn get_share_stats() -> Result<ShareStats> {
        POOL.stats()
    }
}
