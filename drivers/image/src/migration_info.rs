//! How to mount a share so that somebody else can copy it: its place once more.

use abaca_sdk::{MigrationInfo, MountCommands, Result, Share, ShareServer, local};

use crate::{Image, shares};

impl MigrationInfo for Image {
    fn migration_get_info(share: Share, _: Option<ShareServer>) -> Result<MountCommands> {
        let (places, _) = shares::mounted(&share.id, &share.name)?;
        Ok(local::mount_commands(&places.share))
    }
}
