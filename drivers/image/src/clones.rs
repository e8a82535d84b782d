//! New shares with the content of a snapshot: images that share its blocks. The journal is replayed
//! before a client sees it.

use abaca_sdk::{Clones, CreateError, Error, ExportLocation, Result, Share, ShareServer, Snapshot};

use crate::filesystem::Filesystem;
use crate::places::{SNAPSHOTS, length};
use crate::{Image, image, shares};

impl Clones for Image {
    fn create_share_from_snapshot(
        share: Share,
        snapshot: Snapshot,
        _: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        let source = SNAPSHOTS.join(&snapshot.name);
        let known = Filesystem::of(&snapshot.id)?.zip(length(&source)?);
        let (filesystem, length) = known
            .ok_or_else(|| Error::SnapshotResourceNotFound(format!("`{source}` is not there")))?;
        image::check_not_smaller(length, share.size)?;
        Ok(shares::appear(&share, filesystem, |partial| {
            image::copy(&source, partial)?;
            filesystem.mend(partial)?;
            filesystem.rename(partial)?;
            if length < image::bytes(share.size) {
                image::set_length(partial, share.size)?;
                filesystem.grow(partial)?;
            }
            Ok(())
        })?)
    }
}
