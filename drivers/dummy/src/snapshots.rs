//! Taking and removing snapshots.

use abaca_sdk::{Error, Result, ShareServer, Snapshot, SnapshotUpdate, Snapshots};

use crate::Dummy;
use crate::call::Call;
use crate::held::{DONE, HeldSnapshot};
use crate::world::World;

impl Snapshots for Dummy {
    fn create_snapshot(snapshot: Snapshot, _: Option<ShareServer>) -> Result<SnapshotUpdate> {
        let location =
            Call::begin("create-snapshot", &[])?.change(|world, _| take(world, &snapshot))?;
        Ok(SnapshotUpdate { provider_location: Some(location) })
    }

    fn delete_snapshot(snapshot: Snapshot, _: Option<ShareServer>) -> Result<()> {
        Call::begin("delete-snapshot", &[])?.change(|world, _| remove(world, &snapshot.id))
    }
}

/// Takes a snapshot, or finds it, and says where it is.
pub fn take(world: &mut World, snapshot: &Snapshot) -> Result<String> {
    keep(world, &snapshot.id, &snapshot.share_instance_id, &snapshot.name, snapshot.size)
}

/// Takes a snapshot of a share under a name, or finds it, and says where it is.
pub fn keep(world: &mut World, id: &str, share_id: &str, name: &str, size: u64) -> Result<String> {
    if let Some(held) = world.snapshots.get(id) {
        return Ok(held.location.clone());
    }
    let location = format!("{}@{name}", world.share(share_id)?.place);
    let held = HeldSnapshot {
        share: share_id.to_owned(),
        size,
        location: location.clone(),
        progress: DONE,
        group_snapshot: None,
    };
    world.snapshots.insert(id.to_owned(), held);
    Ok(location)
}

/// Removes a snapshot; one that is not there is success.
fn remove(world: &mut World, id: &str) -> Result<()> {
    if let Some(HeldSnapshot { group_snapshot: Some(group), .. }) = world.snapshots.get(id) {
        return Err(Error::ShareSnapshotIsBusy(format!(
            "the snapshot {id} is a member of the group snapshot {group}; remove that"
        )));
    }
    world.snapshots.remove(id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{snapshot, with_share};

    #[test]
    fn taking_and_removing_are_repeatable() {
        let mut world = with_share("a", 6);
        let one = snapshot("s", "a", 6);
        assert_eq!(take(&mut world, &one), Ok("share-a@share-snapshot-s".into()));
        let before = world.clone();
        assert_eq!(take(&mut world, &one), Ok("share-a@share-snapshot-s".into()));
        assert_eq!(world, before);
        remove(&mut world, "s").unwrap();
        remove(&mut world, "s").unwrap();
        assert_eq!(world, with_share("a", 6));
    }

    #[test]
    fn only_what_is_there_can_be_kept() {
        let result = take(&mut World::default(), &snapshot("s", "a", 6));
        assert!(matches!(result, Err(Error::ShareResourceNotFound(_))));
    }

    #[test]
    fn members_of_a_group_snapshot_stay() {
        let mut world = with_share("a", 6);
        take(&mut world, &snapshot("s", "a", 6)).unwrap();
        world.snapshots.get_mut("s").unwrap().group_snapshot = Some("c".into());
        assert!(matches!(remove(&mut world, "s"), Err(Error::ShareSnapshotIsBusy(_))));
    }
}
