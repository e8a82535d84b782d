//! Who this driver is, whether it can work, and how much there is in each pool.

use abaca_sdk::{
    Backend, Capacity, Description, Error, PoolStats, Result, ShareProtocol, ShareStats, config,
};

use crate::options::Pool;
use crate::record::READABLE;
use crate::{Zfs, answers, options, tool};

impl Backend for Zfs {
    fn describe() -> Description {
        options::declarations().into_iter().fold(
            Description::new("zfs", env!("CARGO_PKG_VERSION"), ShareProtocol::Nfs).vendor("Abaca"),
            Description::option,
        )
    }

    /// Options are looked at, and nothing else: upstream looks for `exportfs` too, and makes the
    /// pools' mounts shared, so that what is mounted in the service's namespace is seen in others. Here
    /// the broker or zfs-fuse's daemon mounts, in its own.
    fn do_setup() -> Result<()> {
        options::check()
    }

    fn check_for_setup_error() -> Result<()> {
        options::check()?;
        for Pool { name, parent } in options::pools()? {
            tool::ask(["list", "-r", &parent]).map_err(|error| match error {
                Error::CommandFailed(failure) => Error::BadConfiguration(format!(
                    "the pool `{name}` cannot be used: {}",
                    failure.stderr.trim()
                )),
                error => error,
            })?;
        }
        Ok(())
    }

    fn get_share_stats() -> Result<ShareStats> {
        let mut stats = ShareStats::new(Capacity::Unknown, Capacity::Unknown);
        stats.replication_type = replication_type()?;
        let creation = options::creation()?;
        for pool in options::pools()? {
            stats.pools.push(pool_stats(&pool, &creation)?);
        }
        Ok(stats)
    }
}

/// What replicas are good for, where there is a domain that they are made within.
fn replication_type() -> Result<Option<String>> {
    let domain = config::text("replication_domain")?.filter(|domain| !domain.is_empty());
    Ok(domain.map(|_| READABLE.to_owned()))
}

fn pool_stats(pool: &Pool, creation: &[String]) -> Result<PoolStats> {
    let capacity = |property: &str| -> Result<Capacity> {
        let text = tool::pool_property(property, &pool.name)?;
        let bytes = answers::property(&text, property, &pool.name)
            .and_then(|value| answers::size(value.as_deref()))
            .map_err(|why| Error::BackendFailed(format!("what `zpool get` says: {why}")))?;
        Ok(Capacity::from_bytes(bytes.unwrap_or_default()))
    };
    // Of what the operator says nothing, the pool decides. Upstream then says both.
    let is_on = |name: &str| {
        let value = creation.iter().find_map(|option| option.strip_prefix(name)?.strip_prefix('='));
        value.map(|value| value != "off")
    };
    Ok(PoolStats {
        name: pool.name.clone(),
        free_capacity: capacity("free")?,
        total_capacity: capacity("size")?,
        allocated_capacity: None,
        provisioned_capacity: None,
        reserved_percentage: None,
        max_over_subscription_ratio: config::float("max_over_subscription_ratio")?,
        thin_provisioning: Some(true),
        dedupe: is_on("dedup"),
        compression: is_on("compression"),
        qos: Some(false),
        replication_type: replication_type()?,
        extra: Vec::new(),
    })
}
