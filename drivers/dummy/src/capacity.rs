//! Pools, and how much of each is promised to shares. Snapshots take nothing: they are as
//! if they shared their blocks with the share. Called when shares are made, resized or
//! about to come, and for the stats.

use abaca_sdk::{Error, Result, Share};

use crate::options::Settings;
use crate::world::World;

/// How many GiB of a pool are promised to shares other than `except`.
pub fn promised(world: &World, pool: &str, except: Option<&str>) -> u64 {
    world
        .shares
        .iter()
        .filter(|(id, share)| share.pool == pool && Some(id.as_str()) != except)
        .fold(0, |sum, (_, share)| sum.saturating_add(share.size))
}

/// Checks that a share could have `size` GiB of a pool.
///
/// # Errors
/// [`Error::BackendFailed`] when there is no room.
pub fn check_room(
    world: &World,
    settings: &Settings,
    pool: &str,
    share_id: &str,
    size: u64,
) -> Result<()> {
    let room = settings.capacity_gib as f64 * settings.thin_ratio.unwrap_or(1.0);
    let others = promised(world, pool, Some(share_id));
    if others.saturating_add(size) as f64 <= room {
        return Ok(());
    }
    Err(Error::BackendFailed(format!(
        "no room for {size} GiB in the pool {pool}: {others} GiB of {room} GiB are promised to \
         other shares"
    )))
}

/// The pool for a new share: the one asked for, else the one with the most room.
///
/// # Errors
/// [`Error::InvalidShare`] for a pool that there is not.
pub fn choose_pool(world: &World, settings: &Settings, share: &Share) -> Result<String> {
    match &share.pool {
        Some(pool) => known_pool(settings, pool),
        None => settings
            .pools
            .iter()
            .min_by_key(|pool| promised(world, pool, Some(&share.id)))
            .cloned()
            .ok_or_else(|| Error::BadConfiguration("there is no pool".to_owned())),
    }
}

/// The pool of this name.
///
/// # Errors
/// [`Error::InvalidShare`] when there is none.
pub fn known_pool(settings: &Settings, name: &str) -> Result<String> {
    settings.pools.iter().find(|pool| *pool == name).cloned().ok_or_else(|| {
        let pools = settings.pools.join(", ");
        Error::InvalidShare(format!("there is no pool `{name}`; there are {pools}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{settings, share, with_share};

    #[test]
    fn the_last_room_is_promised_and_no_more() {
        let settings = Settings { capacity_gib: 10, ..settings() };
        let mut world = with_share("a", 6);
        let pool = world.shares["a"].pool.clone();
        assert!(check_room(&world, &settings, &pool, "b", 4).is_ok());
        assert!(matches!(
            check_room(&world, &settings, &pool, "b", 5),
            Err(Error::BackendFailed(_))
        ));
        // A share does not count against itself.
        assert!(check_room(&world, &settings, &pool, "a", 10).is_ok());
        world.shares.clear();
        assert!(check_room(&world, &settings, &pool, "b", 10).is_ok());
        assert!(check_room(&world, &settings, &pool, "b", u64::MAX).is_err());
    }

    #[test]
    fn thin_pools_promise_more() {
        let settings = Settings { capacity_gib: 10, thin_ratio: Some(1.5), ..settings() };
        let world = World::default();
        assert!(check_room(&world, &settings, "alpha", "a", 15).is_ok());
        assert!(check_room(&world, &settings, "alpha", "a", 16).is_err());
    }

    #[test]
    fn the_emptiest_pool_is_chosen_unless_one_is_asked_for() {
        let world = with_share("a", 6);
        assert_eq!(world.shares["a"].pool, "alpha");
        let mut next = share("b", 1);
        assert_eq!(choose_pool(&world, &settings(), &next), Ok("beta".into()));
        next.pool = Some("alpha".into());
        assert_eq!(choose_pool(&world, &settings(), &next), Ok("alpha".into()));
        next.pool = Some("gamma".into());
        assert!(matches!(choose_pool(&world, &settings(), &next), Err(Error::InvalidShare(_))));
    }
}
