//! Groups: a subvolume for each, whose directories are its members, so that one snapshot keeps
//! all of them at one moment. Its limit is the sum of its members' sizes. Called by the
//! interfaces for shares that are members, and by `consistency_groups`.
//!
//! **State**: under a member's identifier, `group`, beside what is promised to it.

use abaca_sdk::state::{self, Entity};
use abaca_sdk::{Error, ExportLocation, HostError, Path, Result, Share, files, local, lock};

use crate::places::{GROUPS, GROUPS_EXPORT_ROOT, is_there};
use crate::pools::FIRST;
use crate::{making, pools, quota, subvolume};

/// The key under a share's identifier that says which group it is a member of.
const GROUP: &str = "group";

/// Permission bits of a group's top: clients come through to its members, and see no list.
pub const MODE: u32 = 0o711;

/// Where a group is.
pub fn place(id: &str) -> Path {
    GROUPS.join(&name(id))
}

/// Where a group is made.
pub fn staged(id: &str) -> Path {
    FIRST.staging.join(&name(id))
}

/// Where a snapshot of a group is.
pub fn kept(cgsnapshot_id: &str) -> Path {
    FIRST.snapshots.join(&format!("cgsnapshot-{cgsnapshot_id}"))
}

fn name(id: &str) -> String {
    format!("cg-{id}")
}

/// The group that a share is a member of.
pub fn of(share_id: &str) -> Result<Option<String>> {
    Ok(Entity(share_id).get(GROUP)?)
}

/// Promises a member its size, and writes down that it is one.
pub fn enroll(share: &Share, group: &str) -> Result<()> {
    FIRST.promise(&share.id, &share.name, share.size)?;
    Ok(Entity(&share.id).set(GROUP, group)?)
}

/// Makes a share as a member. Repeated, it finds it.
pub fn join(share: &Share, group: &str) -> Result<Vec<ExportLocation>> {
    if pools::are_two()? && share.pool.as_deref().is_some_and(|pool| pool != FIRST.name) {
        return Err(Error::InvalidShare(format!(
            "consistency groups, and so their members, lie in the pool `{}`",
            FIRST.name
        )));
    }
    let top = place(group);
    if !is_there(&top)? {
        return Err(Error::InvalidShare(format!("there is no consistency group {group}")));
    }
    let (member, mode, locations) =
        (top.join(&share.name), FIRST.options().mode()?, locations(share, group)?);
    if is_there(&member)? && !local::is_promised(&share.id)? {
        return Err(making::foreign(&member));
    }
    enroll(share, group)?;
    limit(&top, group)?;
    match files::make_dir(&member, mode) {
        Ok(()) | Err(HostError::AlreadyExists(_)) => {}
        Err(error) => return Err(error.into()),
    }
    quota::sync(&FIRST)?;
    Ok(locations)
}

/// Removes a member with all that is in it.
pub fn leave(share: &Share, group: &str) -> Result<()> {
    let top = place(group);
    files::remove_tree(&top.join(&share.name))?;
    local::forget(&share.id)?;
    if is_there(&top)? {
        limit(&top, group)?;
    }
    quota::sync(&FIRST)
}

/// Sets the limit of a group, which is at `top`, to what its members are promised.
pub fn limit(top: &Path, group: &str) -> Result<()> {
    // Else of two that come at once, the one that added up first could set its sum last.
    let _guard = lock::acquire(&name(group), None)?;
    let mut sum: u64 = 0;
    for member in state::find(GROUP)?.into_iter().filter(|member| member.value == group) {
        sum = sum.saturating_add(local::promised(&member.entity)?.unwrap_or(0));
    }
    // One without members holds nothing; its limit is the least that there is.
    quota::limit(&FIRST, &subvolume::show(top)?, sum.max(1))
}

/// Where clients find a member.
pub fn locations(share: &Share, group: &str) -> Result<Vec<ExportLocation>> {
    let path = format!("{}/{}", name(group), share.name);
    Ok(vec![ExportLocation::new(local::export_location(GROUPS_EXPORT_ROOT, &path)?)])
}
