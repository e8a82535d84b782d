//! Who this driver is, whether it can work, and how much there is in its group.

use abaca_sdk::{
    Backend, Capacity, Description, Error, HostError, PoolStats, Result, ShareProtocol, ShareStats,
    files,
};

use crate::{Lvm, exports, options, places, volumes};

/// What schedulers know the group by; upstream's name, so that shares' hosts stay what they are.
const POOL: &str = "lvm-single-pool";

impl Backend for Lvm {
    fn describe() -> Description {
        options::declarations().chain(exports::declarations()).fold(
            Description::new("lvm", env!("CARGO_PKG_VERSION"), ShareProtocol::Nfs)
                .protocol(ShareProtocol::Cifs)
                .vendor("Abaca"),
            Description::option,
        )
    }

    fn do_setup() -> Result<()> {
        Ok(())
    }

    fn check_for_setup_error() -> Result<()> {
        options::check()?;
        volumes::check_group()?;
        files::list_after(&places::MOUNTS.path(), None, 1).map_err(|error| match error {
            HostError::NotFound(text) => Error::BadConfiguration(text),
            error => error.into(),
        })?;
        exports::check()
    }

    fn get_share_stats() -> Result<ShareStats> {
        let (total, free) = volumes::space()?;
        let mut stats = ShareStats::new(Capacity::Unknown, Capacity::Unknown);
        stats.pools.push(pool(Capacity::Gib(total), Capacity::Gib(free)));
        Ok(stats)
    }
}

/// The group, the only pool there is.
fn pool(total_capacity: Capacity, free_capacity: Capacity) -> PoolStats {
    PoolStats {
        name: POOL.to_owned(),
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
        replication_type: None,
        extra: Vec::new(),
    }
}
