//! Moving a share to another pool or to another back end of this driver, in two phases.
//!
//! ```text
//! source:       here ──start──▶ moving, 0 % ──progress, four times──▶ 100 % ──complete──▶ gone
//!                 ▲                  └───────────────cancel────────────┘
//! destination:  not there ──ensure, or its access rules──▶ here
//! ```
//!
//! Within one back end a share ends where it began, here, in another pool. To another one nothing
//! is kept of it on either side before or after: the destination finds what has arrived by the
//! export locations that the source answered, as storage would find the data. Its access rules do
//! not go with it: the service applies them again.

use abaca_sdk::{
    Error, ExportLocation, Migration, MigrationDestination, MigrationStarted, Pair, Result, Share,
    ShareServer,
};

use crate::call::{Call, value};
use crate::held::{DONE, HeldMigration};
use crate::options::Settings;
use crate::world::World;
use crate::{Dummy, capacity, places, shares};

/// What tells a driver of the source that the destination is one of its kind.
const DRIVER: &str = "driver";
const DUMMY: &str = "dummy";

/// What tells it where clients will find the share.
const EXPORT_HOST: &str = "export_host";

/// The metadata of an export location by which the destination finds what has arrived.
const ARRIVED: &str = "arrived";

/// How far a migration comes each time somebody asks, in percent.
const STEP: u8 = 25;

impl Migration for Dummy {
    fn migration_get_driver_info(share: Share, _: Option<ShareServer>) -> Result<Vec<Pair>> {
        Call::begin("migration-get-driver-info", &share.metadata)?
            .change(|world, settings| expect(world, settings, &share))
    }

    fn migration_start(
        share: Share,
        _: Option<ShareServer>,
        destination: MigrationDestination,
        driver_info: Vec<Pair>,
        notify: bool,
    ) -> Result<MigrationStarted> {
        let call = Call::at_once("migration-start", &share.metadata)?;
        call.fail_if_asked()?;
        let moved = call.change(|world, settings| {
            start(world, settings, &share, &destination.host, &driver_info)
        })?;
        // What takes time, as copying would; meanwhile it can be asked after, and given up.
        call.wait()?;
        if !moved {
            return Ok(MigrationStarted { moved, export_locations: Vec::new() });
        }
        call.change(|world, settings| {
            if world.share(&share.id)?.migration.is_none() {
                return Err(Error::MigrationFailed(format!("{} was given up", share.id)));
            }
            let mut export_locations = Vec::new();
            // Whoever asks to be notified does not come back for a second phase.
            if notify {
                while progress(world, &share.id)? < DONE {}
                export_locations = complete(world, settings, &share, &driver_info)?;
            }
            Ok(MigrationStarted { moved, export_locations })
        })
    }

    fn migration_complete(
        share: Share,
        _: Option<ShareServer>,
        driver_info: Vec<Pair>,
    ) -> Result<Vec<ExportLocation>> {
        Call::begin("migration-complete", &share.metadata)?
            .change(|world, settings| complete(world, settings, &share, &driver_info))
    }

    fn migration_cancel(share: Share, _: Option<ShareServer>, _: Vec<Pair>) -> Result<()> {
        Call::begin("migration-cancel", &share.metadata)?
            .change(|world, _| cancel(world, &share.id))
    }

    fn migration_get_progress(share: Share, _: Option<ShareServer>, _: Vec<Pair>) -> Result<u8> {
        Call::begin("migration-get-progress", &share.metadata)?
            .change(|world, _| progress(world, &share.id))
    }
}

/// Whether a share could come, and where clients would find it; nothing is kept of the question.
fn expect(world: &World, settings: &Settings, share: &Share) -> Result<Vec<Pair>> {
    if !world.shares.contains_key(&share.id) {
        // The pool that it lies in says nothing here.
        let share = Share { pool: None, ..share.clone() };
        let pool = capacity::choose_pool(world, settings, &share)?;
        capacity::check_room(world, settings, &pool, &share.id, share.size)?;
        shares::check_place(world, &share.id, &share.name)?;
    }
    Ok(vec![
        (DRIVER.to_owned(), DUMMY.to_owned()),
        (EXPORT_HOST.to_owned(), settings.export_host.clone()),
    ])
}

/// Takes in a share that another back end has sent: its export locations are here, and say so. Any
/// other share that is not here stays so.
///
/// # Errors
/// [`Error::InvalidShare`] when its name is another share's.
pub fn arrive(world: &mut World, settings: &Settings, share: &Share) -> Result<()> {
    let is_sent = |location: &ExportLocation| {
        value(&location.metadata, ARRIVED) == Some(settings.export_host.as_str())
    };
    if world.shares.contains_key(&share.id) || !share.export_locations.iter().any(is_sent) {
        return Ok(());
    }
    shares::check_place(world, &share.id, &share.name)?;
    // A service may not know yet in which pool it is.
    let anywhere = Share { pool: None, ..share.clone() };
    let pool = capacity::choose_pool(world, settings, share)
        .or_else(|_| capacity::choose_pool(world, settings, &anywhere))?;
    world.shares.insert(share.id.clone(), shares::new(share, pool));
    Ok(())
}

/// Begins to move a share; false for a destination of another kind. The same migration
/// goes on where it is.
fn start(
    world: &mut World,
    settings: &Settings,
    share: &Share,
    destination: &str,
    info: &[Pair],
) -> Result<bool> {
    if value(info, DRIVER) != Some(DUMMY) {
        return Ok(false);
    }
    let failed = |text: String| Err(Error::MigrationFailed(text));
    let Some(export_host) = value(info, EXPORT_HOST) else {
        return failed(format!("{destination} does not say its export host"));
    };
    let snapshots = world.snapshots_of(&share.id);
    if snapshots > 0 {
        return failed(format!("the share {} has {snapshots} snapshots", share.id));
    }
    if let Some(pool) = pool_here(share, destination) {
        let pool = capacity::known_pool(settings, pool)?;
        capacity::check_room(world, settings, &pool, &share.id, share.size)?;
    }
    let held = world.share(&share.id)?;
    match &held.migration {
        Some(other) if !other.completed && other.destination != destination => {
            let (id, other) = (&share.id, &other.destination);
            return failed(format!("the share {id} is on its way to {other}; cancel that first"));
        }
        Some(same) if !same.completed => {}
        _ => {
            held.migration = Some(HeldMigration {
                destination: destination.to_owned(),
                export_host: export_host.to_owned(),
                progress: 0,
                completed: false,
            });
        }
    }
    Ok(true)
}

/// The pool of a destination within the share's own back end; none for another back end.
fn pool_here<'a>(share: &Share, destination: &'a str) -> Option<&'a str> {
    let (host, pool) = destination.split_once('#')?;
    (host == share.host).then_some(pool)
}

/// Moves on a little and says how far it is.
fn progress(world: &mut World, id: &str) -> Result<u8> {
    let migration = world.share(id)?.migration.as_mut().ok_or_else(|| not_moving(id))?;
    migration.progress = migration.progress.saturating_add(STEP).min(DONE);
    Ok(migration.progress)
}

/// Switches over, if all is there, and says where clients find the share now. Of a share that has
/// gone in a call before, the service's own words say where it is.
fn complete(
    world: &mut World,
    settings: &Settings,
    share: &Share,
    info: &[Pair],
) -> Result<Vec<ExportLocation>> {
    let id = &share.id;
    let Some(held) = world.shares.get_mut(id) else { return sent(share, info) };
    let migration = held.migration.as_mut().ok_or_else(|| not_moving(id))?;
    if migration.progress < DONE {
        return Err(Error::MigrationFailed(format!(
            "only {} % of the share {id} are at {}",
            migration.progress, migration.destination
        )));
    }
    let Some(pool) = pool_here(share, &migration.destination) else {
        world.shares.remove(id);
        return sent(share, info);
    };
    if !migration.completed {
        migration.completed = true;
        held.pool = pool.to_owned();
    }
    let held = held.clone();
    places::locations(world, settings, &held)
}

/// Where clients find a share that was sent to another back end.
fn sent(share: &Share, info: &[Pair]) -> Result<Vec<ExportLocation>> {
    let host = value(info, EXPORT_HOST).ok_or_else(|| not_moving(&share.id))?;
    // The pool is the destination's matter.
    let mut locations = places::locations_at(host, host, &shares::new(share, String::new()))?;
    for location in &mut locations {
        location.metadata = vec![(ARRIVED.to_owned(), host.to_owned())];
    }
    Ok(locations)
}

/// Forgets a migration that is not over; none is success.
fn cancel(world: &mut World, id: &str) -> Result<()> {
    let held = world.share(id)?;
    if let Some(HeldMigration { completed: true, destination, .. }) = &held.migration {
        return Err(Error::MigrationFailed(format!("the share {id} is at {destination} already")));
    }
    held.migration = None;
    Ok(())
}

fn not_moving(id: &str) -> Error {
    Error::MigrationFailed(format!("the share {id} is not on its way"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{settings, share, snapshot, with_share};
    use crate::snapshots;

    const ELSEWHERE: &str = "other@dummy#alpha";

    fn info() -> Vec<Pair> {
        let there = Settings { export_host: "192.0.2.9".into(), ..settings() };
        expect(&World::default(), &there, &share("a", 6)).unwrap()
    }

    fn moving(destination: &str) -> World {
        let mut world = with_share("a", 6);
        let started = start(&mut world, &settings(), &share("a", 6), destination, &info());
        assert_eq!(started, Ok(true));
        world
    }

    fn finish(world: &mut World) -> Result<Vec<ExportLocation>> {
        complete(world, &settings(), &share("a", 6), &info())
    }

    #[test]
    fn a_share_leaves_when_all_of_it_is_there() {
        let mut world = moving(ELSEWHERE);
        for percent in [25, 50, 75] {
            assert_eq!(progress(&mut world, "a"), Ok(percent));
            assert!(matches!(finish(&mut world), Err(Error::MigrationFailed(_))));
        }
        // Beginning again does not begin from nothing.
        start(&mut world, &settings(), &share("a", 6), ELSEWHERE, &info()).unwrap();
        assert_eq!(progress(&mut world, "a"), Ok(100));
        assert_eq!(progress(&mut world, "a"), Ok(100));
        for _ in 0..2 {
            assert_eq!(finish(&mut world).unwrap()[0].path, "192.0.2.9:/shares/share-a");
        }
        assert_eq!(world, World::default(), "nothing is kept of what has gone");
    }

    #[test]
    fn within_a_back_end_only_the_pool_changes() {
        let mut world = moving("host@dummy#beta");
        while progress(&mut world, "a").unwrap() < DONE {}
        for _ in 0..2 {
            assert_eq!(finish(&mut world).unwrap()[0].path, "192.0.2.1:/shares/share-a");
        }
        assert_eq!(world.share("a").unwrap().pool, "beta");
        let result = start(&mut world, &settings(), &share("a", 6), "host@dummy#no", &info());
        assert!(matches!(result, Err(Error::InvalidShare(_))));
    }

    #[test]
    fn cancelling_restores() {
        for steps in [0, 1, 4] {
            let mut world = moving(ELSEWHERE);
            for _ in 0..steps {
                progress(&mut world, "a").unwrap();
            }
            cancel(&mut world, "a").unwrap();
            cancel(&mut world, "a").unwrap();
            assert_eq!(world, with_share("a", 6));
            assert!(matches!(progress(&mut world, "a"), Err(Error::MigrationFailed(_))));
            assert!(matches!(finish(&mut world), Err(Error::MigrationFailed(_))));
        }
    }

    #[test]
    fn only_our_kind_is_moved_to() {
        let mut world = with_share("a", 6);
        let one = share("a", 6);
        assert_eq!(start(&mut world, &settings(), &one, ELSEWHERE, &[]), Ok(false));
        let foreign = [(DRIVER.to_owned(), "directory".to_owned())];
        assert_eq!(start(&mut world, &settings(), &one, ELSEWHERE, &foreign), Ok(false));
        assert_eq!(world, with_share("a", 6));
        snapshots::take(&mut world, &snapshot("s", "a", 6)).unwrap();
        let result = start(&mut world, &settings(), &one, ELSEWHERE, &info());
        assert!(matches!(result, Err(Error::MigrationFailed(_))));
        let mut world = moving(ELSEWHERE);
        let result = start(&mut world, &settings(), &one, "third@dummy#alpha", &info());
        assert!(matches!(result, Err(Error::MigrationFailed(_))));
    }

    #[test]
    fn the_destination_keeps_nothing_until_the_share_is_there() {
        let mut there = World::default();
        let large = expect(&there, &settings(), &share("a", 1001));
        assert!(matches!(large, Err(Error::BackendFailed(_))));
        let one = share("a", 6);
        let info = expect(&there, &settings(), &one).unwrap();
        arrive(&mut there, &settings(), &one).unwrap();
        assert_eq!(there, World::default(), "it was not sent");
        let sent = Share { export_locations: sent(&one, &info).unwrap(), ..one };
        let elsewhere = Settings { export_host: "192.0.2.8".into(), ..settings() };
        arrive(&mut there, &elsewhere, &sent).unwrap();
        assert_eq!(there, World::default(), "it was sent to another one");
        for _ in 0..2 {
            arrive(&mut there, &settings(), &sent).unwrap();
            assert_eq!(there.share("a").unwrap().size, 6);
        }
        assert_eq!(capacity::promised(&there, "alpha", None), 6);
    }
}
