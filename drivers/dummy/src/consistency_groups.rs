//! Groups of shares whose snapshots are taken at one point in time. The members are those
//! shares that name the group; all of a group snapshot is one change of the state.

use abaca_sdk::{
    CgShareUpdate, Cgsnapshot, CgsnapshotMemberUpdate, ConsistencyGroup, ConsistencyGroups, Error,
    Result, Share, ShareServer,
};

use crate::call::Call;
use crate::held::HeldGroup;
use crate::options::Settings;
use crate::world::World;
use crate::{Dummy, clones, snapshots};

impl ConsistencyGroups for Dummy {
    fn create_consistency_group(
        consistency_group: ConsistencyGroup,
        share_server: Option<ShareServer>,
    ) -> Result<()> {
        Call::begin("create-consistency-group", &[])?
            .change(|world, _| create(world, &consistency_group.id, share_server.as_ref()))
    }

    fn create_consistency_group_from_cgsnapshot(
        consistency_group: ConsistencyGroup,
        _: Cgsnapshot,
        share_server: Option<ShareServer>,
    ) -> Result<Vec<CgShareUpdate>> {
        let server = share_server.as_ref();
        Call::begin("create-consistency-group-from-cgsnapshot", &[])?
            .change(|world, settings| copy(world, settings, &consistency_group, server))
    }

    fn delete_consistency_group(
        consistency_group: ConsistencyGroup,
        _: Option<ShareServer>,
    ) -> Result<()> {
        Call::begin("delete-consistency-group", &[])?
            .change(|world, _| delete(world, &consistency_group.id))
    }

    fn create_cgsnapshot(
        cgsnapshot: Cgsnapshot,
        _: Option<ShareServer>,
    ) -> Result<Vec<CgsnapshotMemberUpdate>> {
        Call::begin("create-cgsnapshot", &[])?.change(|world, _| take(world, &cgsnapshot))
    }

    fn delete_cgsnapshot(cgsnapshot: Cgsnapshot, _: Option<ShareServer>) -> Result<()> {
        Call::begin("delete-cgsnapshot", &[])?.change(|world, _| {
            let group_snapshot = Some(cgsnapshot.id.as_str());
            world.snapshots.retain(|_, held| held.group_snapshot.as_deref() != group_snapshot);
            Ok(())
        })
    }
}

/// Makes an empty group, or finds it.
fn create(world: &mut World, id: &str, server: Option<&ShareServer>) -> Result<()> {
    let server = world.server_id(server)?;
    world.groups.entry(id.to_owned()).or_insert(HeldGroup { server });
    Ok(())
}

/// Makes a group whose shares begin with the content of group snapshot's members.
fn copy(
    world: &mut World,
    settings: &Settings,
    group: &ConsistencyGroup,
    server: Option<&ShareServer>,
) -> Result<Vec<CgShareUpdate>> {
    create(world, &group.id, server)?;
    let mut updates = Vec::new();
    for share in &group.shares {
        let Some(member) = &share.source_cgsnapshot_member_id else {
            return Err(Error::InvalidShare(format!(
                "it is not said which member of the group snapshot the share {} comes from",
                share.id
            )));
        };
        let share = Share { consistency_group_id: Some(group.id.clone()), ..share.clone() };
        let export_locations = clones::clone(world, settings, &share, member, server)?;
        updates.push(CgShareUpdate { id: share.id, export_locations });
    }
    Ok(updates)
}

/// Removes a group without members; one that is not there is success.
fn delete(world: &mut World, id: &str) -> Result<()> {
    match world.shares.values().filter(|share| share.group.as_deref() == Some(id)).count() {
        0 => {
            world.groups.remove(id);
            Ok(())
        }
        count => Err(Error::Other(format!(
            "the consistency group {id} has {count} members; remove them first"
        ))),
    }
}

/// Takes a snapshot of each member, or finds it, and says where they are.
fn take(world: &mut World, cgsnapshot: &Cgsnapshot) -> Result<Vec<CgsnapshotMemberUpdate>> {
    let group = &cgsnapshot.consistency_group_id;
    if !world.groups.contains_key(group) {
        return Err(Error::Other(format!("there is no consistency group {group}")));
    }
    let mut updates = Vec::new();
    for member in &cgsnapshot.members {
        let share_id = &member.share.id;
        if world.share(share_id)?.group.as_ref() != Some(group) {
            return Err(Error::InvalidShare(format!(
                "the share {share_id} is no member of the consistency group {group}"
            )));
        }
        let name = format!("share-cgsnapshot-{}", member.id);
        let location = snapshots::keep(world, &member.id, share_id, &name, member.size)?;
        if let Some(held) = world.snapshots.get_mut(&member.id) {
            held.group_snapshot = Some(cgsnapshot.id.clone());
        }
        updates.push(CgsnapshotMemberUpdate {
            id: member.id.clone(),
            provider_location: Some(location),
        });
    }
    Ok(updates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{cgsnapshot, group, settings, share};
    use crate::shares;

    /// A group `g` with the members `a` and `b`.
    fn grouped() -> World {
        let mut world = World::default();
        create(&mut world, "g", None).unwrap();
        for id in ["a", "b"] {
            let member = Share { consistency_group_id: Some("g".into()), ..share(id, 1) };
            shares::make(&mut world, &settings(), &member, None).unwrap();
        }
        world
    }

    fn from(id: &str, member: Option<&str>) -> Share {
        Share { source_cgsnapshot_member_id: member.map(Into::into), ..share(id, 1) }
    }

    #[test]
    fn a_group_with_members_stays() {
        let mut world = grouped();
        create(&mut world, "g", None).unwrap();
        assert!(matches!(delete(&mut world, "g"), Err(Error::Other(_))));
        world.shares.clear();
        delete(&mut world, "g").unwrap();
        delete(&mut world, "g").unwrap();
        assert_eq!(world, World::default());
    }

    #[test]
    fn all_members_are_kept_with_their_places() {
        let mut world = grouped();
        let both = cgsnapshot("c", "g", &[("m", "a"), ("n", "b")]);
        let updates = take(&mut world, &both).unwrap();
        let location = updates[1].provider_location.as_deref();
        assert_eq!((updates.len(), location), (2, Some("share-b@share-cgsnapshot-n")));
        assert_eq!(take(&mut world, &both), Ok(updates));
        assert_eq!(world.snapshots["m"].group_snapshot, Some("c".into()));
    }

    #[test]
    fn only_members_of_the_group_are_kept() {
        let mut world = grouped();
        let result = take(&mut world, &cgsnapshot("c", "h", &[("m", "a")]));
        assert!(matches!(result, Err(Error::Other(_))));
        let result = take(&mut world, &cgsnapshot("c", "g", &[("m", "z")]));
        assert!(matches!(result, Err(Error::ShareResourceNotFound(_))));
        world.share("b").unwrap().group = None;
        let result = take(&mut world, &cgsnapshot("c", "g", &[("m", "b")]));
        assert!(matches!(result, Err(Error::InvalidShare(_))));
    }

    #[test]
    fn a_group_comes_from_a_group_snapshot() {
        let mut world = grouped();
        take(&mut world, &cgsnapshot("c", "g", &[("m", "a"), ("n", "b")])).unwrap();
        let new = group("h", vec![from("x", Some("m")), from("y", Some("n"))]);
        let updates = copy(&mut world, &settings(), &new, None).unwrap();
        assert_eq!(updates[0].export_locations[0].path, "192.0.2.1:/shares/share-x");
        assert_eq!(world.shares["y"].group, Some("h".into()));
        let result = copy(&mut world, &settings(), &group("i", vec![from("z", None)]), None);
        assert!(matches!(result, Err(Error::InvalidShare(_))));
        let unknown = group("i", vec![from("z", Some("o"))]);
        let result = copy(&mut world, &settings(), &unknown, None);
        assert!(matches!(result, Err(Error::SnapshotResourceNotFound(_))));
    }
}
