//! Where things are. Called by every interface of this driver.

use abaca_sdk::{Error, HostError, Path, Result, Root, files};

use crate::group;
use crate::pools::{self, Pool};

/// Where the groups are: in the first pool, as all of them.
pub const GROUPS: Root = Root("groups");

/// What clients mount to see the root of the groups.
pub const GROUPS_EXPORT_ROOT: &str = "btrfs_groups_export_root";

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
    /// The pool that it lies in.
    pub pool: &'static Pool,
    /// The group that it is a member of.
    pub group: Option<String>,
}

/// Where the share of this identifier and name is.
pub fn share(id: &str, name: &str) -> Result<Found> {
    let (pool, group) = (pools::of(id)?, group::of(id)?);
    let path = match &group {
        Some(group) => group::place(group).join(name),
        None => pool.shares.join(name),
    };
    match is_there(&path)? {
        true => Ok(Found { path, pool, group }),
        false => Err(Error::ShareResourceNotFound(format!("`{path}` is not there"))),
    }
}
