//! How to mount a share so that somebody else can copy it: its directory once more.

use abaca_sdk::{MigrationInfo, MountCommands, Result, Share, ShareServer, local};

use crate::Directory;
use crate::places::{Place, SHARES};

impl MigrationInfo for Directory {
    fn migration_get_info(share: Share, _: Option<ShareServer>) -> Result<MountCommands> {
        Ok(local::mount_commands(&Place::new(SHARES, &share.name)?.path))
    }
}
