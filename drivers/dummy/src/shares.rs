//! Making, removing and finding shares.

use abaca_sdk::{CreateError, Error, ExportLocation, Result, Share, ShareServer, Shares};

use crate::call::Call;
use crate::held::HeldShare;
use crate::options::Settings;
use crate::world::World;
use crate::{Dummy, capacity, migration, places};

impl Shares for Dummy {
    fn create_share(
        share: Share,
        share_server: Option<ShareServer>,
    ) -> Result<Vec<ExportLocation>, CreateError> {
        let call = Call::prepare("create-share", &share.metadata)?;
        let locations =
            call.change(|world, settings| make(world, settings, &share, share_server.as_ref()))?;
        made(&call, locations)
    }

    fn delete_share(share: Share, _: Option<ShareServer>) -> Result<()> {
        Call::begin("delete-share", &share.metadata)?.change(|world, _| remove(world, &share.id))
    }

    fn ensure_share(share: Share, _: Option<ShareServer>) -> Result<Vec<ExportLocation>> {
        Call::begin("ensure-share", &share.metadata)?.change(|world, settings| {
            migration::arrive(world, settings, &share)?;
            let held = world.share(&share.id)?.clone();
            places::locations(world, settings, &held)
        })
    }
}

/// Answers the locations of a share that is made, or the failure that was asked for: it comes
/// after the work, as a crash could, and carries the locations that exist by then.
pub fn made(
    call: &Call,
    locations: Vec<ExportLocation>,
) -> Result<Vec<ExportLocation>, CreateError> {
    match call.fail_if_asked() {
        Ok(()) => Ok(locations),
        Err(error) => Err(CreateError::with_locations(error, locations)),
    }
}

/// Makes a share, or finds it, and says where clients find it.
pub fn make(
    world: &mut World,
    settings: &Settings,
    share: &Share,
    server: Option<&ShareServer>,
) -> Result<Vec<ExportLocation>> {
    if world.shares.contains_key(&share.id) {
        let held = world.share(&share.id)?.clone();
        return places::locations(world, settings, &held);
    }
    if let Some(group) = &share.consistency_group_id
        && !world.groups.contains_key(group)
    {
        return Err(Error::InvalidShare(format!("there is no consistency group {group}")));
    }
    check_place(world, &share.id, &share.name)?;
    let pool = capacity::choose_pool(world, settings, share)?;
    capacity::check_room(world, settings, &pool, &share.id, share.size)?;
    let held = HeldShare {
        group: share.consistency_group_id.clone(),
        server: world.server_id(server)?,
        ..new(share, pool)
    };
    let locations = places::locations(world, settings, &held)?;
    world.shares.insert(share.id.clone(), held);
    Ok(locations)
}

/// The record of a share that has nothing but its size.
pub fn new(share: &Share, pool: String) -> HeldShare {
    HeldShare {
        place: share.name.clone(),
        size: share.size,
        pool,
        protocol: share.protocol,
        server: None,
        group: None,
        rules: Vec::new(),
        migration: None,
        replica: None,
    }
}

/// Checks that no other share has a name on the back end.
///
/// # Errors
/// [`Error::InvalidShare`] when one has.
pub fn check_place(world: &World, share_id: &str, place: &str) -> Result<()> {
    match world.shares.iter().find(|(id, held)| *id != share_id && held.place == place) {
        Some((other, _)) => {
            Err(Error::InvalidShare(format!("`{place}` is where the share {other} is already")))
        }
        None => Ok(()),
    }
}

/// Removes a share; one that is not there is success.
fn remove(world: &mut World, id: &str) -> Result<()> {
    match world.snapshots_of(id) {
        0 => {
            world.shares.remove(id);
            Ok(())
        }
        count => Err(Error::ShareIsBusy(format!("the share {id} has {count} snapshots"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{server, settings, share, snapshot, with_share};
    use crate::snapshots;

    #[test]
    fn making_is_repeatable_and_removing_too() {
        let mut world = with_share("a", 6);
        let (before, again) = (world.clone(), share("a", 6));
        let locations = make(&mut world, &settings(), &again, None).unwrap();
        assert_eq!((locations.len(), &world), (2, &before));
        remove(&mut world, "a").unwrap();
        remove(&mut world, "a").unwrap();
        assert_eq!(world, World::default());
    }

    #[test]
    fn what_does_not_fit_leaves_nothing_behind() {
        let mut world = World::default();
        let large = share("a", 1001);
        let result = make(&mut world, &settings(), &large, None);
        assert!(matches!(result, Err(Error::BackendFailed(_))));
        let stray = Share { consistency_group_id: Some("g".into()), ..share("a", 1) };
        let result = make(&mut world, &settings(), &stray, None);
        assert!(matches!(result, Err(Error::InvalidShare(_))));
        let result = make(&mut world, &settings(), &share("a", 1), Some(&server("v")));
        assert!(matches!(result, Err(Error::ShareServerFailed(_))));
        assert_eq!(world, World::default());
    }

    #[test]
    fn a_name_is_given_once() {
        let mut world = with_share("a", 1);
        let other = Share { name: "share-a".into(), ..share("b", 1) };
        let result = make(&mut world, &settings(), &other, None);
        assert!(matches!(result, Err(Error::InvalidShare(_))));
    }

    #[test]
    fn a_share_with_snapshots_stays() {
        let mut world = with_share("a", 1);
        snapshots::take(&mut world, &snapshot("s", "a", 1)).unwrap();
        assert!(matches!(remove(&mut world, "a"), Err(Error::ShareIsBusy(_))));
        assert!(world.shares.contains_key("a"));
    }
}
