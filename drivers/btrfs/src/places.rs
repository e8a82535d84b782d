//! Where things are: the four roots, and the options about them. Called by every interface of
//! this driver.

use abaca_sdk::local::{Options, Pool};
use abaca_sdk::{Error, HostError, Path, Result, Root, files};

use crate::group;

/// Where the shares are.
pub const SHARES: Root = Root("shares");

/// Where the snapshots are.
pub const SNAPSHOTS: Root = Root("snapshots");

/// Where the groups are.
pub const GROUPS: Root = Root("groups");

/// Where a share or group is made.
pub const STAGING: Root = Root("staging");

/// What the operator sets.
pub const OPTIONS: Options = Options {
    export_root: "btrfs_export_root",
    capacity: "btrfs_capacity_gib",
    mode: "btrfs_mode",
};

/// What clients mount to see the root of the groups.
pub const GROUPS_EXPORT_ROOT: &str = "btrfs_groups_export_root";

/// What shares are promised of.
pub const POOL: Pool = Pool { root: SHARES, options: OPTIONS };

/// Whether a directory is there.
pub fn is_there(place: &Path) -> Result<bool> {
    match files::list_after(place, None, 1) {
        Ok(_) => Ok(true),
        Err(HostError::NotFound(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Where a share is, which is there.
#[derive(Debug)]
pub struct Found {
    /// Its subvolume, or its directory in that of its group.
    pub path: Path,
    /// The group that it is a member of.
    pub group: Option<String>,
}

/// Where the share of this identifier and name is.
pub fn share(id: &str, name: &str) -> Result<Found> {
    let group = group::of(id)?;
    let path = match &group {
        Some(group) => group::place(group).join(name),
        None => SHARES.join(name),
    };
    match is_there(&path)? {
        true => Ok(Found { path, group }),
        false => Err(Error::ShareResourceNotFound(format!("`{path}` is not there"))),
    }
}
