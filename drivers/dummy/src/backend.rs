//! Who this driver is, whether it can work, and how much there is.

use abaca_sdk::{
    Backend, Capacity, Description, PoolStats, Result, ShareProtocol, ShareStats, log,
};

use crate::call::Call;
use crate::options::Settings;
use crate::world::World;
use crate::{Dummy, capacity, options};

impl Backend for Dummy {
    fn describe() -> Description {
        options::declarations().into_iter().fold(
            Description::new("dummy", env!("CARGO_PKG_VERSION"), ShareProtocol::Nfs)
                .vendor("Abaca")
                .protocol(ShareProtocol::Cifs)
                .share_server_modes(&[false, true]),
            Description::option,
        )
    }

    fn do_setup() -> Result<()> {
        let call = Call::begin("do-setup", &[])?;
        if let Some(name) = &call.settings.secret {
            log::debug(format!("the secret could be passed on as `{name}`"));
        }
        Ok(())
    }

    fn check_for_setup_error() -> Result<()> {
        // Reading the state finds out whether every record in it makes sense.
        Call::begin("check-for-setup-error", &[])?.change(|_, _| Ok(()))
    }

    fn get_share_stats() -> Result<ShareStats> {
        Call::begin("get-share-stats", &[])?.change(|world, settings| Ok(stats(world, settings)))
    }
}

/// How much there is in all, and in each pool.
fn stats(world: &World, settings: &Settings) -> ShareStats {
    let pools: Vec<PoolStats> =
        settings.pools.iter().map(|pool| pool_stats(world, settings, pool)).collect();
    let sum = |gib: fn(u64, u64) -> u64| {
        let one = |pool: &String| gib(settings.capacity_gib, capacity::promised(world, pool, None));
        Capacity::Gib(settings.pools.iter().map(one).fold(0, u64::saturating_add) as f64)
    };
    ShareStats {
        replication_type: Some(settings.replication_type.clone()),
        consistency_group_support: Some("pool".to_owned()),
        pools,
        ..ShareStats::new(sum(|total, _| total), sum(u64::saturating_sub))
    }
}

fn pool_stats(world: &World, settings: &Settings, pool: &str) -> PoolStats {
    let promised = capacity::promised(world, pool, None);
    let free = settings.capacity_gib.saturating_sub(promised);
    PoolStats {
        name: pool.to_owned(),
        total_capacity: Capacity::Gib(settings.capacity_gib as f64),
        free_capacity: Capacity::Gib(free as f64),
        allocated_capacity: Some(Capacity::Gib(promised as f64)),
        provisioned_capacity: settings.thin_ratio.map(|_| Capacity::Gib(promised as f64)),
        reserved_percentage: None,
        max_over_subscription_ratio: settings.thin_ratio,
        thin_provisioning: Some(settings.thin_ratio.is_some()),
        dedupe: Some(false),
        compression: Some(false),
        qos: Some(false),
        replication_type: Some(settings.replication_type.clone()),
        extra: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{settings, with_share};

    #[test]
    fn pools_add_up() {
        let stats = stats(&with_share("a", 6), &settings());
        assert_eq!(stats.total_capacity, Capacity::Gib(2000.0));
        assert_eq!(stats.free_capacity, Capacity::Gib(1994.0));
        let free: Vec<_> = stats.pools.iter().map(|pool| pool.free_capacity).collect();
        assert_eq!(free, [Capacity::Gib(994.0), Capacity::Gib(1000.0)]);
        assert_eq!(stats.pools[0].thin_provisioning, Some(false));
    }

    #[test]
    fn more_than_there_is_leaves_nothing() {
        let settings = Settings { capacity_gib: 5, thin_ratio: Some(2.0), ..settings() };
        let stats = stats(&with_share("a", 6), &settings);
        assert_eq!(stats.pools[0].free_capacity, Capacity::Gib(0.0));
        assert_eq!(stats.pools[0].provisioned_capacity, Some(Capacity::Gib(6.0)));
        assert_eq!(stats.free_capacity, Capacity::Gib(5.0));
    }

    #[test]
    fn it_says_what_it_is() {
        let description = Dummy::describe();
        assert_eq!(description.name, "dummy");
        assert_eq!(description.share_server_modes, [false, true]);
        assert_eq!(description.protocols, [ShareProtocol::Nfs, ShareProtocol::Cifs]);
        assert_eq!(description.options.len(), options::declarations().len());
    }
}
