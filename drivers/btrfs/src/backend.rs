//! Who this driver is, whether it can work, and how much there is.

use abaca_sdk::{
    Backend, Description, OptionDeclaration, OptionType, Result, ShareProtocol, ShareStats, config,
    files, local,
};

use crate::places::{GROUPS, GROUPS_EXPORT_ROOT, OPTIONS, POOL, SHARES, SNAPSHOTS, STAGING};
use crate::{Btrfs, quota};

impl Backend for Btrfs {
    fn describe() -> Description {
        OPTIONS.declarations().into_iter().chain([groups_export_root()]).fold(
            Description::new("btrfs", env!("CARGO_PKG_VERSION"), ShareProtocol::Nfs)
                .vendor("Abaca"),
            Description::option,
        )
    }

    fn do_setup() -> Result<()> {
        Ok(())
    }

    /// That the roots lie on btrfs is the policy's word, which the broker checks; a directory of
    /// it can hold subvolumes.
    fn check_for_setup_error() -> Result<()> {
        OPTIONS.check()?;
        for root in [SHARES, SNAPSHOTS, GROUPS, STAGING] {
            files::list_after(&root.path(), None, 1)?;
        }
        if config::text(GROUPS_EXPORT_ROOT)?.is_some() {
            local::export_location(GROUPS_EXPORT_ROOT, "")?;
        }
        quota::check()?;
        POOL.measure().map(drop)
    }

    fn get_share_stats() -> Result<ShareStats> {
        let mut stats = POOL.stats()?;
        // One group lies in one file system, as all of this back end does.
        let has_groups = config::text(GROUPS_EXPORT_ROOT)?.is_some();
        stats.consistency_group_support = has_groups.then(|| "host".to_owned());
        Ok(stats)
    }
}

fn groups_export_root() -> OptionDeclaration {
    OptionDeclaration::new(
        GROUPS_EXPORT_ROOT,
        OptionType::Text,
        "Where clients find the root `groups`: an absolute path, or HOST:/path. Without it there \
         are no consistency groups.",
    )
}
