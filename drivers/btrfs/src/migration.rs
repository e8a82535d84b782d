//! Moving a share to the other pool, in two phases.
//!
//! ```text
//! here ──start──▶ moving ──progress: all of it, then what changed──▶ 100 % ──complete──▶ there
//!   ▲                └──────────────────────cancel──────────────────┘
//! ```
//! `start` takes the room and comes back. A driver does nothing between calls, so each question
//! after the progress sends something: the first one all that the share holds, the next ones what
//! has changed meanwhile; who asks while another question does so is told how much has arrived. A
//! call that is cut short begins anew what it sent: the time of a call (`[limits] wall_seconds`)
//! must do for the largest share.
//!
//! `complete` lets nobody open a file for writing, brings the last change, and looks whether there
//! was one after it: a client that goes on writing into a file that it has open would lose that, so
//! nothing is switched then. Clients find the share at another export location afterwards, with
//! the same access rules.
//!
//! **State**: under the share's identifier, `moving`, the pool that it goes to, and `left`, the one
//! that it came from; under `moving-` and the identifier, what is promised to it in the other pool.

use abaca_sdk::state::{self, Change, Entity};
use abaca_sdk::{
    Error, ExportLocation, Migration, MigrationDestination, MigrationStarted, Pair, Path, Result,
    Share, ShareServer, local,
};

use crate::copies::{Synced, Way};
use crate::places::{self, is_there};
use crate::pools::{self, POOL, Pool, SECOND};
use crate::{Btrfs, making, subvolume};

/// The key that says which pool a share goes to.
const MOVING: &str = "moving";

/// The key that says which pool it has come from.
const LEFT: &str = "left";

/// All of it, in percent.
const DONE: u8 = 100;

/// How far it is when all was sent once, and what has changed meanwhile has still to be.
const ONCE: u8 = 90;

/// How often the last change is brought before it is said that there is no last one.
const LAST_CHANGES: u32 = 4;

impl Migration for Btrfs {
    fn migration_get_driver_info(_: Share, _: Option<ShareServer>) -> Result<Vec<Pair>> {
        // Both pools are this driver's own: there is nothing to tell.
        Ok(Vec::new())
    }

    fn migration_start(
        share: Share,
        _: Option<ShareServer>,
        destination: MigrationDestination,
        _: Vec<Pair>,
        notify: bool,
    ) -> Result<MigrationStarted> {
        let left_to_the_service = MigrationStarted { moved: false, export_locations: Vec::new() };
        let Some(to) = pool_here(&share, &destination.host) else { return Ok(left_to_the_service) };
        if !pools::are_two()? {
            return Ok(left_to_the_service);
        }
        let way = start(&share, pools::named(to)?)?;
        let mut export_locations = Vec::new();
        // Whoever asks to be notified does not come back for a second phase.
        if notify {
            let _guard = way.lock()?;
            way.sync(&way.from.shares.join(&share.name), false)?;
            export_locations = complete(&way, &share)?;
        }
        Ok(MigrationStarted { moved: true, export_locations })
    }

    fn migration_get_progress(share: Share, _: Option<ShareServer>, _: Vec<Pair>) -> Result<u8> {
        let way = going(&share.id)?.ok_or_else(|| not_moving(&share.id))?;
        let Some(_guard) = way.try_lock()? else {
            let is_once = way.newest()?.is_some();
            return if is_once { Ok(ONCE) } else { Ok(percent(way.arrived()?)) };
        };
        Ok(match way.sync(&way.from.shares.join(&share.name), false)? {
            Synced::Whole => ONCE,
            Synced::Change | Synced::Nothing => DONE,
        })
    }

    fn migration_complete(
        share: Share,
        _: Option<ShareServer>,
        _: Vec<Pair>,
    ) -> Result<Vec<ExportLocation>> {
        let way = match (going(&share.id)?, gone(&share.id)?) {
            (Some(way), _) | (None, Some(way)) => way,
            (None, None) => return Err(not_moving(&share.id)),
        };
        let _guard = way.lock()?;
        match going(&share.id)?.is_some() {
            true => complete(&way, &share),
            // An earlier call came so far.
            false => clean_up(&way, &share),
        }
    }

    fn migration_cancel(share: Share, _: Option<ShareServer>, _: Vec<Pair>) -> Result<()> {
        let Some(way) = going(&share.id)? else {
            return match gone(&share.id)? {
                Some(way) => Err(Error::MigrationFailed(format!(
                    "the share {} is in the pool `{}` already",
                    share.id, way.to.name
                ))),
                None => Ok(()),
            };
        };
        let source = way.from.shares.join(&share.name);
        let _guard = way.lock()?;
        if subvolume::show(&source)?.read_only {
            subvolume::shut(&source, false)?;
        }
        give_up(&way, &share)
    }
}

/// Gives up moving a share that is removed, wherever it was on its way.
pub fn abandon(share: &Share) -> Result<()> {
    let Some(way) = going(&share.id)? else { return Ok(()) };
    let _guard = way.lock()?;
    give_up(&way, share)
}

/// Removes what there is of a moving share in the other pool, and all copies.
fn give_up(way: &Way, share: &Share) -> Result<()> {
    for root in [way.to.staging, way.to.shares] {
        subvolume::remove(&root.join(&share.name))?;
    }
    way.close(way.to)?;
    way.close(way.from)?;
    forget(&share.id)
}

/// The pool of a destination within the share's own back end; none for another back end.
fn pool_here<'d>(share: &Share, destination: &'d str) -> Option<&'d str> {
    let (host, pool) = destination.split_once('#')?;
    (host == share.host).then_some(pool)
}

/// Under what the room in the other pool is promised.
fn account(id: &str) -> String {
    format!("moving-{id}")
}

/// The way of a share that is moving.
fn going(id: &str) -> Result<Option<Way>> {
    let is_moving = Entity(id).get(MOVING)?.is_some();
    Ok(if is_moving { Some(Way::of_moving(id, pools::of(id)?)) } else { None })
}

/// The way that a share has come, and on which something of it may be left.
fn gone(id: &str) -> Result<Option<Way>> {
    let has_left = Entity(id).get(LEFT)?.is_some();
    Ok(if has_left { Some(Way::of_moving(id, pools::of(id)?.other())) } else { None })
}

/// Begins to move a share. The same migration goes on where it is.
fn start(share: &Share, to: &'static Pool) -> Result<Way> {
    let id = &share.id;
    let failed = |why: String| Err(Error::MigrationFailed(why));
    let found = places::share(id, &share.name)?;
    if let Some(group) = found.group {
        return failed(format!("the share is a member of the consistency group {group}"));
    }
    if Way::of_share(&share.share_id, found.pool).is_open()? {
        return failed("the share has replicas; promote the one in the other pool".to_owned());
    }
    if found.pool.name == to.name {
        return failed(format!("the share {id} is in the pool `{}` already", to.name));
    }
    if let Some(way) = going(id)? {
        return Ok(way);
    }
    let snapshots = subvolume::show(&found.path)?.snapshots;
    if snapshots > 0 {
        return failed(format!(
            "the share {id} has {snapshots} snapshots, which would stay behind"
        ));
    }
    let account = account(id);
    pools::settle(&account, to)?;
    if let Err(error) = to.promise(&account, &share.name, share.size) {
        local::forget(&account)?;
        return Err(error);
    }
    state::apply(vec![Change::set_key(id, MOVING, to.name), Change::remove_key(id, LEFT)])?;
    let way = Way::of_moving(id, found.pool);
    way.open()?;
    Ok(way)
}

/// How far it is while all of it is being sent.
fn percent((arrived, all): (u64, u64)) -> u8 {
    let share = u128::from(arrived) * u128::from(ONCE) / u128::from(all.max(1));
    u8::try_from(share).unwrap_or(ONCE).min(ONCE - 1)
}

/// Switches over, if all is there.
fn complete(way: &Way, share: &Share) -> Result<Vec<ExportLocation>> {
    let source = way.from.shares.join(&share.name);
    if way.newest()?.is_none() {
        return Err(Error::MigrationFailed(format!(
            "not all of the share {} is in the pool `{}` yet; ask for its progress until that is \
             {DONE} %",
            share.id, way.to.name
        )));
    }
    subvolume::shut(&source, true)?;
    if let Err(error) = switch(way, share, &source) {
        // Clients go on where they were.
        drop(subvolume::shut(&source, false));
        return Err(error);
    }
    clean_up(way, share)
}

fn switch(way: &Way, share: &Share, source: &Path) -> Result<()> {
    let mut tries = LAST_CHANGES;
    while way.sync(source, true)? != Synced::Nothing {
        tries -= 1;
        if tries == 0 {
            return Err(Error::MigrationFailed(format!(
                "somebody goes on writing into files of the share {} that are open; have them \
                 closed, then complete the migration again",
                share.id
            )));
        }
    }
    let newest = way.newest()?.ok_or_else(|| not_moving(&share.id))?;
    // Of a call that was cut short.
    subvolume::remove(&way.to.shares.join(&share.name))?;
    making::put(share, way.to, None, |staged| subvolume::clone(&newest, staged))?;
    let pool = match way.to.name == SECOND.name {
        true => Change::set_key(&share.id, POOL, SECOND.name),
        false => Change::remove_key(&share.id, POOL),
    };
    Ok(state::apply(vec![
        pool,
        Change::set_key(&share.id, LEFT, way.from.name),
        Change::remove_key(&share.id, MOVING),
        Change::remove_entity(&account(&share.id)),
    ])?)
}

/// Removes what is left of a share where it was, and says where clients find it now.
fn clean_up(way: &Way, share: &Share) -> Result<Vec<ExportLocation>> {
    subvolume::remove(&way.from.shares.join(&share.name))?;
    way.close(way.from)?;
    way.close(way.to)?;
    match is_there(&way.to.shares.join(&share.name))? {
        true => making::locations(share, way.to),
        false => Err(not_moving(&share.id)),
    }
}

/// Forgets that a share was to be moved.
fn forget(id: &str) -> Result<()> {
    let account = account(id);
    Ok(state::apply(vec![Change::remove_key(id, MOVING), Change::remove_entity(&account)])?)
}

fn not_moving(id: &str) -> Error {
    Error::MigrationFailed(format!("the share {id} is not on its way"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_long_as_it_is_being_sent_it_is_not_there() {
        let all = [(0, 0), (0, 100), (50, 100), (99, 100), (100, 100), (200, 100), (u64::MAX, 1)];
        assert_eq!(all.map(percent), [0, 0, 45, 89, 89, 89, 89]);
    }
}
