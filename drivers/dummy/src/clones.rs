//! New shares with the content of a snapshot.

use abaca_sdk::{Clones, CreateError, Error, ExportLocation, Result, Share, ShareServer, Snapshot};

use crate::call::Call;
use crate::held::DONE;
use crate::options::Settings;
use crate::world::World;
use crate::{Dummy, shares};

impl Clones for Dummy {
    fn create_share_from_snapshot(
        share: Share,
        snapshot: Snapshot,
        share_server: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        let call = Call::prepare("create-share-from-snapshot", &share.metadata)?;
        let server = share_server.as_ref();
        let locations =
            call.change(|world, settings| clone(world, settings, &share, &snapshot.id, server))?;
        shares::made(&call, locations)
    }
}

/// Makes a share of a snapshot, or finds it, and says where clients find it.
pub fn clone(
    world: &mut World,
    settings: &Settings,
    share: &Share,
    snapshot_id: &str,
    server: Option<&ShareServer>,
) -> Result<Vec<ExportLocation>> {
    let snapshot = world.snapshot(snapshot_id)?;
    if snapshot.progress < DONE {
        return Err(Error::InvalidSnapshot(format!("the snapshot {snapshot_id} is not whole yet")));
    }
    if share.size < snapshot.size {
        return Err(Error::InvalidShare(format!(
            "a share of {} GiB cannot hold the snapshot {snapshot_id} of {} GiB",
            share.size, snapshot.size
        )));
    }
    shares::make(world, settings, share, server)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{settings, share, snapshot, with_share};
    use crate::snapshots;

    #[test]
    fn a_clone_holds_its_snapshot() {
        let mut world = with_share("a", 6);
        snapshots::take(&mut world, &snapshot("s", "a", 6)).unwrap();
        let mut clone = |size, id| clone(&mut world, &settings(), &share("b", size), id, None);
        assert!(matches!(clone(6, "t"), Err(Error::SnapshotResourceNotFound(_))));
        assert!(matches!(clone(5, "s"), Err(Error::InvalidShare(_))));
        assert_eq!(clone(7, "s").unwrap().len(), 2);
        assert_eq!(clone(7, "s").unwrap().len(), 2);
        assert_eq!(world.shares["b"].size, 7);
    }

    #[test]
    fn half_a_snapshot_is_not_cloned() {
        let mut world = with_share("a", 6);
        snapshots::take(&mut world, &snapshot("s", "a", 6)).unwrap();
        world.snapshots.get_mut("s").unwrap().progress = 50;
        let result = clone(&mut world, &settings(), &share("b", 6), "s", None);
        assert!(matches!(result, Err(Error::InvalidSnapshot(_))));
    }
}
