//! Groups of shares that are kept at one moment: each group is one subvolume, and so is each of
//! its snapshots, whose directories are the members by their shares' names.

use abaca_sdk::{
    CgShareUpdate, Cgsnapshot, CgsnapshotMember, CgsnapshotMemberUpdate, ConsistencyGroup,
    ConsistencyGroups, Error, Path, Result, Share, ShareServer, files, local,
};

use crate::places::{GROUPS_EXPORT_ROOT, is_there};
use crate::pools::FIRST;
use crate::snapshots::check_taken_of;
use crate::{Btrfs, group, quota, subvolume};

/// The most members of a group; a bound for a list, far above what anyone makes.
const MEMBERS_MAX: usize = 10_000;

impl ConsistencyGroups for Btrfs {
    fn create_consistency_group(group: ConsistencyGroup, _: Option<ShareServer>) -> Result<()> {
        // Said before there is a member that no client would find.
        local::export_location(GROUPS_EXPORT_ROOT, "")?;
        appear(&group.id, subvolume::create)
    }

    fn create_consistency_group_from_cgsnapshot(
        group: ConsistencyGroup,
        cgsnapshot: Cgsnapshot,
        _: Option<ShareServer>,
    ) -> Result<Vec<CgShareUpdate>> {
        let kept = group::kept(&cgsnapshot.id);
        let origins = origins(&group.shares, &cgsnapshot)?;
        let mut updates = Vec::new();
        for share in &group.shares {
            let export_locations = group::locations(share, &group.id)?;
            updates.push(CgShareUpdate { id: share.id.clone(), export_locations });
            group::enroll(share, &group.id)?;
        }
        appear(&group.id, |staged| {
            subvolume::clone(&kept, staged)?;
            give_names(staged, &origins)
        })?;
        Ok(updates)
    }

    fn delete_consistency_group(group: ConsistencyGroup, _: Option<ShareServer>) -> Result<()> {
        let place = group::place(&group.id);
        subvolume::remove(&group::staged(&group.id))?;
        if is_there(&place)? && !files::list_after(&place, None, 1)?.is_empty() {
            return Err(Error::BackendFailed(format!(
                "`{place}` still holds members; remove those shares first"
            )));
        }
        subvolume::remove(&place)
    }

    fn create_cgsnapshot(
        cgsnapshot: Cgsnapshot,
        _: Option<ShareServer>,
    ) -> Result<Vec<CgsnapshotMemberUpdate>> {
        let id = &cgsnapshot.consistency_group_id;
        let (place, kept) = (group::place(id), group::kept(&cgsnapshot.id));
        for member in &cgsnapshot.members {
            if group::of(&member.share.id)?.as_ref() != Some(id) {
                return Err(Error::InvalidShare(format!(
                    "the share {} is no member of the consistency group {id}",
                    member.share.id
                )));
            }
        }
        if is_there(&kept)? {
            // An earlier call came this far.
            check_taken_of(&subvolume::show(&kept)?, &subvolume::show(&place)?)
                .map_err(|why| Error::BackendFailed(format!("`{kept}` is there and {why}")))?;
        } else {
            subvolume::keep(&place, &kept)?;
        }
        let update = |member: &CgsnapshotMember| CgsnapshotMemberUpdate {
            id: member.id.clone(),
            provider_location: Some(kept.join(&member.share.name).path),
        };
        Ok(cgsnapshot.members.iter().map(update).collect())
    }

    fn delete_cgsnapshot(cgsnapshot: Cgsnapshot, _: Option<ShareServer>) -> Result<()> {
        subvolume::remove(&group::kept(&cgsnapshot.id))
    }
}

/// Makes a group by what `make` puts at the place it is given, as a share is made.
fn appear(id: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let (place, staged) = (group::place(id), group::staged(id));
    if is_there(&place)? {
        group::limit(&place, id)?;
    } else {
        subvolume::remove(&staged)?;
        let whole = make(&staged)
            .and_then(|()| Ok(files::set_mode(&staged, group::MODE)?))
            .and_then(|()| group::limit(&staged, id));
        if let Err(error) = whole {
            drop(subvolume::remove(&staged));
            return Err(error);
        }
        files::rename(&staged, &place)?;
    }
    quota::sync(&FIRST)
}

/// The name of a member in a group snapshot, and that of the share which begins with its content.
type Origin = (String, String);

fn origins(shares: &[Share], cgsnapshot: &Cgsnapshot) -> Result<Vec<Origin>> {
    let mut origins: Vec<Origin> = Vec::new();
    for share in shares {
        let source = share.source_cgsnapshot_member_id.as_ref();
        let member = cgsnapshot.members.iter().find(|member| Some(&member.id) == source);
        let old = member.map(|member| member.share.name.clone()).ok_or_else(|| {
            Error::InvalidShare(format!(
                "it is not said which member of the group snapshot the share {} comes from",
                share.id
            ))
        })?;
        if origins.iter().any(|(other, _)| *other == old) {
            return Err(Error::InvalidShare(format!("two shares shall come from `{old}`")));
        }
        origins.push((old, share.name.clone()));
    }
    Ok(origins)
}

/// Gives the directories of a copied group their new names, shut to clients until rules are set,
/// and removes those of which no share is made.
fn give_names(staged: &Path, origins: &[Origin]) -> Result<()> {
    let there = files::list(staged, MEMBERS_MAX)?;
    if let Some((old, _)) = origins.iter().find(|(old, _)| there.iter().all(|one| one.name != *old))
    {
        return Err(Error::SnapshotResourceNotFound(format!(
            "the group snapshot holds no member `{old}`"
        )));
    }
    for entry in there {
        let old = staged.join(&entry.name);
        match origins.iter().find(|(name, _)| *name == entry.name) {
            Some((_, new)) => {
                files::set_mode(&old, FIRST.options().mode()?)?;
                files::rename(&old, &staged.join(new))?;
            }
            None => drop(files::remove_tree(&old)?),
        }
    }
    Ok(())
}
