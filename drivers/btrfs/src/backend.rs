//! Who this driver is, whether it can work, and how much there is.

use abaca_sdk::{
    Backend, Capacity, Description, OptionDeclaration, OptionType, PoolStats, Result,
    ShareProtocol, ShareStats, config, files, local,
};

use crate::places::{GROUPS, GROUPS_EXPORT_ROOT};
use crate::pools::{self, FIRST, Pool, SECOND_CAPACITY, SECOND_EXPORT_ROOT};
use crate::{Btrfs, exports, quota};

impl Backend for Btrfs {
    fn describe() -> Description {
        let declared = FIRST.options().declarations().into_iter();
        declared
            .chain([groups_export_root()])
            .chain(second_pool())
            .chain(exports::declarations())
            .fold(
                Description::new("btrfs", env!("CARGO_PKG_VERSION"), ShareProtocol::Nfs)
                    .vendor("Abaca"),
                Description::option,
            )
    }

    fn do_setup() -> Result<()> {
        Ok(())
    }

    /// That the roots lie on btrfs is the policy's word, which the broker checks; a directory of
    /// it can hold subvolumes.
    fn check_for_setup_error() -> Result<()> {
        exports::check()?;
        let pools = pools::all()?;
        for pool in &pools {
            pool.options().check()?;
            for root in [pool.shares, pool.snapshots, pool.staging] {
                files::list_after(&root.path(), None, 1)?;
            }
            if pools.len() > 1 {
                files::list_after(&pool.replicas.path(), None, 1)?;
            }
        }
        if config::text(GROUPS_EXPORT_ROOT)?.is_some() {
            files::list_after(&GROUPS.path(), None, 1)?;
            local::export_location(GROUPS_EXPORT_ROOT, "")?;
        }
        for pool in pools {
            quota::check(pool)?;
            pool.stats()?;
        }
        Ok(())
    }

    fn get_share_stats() -> Result<ShareStats> {
        let mut stats = FIRST.stats()?;
        // One group lies in one file system, as all of a back end with one pool does.
        let has_groups = config::text(GROUPS_EXPORT_ROOT)?.is_some();
        let support = if pools::are_two()? { "pool" } else { "host" };
        stats.consistency_group_support = has_groups.then(|| support.to_owned());
        if pools::are_two()? {
            stats.replication_type = Some(REPLICATION.to_owned());
            let pools: Result<Vec<_>> = pools::all()?.into_iter().map(pool_stats).collect();
            stats.pools = pools?;
            let sum = |of: fn(&PoolStats) -> Capacity| {
                let gib = stats.pools.iter().map(|pool| match of(pool) {
                    Capacity::Gib(gib) => gib,
                    _ => 0.0,
                });
                Capacity::Gib(gib.sum())
            };
            stats.total_capacity = sum(|pool| pool.total_capacity);
            stats.free_capacity = sum(|pool| pool.free_capacity);
        }
        Ok(stats)
    }
}

/// How replicas can be used: not before they are promoted.
const REPLICATION: &str = "dr";

fn pool_stats(pool: &'static Pool) -> Result<PoolStats> {
    let ShareStats { total_capacity, free_capacity, .. } = pool.stats()?;
    Ok(PoolStats {
        name: pool.name.to_owned(),
        total_capacity,
        free_capacity,
        allocated_capacity: None,
        provisioned_capacity: None,
        reserved_percentage: None,
        max_over_subscription_ratio: None,
        thin_provisioning: None,
        dedupe: None,
        compression: None,
        qos: None,
        replication_type: Some(REPLICATION.to_owned()),
        extra: Vec::new(),
    })
}

fn second_pool() -> [OptionDeclaration; 2] {
    [
        OptionDeclaration::new(
            SECOND_EXPORT_ROOT,
            OptionType::Text,
            "Where clients find the root `second-shares`: an absolute path, or HOST:/path. Without it \
             there is one pool, and so neither replication nor migration.",
        ),
        OptionDeclaration::new(
            SECOND_CAPACITY,
            OptionType::Integer,
            "How many GiB there are to promise in the second pool. Without it, the size of its file \
             system.",
        ),
    ]
}

fn groups_export_root() -> OptionDeclaration {
    OptionDeclaration::new(
        GROUPS_EXPORT_ROOT,
        OptionType::Text,
        "Where clients find the root `groups`: an absolute path, or HOST:/path. Without it there \
         are no consistency groups.",
    )
}
