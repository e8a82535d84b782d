//! How to mount a share so that somebody else can copy it: its subvolume once more.

use abaca_sdk::{MigrationInfo, MountCommands, Result, Share, ShareServer, local};

use crate::Btrfs;
use crate::places;

impl MigrationInfo for Btrfs {
    fn migration_get_info(share: Share, _: Option<ShareServer>) -> Result<MountCommands> {
        Ok(local::mount_commands(&places::share(&share.id, &share.name)?.path))
    }
}
