//! Taking over snapshots that were not made here, and letting them go. As with shares, a
//! location that looks like ours, `PLACE-OF-THE-SHARE@NAME`, is taken for a snapshot.

use abaca_sdk::{Error, ManagedSnapshot, ManagingSnapshots, Pair, Result, Snapshot};

use crate::Dummy;
use crate::call::Call;
use crate::held::{DONE, HeldSnapshot};
use crate::managing::size_option;
use crate::world::World;

impl ManagingSnapshots for Dummy {
    fn manage_existing_snapshot(
        snapshot: Snapshot,
        driver_options: Vec<Pair>,
    ) -> Result<ManagedSnapshot> {
        Call::begin("manage-existing-snapshot", &[])?
            .change(|world, _| manage(world, &snapshot, &driver_options))
    }

    fn unmanage_snapshot(snapshot: Snapshot) -> Result<()> {
        Call::begin("unmanage-snapshot", &[])?.change(|world, _| unmanage(world, &snapshot.id))
    }
}

fn manage(world: &mut World, snapshot: &Snapshot, options: &[Pair]) -> Result<ManagedSnapshot> {
    let unfit = Error::ManageInvalidSnapshot;
    let share = world.share(&snapshot.share_instance_id).map_err(|error| unfit(error.text()))?;
    let size = size_option(options).map_err(unfit)?;
    let held_size = size.unwrap_or(share.size);
    let location = snapshot.provider_location.clone().unwrap_or_default();
    if !matches!(location.split_once('@'), Some((place, name))
        if place == share.place && !name.is_empty())
    {
        return Err(unfit(format!(
            "`{location}` is no snapshot of the share {}; write {}@NAME",
            snapshot.share_instance_id, share.place
        )));
    }
    let mut others = world.snapshots.iter().filter(|(id, _)| **id != snapshot.id);
    if let Some((other, _)) = others.find(|(_, held)| held.location == location) {
        return Err(unfit(format!("`{location}` is the snapshot {other} already")));
    }
    let held = HeldSnapshot {
        share: snapshot.share_instance_id.clone(),
        size: held_size,
        location: location.clone(),
        progress: DONE,
        group_snapshot: None,
    };
    world.snapshots.insert(snapshot.id.clone(), held);
    Ok(ManagedSnapshot { size, provider_location: Some(location) })
}

fn unmanage(world: &mut World, id: &str) -> Result<()> {
    if let Some(HeldSnapshot { group_snapshot: Some(group), .. }) = world.snapshots.get(id) {
        return Err(Error::UnmanageInvalidSnapshot(format!(
            "the snapshot {id} is a member of the group snapshot {group}"
        )));
    }
    world.snapshots.remove(id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{snapshot, with_share};
    use crate::snapshots;

    fn at(location: &str) -> Snapshot {
        Snapshot { provider_location: Some(location.into()), ..snapshot("s", "a", 0) }
    }

    #[test]
    fn ours_is_taken_over_and_let_go() {
        let mut world = with_share("a", 6);
        let managed = manage(&mut world, &at("share-a@old"), &[]).unwrap();
        assert_eq!((managed.size, world.snapshots["s"].size), (None, 6));
        let managed =
            manage(&mut world, &at("share-a@old"), &[("size".into(), "4".into())]).unwrap();
        assert_eq!((managed.size, world.snapshots["s"].size), (Some(4), 4));
        unmanage(&mut world, "s").unwrap();
        unmanage(&mut world, "s").unwrap();
        assert_eq!(world, with_share("a", 6));
    }

    #[test]
    fn what_is_not_fit_changes_nothing() {
        let mut world = with_share("a", 6);
        snapshots::take(&mut world, &snapshot("t", "a", 6)).unwrap();
        let before = world.clone();
        let stray = Snapshot { share_instance_id: "b".into(), ..at("share-b@old") };
        for unfit in [
            at(""),
            at("share-a@"),
            at("share-b@old"),
            at("share-a@share-snapshot-t"),
            snapshot("s", "a", 0),
            stray,
        ] {
            let result = manage(&mut world, &unfit, &[]);
            assert!(matches!(result, Err(Error::ManageInvalidSnapshot(_))), "{unfit:?}");
        }
        assert_eq!(world, before);
    }

    #[test]
    fn members_of_a_group_snapshot_are_not_let_go() {
        let mut world = with_share("a", 6);
        manage(&mut world, &at("share-a@old"), &[]).unwrap();
        world.snapshots.get_mut("s").unwrap().group_snapshot = Some("c".into());
        assert!(matches!(unmanage(&mut world, "s"), Err(Error::UnmanageInvalidSnapshot(_))));
    }
}
