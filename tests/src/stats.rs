//! How much there is: what the driver measures, joined with what its operator says.

use abaca::types::Capacity;
use abaca::{Limits, OptionValue};

use crate::support::{Ground, runtime};

#[tokio::test]
async fn the_stats_are_the_drivers_and_the_operators() {
    let ground = Ground::new();
    let runtime = runtime(Limits::default());
    let options = [
        ("directory_capacity_gib", OptionValue::Integer(7)),
        ("reserved_share_percentage", OptionValue::Integer(5)),
        ("max_over_subscription_ratio", OptionValue::Float(1.5)),
        ("share_backend_name", OptionValue::Text("gold".to_owned())),
    ];
    let backend = ground.directory(&runtime, &options).await;
    let stats = backend.get_share_stats(true).await.unwrap();
    assert_eq!(stats.share_backend_name, "gold");
    assert_eq!(stats.total_capacity, Capacity::Gib(7.0));
    assert!(matches!(stats.free_capacity, Capacity::Gib(free) if (0.0..=7.0).contains(&free)));
    assert_eq!((stats.reserved_percentage, stats.max_over_subscription_ratio), (5, 1.5));
    assert_eq!(stats.vendor_name, "Abaca");
    assert!(stats.snapshot_support && !stats.driver_handles_share_servers);
    // Without `refresh` the driver is not asked again.
    let calls = || ground.audit("home").iter().filter(|line| line["event"] == "call").count();
    let before = calls();
    assert_eq!(backend.get_share_stats(false).await.unwrap(), stats);
    assert_eq!(calls(), before);
    backend.get_share_stats(true).await.unwrap();
    assert_eq!(calls(), before + 1);

    let minimal = ground.minimal(&runtime).await;
    let stats = minimal.get_share_stats(false).await.unwrap();
    assert_eq!((stats.total_capacity, stats.snapshot_support), (Capacity::Unknown, false));
}
