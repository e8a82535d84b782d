//! Snapshots: copies of a share's image that share its blocks, each of one moment. What clients
//! have written before is brought to the image first.

use abaca_sdk::command;
use abaca_sdk::state::Entity;
use abaca_sdk::{Path, Result, ShareServer, Snapshot, SnapshotUpdate, Snapshots, files};

use crate::places::{PARTIAL, SNAPSHOTS, check, length};
use crate::{Image, image, shares};

impl Snapshots for Image {
    fn create_snapshot(snapshot: Snapshot, _: Option<ShareServer>) -> Result<SnapshotUpdate> {
        let (kept, partial) = places(&snapshot.name)?;
        let (share, filesystem) =
            shares::mounted(&snapshot.share_instance_id, &snapshot.share_name)?;
        if length(&kept)?.is_none() {
            files::remove(&partial)?;
            command::run("sync", ["--file-system", "--", &share.share.to_string()])?;
            filesystem.set(&snapshot.id)?;
            image::copy(&share.image, &partial)?;
            files::rename(&partial, &kept)?;
        }
        Ok(SnapshotUpdate { provider_location: None })
    }

    fn delete_snapshot(snapshot: Snapshot, _: Option<ShareServer>) -> Result<()> {
        let (kept, partial) = places(&snapshot.name)?;
        files::remove(&partial)?;
        files::remove(&kept)?;
        Ok(Entity(&snapshot.id).clear()?)
    }
}

/// Where a snapshot is, and where it is made.
fn places(name: &str) -> Result<(Path, Path)> {
    check(name)?;
    Ok((SNAPSHOTS.join(name), SNAPSHOTS.join(&format!("{name}{PARTIAL}"))))
}
