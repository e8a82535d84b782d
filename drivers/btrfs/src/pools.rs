//! The pools: one file system, or two of them. Which pool a share lies in is kept under its
//! identifier; a share is made in the pool that it names. Called by every interface.
//!
//! **State**: under the identifier of whatever lies in the second pool, `pool`.

use abaca_sdk::local::{self, Options};
use abaca_sdk::state::{self, Entity};
use abaca_sdk::{Error, Path, Pools, Result, Root, Share, config};

use crate::Btrfs;

/// The key that says in which pool something lies. Without it, in the first.
pub const POOL: &str = "pool";

/// What clients mount to see the shares of the second pool. Without it there is one pool.
pub const SECOND_EXPORT_ROOT: &str = "btrfs_second_export_root";

/// How much of the second pool may be promised.
pub const SECOND_CAPACITY: &str = "btrfs_second_capacity_gib";

/// The permission bits of a share without rules, in both pools.
const MODE: &str = "btrfs_mode";

/// One btrfs file system with its roots.
#[derive(Debug)]
pub struct Pool {
    /// What the service calls it.
    pub name: &'static str,
    /// Where its shares are.
    pub shares: Root,
    /// Where its snapshots are.
    pub snapshots: Root,
    /// Where a share is made.
    pub staging: Root,
    /// Where copies on their way between the pools are, in a mount of their own.
    pub replicas: Root,
    /// What shares are promised of.
    account: local::Pool,
}

/// The pool that is always there.
pub static FIRST: Pool = Pool {
    name: "first",
    shares: Root("shares"),
    snapshots: Root("snapshots"),
    staging: Root("staging"),
    replicas: Root("replicas"),
    account: local::Pool {
        root: Root("shares"),
        options: Options {
            export_root: "btrfs_export_root",
            capacity: "btrfs_capacity_gib",
            mode: MODE,
        },
    },
};

/// The pool that replicas and migrations need.
pub static SECOND: Pool = Pool {
    name: "second",
    shares: Root("second-shares"),
    snapshots: Root("second-snapshots"),
    staging: Root("second-staging"),
    replicas: Root("second-replicas"),
    account: local::Pool {
        root: Root("second-shares"),
        options: Options { export_root: SECOND_EXPORT_ROOT, capacity: SECOND_CAPACITY, mode: MODE },
    },
};

impl Pools for Btrfs {
    fn get_pool(share: Share) -> Result<Option<String>> {
        match are_two()? {
            true => Ok(Some(of(&share.id)?.name.to_owned())),
            false => Ok(None),
        }
    }
}

/// Whether there is a second pool.
pub fn are_two() -> Result<bool> {
    Ok(config::text(SECOND_EXPORT_ROOT)?.is_some())
}

/// All pools that there are.
pub fn all() -> Result<Vec<&'static Pool>> {
    Ok(if are_two()? { vec![&FIRST, &SECOND] } else { vec![&FIRST] })
}

/// The pool that something lies in.
pub fn of(id: &str) -> Result<&'static Pool> {
    Ok(match Entity(id).get(POOL)? {
        Some(name) if name == SECOND.name => &SECOND,
        _ => &FIRST,
    })
}

/// The pool of this name.
///
/// # Errors
/// [`Error::InvalidShare`] when there is none, or only one.
pub fn named(name: &str) -> Result<&'static Pool> {
    let there = all()?;
    there.iter().copied().find(|pool| pool.name == name).ok_or_else(|| {
        let names: Vec<_> = there.iter().map(|pool| format!("`{}`", pool.name)).collect();
        Error::InvalidShare(format!("there is no pool `{name}`; there are: {}", names.join(", ")))
    })
}

/// The pool that a new share shall lie in, or lies in already; from now on it does. One that
/// names none lies in the first; a back end with one pool has no name for it.
pub fn choose(share: &Share) -> Result<&'static Pool> {
    if !are_two()? || local::is_promised(&share.id)? {
        return of(&share.id);
    }
    let pool = share.pool.as_deref().map_or(Ok(&FIRST), named)?;
    settle(&share.id, pool)?;
    Ok(pool)
}

/// Writes down that something lies in a pool.
pub fn settle(id: &str, pool: &Pool) -> Result<()> {
    match pool.name == SECOND.name {
        true => Ok(Entity(id).set(POOL, pool.name)?),
        false => Ok(Entity(id).remove(POOL)?),
    }
}

/// The pool in which a place is.
pub fn holding(place: &Path) -> &'static Pool {
    let second = [SECOND.shares, SECOND.snapshots, SECOND.staging, SECOND.replicas];
    if second.iter().any(|root| root.0 == place.root) { &SECOND } else { &FIRST }
}

impl Pool {
    /// The other one.
    pub fn other(&self) -> &'static Pool {
        if self.name == FIRST.name { &SECOND } else { &FIRST }
    }

    /// Its options.
    pub fn options(&self) -> Options {
        self.account.options
    }

    /// How much there is: in all, and free.
    pub fn stats(&self) -> Result<abaca_sdk::ShareStats> {
        self.account.stats()
    }

    /// Promises a share its size, if there is room beside what the others in this pool were
    /// promised.
    pub fn promise(&self, id: &str, name: &str, size: u64) -> Result<()> {
        self.account.promise_beside(id, name, size, |accounts| {
            let second = state::find(POOL)?;
            let is_here = |id: &str| {
                let is_second =
                    second.iter().any(|one| one.entity == id && one.value == SECOND.name);
                is_second == (self.name == SECOND.name)
            };
            let ids = accounts.iter().map(|account| account.entity.clone());
            Ok(ids.filter(|id| !is_here(id)).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_in_the_pool_of_its_root() {
        for pool in [&FIRST, &SECOND] {
            for root in [pool.shares, pool.snapshots, pool.staging, pool.replicas] {
                assert_eq!(holding(&root.join("a").join("b")).name, pool.name);
            }
            assert_eq!(pool.other().other().name, pool.name);
        }
        assert_eq!(holding(&Root("groups").join("cg-1")).name, FIRST.name);
    }
}
