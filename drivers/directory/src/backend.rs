//! Who this driver is, whether it can work, and how much there is.

use abaca_sdk::{Backend, Capacity, Description, GIB, Result, ShareProtocol, ShareStats, files};

use crate::places::{SHARES, SNAPSHOTS};
use crate::{Directory, capacity, options};

impl Backend for Directory {
    fn describe() -> Description {
        options::declarations().into_iter().fold(
            Description::new("directory", env!("CARGO_PKG_VERSION"), ShareProtocol::Nfs)
                .vendor("Abaca"),
            Description::option,
        )
    }

    fn do_setup() -> Result<()> {
        Ok(())
    }

    fn check_for_setup_error() -> Result<()> {
        options::check()?;
        for root in [SHARES, SNAPSHOTS] {
            files::list_after(&root.path(), None, 1)?;
        }
        capacity::measure().map(drop)
    }

    fn get_share_stats() -> Result<ShareStats> {
        let measured = capacity::measure()?;
        let total = capacity::total_gib(measured)?;
        // An operator may offer less than the file system has.
        let free = total.min(measured.available as f64 / GIB as f64);
        Ok(ShareStats::new(Capacity::Gib(total), Capacity::Gib(free)))
    }
}
