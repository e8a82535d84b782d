//! How much there is: what the driver measures, joined with what its operator says and with what
//! all drivers have in common.

use abaca::types::{Capacity, ShareProtocol};
use abaca::{Limits, OptionValue};

use super::{calls, mode, open};
use crate::dummy::{assert_driver, dummy, text};
use crate::support::{Ground, load, runtime};

#[tokio::test]
async fn get_share_stats_is_measured_once_and_refreshed_on_demand() {
    let ground = Ground::new();
    let backend = dummy(&ground, &[]).await;
    let stats = backend.get_share_stats(false).await.unwrap();
    assert_eq!(calls(&ground, "dummy"), 1, "what was never measured is");
    backend.create_share(&crate::support::share("one", 6), None).await.unwrap();
    assert_eq!(backend.get_share_stats(false).await.unwrap(), stats, "as it was measured");
    assert_eq!(calls(&ground, "dummy"), 2, "the driver was not asked");
    let refreshed = backend.get_share_stats(true).await.unwrap();
    assert_eq!((stats.free_capacity, refreshed.free_capacity), (gib(2000), gib(1994)));
    assert_eq!(backend.get_share_stats(false).await.unwrap(), refreshed);
    assert_eq!(calls(&ground, "dummy"), 3);
    // Whoever fails to measure does not take away what is known.
    let failing = [("dummy_fail", text("get-share-stats:backend-failed"))];
    let failing = dummy(&ground, &failing).await;
    assert_driver!(failing.get_share_stats(true).await, BackendFailed);
    assert_driver!(failing.get_share_stats(false).await, BackendFailed);
}

fn gib(gib: u32) -> Capacity {
    Capacity::Gib(f64::from(gib))
}

#[tokio::test]
async fn get_share_stats_has_what_all_drivers_have_in_common() {
    let ground = Ground::new();
    let options = [
        ("share_backend_name", text("gold")),
        ("reserved_share_percentage", OptionValue::Integer(5)),
        ("max_over_subscription_ratio", OptionValue::Float(1.5)),
        ("replication_domain", text("two cities")),
        ("dummy_capacity_gib", OptionValue::Integer(10)),
    ];
    let stats = dummy(&ground, &options).await.get_share_stats(true).await.unwrap();
    assert_eq!(stats.share_backend_name, "gold");
    assert!(!stats.driver_handles_share_servers);
    assert_eq!(stats.vendor_name, "Abaca");
    assert_eq!(stats.driver_version, env!("CARGO_PKG_VERSION"));
    assert_eq!(stats.storage_protocol, [ShareProtocol::Nfs, ShareProtocol::Cifs]);
    assert_eq!((stats.total_capacity, stats.free_capacity), (gib(20), gib(20)));
    assert_eq!((stats.reserved_percentage, stats.max_over_subscription_ratio), (5, 1.5));
    assert!(!stats.qos && stats.snapshot_support);
    assert_eq!(stats.replication_domain.as_deref(), Some("two cities"));
    assert_eq!(stats.replication_type.as_deref(), Some("readable"));
    assert_eq!(stats.consistency_group_support.as_deref(), Some("pool"));
    // What a pool leaves out is the backend's.
    let pools: Vec<_> = stats.pools.iter().map(|pool| pool.name.as_str()).collect();
    assert_eq!(pools, ["alpha", "beta"]);
    for pool in &stats.pools {
        assert_eq!((pool.total_capacity, pool.free_capacity), (gib(10), gib(10)));
        assert_eq!(pool.reserved_percentage, Some(5));
        assert_eq!(pool.max_over_subscription_ratio, Some(1.5));
    }
}

#[tokio::test]
async fn get_share_stats_has_defaults() {
    let ground = Ground::new();
    let minimal = open(&ground, "abaca-guest-minimal", &[mode(false)]).await.unwrap();
    let stats = minimal.get_share_stats(true).await.unwrap();
    assert_eq!(stats.share_backend_name, "minimal", "the backend's own name");
    assert_eq!(stats.total_capacity, Capacity::Unknown);
    assert_eq!(stats.free_capacity, Capacity::Unknown);
    assert_eq!((stats.reserved_percentage, stats.max_over_subscription_ratio), (0, 20.0));
    assert!(!stats.driver_handles_share_servers && !stats.qos && stats.pools.is_empty());
    let unsaid =
        [stats.replication_domain, stats.replication_type, stats.consistency_group_support];
    assert_eq!(unsaid, [None, None, None]);
    let obedient = open(&ground, "abaca-guest-obedient", &[mode(true)]).await.unwrap();
    assert!(obedient.get_share_stats(true).await.unwrap().driver_handles_share_servers);
}

/// `snapshots_are_supported` of upstream: nobody declares it.
#[tokio::test]
async fn get_share_stats_supports_snapshots_where_they_can_be_taken_and_made_into_shares() {
    let ground = Ground::new();
    let runtime = runtime(Limits::default());
    // The hostile guest takes snapshots and makes nothing of them.
    for (component, supported) in [
        ("abaca-guest-minimal", false),
        ("abaca-guest-hostile", false),
        ("abaca-driver-dummy", true),
    ] {
        let driver = load(&runtime, component).await;
        let name = driver.description().name.clone();
        let policy = format!("schema = 1\ndriver = \"{name}\"\n");
        let backend = ground.backend(&name, driver, &policy, &[]).await;
        let stats = backend.get_share_stats(true).await.unwrap();
        assert_eq!(stats.snapshot_support, supported, "{component}");
    }
    let capacity = [("directory_capacity_gib", OptionValue::Integer(7))];
    let stats = ground.directory(&runtime, &capacity).await.get_share_stats(true).await.unwrap();
    assert!(stats.snapshot_support);
    assert_eq!(stats.total_capacity, gib(7));
    assert!(matches!(stats.free_capacity, Capacity::Gib(free) if (0.0..=7.0).contains(&free)));
}

#[tokio::test]
async fn check_for_setup_error_wants_a_max_over_subscription_ratio_of_1_or_more() {
    let ground = Ground::new();
    let opened = async |ratio| {
        let options = [mode(false), ("max_over_subscription_ratio", ratio)];
        open(&ground, "abaca-driver-dummy", &options).await
    };
    // Refused before anything is begun: there is no backend that could be asked.
    for ratio in [0.999, 0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused = opened(OptionValue::Float(ratio)).await.expect_err(&ratio.to_string());
        let text = refused.to_string();
        let names_both = text.contains("max_over_subscription_ratio");
        assert!(names_both && text.contains("at least 1"), "{text}");
    }
    for ratio in [OptionValue::Float(1.0), OptionValue::Integer(1), OptionValue::Float(20.0)] {
        opened(ratio).await.unwrap().check_for_setup_error().await.unwrap();
    }
    let failing = [("dummy_fail", text("check-for-setup-error:bad-configuration"))];
    assert_driver!(dummy(&ground, &failing).await.check_for_setup_error().await, BadConfiguration);
}
